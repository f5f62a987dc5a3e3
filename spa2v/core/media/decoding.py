"""Decoding: the packets of an audio track become blocks of samples, in the place that their time stamps give them.

PyAV (FFmpeg's libraries) decodes everything. What a file is, is decided by its content; its suffix plays no part.
Lengths in headers are never believed: what is decoded is counted, and what does not decode is passed over and counted
in `Damage`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import AudioError
from spa2v.core.media.containers import READABLE, declared_end_s, ends_within_page, family, open_container, read_riff
from spa2v.core.media.damage import Damage
from spa2v.core.media.placement import Placement

Samples = NDArray[np.float32]

PREROLL_S = 1.0
_SEEKS_EXACTLY = {"mov"}
_MAX_FAILED = 10_000  # packets in a row: minutes of sound, or a header that makes a packet of every sample
_RAW = {"mp3", "aac", "flac", "ac3", "eac3", "dts"}
_COUNTS_SAMPLES = {"ogg", "flac"}  # here a time stamp is a number of samples, so a gap means that some are missing
_UNFINISHED = {"w64", "caf"}  # a last packet that is too short means a cut; elsewhere that has better signs


class SoundStream:
    """An opened sound: the first audio track of which a sample can be decoded.

    Attributes:
        rate: samples a second.
        names: of the channels, as FFmpeg names loudspeakers.
        metadata: of the container and the track.
        riff: the facts of a RIFF header.
        damage: what does not decode; complete once `blocks` has come to its end.
        notes: remarks for the manifest, likewise.
        notices: remarks that the user should see.

    Raises:
        AudioError: not a readable format, no audio track, or none of which a sample can be decoded.
    """

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.notes: tuple[str, ...] = ()
        self.notices: tuple[str, ...] = ()
        self.damage = Damage()
        self._path, self._stack = path, stack
        self._head = self._open()
        self.rate: int = self._head.sample_rate
        self.names: tuple[str, ...] = tuple(channel.name for channel in self._head.layout.channels)
        self.metadata: dict[str, str] = {**self._container.metadata, **self._track.metadata}
        self.riff = read_riff(path)

    def _open(self) -> Any:
        """Chooses the track; gives its first frame, because only that has the true rate."""
        index, count, known, failed = 0, 1, False, 0
        while index < count:
            self._container = open_container(self._path)
            self._stack.callback(self._container.close)
            tracks = self._container.streams.audio
            if not tracks:
                raise AudioError(f"{str(self._path)!r} holds no audio track", f"it holds: {_kinds(self._container)}")
            self._track, count, index = tracks[index], len(tracks), index + 1
            if self._track.codec_context is None:
                continue
            self.damage = Damage(family(self._container) in _RAW)
            self._frames = self._decoded()
            head = next(self._frames, None)
            if head is not None:
                self._remark(index, count)
                return head
            known, failed = True, failed + self.damage.failed
        if known and not failed:
            raise AudioError(f"{str(self._path)!r}: the sound is empty")
        raise AudioError(f"{str(self._path)!r} holds no sound that can be decoded", f"readable are: {READABLE}")

    def _remark(self, number: int, count: int) -> None:
        if number > 1:
            before = "track 1" if number == 2 else f"tracks 1 to {number - 1}"
            self.notices = (f"Audio {before} of {str(self._path)!r} cannot be decoded; track {number} was read.",)
        elif count > 1:
            self.notes = (f"The file holds {count} audio tracks; the first was read.",)

    def _decoded(self) -> Iterator[Any]:
        """All frames of the track that decode."""
        import av

        packets, short, failed = self._container.demux(self._track), False, 0
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except (av.FFmpegError, ValueError) as error:
                self.damage.stopped(f"the rest cannot be read: {error}")
                break
            short = packet.is_corrupt if packet.size else short
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError):
                failed += 1
                if failed > _MAX_FAILED:
                    self.damage.stopped("the rest cannot be decoded")
                    break
                if packet.size:
                    self.damage.packet_failed(float((packet.duration or 0) * (packet.time_base or 0)), bytes(packet))
                continue
            failed = 0
            yield from (frame for frame in frames if frame.samples)
        if short and family(self._container) in _UNFINISHED:
            self.damage.stopped("it ends in the middle of its samples")

    def blocks(self, first: int) -> Iterator[Samples]:
        """From the sample `first` on, arrays of shape (n, channels), n > 0; silence where the time stamps skip."""
        kind = family(self._container)
        begin_s = (self._container.start_time or 0) / 1e6
        placement = Placement(self.rate, len(self.names), begin_s, restarts=self._restarts())
        frames: Iterator[Any] = chain([self._head], self._frames)
        if first > 2 * PREROLL_S * self.rate and kind in _SEEKS_EXACTLY:
            frames = self._from_near(begin_s + first / self.rate, placement)
        packed = _Packed(self._head)
        clock = _Clock(self.rate)
        ending = _Ending(self._edited_end(begin_s), self._head.samples)
        for frame in frames:
            position = placement.position
            jump_s = clock.advance(frame)
            counted = kind in _COUNTS_SAMPLES and not packed.changes
            self.damage.went_on(position / self.rate, jump_s if counted else 0.0)
            try:
                samples = packed.samples(frame)
            except ValueError:
                self.damage.stopped(f"its channels change at {position / self.rate:.1f} s; the rest was left out")
                break
            if packed.changes and kind in _RAW:  # without a container, time stamps are counted at the first rate
                clock.stamp_s = None
            for block in placement.placed(samples, clock.stamp_s):
                skip = max(first - position, 0)
                yield from (part for part in ending.cut(block, position, skip) if len(part))
                position += len(block)
        self._finish(placement, packed, clock)

    def _edited_end(self, begin_s: float) -> int | None:
        """The sample at which an MP4's edit list ends the track: the last frame is padding from there on."""
        end_s = declared_end_s(self._container, self._track, self._path) if family(self._container) == "mov" else None
        return None if end_s is None else round((end_s - begin_s) * self.rate)

    def _restarts(self) -> bool:
        from av.format import Flags

        return bool(self._container.format.flags & Flags.ts_discont.value)

    def _from_near(self, target_s: float, placement: Placement) -> Iterator[Any]:
        """The frames from a little before a time stamp on."""
        import av

        try:
            offset = int((target_s - PREROLL_S) / self._track.time_base)
            self._container.seek(offset, stream=self._track)
        except av.FFmpegError:
            return
        frames = self._decoded()
        head = next(frames, None)
        if head is not None and head.pts is not None:
            placement.start_at(head.time)
            yield head
            yield from frames

    def _finish(self, placement: Placement, packed: _Packed, clock: _Clock) -> None:
        riff, damage = self.riff, self.damage
        if riff.missing_bytes:
            lost = f"{riff.missing_bytes} bytes"
            if riff.bytes_per_s:
                lost = f"{riff.missing_bytes / riff.bytes_per_s:.3f} s"
            damage.stopped(f"its last {lost} are missing")
        if ends_within_page(self._path):
            damage.stopped("it ends in the middle of a page")
        damage.ended(clock.end_s, declared_end_s(self._container, self._track, self._path))
        if placement.late_s:
            self.notes += (f"The sound begins {placement.late_s:.3f} s after the start of the file.",)
        for at_s, seconds in placement.gaps:
            self.notes += (f"A gap of {seconds:.3f} s in the time stamps, at {at_s:.3f} s, is silence.",)
        if packed.changes:
            self.notes += (f"The rate or the channels change {packed.changes} times; all is as at the start.",)
        if damage.trailing_bytes:
            self.notes += (f"The last {damage.trailing_bytes} bytes of the file are no sound.",)


class _Ending:
    """Leaves out the padding behind the end of a track: less than a frame. More than that is sound, whatever is said.

    Args:
        end: the sample at which the track ends, None where nothing is known.
        frame: samples of a frame.
    """

    def __init__(self, end: int | None, frame: int) -> None:
        self._end, self._frame = end, frame
        self._held: list[Samples] = []

    def cut(self, block: Samples, position: int, skip: int) -> Iterator[Samples]:
        """The block from its sample `skip` on, and what was held back; what may be padding is held."""
        if self._end is None or position + len(block) <= self._end:
            yield block[skip:]
            return
        inside = max(0, self._end - position)
        yield block[skip:inside]
        self._held.append(block[max(skip, inside) :])
        if position + len(block) - self._end > self._frame:
            yield from self._held
            self._end, self._held = None, []


class _Clock:
    """The time stamps of the frames as they come, without any correction."""

    def __init__(self, rate: int) -> None:
        self.stamp_s: float | None = None
        self._end_s: float | None = None
        self._rate = rate
        self._samples = 0

    def advance(self, frame: Any) -> float:
        """Takes a frame; gives the seconds that its time stamp skips, negative where it goes back."""
        self.stamp_s = frame.time
        self._samples += frame.samples
        length = frame.samples / frame.sample_rate
        expected, begin = self._end_s, self.stamp_s
        if begin is None:
            begin = expected
        self._end_s = None if begin is None else begin + length
        return 0.0 if expected is None or begin is None else begin - expected

    @property
    def end_s(self) -> float:
        """Where the last frame ends; by the number of samples where there are no time stamps."""
        return self._end_s if self._end_s is not None else self._samples / self._rate


_SCALES = {
    name + planar: np.float32(scale)
    for name, scale in (("s16", 2.0**-15), ("s32", 2.0**-31), ("flt", 1.0))
    for planar in ("", "p")
}


class _Packed:
    """Frames as (n, channels) float32, integers scaled to -1..1; all in the rate and layout of the first.

    PyAV must not be asked for the planes of a planar frame: for eight and more channels (PyAV 18.1) it reads beyond
    the pointers that the frame has. The resampler packs them.
    """

    def __init__(self, head: Any) -> None:
        self.changes = 0
        self._rate, self._layout = head.sample_rate, head.layout
        self._form = self._form_of(head)
        self._resampler = self._new_resampler()
        self._scale = self._direct_scale()

    def _direct_scale(self) -> np.float32 | None:
        """What makes samples of the usual forms floats, where nothing else is to be done; None for the resampler."""
        form, *rest = self._form
        same = rest == [self._rate, self._layout.name, self._layout.nb_channels]
        return _SCALES.get(form) if same and self._layout.nb_channels <= 2 else None

    @staticmethod
    def _form_of(frame: Any) -> tuple[Any, ...]:
        return frame.format.name, frame.sample_rate, frame.layout.name, frame.layout.nb_channels

    def _new_resampler(self) -> Any:
        import av

        same = self._form[1:] == (self._rate, self._layout.name, self._layout.nb_channels)
        return av.AudioResampler("flt") if same else av.AudioResampler("flt", self._layout, self._rate)

    def samples(self, frame: Any) -> Samples:
        """The samples of a frame.

        Raises:
            ValueError: its channels cannot become those of the first frame.
        """
        if self._form_of(frame) != self._form:
            self.changes += 1
            self._form = self._form_of(frame)
            self._resampler = self._new_resampler()
            self._scale = self._direct_scale()
        if self._scale is not None:
            plain = frame.to_ndarray()
            plain = plain.reshape(frame.samples, -1) if frame.format.is_packed else plain.T
            return np.multiply(plain, self._scale, dtype=np.float32)
        parts = [part.to_ndarray().reshape(part.samples, -1) for part in self._resampler.resample(frame)]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, self._layout.nb_channels), np.float32)


def _kinds(container: Any) -> str:
    return ", ".join(sorted({stream.type or "unknown" for stream in container.streams})) or "nothing"


@contextmanager
def open_sound(path: Path) -> Iterator[SoundStream]:
    """Opens a sound by its content.

    Raises:
        AudioError: not a readable format, no audio track, or none of which a sample can be decoded.
    """
    with ExitStack() as stack:
        yield SoundStream(path, stack)
