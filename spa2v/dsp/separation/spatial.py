"""Sources that have different azimuths: trajectories through the azimuth histogram, and the bins that follow each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from spa2v.core.types import SoundSource, Track
from spa2v.dsp.filters import Array, decibel, parabolic_peak, viterbi
from spa2v.dsp.separation.tf_bins import GRID_SIZE, SINES, TimeFrequencyBins
from spa2v.dsp.stft import StereoStft
from spa2v.dsp.timbre import kind_tags, measure_timbre

NEAR = 0.08  # how far from its trajectory (in sine) a source still takes a bin, one standard deviation
MAX_SLICES = 40
STEPS = (-12, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 12)  # grid steps from one slice of time to the next
MOVE_COST = 0.3  # of one grid step, in mean weights of an azimuth
FIRST_GAIN = 1.15  # what a moving trajectory must gather more than a still one
STILL_BLUR = 1.5  # grid steps
BACKGROUND = 0.25  # likelihood of a bin that belongs to no trajectory, where 1 is on the trajectory
ROUNDS = 3
MOVING_GAIN = 0.02  # part of the bins that a moving trajectory must explain more than a still one
MIN_COHERENT = 0.15  # of the bins; in recordings that are diffuse throughout, trajectories are chance
ENOUGH = 0.93  # part of the bins on the trajectories from which no further source is sought
ONE_WAY = 0.6  # net over total way
APART = 0.2  # in sine, 12 degrees: less is the blur of single bins
APART_IN_DOUBT = 0.34  # recordings of one source that are diffuse or colored spread by up to 0.33
CLEAR = 0.35  # coherent part of the bins from which a recording is not diffuse
WIDE = 0.6  # in sine, 37 degrees: reverberation seldom moves a part of a sound as far
TOGETHER = 0.5  # correlation of level changes from which two are parts of one sound; players in one rhythm reach 0.45
IN_TURN = -0.4  # correlation of levels under which two are notes of one melody
MIN_CLEAR = 0.015  # part of the bins that must belong to each of two sources beyond doubt
OVERLAP = 0.15  # of each source's bins that must lie in the time of the other
VALLEY = 0.45  # bins half way between two sources over those on the smaller one


def still_trajectory(histogram: Array, blur: float = STILL_BLUR) -> Array:
    """The one azimuth with the most weight around it, repeated: sines, shape (T,).

    Args:
        histogram: weight of every azimuth at every time, shape (T, GRID_SIZE).
        blur: spread of a still source over the azimuths, in grid steps.
    """
    sums = gaussian_filter1d(histogram.sum(axis=0), blur, mode="nearest")
    first, last = int(np.argmax(sums)), GRID_SIZE - 1 - int(np.argmax(sums[::-1]))
    here = min(max((first + last) // 2, 1), GRID_SIZE - 2)
    shift = float(parabolic_peak(sums[here - 1], sums[here], sums[here + 1])) if first == last else 0.0
    sine = (first + last - (GRID_SIZE - 1)) / (GRID_SIZE - 1) + 2.0 * shift / (GRID_SIZE - 1)
    return np.full(len(histogram), float(np.clip(sine, -1.0, 1.0)))


def moving_trajectory(histogram: Array) -> Array:
    """A smooth path of azimuths through a (T, GRID_SIZE) histogram, sines, shape (T,); antisymmetric in the sides."""
    size = max(1, -(-len(histogram) // MAX_SLICES))
    sums = np.add.reduceat(histogram, np.arange(0, len(histogram), size), axis=0)
    level = sums / max(float(sums.sum(axis=1).mean()), 1e-12) * GRID_SIZE
    level = gaussian_filter1d(level, 1.0, axis=1, mode="nearest")
    found = viterbi(np.stack([level, level[:, ::-1]], axis=1), STEPS, MOVE_COST)
    coarse = (found[:, 0] - found[:, 1]) / (GRID_SIZE - 1)  # the mean of a path and its mirror image prefers no side
    middles = np.minimum(np.arange(len(sums)) * size + (size - 1) / 2, len(histogram) - 1)
    return np.interp(np.arange(len(histogram)), middles, coarse)


@dataclass(frozen=True, eq=False)
class SpatialEvidence:
    """The evidence of the time-frequency bins for azimuths.

    Args:
        tf: of the clip.
        likelihood: of every azimuth for each bin, (T, B, GRID_SIZE).
        highest: its maximum for each bin, (T, B, 1).
        apart: how far apart, in sine, two sources must be in this recording.
    """

    tf: TimeFrequencyBins
    likelihood: Array
    highest: Array
    apart: float

    @staticmethod
    def of(tf: TimeFrequencyBins, colored: bool = False) -> SpatialEvidence:
        """The evidence of a clip; `colored` as in `InterauralCues.colored`."""
        likelihood = tf.likelihood(tf.sine, tf.phase, tf.hz)
        clear = not colored and tf.coherent_share >= CLEAR
        return SpatialEvidence(
            tf, likelihood, likelihood.max(axis=2, keepdims=True), APART if clear else APART_IN_DOUBT
        )

    def histogram(self, weight: Array) -> Array:
        """Weight of every azimuth at every time, (T, B) to (T, GRID_SIZE)."""
        return np.asarray((weight[:, None, :] @ self.likelihood)[:, 0])

    def masks(self, trajectories: Array) -> Array:
        """Share of each trajectory, (K, T), in each bin, (K, T, B); what is missing to 1 belongs to none."""
        near = np.exp(-0.5 * ((SINES[:, None] - trajectories.T[:, None, :]) / NEAR) ** 2)  # (T, GRID_SIZE, K)
        fit = self.likelihood @ near
        return np.moveaxis(fit / (fit.sum(axis=2, keepdims=True) + BACKGROUND * self.highest), 2, 0)


@dataclass(frozen=True, eq=False)
class SpatialSplit:
    """Trajectories and masks of K sources.

    Args:
        trajectories: sine of the azimuth over time, (K, T).
        masks: share of each bin, (K, T, B), with the background summing to 1.
        doubt: for each source, 0..1, how much lies between it and its nearest other, against the smaller of the two.
    """

    trajectories: Array
    masks: Array
    doubt: tuple[float, ...]

    def explained(self, tf: TimeFrequencyBins) -> float:
        """Part of the weight of the bins that the trajectories explain, 0..1."""
        total = float(tf.weight.sum())
        return float(np.sum(tf.weight * self.masks.sum(axis=0))) / total if total > 0 else 1.0


def split_by_azimuth(evidence: SpatialEvidence, max_sources: int) -> SpatialSplit:
    """As many trajectories as are clearly apart, the strongest first, each found in what the ones before leave over.

    A trajectory counts as a source when it is `SpatialEvidence.apart` away from every other one for a good part of the
    time, when bins gather on both, and when few lie half way between: one source in a reverberant or colored recording
    spreads over a range of azimuths, two sources leave a valley. In doubt it is one source.
    """
    best = _settled(evidence, [_first_trajectory(evidence.histogram(evidence.tf.weight))])
    if evidence.tf.coherent_share < MIN_COHERENT:
        return best
    while len(best.trajectories) < max_sources and best.explained(evidence.tf) < ENOUGH:
        tried = _with_another(evidence, best)
        if tried is None:
            break
        best = tried
    return best


@dataclass(frozen=True, eq=False)
class _Trajectory:
    """Sine of the azimuth over time, (T,), and whether it may change."""

    sine: Array
    moves: bool


def _first_trajectory(histogram: Array) -> _Trajectory:
    """The still trajectory, unless a moving one gathers more by the factor `FIRST_GAIN`."""
    still, moving = still_trajectory(histogram), moving_trajectory(histogram)
    gathered = [
        float(np.sum(histogram * np.exp(-0.5 * ((SINES - path[:, None]) / NEAR) ** 2))) for path in (still, moving)
    ]
    return _Trajectory(moving, True) if gathered[1] > FIRST_GAIN * gathered[0] else _Trajectory(still, False)


def _with_another(evidence: SpatialEvidence, best: SpatialSplit) -> SpatialSplit | None:
    """The split with one more trajectory, still unless moving explains more; None where both leave too much doubt."""
    left_over = evidence.histogram(evidence.tf.weight * (1.0 - best.masks.sum(axis=0)))
    for sine in best.trajectories:
        left_over = np.where(np.abs(SINES - sine[:, None]) < 0.8 * evidence.apart, 0.0, left_over)
    before = [_Trajectory(sine, bool(np.ptp(sine) > 0)) for sine in best.trajectories]
    found: SpatialSplit | None = None
    for fresh in (_Trajectory(still_trajectory(left_over), False), _Trajectory(moving_trajectory(left_over), True)):
        if min(_distance(fresh.sine, other.sine) for other in before) < evidence.apart:
            continue
        tried = _settled(evidence, [*before, fresh])
        if max(tried.doubt) >= 1.0 or (fresh.moves and not _one_way(tried.trajectories[-1])):
            continue
        if found is None or tried.explained(evidence.tf) > found.explained(evidence.tf) + MOVING_GAIN:
            found = tried
    return found


def _one_way(sine: Array) -> bool:
    """Whether a trajectory goes one way, as sources that pass do; one that wanders follows chance."""
    length = float(np.abs(np.diff(sine)).sum())
    return length > 0 and abs(float(sine[-1] - sine[0])) > ONE_WAY * length


def _settled(evidence: SpatialEvidence, found: list[_Trajectory]) -> SpatialSplit:
    """Rounds of sharing the bins out and following each share anew, still or moving as first found."""
    sines = np.array([each.sine for each in found])
    for _ in range(ROUNDS if len(found) > 1 else 0):
        maps = [evidence.histogram(evidence.tf.weight * mask) for mask in evidence.masks(sines)]
        sines = np.array(
            [
                moving_trajectory(each) if before.moves else still_trajectory(each)
                for each, before in zip(maps, found, strict=True)
            ]
        )
    masks = evidence.masks(sines)
    doubt = np.zeros((len(sines), len(sines)))
    for one in range(len(sines)):
        for other in range(one):
            doubt[one, other] = doubt[other, one] = _doubt(evidence, sines, masks, one, other)
    return SpatialSplit(sines, masks, tuple(doubt.max(axis=1).tolist()))


def _doubt(evidence: SpatialEvidence, sines: Array, masks: Array, one: int, other: int) -> float:
    """0 where two of the trajectories are two sources for sure, 1 and more where they are not."""
    tf, gap = evidence.tf, np.abs(sines[one] - sines[other])
    total = float(tf.weight.sum())
    distance, pair = _distance(sines[one], sines[other]), masks[[one, other]]
    if total <= 0 or distance < evidence.apart or _one_after_the_other(tf, pair):
        return 2.0
    if distance < WIDE and not _unrelated(tf, pair):
        return 2.0
    between = (sines[one] + sines[other]) / 2
    parts = evidence.masks(np.vstack([sines, between]))
    weight = tf.weight * (gap > 0.7 * evidence.apart)[:, None]
    clear = [float(np.sum(weight * (parts[i] > 2.0 * np.delete(parts, i, 0).max(axis=0)))) for i in (one, other, -1)]
    fewer = min(clear[:2])
    return 2.0 if fewer < MIN_CLEAR * total else clear[2] / fewer / VALLEY


def _one_after_the_other(tf: TimeFrequencyBins, masks: Array) -> bool:
    """Whether one of two ends where the other begins: a single source that went by too fast for a trajectory."""
    active = (tf.weight * masks).sum(axis=2)
    done = np.cumsum(active, axis=1) / np.maximum(active.sum(axis=1, keepdims=True), 1e-12)
    ends, begins = (np.array([np.searchsorted(part, level) for part in done]) for level in (1 - OVERLAP, OVERLAP))
    return bool(ends[0] <= begins[1] or ends[1] <= begins[0])


def _unrelated(tf: TimeFrequencyBins, masks: Array) -> bool:
    """Whether the levels of two are unrelated.

    In a room every partial of one instrument has an azimuth that differs. Parts of one sound start together, and the
    notes of one melody take turns. The changes of two sources correlate by chance within 0.14 (one standard deviation
    for the usual 50 steps), their levels within 0.2, since those last over several steps.
    """
    parts = (tf.power * masks / np.maximum(masks.sum(axis=0), 1e-9)).sum(axis=2)
    levels = 10.0 * np.log10(parts + 1e-7 * max(float(tf.power.sum(axis=1).max()), 1e-20))
    return _correlation(np.diff(levels, axis=1)) < TOGETHER and _correlation(levels) > IN_TURN


def _correlation(pair: Array) -> float:
    """Pearson's, of two rows; 0 where one is constant (`numpy.corrcoef` gives NaN)."""
    centered = pair - pair.mean(axis=1, keepdims=True)
    size = float(np.sqrt(np.prod(np.sum(centered**2, axis=1))))
    return float(centered[0] @ centered[1]) / size if size > 1e-12 else 0.0


def _distance(one: Array, other: Array) -> float:
    """How far apart two trajectories are for a quarter of the time."""
    return float(np.quantile(np.abs(one - other), 0.75))


def spatial_sources(stft: StereoStft, evidence: SpatialEvidence, split: SpatialSplit) -> tuple[SoundSource, ...]:
    """The sources of a split, the loudest first, with tags by timbre."""
    tf = evidence.tf
    energies = [float(np.sum(tf.power * mask)) for mask in split.masks]
    total = max(float(tf.power.sum()), 1e-30)
    order = sorted(range(len(energies)), key=lambda index: -energies[index])
    return tuple(
        SoundSource(
            id=f"source_{rank}",
            share=min(energies[index] / total, 1.0),
            tracks=_tracks(evidence, split.trajectories[index], split.masks[index]),
            tags=kind_tags(measure_timbre(stft, _stft_mask(stft, tf, split.masks[index]))),
            confidence=float(np.clip(1.0 - 0.5 * split.doubt[index], 0.0, 1.0)),
        )
        for rank, index in enumerate(order)
    )


def _tracks(evidence: SpatialEvidence, trajectory: Array, mask: Array) -> dict[str, Track]:
    tf = evidence.tf
    left, right = (tf.left * mask).sum(axis=1), (tf.right * mask).sum(axis=1)
    weight = (tf.weight * mask).sum(axis=1)
    confidence = np.clip(weight / max(0.5 * float(weight.max()), 1e-12), 0.0, 1.0)
    sine = _mean_near(evidence.histogram(tf.weight * mask), trajectory)
    difference = decibel(right) - decibel(left)
    centroid = tf.power * mask @ tf.hz / np.maximum(left + right, 1e-30)
    return {
        "level": Track(tf.times_s, decibel((left + right) / 2), "dBFS"),
        "level_difference": Track(tf.times_s, difference, "dB", confidence),
        "level_difference_shift": Track(tf.times_s, difference - np.median(difference), "dB", confidence),
        "delay": Track(tf.times_s, tf.delay_us(sine), "us", confidence),
        "azimuth": Track(tf.times_s, np.degrees(np.arcsin(sine)), "deg", confidence),
        "centroid": Track(tf.times_s, centroid, "Hz", confidence),
    }


def _mean_near(histogram: Array, trajectory: Array) -> Array:
    """The mean sine of a source's bins around its trajectory, (T,)."""
    weights = histogram * np.exp(-0.5 * ((SINES - trajectory[:, None]) / NEAR) ** 2)
    total = weights.sum(axis=1)
    return np.clip(np.divide(weights @ SINES, total, out=trajectory.copy(), where=total > 1e-12), -1.0, 1.0)


def _stft_mask(stft: StereoStft, tf: TimeFrequencyBins, mask: Array) -> NDArray[np.float32]:
    """A source's share of every STFT frame and bin, (T, B) to (F, K); bins outside the cue band follow its edge."""
    bands = tf.bands_of(np.arange(len(stft.frequencies_hz)))
    steps = tf.steps_of(np.arange(len(stft.times_s)))
    return mask.astype(np.float32)[steps][:, bands]
