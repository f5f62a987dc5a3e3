"""Partials: peaks of the spectrum that last, each with its place and with how its pitch moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from spa2v.dsp.stft import Array, InBothChannels, Spectra

Indices = NDArray[np.intp]

BAND_HZ = (200.0, 6_000.0)
PROMINENCE_DB = 9.0  # over the mean level of the lines around; noise of one window seldom rises as far
AROUND_LINES = 15
RANGE_DB = 60.0  # under the strongest line of the clip, peaks are noise and coding
REACH_S = 0.0929  # to either side: the 0.2 s of one turn of a vibrato
MAX_STEP_CENTS = 45.0  # a quick glide or a wide vibrato, from one frame to the next
MAX_STEP_LINES = 0.8  # where lines lie farther apart than that
MAX_HOP_S = 0.04  # frames that lie farther apart do not join


@dataclass(frozen=True, eq=False)
class Partials(InBothChannels):
    """N peaks of the spectra of both channels together; a partial is a chain of them from frame to frame.

    Args:
        frame, line: where each lies, shape (N,).
        hz: refined between the lines, shape (N,).
        left, right: power in three lines, shape (N,).
        cross_real, cross_imag: right times conj(left) in three lines, shape (N,).
        heard: how many of the frames around hold the same partial, 1 to 2 * reach + 1, shape (N,).
        wobble_cents: standard deviation of the pitch over these frames, shape (N,).
        glide_cents: change of pitch from one frame to the next, shape (N,).
        even: how far the pitch moves smoothly and not by chance, 0..1, shape (N,).
        first: the peak that its partial begins with, shape (N,).
        last: whether its partial ends with it, shape (N,).
        reach: frames to either side that are looked at.
    """

    frame: Indices
    line: Indices
    hz: Array
    left: Array
    right: Array
    cross_real: Array
    cross_imag: Array
    heard: Indices
    wobble_cents: Array
    glide_cents: Array
    even: Array
    first: Indices
    last: NDArray[np.bool_]
    reach: int

    @property
    def begins(self) -> NDArray[np.bool_]:
        """Peaks that lasting partials begin with."""
        return self.lasting & (self.first == np.arange(len(self.first)))

    @property
    def ends(self) -> NDArray[np.bool_]:
        """Peaks that lasting partials end with."""
        return self.lasting & self.last

    @property
    def lasting(self) -> NDArray[np.bool_]:
        """Peaks that belong to a partial and not to noise."""
        return self.heard > self.reach


def partials_of(spectra: Spectra) -> Partials | None:
    """The peaks of a clip; None where its frames are too few, or too far apart to be joined."""
    hop = float(np.median(np.diff(spectra.times_s))) if len(spectra.times_s) > 1 else 0.0
    if not 0.0 < hop <= MAX_HOP_S:
        return None
    lines = spectra.lines(*BAND_HZ)
    frame, line, offset = _peaks(10.0 * np.log10(spectra.power[:, lines] + np.float32(1e-14)))
    step = float(spectra.frequencies_hz[1])
    line = line + lines.start
    hz = (line + offset) * step
    reach = max(2, round(REACH_S / hop))
    cents = 1200.0 * np.log2(hz)
    tolerance = np.maximum(MAX_STEP_CENTS, _cents(MAX_STEP_LINES * step, hz))
    heard, course, first, last = _courses(frame, line, cents, tolerance, reach)
    wobble, glide, even = _pitch_moves(heard, course, reach)
    parts = (spectra.left, spectra.right, spectra.cross_real, spectra.cross_imag)
    left, right, real, imag = (_three(part, frame, line) for part in parts)
    count = heard.sum(axis=0)
    return Partials(frame, line, hz, left, right, real, imag, count, wobble, glide, even, first, last, reach)


def _cents(step_hz: float, hz: Array) -> Array:
    return 1200.0 * np.log2(1.0 + step_hz / hz)


def _three(power: NDArray[np.float32], frame: Indices, line: Indices) -> Array:
    last = power.shape[1] - 1
    values = power.ravel()
    at = frame * power.shape[1]
    low, high = np.maximum(line - 1, 0), np.minimum(line + 1, last)
    return np.asarray(values[at + low].astype(np.float64) + values[at + high] + values[at + line])


def _peaks(level: NDArray[np.float32]) -> tuple[Indices, Indices, Array]:
    """Frame, line and offset from the line (-0.5..0.5) of the peaks, in the order of frames."""
    inner = level[:, 1:-1]
    around = uniform_filter1d(level, AROUND_LINES, axis=1)[:, 1:-1]
    top = (inner >= level[:, :-2]) & (inner > level[:, 2:])
    frame, line = np.nonzero(top & (inner > np.maximum(around + PROMINENCE_DB, level.max() - RANGE_DB)))
    line = line + 1
    below, here, above = (level[frame, line + shift].astype(np.float64) for shift in (-1, 0, 1))
    bend = np.maximum(2.0 * here - below - above, 1e-6)
    offset = np.clip(0.5 * (above - below) / bend, -0.5, 0.5)
    return frame, line, offset


def _courses(
    frame: Indices, line: Indices, cents: Array, tolerance: Array, reach: int
) -> tuple[NDArray[np.bool_], Array, Indices, NDArray[np.bool_]]:
    """Where each partial is heard from `reach` frames before to `reach` after, and its pitch, both (2 reach + 1, N).

    Also the peak that each begins with, and whether it ends here, both (N,).
    """
    following = _joined(frame, line, cents, tolerance, 1)
    leading = _joined(frame, line, cents, tolerance, -1)
    count = len(cents)
    every = np.arange(count + 1)  # the last entry stands for no peak
    mutual = np.append(leading, count)[following] == every[:-1]
    after = np.append(np.where(mutual, following, count), count)
    mutual = np.append(following, count)[leading] == every[:-1]
    before = np.append(np.where(mutual, leading, count), count)
    course = np.zeros((2 * reach + 1, count))
    heard = np.zeros((2 * reach + 1, count), dtype=np.bool_)
    padded = np.append(cents, 0.0)
    for pointers, sign in ((after, 1), (before, -1)):
        at = every[:-1]
        for step in range(reach + 1):
            heard[reach + sign * step], course[reach + sign * step] = at < count, padded[at]
            at = pointers[at]
    return heard, course, _roots(before[:-1]), after[:-1] == count


def _roots(before: Indices) -> Indices:
    """The first peak of each chain, by pointers that jump twice as far each time."""
    at = np.where(before < len(before), before, np.arange(len(before)))
    while True:
        farther = at[at]
        if np.array_equal(farther, at):
            return at
        at = farther


def _joined(frame: Indices, line: Indices, cents: Array, tolerance: Array, step: int) -> Indices:
    """The nearest peak of the next (1) or last (-1) frame for each peak; N where none is near."""
    count = len(cents)
    frames, lines = int(frame.max(initial=0)) + 1, int(line.max(initial=0)) + 1
    grid = np.full((frames + 2, lines + 6), count)
    grid[frame + 1, line + 3] = np.arange(count)
    padded = np.append(cents, np.inf)
    best, found = tolerance.copy(), np.full(count, count)
    for shift in (-3, 3, -2, 2, -1, 1, 0):
        other = grid[frame + 1 + step, line + 3 + shift]
        apart = np.abs(padded[other] - cents)
        nearer = apart < best
        found[nearer], best[nearer] = other[nearer], apart[nearer]
    return found


def _pitch_moves(heard: NDArray[np.bool_], course: Array, reach: int) -> tuple[Array, Array, Array]:
    """Wobble, glide and evenness from the courses; glide is 0 and evenness 0 where neighbors are missing."""
    count = np.maximum(heard.sum(axis=0), 1)
    centered = np.where(heard, course - course[reach], 0.0)
    mean = centered.sum(axis=0) / count
    square = np.maximum((centered**2).sum(axis=0) / count - mean**2, 0.0)
    near = heard[reach - 1] & heard[reach + 1]
    far = near & heard[reach - 2] & heard[reach + 2]
    glide = (course[reach + 1] - course[reach - 1]) / 2.0
    glide = np.where(far, (glide + (course[reach + 2] - course[reach - 2]) / 4.0) / 2.0, np.where(near, glide, 0.0))
    known = heard[3:] & heard[2:-1] & heard[1:-2] & heard[:-3]
    third = np.where(known, course[3:] - 3.0 * course[2:-1] + 3.0 * course[1:-2] - course[:-3], 0.0)
    chance = (third**2).sum(axis=0) / np.maximum(known.sum(axis=0), 1) / 20.0  # of unrelated steps: 1 + 9 + 9 + 1
    even = np.where(known.any(axis=0), np.clip(1.0 - chance / np.maximum(square, 1e-9), 0.0, 1.0), 0.0)
    return np.sqrt(square), glide, even
