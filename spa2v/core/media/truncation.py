"""Whether a media file is as long as its container says. Reads headers only, believes none of them.

Formats whose decoders report a cut themselves (FLAC, MP3) are not looked at here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_UNKNOWN_32 = 0xFFFFFFFF
_MAX_CHUNKS = 10_000
_MP4_FIRST = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp"}
_OGG_TAIL = 65_307 + 27  # the longest page, RFC 3533


def cut_short(path: Path) -> str | None:
    """What shows that the end of the file is missing, in words; None when it is whole or does not say.

    Looks at WAV (RIFF, RF64, Wave64), AIFF, AU, CAF, MP4 and MOV boxes, Matroska and WebM segments, Ogg pages.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        check = _check_for(head)
        if check is None:
            return None
        file.seek(0)
        try:
            return check(file, size)
        except struct.error:  # the header itself ends too early
            return "its header is incomplete"


def _check_for(head: bytes) -> Callable[[BinaryIO, int], str | None] | None:
    checks: dict[bytes, Callable[[BinaryIO, int], str | None]]
    checks = {b"RIFF": _riff, b"RF64": _riff, b"FORM": _aiff, b".snd": _au, b"riff": _wave64, b"OggS": _ogg}
    checks[b"caff"] = _caf
    if head[4:8] in _MP4_FIRST:
        return _mp4
    if head[:4] == b"\x1aE\xdf\xa3":
        return _matroska
    return checks.get(head[:4])


def _missing(end: int, size: int) -> str | None:
    return f"{end - size} of the {end} bytes that it declares are missing" if end > size else None


def _riff(file: BinaryIO, size: int) -> str | None:
    declared = struct.unpack("<I", file.read(8)[4:])[0]
    position, long_data = 12, None
    for _ in range(_MAX_CHUNKS):
        if position + 8 > size:
            return None
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"ds64":
            long_data = struct.unpack("<QQ", file.read(16))[1]
        if name == b"data":
            if length == _UNKNOWN_32 and long_data is not None:
                length = long_data
            elif length == declared == _UNKNOWN_32:  # how writers to a pipe say "until the end"
                return None
            return _missing(position + 8 + length, size)
        position += 8 + length + length % 2
    return None


def _aiff(file: BinaryIO, size: int) -> str | None:
    return _missing(8 + struct.unpack(">I", file.read(8)[4:])[0], size)


def _au(file: BinaryIO, size: int) -> str | None:
    offset, length = struct.unpack(">II", file.read(12)[4:])
    return None if length == _UNKNOWN_32 else _missing(offset + length, size)


def _wave64(file: BinaryIO, size: int) -> str | None:
    return _missing(struct.unpack("<Q", file.read(24)[16:])[0], size)


def _caf(file: BinaryIO, size: int) -> str | None:
    position = 8
    for _ in range(_MAX_CHUNKS):
        if position + 12 > size:
            return None
        file.seek(position)
        length = struct.unpack(">q", file.read(12)[4:])[0]
        if length < 0:  # "until the end of the file"
            return None
        position += 12 + length
        if position > size:
            return _missing(position, size)
    return None


def _mp4(file: BinaryIO, size: int) -> str | None:
    position = 0
    for _ in range(_MAX_CHUNKS):
        if position + 8 > size:
            return None if position == size else "its last box is incomplete"
        file.seek(position)
        length = struct.unpack(">I", file.read(8)[:4])[0]
        if length == 0:  # "until the end of the file"
            return None
        if length == 1:
            length = struct.unpack(">Q", file.read(8))[0]
        if length < 8 or position + length > size:
            return _missing(position + length, size)
        position += length
    return None


def _matroska(file: BinaryIO, size: int) -> str | None:
    file.seek(4)
    header = _vint(file)
    if header is None:
        return None
    file.seek(header, 1)
    if file.read(4) != b"\x18\x53\x80\x67":
        return None
    length = _vint(file)
    return None if length is None else _missing(file.tell() + length, size)


def _vint(file: BinaryIO) -> int | None:
    """An EBML number (RFC 8794, 4); None for the reserved value "unknown"."""
    first = struct.unpack("B", file.read(1))[0]
    width = 9 - first.bit_length()
    if width > 8:
        return None
    rest = file.read(width - 1)
    if len(rest) < width - 1:
        raise struct.error("the number ends too early")
    value = int.from_bytes(bytes([first & ((1 << (8 - width)) - 1)]) + rest, "big")
    return None if value == (1 << 7 * width) - 1 else value


def _ogg(file: BinaryIO, size: int) -> str | None:
    file.seek(max(0, size - _OGG_TAIL))
    tail = file.read()
    at = tail.rfind(b"OggS")
    page = tail[at:]
    if at < 0 or len(page) < 27 or len(page) < 27 + page[26]:
        return "its last page is incomplete"
    if len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]]):
        return "its last page is incomplete"
    return None if page[5] & 4 else "no page is marked as the last"
