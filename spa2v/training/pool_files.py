"""Pools on disk: arrays that are drawn once, row by row, by several processes, and then only read."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from spa2v.core.errors import MediaError
from spa2v.core.parallel import worker_died
from spa2v.core.untrusted import reason_of

Arrays = Mapping[str, NDArray[Any]]
DrawRow = Callable[[int], tuple[Arrays, Any]]
"""Draws row i of every array, and JSON facts about it. A function of i alone, and of module level, so that it can go to
another process."""
Shapes = Mapping[str, tuple[tuple[int, ...], DTypeLike]]
FACTS, CHUNK = "facts.json", 16


def drawn(draw: DrawRow, shapes: Shapes, rows: int, tick: Callable[[int], None]) -> tuple[Arrays, list[Any]]:
    """A pool in memory, by this process alone; shapes and types are those of one row."""
    arrays: dict[str, NDArray[Any]] = {name: np.empty((rows, *shape), dtype) for name, (shape, dtype) in shapes.items()}
    return arrays, [_fill(draw, arrays, row, tick) for row in range(rows)]


def _fill(draw: DrawRow, arrays: Arrays, row: int, tick: Callable[[int], None] = lambda done: None) -> Any:
    values, facts = draw(row)
    for name, value in values.items():
        arrays[name][row] = value
    tick(1)
    return facts


def kept(
    folder: Path, draw: DrawRow, shapes: Shapes, rows: int, workers: int, tick: Callable[[int], None]
) -> tuple[Arrays, list[Any]]:
    """The pool in a folder, drawn now if it is not there; arrays are mapped, not read.

    Args:
        folder: of the pool; it appears when the pool is complete.
        draw, shapes, rows: as for `drawn`.
        workers: processes; the bytes do not depend on it.
        tick: called with the number of rows just drawn.

    Raises:
        MediaError: the disk refuses.
        WorkerError: a worker died.
    """
    if not folder.exists():
        part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
        try:
            part.mkdir(parents=True)
            _write(part, draw, shapes, rows, workers, tick)
            part.rename(folder)
        except OSError as error:
            raise MediaError(f"cannot write {str(folder)!r}: {reason_of(error)}") from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return _mapped(folder, shapes, "r"), json.loads((folder / FACTS).read_text(encoding="utf-8"))


def _write(folder: Path, draw: DrawRow, shapes: Shapes, rows: int, workers: int, tick: Callable[[int], None]) -> None:
    for name, (shape, dtype) in shapes.items():
        np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.dtype(dtype), (rows, *shape))
    facts = []
    for chunk in _chunks(folder, draw, shapes, rows, workers):
        facts += chunk
        tick(len(chunk))
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")


def _chunks(folder: Path, draw: DrawRow, shapes: Shapes, rows: int, workers: int) -> Iterator[list[Any]]:
    """Facts of the rows in order, as they are drawn."""
    ranges = [range(start, min(start + CHUNK, rows)) for start in range(0, rows, CHUNK)]
    if workers == 1:
        yield from (_draw_rows(folder, draw, shapes, part) for part in ranges)
        return
    context = multiprocessing.get_context("spawn")  # a fork would share the state of the accelerator
    try:
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            waiting = [pool.submit(_draw_rows, folder, draw, shapes, part) for part in ranges]
            yield from (future.result() for future in waiting)
    except BrokenProcessPool as error:
        raise worker_died() from error


def _draw_rows(folder: Path, draw: DrawRow, shapes: Shapes, rows: Sequence[int]) -> list[Any]:
    arrays = _mapped(folder, shapes, "r+")
    return [_fill(draw, arrays, row) for row in rows]


def _mapped(folder: Path, shapes: Shapes, mode: Literal["r", "r+"]) -> Arrays:
    return {name: np.load(folder / f"{name}.npy", mmap_mode=mode, allow_pickle=False) for name in shapes}
