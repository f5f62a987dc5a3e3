"""Files that are whole or absent: written under a temporary name beside the target, then moved into place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from spa2v.core.errors import LayoutError, MediaError
from spa2v.core.types import VideoSceneLayout
from spa2v.core.untrusted import reason_of

MAX_LAYOUT_BYTES = 64 * 1024**2
_STEM_BYTES = 60


def check_output(target: str | Path, suffixes: Sequence[str], *, check_folder: bool = True) -> None:
    """Refuses before the work is done what would fail after it.

    Raises:
        MediaError: the suffix is none of `suffixes`, the target is a folder, or, where that is asked for, its folder
            is missing or cannot be written.
    """
    target = Path(target)
    if target.suffix.lower() not in suffixes:
        raise MediaError(f"cannot write {str(target)!r}", f"the suffix must be one of: {', '.join(suffixes)}")
    if target.is_dir():
        raise MediaError(f"cannot write {str(target)!r}", "it is a folder; give the name of a file")
    if check_folder and not os.access(target.parent, os.W_OK | os.X_OK):
        raise MediaError(f"cannot write {str(target)!r}", f"the folder {str(target.parent)!r} is missing or read-only")


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """A temporary path beside `target`, with its suffix; moved onto `target` on success, removed on any failure.

    Ctrl-C counts as a failure. A target that stood there before stays as it was until the move.

    Raises:
        MediaError: the folder is missing, the target is a folder, or the disk refuses.
    """
    target = Path(target)
    check_output(target, (target.suffix.lower(),))
    temporary = target.with_name(f".{_short(target.stem)}.{uuid4().hex[:8]}.part{target.suffix[-20:]}")
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        raise MediaError(f"cannot write {str(target)!r}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _short(stem: str) -> str:
    """The start of a name in at most 60 bytes of UTF-8; file systems count bytes."""
    return os.fsencode(stem)[:_STEM_BYTES].decode("utf-8", "ignore")


def write_text(target: str | Path, text: str) -> None:
    """Writes UTF-8 text, whole or not at all; half a surrogate pair becomes an escape, as in JSON."""
    with atomic_path(target) as path:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(target: str | Path, data: Any) -> None:
    """Writes JSON, whole or not at all."""
    write_text(target, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def read_layout(path: str | Path) -> VideoSceneLayout:
    """Reads a layout file.

    Raises:
        LayoutError: the file cannot be read, or an invalid field, which is named.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            text = file.read(MAX_LAYOUT_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise LayoutError(f"cannot read the layout {str(path)!r}: {reason_of(error)}") from error
    if len(text) > MAX_LAYOUT_BYTES:
        raise LayoutError(f"the layout {str(path)!r} is larger than {MAX_LAYOUT_BYTES >> 20} MiB")
    try:
        return VideoSceneLayout.loads(text)
    except LayoutError as error:
        raise LayoutError(error.fact, *error.details, f"in {str(path)!r}") from error
