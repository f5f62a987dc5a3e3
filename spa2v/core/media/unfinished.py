"""AIFF files of a recorder that was killed: FFmpeg reads nothing where their sizes were never filled in.

WAV needs no such care: FFmpeg reads it to the end of the file.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

_HEAD_BYTES = 65_536
_UNKNOWN = (0, 0xFFFFFFFF)


class Overlaid(io.FileIO):
    """A file, read-only, whose first bytes are others.

    Args:
        path: the file.
        head: its first bytes.
    """

    def __init__(self, path: Path, head: bytes) -> None:
        super().__init__(path)
        self._head = head

    def read(self, size: int | None = -1, /) -> bytes:
        start = self.tell()
        content = super().read(-1 if size is None else size) or b""
        head = self._head[start : start + len(content)]
        return head + content[len(head) :]


def finished_aiff(path: Path) -> Overlaid | None:
    """The file with its sizes filled in from the size of the file; None where it is no AIFF, or they are there."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = bytearray(file.read(_HEAD_BYTES))
    if head[:4] != b"FORM" or bytes(head[8:12]) not in (b"AIFF", b"AIFC"):
        return None
    position, comm, unknown = 12, 0, int.from_bytes(head[4:8], "big") in _UNKNOWN
    while position + 16 <= len(head):
        name, length = struct.unpack_from(">4sI", head, position)
        if name == b"COMM":
            comm = position + 8
        if name == b"SSND" and comm:
            if not unknown and length not in _UNKNOWN:
                return None
            sound = size - position - 8
            channels, _, bits = struct.unpack_from(">HIH", head, comm)
            block = max(1, channels * ((bits + 7) // 8))
            struct.pack_into(">I", head, 4, min(size - 8, 0xFFFFFFFE))
            struct.pack_into(">I", head, position + 4, min(sound, 0xFFFFFFFE))
            struct.pack_into(">I", head, comm + 2, max(0, sound - 8) // block)
            return Overlaid(path, bytes(head))
        position += 8 + length + length % 2
    return None
