"""Results of single clips, kept by the content of what they were computed from, so that a killed run goes on.

One line of JSON a result, appended as it is made. A line that a kill tore apart is skipped, and its clip done again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spa2v.core.errors import MediaError
from spa2v.core.manifest import file_sha256
from spa2v.core.untrusted import parse_json
from spa2v.jobs.keys import content_key

__all__ = ["Journal", "content_key", "digest"]


def digest(path: Path | None) -> str | None:
    """SHA-256 of a file's bytes, None where there is no such file."""
    return None if path is None else file_sha256(path)


class Journal:
    """Results by key in an append-only file.

    Args:
        path: of the file; its folder must exist.
        empty: start without the results that it holds; what is put later replaces them.
    """

    def __init__(self, path: Path, *, empty: bool = False) -> None:
        self.path = path
        self._found = {} if empty else dict(_read(path))

    def get(self, key: str) -> dict[str, Any] | None:
        return self._found.get(key)

    def put(self, results: Mapping[str, Mapping[str, Any]]) -> None:
        """Keeps results; all of them in one write.

        Raises:
            MediaError: the disk refuses.
        """
        lines = [json.dumps({"key": key, "result": dict(value)}, ensure_ascii=False) for key, value in results.items()]
        try:
            with self.path.open("ab") as file:
                # A torn line of a killed run must not swallow the next one.
                start = b"\n" if file.tell() and not _ends_whole(self.path) else b""
                file.write(start + "".join(line + "\n" for line in lines).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise MediaError(f"cannot write {str(self.path)!r}: {error.strerror or error}") from error
        # Read back as JSON, so that a fresh and a kept result are the same value.
        self._found |= {row["key"]: row["result"] for row in map(json.loads, lines)}


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _read(path: Path) -> dict[str, dict[str, Any]]:
    found = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return {}
    for line in lines:
        try:
            row = parse_json(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("key"), str) and isinstance(row.get("result"), dict):
            found[row["key"]] = row["result"]
    return found
