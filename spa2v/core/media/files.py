"""Files that are whole or absent: written under a temporary name beside the target, then moved into place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from spa2v.core.errors import MediaError

_STEM_BYTES = 60


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """A temporary path beside `target`, with its suffix; moved onto `target` on success, removed on any failure.

    Ctrl-C counts as a failure. A target that stood there before stays as it was until the move.

    Raises:
        MediaError: the folder is missing, the target is a folder, or the disk refuses.
    """
    target = Path(target)
    _check_target(target)
    temporary = target.with_name(f".{_short(target.stem)}.{uuid4().hex[:8]}.part{target.suffix[-20:]}")
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        raise MediaError(f"cannot write {str(target)!r}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _check_target(target: Path) -> None:
    """Refuses before the work is done what would fail after it."""
    if target.is_dir():
        raise MediaError(f"cannot write {str(target)!r}: it is a folder", "give the name of a file")
    if not target.parent.is_dir():
        raise MediaError(f"cannot write {str(target)!r}: the folder {str(target.parent)!r} does not exist")


def _short(stem: str) -> str:
    """The start of a name in at most 60 bytes of UTF-8; file systems count bytes."""
    return os.fsencode(stem)[:_STEM_BYTES].decode("utf-8", "ignore")


def write_text(target: str | Path, text: str) -> None:
    """Writes UTF-8 text, whole or not at all."""
    with atomic_path(target) as path:
        path.write_text(text, encoding="utf-8")


def write_json(target: str | Path, data: Any) -> None:
    """Writes JSON, whole or not at all."""
    write_text(target, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
