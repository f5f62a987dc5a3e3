"""Sinusoidal partials: spectral peaks joined over time, how their pitch moves, and groups that glide together.

Peaks are joined from frame to frame to the nearest in pitch (McAulay and Quatieri 1986). Partials that glide together
are heard as one sound, the Gestalt rule of common fate (Bregman 1990, "Auditory Scene Analysis").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from spa2v.dsp.filters import Array, parabolic_peak
from spa2v.dsp.separation.tf_bins import Components
from spa2v.dsp.stft import StereoStft

Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]

BAND_HZ = (200.0, 6_000.0)
PROMINENCE_DB = 9.0  # over the mean level of the bins around; noise of one window seldom rises as far
AROUND_BINS = 15
RANGE_DB = 60.0  # under the strongest bin of the clip, peaks are noise and coding
REACH_S = 0.0929  # to either side: the 0.2 s of one turn of a vibrato
MAX_STEP_CENTS = 45.0  # a quick glide or a wide vibrato, from one frame to the next
MAX_STEP_BINS = 0.8  # where bins lie farther apart than that
MAX_HOP_S = 0.04  # frames that lie farther apart do not join
MIN_GROUP = 3  # partials that glide at once: harmonics of one sound go the same way, peaks of noise do not


@dataclass(frozen=True, eq=False)
class Partials:
    """N spectral peaks of both channels together; a partial is a chain of them from frame to frame.

    Args:
        peaks: with the power of three bins each; `event` is the peak that the partial begins with, shape (N,).
        frames_present: how many of the frames around hold the same partial, 1 to 2 * reach + 1, shape (N,).
        deviation_cents: standard deviation of the pitch over these frames, shape (N,).
        glide_cents: change of pitch from one frame to the next, shape (N,).
        smoothness: how far the pitch moves smoothly and not by chance, 0..1, shape (N,).
        last: whether the partial ends with the peak, shape (N,).
        reach: frames to either side that are evaluated.
    """

    peaks: Components
    frames_present: Indices
    deviation_cents: Array
    glide_cents: Array
    smoothness: Array
    last: Mask
    reach: int

    @property
    def sustained(self) -> Mask:
        """Peaks that belong to a partial and not to noise."""
        return self.frames_present > self.reach

    @property
    def onsets(self) -> Mask:
        """Peaks that sustained partials begin with."""
        return self.sustained & (self.peaks.event == np.arange(len(self.last)))

    @property
    def offsets(self) -> Mask:
        """Peaks that sustained partials end with."""
        return self.sustained & self.last


@dataclass(frozen=True, eq=False)
class PartialGroup:
    """How a selection of partials glides.

    Args:
        glide_cents: mean change of pitch from frame to frame, 0 where no two of them glide, shape (F,).
        amplitude: of those that glide the same way, summed over the frames with at least `MIN_GROUP` of them.
        common_glide: of amplitude times glide in these frames, the part that goes one way, 0..1; 1 without such frames.
    """

    glide_cents: Array
    amplitude: float
    common_glide: float

    @staticmethod
    def of(partials: Partials, chosen: Mask, frames: int) -> PartialGroup:
        """The group of the chosen peaks, (N,), in a clip of `frames` STFT frames."""
        frame, glide = partials.peaks.frame[chosen], partials.glide_cents[chosen]
        weight = partials.peaks.amplitude[chosen]
        count, present, net, total = (
            np.bincount(frame, values, minlength=frames)
            for values in (np.ones(len(frame)), weight, weight * glide, weight * np.abs(glide))
        )
        grouped = (count >= MIN_GROUP) & (total > 0)
        agreement = np.divide(np.abs(net), total, out=np.zeros(frames), where=grouped)
        cents = np.divide(net, present, out=np.zeros(frames), where=(count >= 2) & (present > 0))
        whole = float(total[grouped].sum())
        common = float(np.abs(net[grouped]).sum()) / whole if whole > 0 else 1.0
        return PartialGroup(cents, float(present @ agreement), common)

    def correlation(self, other: PartialGroup) -> float:
        """Of the glides of two groups in the frames of both, -1..1; 0 without such frames."""
        both = (self.glide_cents != 0) & (other.glide_cents != 0)
        one, two = self.glide_cents[both], other.glide_cents[both]
        size = float(np.sqrt((one @ one) * (two @ two)))
        return float(one @ two) / size if size > 0 else 0.0


def track_partials(stft: StereoStft) -> Partials | None:
    """The partials of a clip; None where its frames are too few, or too far apart to be joined."""
    hop = stft.hop_s
    if not 0.0 < hop <= MAX_HOP_S:
        return None
    bins = stft.bins(*BAND_HZ)
    frame, at, offset = _spectral_peaks(10.0 * np.log10(stft.power[:, bins] + np.float32(1e-14)))
    step_hz = float(stft.frequencies_hz[1])
    at = at + bins.start
    hz = (at + offset) * step_hz
    reach = max(2, round(REACH_S / hop))
    tolerance = np.maximum(MAX_STEP_CENTS, 1200.0 * np.log2(1.0 + MAX_STEP_BINS * step_hz / hz))
    present, pitch, first, last = _chains(frame, at, 1200.0 * np.log2(hz), tolerance, reach)
    left, right, real, imag = (_three_bins(part, frame, at) for part in stft.products)
    peaks = Components(frame, at, hz, left, right, real, imag, first)
    return Partials(peaks, present.sum(axis=0), *_pitch_motion(present, pitch, reach), last, reach)


def _three_bins(power: NDArray[np.float32], frame: Indices, at: Indices) -> Array:
    """Sum over a bin and its neighbors at each peak, (N,)."""
    values, width = power.ravel(), power.shape[1]
    row = frame * width
    low, high = np.maximum(at - 1, 0), np.minimum(at + 1, width - 1)
    return np.asarray(values[row + low].astype(np.float64) + values[row + high] + values[row + at])


def _spectral_peaks(level: NDArray[np.float32]) -> tuple[Indices, Indices, Array]:
    """Frame, bin and offset from the bin (-0.5..0.5) of the peaks of (F, K) levels, in the order of frames."""
    inner = level[:, 1:-1]
    around = uniform_filter1d(level, AROUND_BINS, axis=1)[:, 1:-1]
    top = (inner >= level[:, :-2]) & (inner > level[:, 2:])
    frame, at = np.nonzero(top & (inner > np.maximum(around + PROMINENCE_DB, level.max() - RANGE_DB)))
    at = at + 1
    below, here, above = (level[frame, at + shift].astype(np.float64) for shift in (-1, 0, 1))
    return frame, at, parabolic_peak(below, here, above)


def _chains(
    frame: Indices, at: Indices, cents: Array, tolerance: Array, reach: int
) -> tuple[Mask, Array, Indices, Mask]:
    """Where each partial is present from `reach` frames before to `reach` after, and its pitch, both (2 reach + 1, N).

    Also the peak that each begins with, and whether it ends with this one, both (N,).
    """
    following = _nearest(frame, at, cents, tolerance, 1)
    leading = _nearest(frame, at, cents, tolerance, -1)
    count = len(cents)
    every = np.arange(count + 1)  # the last entry means no peak
    mutual = np.append(leading, count)[following] == every[:-1]
    after = np.append(np.where(mutual, following, count), count)
    mutual = np.append(following, count)[leading] == every[:-1]
    before = np.append(np.where(mutual, leading, count), count)
    pitch = np.zeros((2 * reach + 1, count))
    present = np.zeros((2 * reach + 1, count), dtype=np.bool_)
    padded = np.append(cents, 0.0)
    for pointers, sign in ((after, 1), (before, -1)):
        peak = every[:-1]
        for step in range(reach + 1):
            present[reach + sign * step], pitch[reach + sign * step] = peak < count, padded[peak]
            peak = pointers[peak]
    return present, pitch, _roots(before[:-1]), after[:-1] == count


def _roots(before: Indices) -> Indices:
    """The first peak of each chain, by pointers that jump twice as far each time."""
    root = np.where(before < len(before), before, np.arange(len(before)))
    while not np.array_equal(farther := root[root], root):
        root = farther
    return root


def _nearest(frame: Indices, at: Indices, cents: Array, tolerance: Array, step: int) -> Indices:
    """The nearest peak of the next (1) or last (-1) frame for each peak; N where none is near."""
    count = len(cents)
    frames, bins = int(frame.max(initial=0)) + 1, int(at.max(initial=0)) + 1
    grid = np.full((frames + 2, bins + 6), count)
    grid[frame + 1, at + 3] = np.arange(count)
    padded = np.append(cents, np.inf)
    best, found = tolerance.copy(), np.full(count, count)
    for shift in (-3, 3, -2, 2, -1, 1, 0):
        other = grid[frame + 1 + step, at + 3 + shift]
        apart = np.abs(padded[other] - cents)
        nearer = apart < best
        found[nearer], best[nearer] = other[nearer], apart[nearer]
    return found


def _pitch_motion(present: Mask, pitch: Array, reach: int) -> tuple[Array, Array, Array]:
    """Deviation, glide and smoothness of the pitch, each (N,); glide and smoothness are 0 where neighbors are missing.

    Smoothness compares third differences with those of unrelated steps of the same variance.
    """
    count = np.maximum(present.sum(axis=0), 1)
    centered = np.where(present, pitch - pitch[reach], 0.0)
    mean = centered.sum(axis=0) / count
    square = np.maximum((centered**2).sum(axis=0) / count - mean**2, 0.0)
    near = present[reach - 1] & present[reach + 1]
    far = near & present[reach - 2] & present[reach + 2]
    glide = (pitch[reach + 1] - pitch[reach - 1]) / 2.0
    glide = np.where(far, (glide + (pitch[reach + 2] - pitch[reach - 2]) / 4.0) / 2.0, np.where(near, glide, 0.0))
    known = present[3:] & present[2:-1] & present[1:-2] & present[:-3]
    third = np.where(known, pitch[3:] - 3.0 * pitch[2:-1] + 3.0 * pitch[1:-2] - pitch[:-3], 0.0)
    chance = (third**2).sum(axis=0) / np.maximum(known.sum(axis=0), 1) / 20.0  # of unrelated steps: 1 + 9 + 9 + 1
    smoothness = np.where(known.any(axis=0), np.clip(1.0 - chance / np.maximum(square, 1e-9), 0.0, 1.0), 0.0)
    return np.sqrt(square), glide, smoothness
