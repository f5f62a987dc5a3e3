"""Interaural cues over time (level difference, delay, coherence) and the azimuth that they imply.

Everything here is antisymmetric by construction: exchanging the channels negates level difference, delay and azimuth
exactly, because both channels go through the same operations and no rule prefers a side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import AudioClip
from spa2v.dsp.filters import (
    Array,
    decibel,
    local_maxima,
    log_bands,
    moving_mean,
    parabolic_peak,
    ramp,
    viterbi,
    weighted_mean,
)
from spa2v.dsp.stft import StereoStft, stereo_stft

SPEED_OF_SOUND = 343.0  # m/s
MAX_DELAY_US = 1_000.0  # wide microphone pairs; a head gives at most 660
DELAY_STEP_US = 10.0
STEPS = (-16, -8, -4, -3, -2, -1, 0, 1, 2, 3, 4, 8, 16)  # lag steps from one track frame to the next
MOVE_COST = 0.15  # of one lag step, in standard deviations of an unrelated pair; a fast pass costs no more than a slow
FAR_COST = 0.3  # of a delay of 1 ms: among equal peaks (tones) the smaller delay is the likelier
COHERENCE_CAP = 0.05  # bounds the weight of one bin to 20 times that of a half coherent one
BIN_OVERLAP = 1.5  # neighboring bins of a Hann window share their noise: 1.5 bins count as one
QUIET_BIN = 1e-6  # bins 60 dB under the strongest of their frame are coding noise
DIFFUSE_FLOOR = 0.4  # the direct part is taken for at least 40 % of the power when diffuse sound is discounted
BANDS = 16
COLORED_SINE = 0.17  # 1.5 dB: what low bands may show more than high ones; no head or microphone shows more
REVERSED_DOUBT = 0.5  # a recording played backwards has true levels and turned delays, so the level still counts
COLORED_DOUBT = 0.8
OPPOSED = -0.3  # correlation of level and delay from which they contradict each other
NOTABLE_SINE = 0.035  # 2 degrees, 0.3 dB
LOW_DELAY_US = 40.0  # two samples at 44.1 kHz
FAR_QUANTILE = 0.95


@dataclass(frozen=True, eq=False)
class InterauralCues:
    """Differences between the channels on the T track frames, each of shape (T,).

    Args:
        level_difference_db: right minus left in the cue band.
        level_shift_db: mean over bands of the band's level difference minus its median over time: what changes,
            freed from a fixed coloration and from changes of the sound's spectrum.
        delay_us: arrival time difference, positive is earlier at the right, -1000..1000.
        coherence: height of the correlation peak, 0..1.
        delay_confidence: 0..1, from the peak against the noise of an unrelated pair.
        level_sine: sine of the azimuth by the energy law, (R - L) / (R + L) with diffuse sound discounted.
        differs: False where the channels are the same.
        low_sine, high_sine: sine of the azimuth by level in 200..1000 and 1500..8000 Hz, one number each.
        low_delay_us: delay of 200..1000 Hz over the whole clip, one number.
    """

    level_difference_db: Array
    level_shift_db: Array
    delay_us: Array
    coherence: Array
    delay_confidence: Array
    level_sine: Array
    differs: NDArray[np.bool_]
    low_sine: float
    high_sine: float
    low_delay_us: float

    def colored(self, weights: Array) -> bool:
        """Whether the level difference is a coloration of the recording and no direction.

        A panned source has the same difference in all bands, a head and real microphones have more in the high ones. A
        difference that lies below 1 kHz alone while the delay down there points to the other side is neither.

        Args:
            weights: of the track frames, shape (T,).
        """
        low_only = abs(self.low_sine) - abs(self.high_sine) > COLORED_SINE
        against = abs(self.low_delay_us) >= LOW_DELAY_US and self.low_delay_us * self.low_sine < 0
        return low_only and against and abs(weighted_mean(self.level_sine, weights)) > NOTABLE_SINE


_CACHE: WeakKeyDictionary[AudioClip, InterauralCues] = WeakKeyDictionary()


def interaural_cues(audio: AudioClip) -> InterauralCues:
    """The differences between the channels of a clip; computed once for each clip."""
    if audio not in _CACHE:
        _CACHE[audio] = _measure(stereo_stft(audio))
    return _CACHE[audio]


def _measure(stft: StereoStft) -> InterauralCues:
    left, right = (power[:, stft.cue_bins].astype(np.float64).sum(axis=1) for power in stft.track_powers)
    delay, coherence, confidence = _delay_track(stft)
    low, high = _band_sines(stft)
    differs = stft.differs
    return InterauralCues(
        level_difference_db=np.where(differs, decibel(right) - decibel(left), 0.0),
        level_shift_db=np.where(differs, _level_shift(stft), 0.0),
        delay_us=np.where(differs, delay, 0.0),
        coherence=coherence,
        delay_confidence=np.where(differs, confidence, 0.0),
        level_sine=np.where(differs, _level_sine(stft, left, right, delay), 0.0),
        differs=differs,
        low_sine=low,
        high_sine=high,
        low_delay_us=_low_delay(stft),
    )


def _level_sine(stft: StereoStft, left: Array, right: Array, delay_us: Array) -> Array:
    """Sine of the azimuth of the coherent part.

    For one source in uncorrelated noise of equal power, R - L and the cross-correlation C at the source's delay hold
    the source alone: sin(azimuth) = (R - L) / sqrt((R - L)^2 + 4 C^2), the direction of the first principal component.
    """
    bins = stft.cue_bins
    phase = 2e-6 * np.pi * delay_us[:, None] * stft.frequencies_hz[bins]
    cross_real, cross_imag = (stft.grouped(part[:, bins]) for part in (stft.cross_real, stft.cross_imag))
    cross = np.sum(cross_real * np.cos(phase) + cross_imag * np.sin(phase), axis=1)
    difference, total = right - left, right + left
    direct = np.sqrt(difference**2 + 4.0 * cross**2)
    return np.divide(difference, np.maximum(direct, DIFFUSE_FLOOR * total), out=np.zeros_like(total), where=total > 0)


def _level_shift(stft: StereoStft) -> Array:
    """How the level differences of all bands together move around their medians over time, in dB, (T,)."""
    hz = stft.frequencies_hz[stft.cue_bins]
    starts = log_bands(hz, BANDS)
    left, right = (
        np.add.reduceat(power[:, stft.cue_bins].astype(np.float64), starts, axis=1) for power in stft.track_powers
    )
    span = max(3, len(left) // 32)
    difference = decibel(moving_mean(right, span)) - decibel(moving_mean(left, span))
    power = (left + right).mean(axis=0)
    counts = np.diff(np.append(starts, len(hz))).astype(np.float64)
    weight = np.sqrt(counts) * (power > 1e-4 * power.max())
    return np.asarray((difference - np.median(difference, axis=0)) @ weight / max(float(weight.sum()), 1e-12))


def _band_sines(stft: StereoStft) -> tuple[float, float]:
    """Sine of the azimuth by level below 1 kHz and above 1.5 kHz, diffuse sound discounted band by band."""
    bins, span = stft.cue_bins, max(3, len(stft.track_times_s) // 24) | 1
    starts = log_bands(stft.frequencies_hz[bins], BANDS)
    edges = stft.frequencies_hz[bins][starts]
    left, right = (moving_mean(power[:, bins], span) for power in stft.track_powers)
    real, imag = (moving_mean(stft.grouped(part[:, bins]), span) for part in (stft.cross_real, stft.cross_imag))
    count = 0.5 * min(span, len(left)) * stft.group + 0.5
    common = np.sqrt(np.maximum(real * real + imag * imag - left * right / count, 0.0))
    left, right, common = (
        np.add.reduceat(part.sum(axis=0, dtype=np.float64), starts) for part in (left, right, common)
    )
    sine = (right - left) / np.maximum(np.hypot(right - left, 2 * common), 1e-20)
    weight = np.sqrt(common)
    return weighted_mean(sine, weight * (edges < 1_000.0)), weighted_mean(sine, weight * (edges >= 1_500.0))


@lru_cache(maxsize=8)
def _steering(first_hz: float, step_hz: float, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """cos and sin of every bin at the lags 0..1 ms, each (count, J)."""
    lags = np.arange(0.0, MAX_DELAY_US + DELAY_STEP_US / 2, DELAY_STEP_US) * 1e-6
    phase = 2.0 * np.pi * np.outer(first_hz + step_hz * np.arange(count), lags)
    return np.cos(phase).astype(np.float32), np.sin(phase).astype(np.float32)


def _cross_correlation(real: NDArray[np.float32], imag: NDArray[np.float32], hz: Array) -> Array:
    """Correlation at the lags -1..1 ms of weighted cross-spectra, (T, K) to (T, 2 J - 1)."""
    step = float(hz[1] - hz[0]) if len(hz) > 1 else 1.0
    cosine, sine = _steering(float(hz[0]), step, len(hz))
    even, odd = (real @ cosine).astype(np.float64), (imag @ sine).astype(np.float64)
    return np.concatenate([(even - odd)[:, :0:-1], even + odd], axis=1)


def _phase_transform(stft: StereoStft, bins: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit cross-spectra (PHAT) on the track frames, zero where a bin is too quiet to mean anything."""
    real, imag = stft.cross_real[:, bins], stft.cross_imag[:, bins]
    power = stft.power[:, bins]
    size = np.sqrt(real * real + imag * imag)
    loud = power > np.maximum(QUIET_BIN * power.max(axis=1, keepdims=True), 1e-14)
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=loud & (size > 0))
    return stft.grouped(real * scale), stft.grouped(imag * scale)


def _delay_track(stft: StereoStft) -> tuple[Array, Array, Array]:
    """Delay (us), correlation peak and confidence on the track frames.

    Generalized cross-correlation with phase transform (Knapp and Carter 1976), each bin weighted by its coherence over
    time (their maximum likelihood weight, bounded), and the path of highest correlation through the lags over time.
    """
    real, imag = _phase_transform(stft, stft.cue_bins)
    span = max(3, len(real) // 24) | 1
    real, imag = moving_mean(real, span), moving_mean(imag, span)
    count = 0.5 * (min(span, len(real)) * stft.group) + 0.5  # frames overlap by half
    locked = real * real + imag * imag
    coherent = np.clip((count * locked - 1.0) / max(count - 1.0, 0.5), 0.0, 1.0)
    weight = (coherent / (1.0 - coherent + COHERENCE_CAP) + 0.01).astype(np.float32)
    correlation = _cross_correlation(weight * real, weight * imag, stft.frequencies_hz[stft.cue_bins])
    noise = np.sqrt(BIN_OVERLAP / 2 * np.sum(weight**2 * locked, axis=1, dtype=np.float64)) + 1e-12
    delay, peak = _refined(correlation, _lag_path(correlation / noise[:, None]))
    total = weight.sum(axis=1, dtype=np.float64)
    coherence = np.clip(peak / total, 0.0, 1.0)
    phase_kept = np.sum(weight * np.sqrt(locked), axis=1, dtype=np.float64) / total
    return delay, coherence, _delay_confidence(correlation, peak / noise, phase_kept)


def _delay_confidence(correlation: Array, peak: Array, phase_kept: Array) -> Array:
    """High when the bins agree on one lag, or when few bins keep their phase and no second lag explains them.

    About 30 independent lags lie in the range, so an unrelated pair reaches 2.5 standard deviations in most frames;
    confidence starts at 3 and is full at 8.
    """
    ordered = np.sort(local_maxima(correlation), axis=1)
    single = np.clip(2.0 * (1.0 - ordered[:, -2] / np.maximum(ordered[:, -1], 1e-12)), 0.0, 1.0)
    tone = np.clip((phase_kept - 0.7) / 0.25, 0.0, 1.0) * single
    return np.maximum(ramp(peak, 3.0, 8.0), tone)


def _lag_path(scores: Array) -> NDArray[np.int64]:
    """Four times the lag in steps, (T,), along the path that maximizes correlation minus the cost of moving.

    The search runs on the map, its mirror image, its reverse in time and both. The sum of the four has no side and no
    direction of time to prefer in a tie, and is exactly odd under mirroring.
    """
    lags = scores.shape[1]
    prepared = 4.0 * np.log1p(np.maximum(scores, 0.0) / 4.0) - FAR_COST * np.linspace(-1.0, 1.0, lags) ** 2
    maps = np.stack([prepared, prepared[:, ::-1], prepared[::-1], prepared[::-1, ::-1]], axis=1)
    lag = viterbi(maps, STEPS, MOVE_COST) - lags // 2
    return np.asarray((lag[:, 0] - lag[:, 1]) + (lag[::-1, 2] - lag[::-1, 3]))


def _refined(correlation: Array, quadrupled: NDArray[np.int64]) -> tuple[Array, Array]:
    """Delay (us) and correlation at a path, interpolated where all four paths agree on a peak."""
    middle = correlation.shape[1] // 2
    at = np.clip(np.round(quadrupled / 4.0).astype(np.int64) + middle, 1, correlation.shape[1] - 2)
    rows = np.arange(len(correlation))
    below, here, above = correlation[rows, at - 1], correlation[rows, at], correlation[rows, at + 1]
    shift = parabolic_peak(below, here, above, (quadrupled % 4 == 0) & (here >= below) & (here >= above))
    delay = (quadrupled / 4.0 + shift) * DELAY_STEP_US
    return np.clip(delay, -MAX_DELAY_US, MAX_DELAY_US), here


def _low_delay(stft: StereoStft) -> float:
    """Delay of the bins between 200 and 1000 Hz over the whole clip, in us."""
    bins = stft.bins(200.0, 1_000.0)
    real, imag = (part[:, bins].sum(axis=0, dtype=np.float64) for part in (stft.cross_real, stft.cross_imag))
    size = np.sqrt(real**2 + imag**2) ** 0.5 + 1e-12  # half way between plain and phase transform
    weighted = [(part / size)[None].astype(np.float32) for part in (real, imag)]
    correlation = _cross_correlation(weighted[0], weighted[1], stft.frequencies_hz[bins])[0]
    first, last = int(np.argmax(correlation)), len(correlation) - 1 - int(np.argmax(correlation[::-1]))
    return ((first + last) / 2.0 - len(correlation) // 2) * DELAY_STEP_US


@dataclass(frozen=True, eq=False)
class Azimuth:
    """Azimuth of the sound on the T track frames.

    Args:
        sine: of the azimuth, -1..1, positive at the right, shape (T,).
        confidence: 0..1, shape (T,).
        evidence: of the whole clip, 0..1; 0 for identical channels.
        conflict: how far level and delay contradict each other, 0..1.
    """

    sine: Array
    confidence: Array
    evidence: float
    conflict: float

    @property
    def degrees(self) -> Array:
        return np.asarray(np.degrees(np.arcsin(np.clip(self.sine, -1.0, 1.0))))


def estimate_azimuth(cues: InterauralCues, mic_spacing_m: float, weights: Array) -> Azimuth:
    """Azimuth from level and delay.

    Two laws define it, both linear in its sine: energy panning, sin(azimuth) = (R - L) / (R + L), and two microphones
    `mic_spacing_m` apart, delay = spacing / c * sin(azimuth). Where both cues are present, each counts by its own size,
    so that a cue that the recording does not carry (coincident microphones, spaced omnidirectional ones) does not pull
    the azimuth to the middle. Where they contradict each other over the clip, the level decides.

    Args:
        cues: of the clip.
        mic_spacing_m: distance of the microphones in meters.
        weights: of the track frames, such as `amplitude_weights`, shape (T,).
    """
    level, delay = cues.level_sine, _delay_sine(cues, mic_spacing_m)
    trust = cues.delay_confidence
    opposed = _contradict(level, delay, trust * weights)
    trust = trust**2 * (1.0 - opposed)  # squared: the peaks of an unrelated pair lie anywhere, often far out
    size = np.abs(level) + trust * np.abs(delay)
    mixed = np.divide(
        level * np.abs(level) + trust * delay * np.abs(delay), size, out=np.zeros_like(size), where=size > 0
    )
    conflict = max(REVERSED_DOUBT * opposed, COLORED_DOUBT * cues.colored(weights))
    confidence = cues.differs * np.clip(np.maximum(cues.coherence / 0.3, trust), 0.0, 1.0)
    evidence = weighted_mean(confidence, weights * cues.differs) * (1.0 - conflict)
    return Azimuth(mixed, confidence * (1.0 - conflict), evidence, conflict)


def amplitude_weights(level_dbfs: Array) -> Array:
    """Weight of each frame by its amplitude, 1 for the loudest: loud frames count for more, but never alone."""
    return np.asarray(10.0 ** ((level_dbfs - level_dbfs.max()) / 20.0))


def _delay_sine(cues: InterauralCues, mic_spacing_m: float) -> Array:
    """Delay over the largest that the microphones allow; wider ones than assumed show in the delays themselves."""
    largest = mic_spacing_m / SPEED_OF_SOUND * 1e6
    sure = np.abs(cues.delay_us[cues.delay_confidence > 0.3])
    if len(sure):
        largest = max(largest, float(np.quantile(sure, FAR_QUANTILE)))
    return np.clip(cues.delay_us / largest, -1.0, 1.0)


def _contradict(level: Array, delay: Array, weights: Array) -> bool:
    """Whether level and delay point to opposite sides over the clip and both are notable."""
    strength_level, strength_delay = (np.sqrt(weighted_mean(cue**2, weights)) for cue in (level, delay))
    if min(strength_level, strength_delay) < NOTABLE_SINE:
        return False
    return bool(weighted_mean(level * delay, weights) / (strength_level * strength_delay) < OPPOSED)
