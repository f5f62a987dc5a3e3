"""Opening containers with PyAV, and the few facts of their headers that FFmpeg does not pass on."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from spa2v.core.errors import AudioError
from spa2v.core.media.unfinished import finished_aiff

SOUND_FORMATS = ",".join(
    (
        "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,mpeg,mpegts,nut,rm,mxf",
        "wav,w64,aiff,au,caf,flac,ogg,mp3,aac,loas,ac3,eac3,dts,dtshd,mlp,truehd,amr,amrnb,amrwb,ape,tta,wv,tak,mpc,mpc8",
        "dsf,iff,voc,ircam,avr,nistsphere,paf,epaf,pvf,sox,oma,shn,xwma,qcp,gsm,wve,hcom,qoa,iamf",
    )
)
READABLE = "wav, flac, ogg, opus, mp3, aiff, m4a, aac, or the audio track of mp4, mov, mkv, webm, avi and others"

WAV_PROBE_BYTES = 65_536  # FFmpeg's 5 MB cost ten times as long as the decoding of a 10 s recording
DTS_REACH_BYTES = 262_144  # a DTS frame has 16 KB at most
DTS_SYNC = (b"\xfe\x7f\x01\x80", b"\xff\x1f\x00\xe8")  # 16 and 14 bits, little-endian, as on a DTS compact disc
_OGG_PAGE_BYTES = 65_307  # the longest
_WAV = (b"RIFF", b"RF64", b"RIFX", b"BW64")
_MAX_CHUNKS = 10_000
_UNKNOWN_BYTES = 0x7FFFF000  # from here on to 2**31, and to 2**32, writers to a pipe mean "until the end"
_B_FORMAT_GUID = bytes.fromhex("2107d3118644c8c1ca000000")  # the part that its PCM and float forms share


@dataclass(frozen=True)
class RiffFacts:
    """What a RIFF header says about itself.

    Args:
        missing_bytes: how many bytes of its sound lie beyond the end of the file.
        bytes_per_s: of its sound; 0 where it is not known.
        b_format: whether the sound is Ambisonics in B-format (an .amb file).
    """

    missing_bytes: int = 0
    bytes_per_s: int = 0
    b_format: bool = False


def open_container(path: Path, formats: str = SOUND_FORMATS) -> Any:
    """A container, opened by its content alone; no other file, and no address, is opened with it.

    Raises:
        AudioError: none of the formats.
    """
    import av

    options = {"format_whitelist": formats, "protocol_whitelist": "file"}
    if _plain_wav(path):
        options |= {"probesize": str(WAV_PROBE_BYTES), "max_size": str(WAV_PROBE_BYTES)}
    try:
        return av.open(finished_aiff(path) or f"file:{path}", options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(
            f"cannot read {str(path)!r}: the format is not known or the file is damaged",
            "an MP4 or MOV without its index (the recording or the copy was not finished) cannot be read"
            if _starts_as_mp4(path)
            else f"readable are: {READABLE}",
        ) from error


def _starts_as_mp4(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8)[4:] == b"ftyp"


def family(container: Any) -> str:
    """The first of the names of a container's format: "mov", "matroska", "wav", ..."""
    return str(container.format.name).split(",")[0]


def _plain_wav(path: Path) -> bool:
    """Whether the file is a WAV in which no DTS stream hides, so that FFmpeg need not search for one."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] not in _WAV or head[8:] != b"WAVE":
            return False
        start = file.read(DTS_REACH_BYTES)
    return not any(sync in start for sync in DTS_SYNC)


def read_riff(path: Path) -> RiffFacts:
    """The facts of a WAV or AVI header; those of an empty `RiffFacts` for any other file, and where it is broken."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RF64", b"BW64"):
            return RiffFacts()
        if head[8:] != b"WAVE":
            return RiffFacts(_beyond(8, struct.unpack("<I", head[4:8])[0], size))
        try:
            return _read_wave(file, size)
        except struct.error:  # the header itself ends too early
            return RiffFacts()


def _read_wave(file: BinaryIO, size: int) -> RiffFacts:
    position, long_data, bytes_per_s, b_format = 12, None, 0, False
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"ds64":
            long_data = struct.unpack("<QQ", file.read(16))[1]
        elif name == b"fmt ":
            body = file.read(40)
            bytes_per_s = struct.unpack("<I", body[8:12])[0]
            b_format = body[28:40] == _B_FORMAT_GUID
        elif name == b"data":
            length = long_data if length == 0xFFFFFFFF and long_data is not None else length
            return RiffFacts(_beyond(position + 8, length, size), bytes_per_s, b_format)
        position += 8 + length + length % 2
    return RiffFacts(0, bytes_per_s, b_format)


def _beyond(start: int, length: int, size: int) -> int:
    """How many bytes of a chunk are missing at the end of a file; 0 where the chunk declares no usable length."""
    if length == 0 or (length < 2**32 and length % 2**31 >= _UNKNOWN_BYTES):
        return 0
    return max(0, start + length - size)


def declared_end_s(container: Any, track: Any, path: Path) -> float | None:
    """Where a track ends by its container's word, in seconds of its time stamps; None where that is only a guess."""
    kind = family(container)
    if kind == "matroska":
        found = re.match(r"(\d+):(\d+):([\d.]+)$", track.metadata.get("DURATION", ""))
        if found:
            return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
        return container.duration / 1e6 if container.duration and len(container.streams) == 1 else None
    known = kind in ("mov", "flac", "aiff", "au") or (kind == "mp3" and _declares_frames(path))
    if not known or not track.duration or not track.time_base:
        return None
    start = (track.start_time or 0) if kind == "mov" else 0
    return float((start + track.duration) * track.time_base)


def ends_within_page(path: Path) -> bool:
    """Whether the last page of an Ogg file (RFC 3533, 6) reaches beyond the end of the file."""
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return False
        file.seek(max(0, path.stat().st_size - _OGG_PAGE_BYTES))
        tail = file.read()
    page = tail[max(0, tail.rfind(b"OggS")) :]
    return len(page) < 27 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def _declares_frames(path: Path) -> bool:
    """Whether the first frame of an MP3 holds a Xing, Info or VBRI header; without one, its duration is a guess."""
    with path.open("rb") as file:
        head = file.read(10)
        tag_bytes = 0
        if head[:3] == b"ID3" and len(head) == 10:
            tag_bytes = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        file.seek(tag_bytes)
        first = file.read(4096)
    return any(name in first for name in (b"Xing", b"Info", b"VBRI"))
