"""Decoders behind one shape: a `SoundStream` gives a sound's rate, channels, length and its samples in blocks.

soundfile (libsndfile) takes wav, flac, ogg, mp3, aiff, au, caf with one or two channels. PyAV takes what libsndfile
does not know (aac, m4a, the audio track of mp4, mov, mkv, webm), and everything with more channels, because it names
them. What a file is, is decided by its content; its suffix plays no part. Only formats on a list are opened, so that
a text file cannot act as a playlist and make the decoder open other files or addresses.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import AudioError

BLOCK = 65_536
PREROLL_S = 1.0
Samples = NDArray[np.float32]
Opened = Callable[[int], Iterator[Samples]]

SNDFILE_FORMATS = {"WAV", "WAVEX", "RF64", "W64", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF"}
AV_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,flac,wav,w64,ogg,aiff,mp3,caf,au"
READABLE = "wav, flac, ogg, mp3, aiff, m4a, aac, or the audio track of mp4, mov, mkv, webm"
_TELLS_LENGTH = {"mov", "flac", "wav", "w64", "aiff", "ogg"}
_SEEKS_EXACTLY = {"mov", "matroska"}


@dataclass(frozen=True)
class SoundStream:
    """An opened sound.

    Args:
        rate: samples a second.
        channels: how many.
        names: loudspeaker names as the file gives them, or ().
        length: samples (per channel) that the file declares, or None.
        slack: by how many samples a whole file may fall short of `length`.
        blocks: from the given sample on, arrays of shape (n, channels), n > 0, until the end.
        notes: remarks for the manifest.
    """

    rate: int
    channels: int
    names: tuple[str, ...]
    length: int | None
    slack: int
    blocks: Opened
    notes: tuple[str, ...] = ()


class DecodeError(Exception):
    """The decoder gave up in the middle of a sound."""


@contextmanager
def open_sound(path: Path) -> Iterator[SoundStream]:
    """Opens a sound by its content.

    Raises:
        AudioError: not a readable format, or no audio track.
        DecodeError: from `blocks`, when the decoder gives up.
    """
    with ExitStack() as stack:
        stream = _open_sndfile(path, stack)
        if stream is None or stream.channels > 2:
            try:
                stream = _open_av(path, stack)
            except AudioError:
                if stream is None:
                    raise
        yield stream


def _open_sndfile(path: Path, stack: ExitStack) -> SoundStream | None:
    import soundfile

    descriptor = os.open(path, os.O_RDONLY)  # a bare descriptor: soundfile guesses formats from names
    stack.callback(os.close, descriptor)
    try:
        file = stack.enter_context(soundfile.SoundFile(descriptor, closefd=False))
    except soundfile.LibsndfileError:
        return None
    if file.format not in SNDFILE_FORMATS or (file.format == "MP3" and not _mp3_tells_length(path)):
        return None

    def blocks(first: int) -> Iterator[Samples]:
        try:
            if first:
                file.seek(first)
            while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                yield block
        except soundfile.LibsndfileError as error:
            raise DecodeError(str(error)) from error

    slack = 2304 if file.format == "MP3" else 0
    return SoundStream(file.samplerate, file.channels, (), file.frames, slack, blocks)


def _mp3_tells_length(path: Path) -> bool:
    """Whether the first frame holds a Xing, Info or VBRI header.

    Without one, libsndfile guesses the length from the first bit rate and reads no further than its guess.
    """
    with path.open("rb") as file:
        head = file.read(10)
        tag_bytes = 0
        if head[:3] == b"ID3" and len(head) == 10:
            tag_bytes = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        file.seek(tag_bytes)
        first = file.read(4096)
    return any(name in first for name in (b"Xing", b"Info", b"VBRI"))


def _open_av(path: Path, stack: ExitStack) -> SoundStream:
    import av

    options = {"format_whitelist": AV_FORMATS, "protocol_whitelist": "file"}
    try:
        container = av.open(f"file:{path}", options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(
            f"cannot read {str(path)!r}: the format is not known or the file is damaged", f"readable are: {READABLE}"
        ) from error
    stack.callback(container.close)
    if not container.streams.audio:
        raise AudioError(f"{str(path)!r} holds no audio track", f"it holds: {_track_kinds(container)}")
    track = container.streams.audio[0]
    if track.codec_context is None:
        raise AudioError(f"cannot decode {str(path)!r}: the codec of its audio track is not known")
    frames = _Frames(container, track)
    first = frames.first
    if first is None:
        raise AudioError(f"{str(path)!r}: the sound is empty", "its audio track holds no samples")
    declared_s = _declared_s(container, track)
    length = None if declared_s is None else round(declared_s * first.sample_rate)
    names = tuple(channel.name for channel in first.layout.channels)
    count = len(container.streams.audio)
    notes = (f"The file holds {count} audio tracks; the first was read.",) if count > 1 else ()
    slack = int(0.1 * first.sample_rate)
    return SoundStream(first.sample_rate, len(names), names, length, slack, frames.blocks, notes)


def _track_kinds(container: Any) -> str:
    kinds = [stream.type or "unknown" for stream in container.streams]
    return ", ".join(sorted(set(kinds))) or "nothing"


def _declared_s(container: Any, track: Any) -> float | None:
    """The length of the track in seconds, only where the container states it and does not guess."""
    family = container.format.name.split(",")[0]
    if family == "matroska":
        found = re.match(r"(\d+):(\d+):([\d.]+)$", track.metadata.get("DURATION", ""))
        if found:
            return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
        return container.duration / 1e6 if container.duration and not container.streams.video else None
    if family in _TELLS_LENGTH and track.duration and track.time_base:
        return float(track.duration * track.time_base)
    return None


class _Frames:
    """Decodes one audio track; the first frame is decoded at once, because only it tells the true rate."""

    def __init__(self, container: Any, track: Any) -> None:
        self._container, self._track = container, track
        self._frames = self._decode()
        self.first: Any = next(self._frames, None)

    def _decode(self) -> Iterator[Any]:
        import av

        try:
            for frame in self._container.decode(self._track):
                if frame.samples:
                    yield frame
        except (av.FFmpegError, ValueError) as error:
            raise DecodeError(str(error)) from error

    def blocks(self, first: int) -> Iterator[Samples]:
        import av

        head, packed = self.first, av.AudioResampler(format="flt")
        rate, channels = head.sample_rate, len(head.layout.channels)
        position = 0
        frames: Iterator[Any] = chain([head], self._frames)
        if first > 2 * PREROLL_S * rate and self._container.format.name.split(",")[0] in _SEEKS_EXACTLY:
            position, frames = self._seek(first)
        for frame in frames:
            if frame.sample_rate != rate or len(frame.layout.channels) != channels:
                raise DecodeError("the rate or the number of channels changes on the way")
            skip = min(max(first - position, 0), frame.samples)
            position += frame.samples
            if skip < frame.samples:
                yield _float_samples(frame, packed)[skip:]

    def _seek(self, first: int) -> tuple[int, Iterator[Any]]:
        """Decodes again from a little before `first`; gives the sample that the next frame starts with."""
        import av

        head, base = self.first, self._track.time_base
        target_s = first / head.sample_rate - PREROLL_S
        origin = float(head.pts * base) if head.pts is not None else 0.0
        try:
            self._container.seek(int((target_s + origin) / base), stream=self._track)
        except av.FFmpegError as error:
            raise DecodeError(str(error)) from error
        frames = self._decode()
        frame = next(frames, None)
        if frame is None or frame.pts is None:
            raise DecodeError("nothing is found at the start that was asked for")
        return round((float(frame.pts * base) - origin) * head.sample_rate), chain([frame], frames)


def _float_samples(frame: Any, packed: Any) -> Samples:
    """The samples of a PyAV frame as (n, channels); integers are scaled to -1..1.

    `packed` is a resampler to interleaved float. PyAV must not be asked for the planes of a planar frame: for eight
    and more channels (PyAV 18.1) it reads beyond the pointers that the frame has.
    """
    parts = [part.to_ndarray().reshape(part.samples, -1) for part in packed.resample(frame)]
    return np.concatenate(parts) if parts else np.empty((0, len(frame.layout.channels)), np.float32)
