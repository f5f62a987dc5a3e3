"""A benchmark read with its faults: a bad line costs one clip and is reported, it does not stop the rest."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from spa2v.core.errors import ConfigError
from spa2v.core.types.benchmark import MANIFEST, MAX_LINE, MAX_MANIFEST_BYTES, BenchmarkClip
from spa2v.core.untrusted import parse_json, read_bytes, reason_of
from spa2v.jobs.batch.items import Item

ALL_SPLITS = "all"


@dataclass(frozen=True)
class Fault:
    """Something that is wrong with what was given.

    Args:
        kind: short name, for counting: "manifest_line", "no_layout", ...
        where: the clip, file or line.
        text: the fact, in words.
    """

    kind: str
    where: str
    text: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Bench:
    """The clips of a benchmark that can be read, in the order of the manifest, and the faults of the rest."""

    folder: Path
    clips: tuple[BenchmarkClip, ...]
    faults: tuple[Fault, ...] = ()

    def split(self, name: str) -> tuple[BenchmarkClip, ...]:
        """The clips of "test", "database" or "all".

        Raises:
            ConfigError: there are none.
        """
        chosen = tuple(clip for clip in self.clips if name in (ALL_SPLITS, clip.split))
        if not chosen:
            there = sorted({clip.split for clip in self.clips})
            raise ConfigError(
                f"{str(self.folder)!r} has no clip of the split {name!r}",
                f"its splits: {', '.join(there)}; `--split all` takes all" if there else "no line could be read",
                *(fault.text for fault in self.faults[:5]),
            )
        return chosen


def read_bench(folder: str | Path) -> Bench:
    """The benchmark in a folder.

    Raises:
        ConfigError: the manifest itself cannot be read.
    """
    path = Path(folder)
    path = path / MANIFEST if path.is_dir() else path
    try:
        raw = read_bytes(path, MAX_MANIFEST_BYTES).removeprefix(codecs.BOM_UTF8)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot read the manifest {str(path)!r}: {reason_of(error)}",
            "a benchmark is a folder with manifest.jsonl; `spa2v world dataset` makes one",
        ) from error
    clips: dict[str, BenchmarkClip] = {}
    faults: list[Fault] = []
    for found in _lines(raw.splitlines(), path.name):
        if isinstance(found, Fault):
            faults.append(found)
        elif found[1].id in clips:
            faults.append(
                Fault("manifest_line", found[0], f"the id {found[1].id!r} stands twice; the first one counts")
            )
        else:
            clips[found[1].id] = found[1]
    return Bench(path.parent, tuple(clips.values()), tuple(faults))


def _lines(lines: Sequence[bytes], name: str) -> Iterator[Fault | tuple[str, BenchmarkClip]]:
    for number, raw in enumerate(lines, start=1):
        where = f"{name} line {number}"
        if not raw.strip():
            continue
        try:
            if len(raw) > MAX_LINE:
                raise ConfigError(f"{where}: {len(raw)} bytes are too many", f"the limit is {MAX_LINE}")
            yield where, BenchmarkClip.from_json(parse_json(raw), where)
        except ConfigError as error:
            yield Fault("manifest_line", where, str(error).removeprefix(f"{where}: "))
        except ValueError as error:
            yield Fault("manifest_line", where, f"not JSON: {str(error)[:200]}")


def file_stem(clip_id: str) -> str:
    """The name under which the files of a clip lie: the id where it is a plain name, as in `spa2v batch`."""
    return Item(clip_id, Path()).folder_name


def count_kinds(faults: Iterable[Fault]) -> dict[str, int]:
    """Kind to number of faults, sorted by kind."""
    kinds = [fault.kind for fault in faults]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}
