"""Time-frequency bins and the azimuth that each implies: the evidence by which sources are separated.

A bin that one source dominates has that source's level and phase difference (W-disjoint orthogonality, Yilmaz and
Rickard 2004); summed over bins, the likelihood of each azimuth makes the azimuth histogram of their method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.dsp.filters import Array, log_bands
from spa2v.dsp.interaural import SPEED_OF_SOUND
from spa2v.dsp.stft import IDENTICAL_RATIO_DB, StereoStft

BANDS = 36
MAX_STEPS = 80
GRID_SIZE = 49
SINES = np.arange(-(GRID_SIZE // 2), GRID_SIZE // 2 + 1) / (GRID_SIZE // 2)  # of the azimuth, exactly odd
SINE_SPREAD = 0.07  # of one bin that one source dominates
PHASE_SHARPNESS = 8.0
LOW_HZ = 800.0  # below, a phase gives the delay of a head without ambiguity
AGREEMENT = 0.5  # correlation from which level and delay are taken to show the same azimuth
NOTABLE_SINE = 0.05  # 3 degrees
COHERENT = 0.7  # mixtures and diffuse sound lie below; a bin that one source dominates comes near 1


@dataclass(frozen=True, eq=False)
class TimeFrequencyBins:
    """Bins of T steps in time and B bands.

    Args:
        band_starts: first STFT bin of each band inside the cue band, shape (B,).
        step_starts: first STFT frame of each step in time, shape (T,).
        times_s: middles of the steps, shape (T,).
        hz: middles of the bands, shape (B,).
        left, right: power, shape (T, B).
        sine: of the azimuth by level, (R - L) / (R + L), shape (T, B).
        phase: of the cross-spectrum, shape (T, B).
        weight: root of the amplitude, 0 where a bin is quiet or not coherent, shape (T, B).
        coherent_share: sum of the weights over what it would be if all loud bins were coherent, 0..1.
        level_gain, delay_gain: how far level and delay follow the sine of the azimuth in this recording, the larger
            one 1; 0 for the smaller one where it does not go with the larger.
        delay_scale_s: delay of a sine of 1.
        first_bin: the STFT bin that `band_starts` counts from.
    """

    band_starts: NDArray[np.intp]
    step_starts: NDArray[np.intp]
    times_s: Array
    hz: Array
    left: Array
    right: Array
    sine: Array
    phase: Array
    weight: Array
    coherent_share: float
    level_gain: float
    delay_gain: float
    delay_scale_s: float
    first_bin: int

    @property
    def power(self) -> Array:
        return self.left + self.right

    def likelihood(self, sine: Array, phase: Array, hz: Array) -> Array:
        """Of every azimuth on the grid `SINES`, (..., GRID_SIZE), summing to 1, for pieces of sound.

        Args:
            sine: by level, shape (...).
            phase: of the cross-spectrum in radians, shape (...).
            hz: frequency, shape (...).
        """
        level = (sine[..., None] - self.level_gain * SINES).astype(np.float32) / np.float32(SINE_SPREAD)
        turn = (2 * np.pi * self.delay_scale_s * self.delay_gain * hz[..., None] * SINES).astype(np.float32)
        unlike = np.cos(phase[..., None].astype(np.float32) - turn)
        like = np.exp(
            np.float32(-0.5) * np.minimum(level * level, np.float32(40.0)) + np.float32(PHASE_SHARPNESS) * (unlike - 1)
        )
        like = like.astype(np.float64)  # sums of single precision would depend on which side comes first
        return np.asarray(like / like.sum(axis=-1, keepdims=True))

    def delay_us(self, sine: Array) -> Array:
        """The delay of azimuths in this recording."""
        return sine * self.delay_gain * self.delay_scale_s * 1e6

    def bands_of(self, stft_bins: NDArray[np.intp]) -> NDArray[np.intp]:
        """The band of each STFT bin; bins below the cue band belong to the lowest."""
        return np.maximum(np.searchsorted(self.band_starts + self.first_bin, stft_bins, side="right") - 1, 0)

    def steps_of(self, frames: NDArray[np.intp]) -> NDArray[np.intp]:
        """The step in time of each STFT frame."""
        return np.searchsorted(self.step_starts, frames, side="right") - 1


@dataclass(frozen=True, eq=False)
class Components:
    """N components of a sound at irregular times and frequencies (peaks of partials, bands of an onset), by frame.

    Args:
        frame, bin: of the STFT, shape (N,).
        hz: shape (N,).
        left, right: power, shape (N,).
        cross_real, cross_imag: right times conj(left), shape (N,).
        event: number of the partial or the onset that each belongs to, shape (N,).
    """

    frame: NDArray[np.intp]
    bin: NDArray[np.intp]
    hz: Array
    left: Array
    right: Array
    cross_real: Array
    cross_imag: Array
    event: NDArray[np.intp]

    def select(self, chosen: NDArray[np.bool_]) -> Components:
        return Components(*(values[chosen] for values in vars(self).values()))

    def joined(self, other: Components) -> Components:
        """Both, in the order of their frames; events keep their numbers, so both must count the same events."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        both = [np.concatenate(pair) for pair in pairs]
        order = np.argsort(both[0], kind="stable")
        return Components(*(values[order] for values in both))

    @property
    def power(self) -> Array:
        return self.left + self.right

    @property
    def amplitude(self) -> Array:
        return np.sqrt(self.power)

    @property
    def weight(self) -> Array:
        """Root of the amplitude: loud components count for more, but never alone."""
        return np.sqrt(self.amplitude)

    @property
    def spatial_weight(self) -> Array:
        """The weight of those whose channels differ, 0 for the others: coders store parts of a sound in mono."""
        side = self.power - 2.0 * self.cross_real
        return np.where(side > 10 ** (IDENTICAL_RATIO_DB / 10) * self.power, self.weight, 0.0)

    @property
    def sine(self) -> Array:
        """(R - L) / (R + L)."""
        total = self.power
        return np.divide(self.right - self.left, total, out=np.zeros_like(total), where=total > 0)

    def likelihood(self, tf: TimeFrequencyBins) -> Array:
        """Of every azimuth for each component, (N, GRID_SIZE)."""
        return tf.likelihood(self.sine, np.arctan2(self.cross_imag, self.cross_real), self.hz)

    def histogram(self, tf: TimeFrequencyBins) -> Array:
        """Weight of every azimuth at every step in time, (T, GRID_SIZE)."""
        found = np.zeros((len(tf.step_starts), GRID_SIZE))
        if len(self.frame):
            weighted = self.likelihood(tf) * self.spatial_weight[:, None]
            steps, starts = np.unique(tf.steps_of(self.frame), return_index=True)
            found[steps] = np.add.reduceat(weighted, starts, axis=0)
        return found

    def event_azimuths(self, tf: TimeFrequencyBins) -> tuple[NDArray[np.intp], Array, Array]:
        """The event of each component, shape (N,), and mean sine of the azimuth and weight of the E events, (E,)."""
        _, event = np.unique(self.event, return_inverse=True)
        weights = self.spatial_weight
        total = np.asarray(np.bincount(event, weights), dtype=np.float64)
        sine = self.likelihood(tf) @ SINES
        return event, np.bincount(event, weights * sine) / np.maximum(total, 1e-30), total

    def sum_per_step(self, values: Array, tf: TimeFrequencyBins) -> Array:
        """Sums of values over the components of each step in time, (N,) to (T,)."""
        return np.bincount(tf.steps_of(self.frame), values, minlength=len(tf.step_starts)).astype(np.float64)


def time_frequency_bins(stft: StereoStft, mic_spacing_m: float) -> TimeFrequencyBins:
    """The bins of a clip, at most `MAX_STEPS` by `BANDS`.

    Args:
        stft: of the clip.
        mic_spacing_m: distance of the microphones in meters.
    """
    hz = stft.frequencies_hz[stft.cue_bins]
    starts = log_bands(hz, BANDS)
    frames = len(stft.times_s)
    steps = np.arange(0, frames, -(-frames // MAX_STEPS))
    left, right, real, imag = (
        np.add.reduceat(np.add.reduceat(part[:, stft.cue_bins], starts, axis=1), steps, axis=0)
        for part in stft.products
    )
    total = (left + right).astype(np.float64)
    sine = np.divide(right - left, total, out=np.zeros_like(total), where=total > 0)
    size = np.sqrt(left.astype(np.float64) * right)
    coherence = np.divide(np.hypot(real, imag), size, out=np.zeros_like(total), where=size > 0)
    coherence = _unbiased(coherence, starts, steps, hz)
    differs = np.logical_or.reduceat(np.repeat(stft.differs, stft.group), steps)[:, None]
    loud = (total > max(1e-5 * float(total.max()), 1e-11)) & differs
    full = np.where(loud, total**0.25, 0.0)
    weight = full * np.clip((coherence - COHERENT) / (1.0 - COHERENT), 0.0, 1.0) ** 2
    middles = np.sqrt(hz[starts] * np.append(hz[starts][1:], hz[-1]))
    phase = np.arctan2(imag, real).astype(np.float64)
    scale = mic_spacing_m / SPEED_OF_SOUND
    level_gain, delay_gain = _gains(sine, phase / (2 * np.pi * middles * scale), weight * (middles < LOW_HZ), weight)
    return TimeFrequencyBins(
        band_starts=starts,
        step_starts=steps,
        times_s=np.add.reduceat(stft.times_s, steps) / np.diff(np.append(steps, frames)),
        hz=middles,
        left=left.astype(np.float64),
        right=right.astype(np.float64),
        sine=sine,
        phase=phase,
        weight=weight,
        coherent_share=float(weight.sum()) / max(float(full.sum()), 1e-12),
        level_gain=level_gain,
        delay_gain=delay_gain,
        delay_scale_s=scale,
        first_bin=stft.cue_bins.start,
    )


def _unbiased(coherence: Array, starts: NDArray[np.intp], steps: NDArray[np.intp], hz: Array) -> Array:
    """Coherence without what few samples give by chance: n unrelated ones reach 1 / sqrt(n) on average.

    Frames overlap by half and bins of a Hann window share noise, so a sample counts for half.
    """
    stft_bins = np.diff(np.append(starts, len(hz)))
    frames = int(steps[1] - steps[0]) if len(steps) > 1 else 1
    count = np.maximum(0.5 * frames * stft_bins, 1.0)
    square = (count * coherence**2 - 1.0) / np.maximum(count - 1.0, 0.5)
    return np.sqrt(np.clip(square, 0.0, 1.0))


def _gains(sine: Array, delay: Array, low: Array, weight: Array) -> tuple[float, float]:
    """Sizes of both cues, the larger made 1; the smaller counts only where it goes with the larger.

    The size of a cue is what neighboring bands share. Reverberation scatters each band on its own, and a phase in a
    room can scatter farther than a source ever moves it. Where sources take turns from band to band nothing is shared;
    then the root mean square of each counts.

    Args:
        sine, delay: the cues in sines of the azimuth, shape (T, B).
        low: weight of the delay, 0 above `LOW_HZ`, shape (T, B).
        weight: of the level, shape (T, B).
    """
    delay = np.clip(delay, -1.5, 1.5)
    level_size, delay_size = _shared(sine, weight), _shared(delay, low)
    if max(level_size, delay_size) < NOTABLE_SINE:
        level_size, delay_size = _rms(sine, weight), _rms(delay, low)
    if delay_size <= 1e-6 or level_size <= 1e-6:
        return (1.0, 0.0) if level_size >= delay_size else (0.0, 1.0)
    agreement = _correlation(_band_mean(sine, weight), _band_mean(delay, low), low.sum(axis=1))
    if agreement < AGREEMENT:  # where they contradict each other the level decides, as in a recording played backwards
        return (1.0, 0.0) if level_size >= delay_size or agreement < -AGREEMENT else (0.0, 1.0)
    largest = max(level_size, delay_size)
    return level_size / largest, delay_size / largest


def _shared(cue: Array, weight: Array) -> float:
    """Root mean square of a cue, of that part that bands share with the next and the next but one."""
    products = shares = 0.0
    for step in (1, 2):
        both = np.sqrt(weight[:, step:] * weight[:, :-step])
        products += float(np.sum(both * cue[:, step:] * cue[:, :-step]))
        shares += float(both.sum())
    return math.sqrt(max(products, 0.0) / shares) if shares > 0 else 0.0


def _rms(cue: Array, weight: Array) -> float:
    total = float(weight.sum())
    return math.sqrt(float(np.sum(weight * cue**2)) / total) if total > 0 else 0.0


def _band_mean(cue: Array, weight: Array) -> Array:
    """Weighted mean over the bands at each step in time, (T,)."""
    total = weight.sum(axis=1)
    return np.divide((cue * weight).sum(axis=1), total, out=np.zeros_like(total), where=total > 0)


def _correlation(one: Array, other: Array, weight: Array) -> float:
    """Weighted correlation of two cues about 0, -1..1."""
    size = math.sqrt(float(weight @ one**2) * float(weight @ other**2))
    return float(weight @ (one * other)) / size if size > 1e-12 else 0.0
