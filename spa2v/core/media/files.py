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


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """A temporary path beside `target`, with its suffix; moved onto `target` on success, removed on any failure.

    Raises:
        MediaError: the folder is missing or cannot be written.
    """
    target = Path(target)
    temporary = target.with_name(f".{target.stem[:60]}.{uuid4().hex[:8]}.part{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        raise MediaError(f"cannot write {str(target)!r}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: str | Path, text: str) -> None:
    """Writes UTF-8 text, whole or not at all."""
    with atomic_path(target) as path:
        path.write_text(text, encoding="utf-8")


def write_json(target: str | Path, data: Any) -> None:
    """Writes JSON, whole or not at all."""
    write_text(target, json.dumps(data, indent=1, ensure_ascii=False) + "\n")
