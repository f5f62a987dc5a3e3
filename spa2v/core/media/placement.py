"""Where decoded samples belong: time stamps decide, as in FFmpeg's filter `aresample=async=1:first_pts=0`.

The zero point is the start of the file, that is of its earliest track, so that sound and picture stay together. A late
start and a gap become silence; what overlaps is dropped. Deviations that time stamps in milliseconds cause are left
alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

MIN_START_S = 0.001  # libswresample's min_comp
MIN_GAP_S = 0.1  # its min_hard_comp
MAX_JUMP_S = 10.0  # of a time stamp in formats whose clock may restart (ffmpeg -dts_delta_threshold)
MAX_GAP_S = 30 * 3600.0  # beyond it, a time stamp is an error (ffmpeg -dts_error_threshold)
_SILENCE = 65_536


class Placement:
    """Puts the blocks of one track into place.

    Args:
        rate: samples a second.
        channels: how many.
        begin_s: the time stamp of the start of the file, in seconds.
        restarts: whether time stamps may start anew, as at the seams of a chained Ogg file.
    """

    def __init__(self, rate: int, channels: int, begin_s: float, *, restarts: bool) -> None:
        self.position = 0
        self.gaps: list[tuple[float, float]] = []
        self.late_s = 0.0
        self._rate, self._channels, self._restarts = rate, channels, restarts
        self._offset_s = begin_s
        self._fresh = True
        self._drop = 0

    def start_at(self, stamp_s: float) -> None:
        """Goes on from another place in the file."""
        self.position = max(0, round((stamp_s - self._offset_s) * self._rate))
        self._fresh = False

    def _delta(self, stamp_s: float) -> int:
        return round((stamp_s - self._offset_s) * self._rate) - self.position + self._drop

    def placed(self, samples: Samples, stamp_s: float | None) -> Iterator[Samples]:
        """The block, shape (n, channels), after the silence that belongs before it, or without what overlaps."""
        yield from self._silence(0 if stamp_s is None else self._correction(stamp_s))
        dropped = min(self._drop, len(samples))
        self._drop -= dropped
        if dropped < len(samples):
            self.position += len(samples) - dropped
            yield samples[dropped:]

    def _correction(self, stamp_s: float) -> int:
        """Samples of silence to put first; an overlap is remembered in `_drop`."""
        delta, rate, fresh = self._delta(stamp_s), self._rate, self._fresh
        self._fresh = False
        if self._restarts and not fresh and not -MIN_GAP_S * rate <= delta <= MAX_JUMP_S * rate:
            self._offset_s += delta / rate
            return 0
        if abs(delta) <= (MIN_START_S if fresh else MIN_GAP_S) * rate or abs(delta) > MAX_GAP_S * rate:
            return 0
        if delta < 0:
            self._drop -= delta
            return 0
        if fresh:
            self.late_s = delta / rate
        else:
            self.gaps.append((self.position / rate, delta / rate))
        return delta

    def _silence(self, count: int) -> Iterator[Samples]:
        """In blocks, so that a time stamp does not decide how much memory is taken."""
        while count > 0:
            block = min(count, _SILENCE)
            count -= block
            self.position += block
            yield np.zeros((block, self._channels), np.float32)
