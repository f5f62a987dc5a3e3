"""Differences between the channels over time: level, delay, coherence and what place they mean.

Everything here is antisymmetric by construction: exchanging the channels negates level difference, delay and azimuth
exactly, because both channels go through the same operations and no rule prefers a side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from spa2v.core.types import AudioClip
from spa2v.dsp.stft import Array, Spectra, decibel, spectra_of

SPEED_OF_SOUND = 343.0  # m/s
MAX_DELAY_US = 1_000.0  # wide microphone pairs; a head gives at most 660
DELAY_STEP_US = 10.0
STEPS = (-16, -8, -4, -3, -2, -1, 0, 1, 2, 3, 4, 8, 16)  # lag steps from one track frame to the next
MOVE_COST = 0.15  # of one lag step, in standard deviations of an unrelated pair; a fast pass costs no more than a slow
FAR_COST = 0.3  # of a delay of 1 ms: among equal peaks (tones) the smaller delay is the likelier
COHERENCE_CAP = 0.05  # bounds the weight of one spectral line to 20 times that of a half coherent one
LINE_OVERLAP = 1.5  # neighboring lines of a Hann window share their noise: 1.5 lines count as one
QUIET_LINE = 1e-6  # lines 60 dB under the strongest of their frame are coding noise
DIFFUSE_FLOOR = 0.4  # the direct part is taken for at least 40 % of the power when diffuse sound is discounted
BANDS = 16


@dataclass(frozen=True, eq=False)
class Lateral:
    """Differences on the T track frames.

    Args:
        level_difference_db: right minus left in the cue band.
        level_shift_db: mean over bands of the band's level difference minus its median over time: what changes,
            freed from a fixed coloration and from changes of the sound's spectrum.
        delay_us: arrival time difference, positive is earlier at the right.
        coherence: height of the correlation peak, 0..1.
        delay_confidence: 0..1, from the peak against the noise of an unrelated pair.
        level_sine: sine of the azimuth by the energy law, (R - L) / (R + L) with diffuse sound discounted.
        differs: False where the channels are the same.
        low_sine, high_sine: sine of the azimuth by level in 200..1000 and 1500..8000 Hz.
        low_delay_us: delay of 200..1000 Hz over the whole clip.
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


_CACHE: WeakKeyDictionary[AudioClip, Lateral] = WeakKeyDictionary()


def lateral_of(audio: AudioClip) -> Lateral:
    """The differences between the channels of a clip; computed once for each clip."""
    if audio not in _CACHE:
        _CACHE[audio] = _measure(spectra_of(audio))
    return _CACHE[audio]


def _measure(spectra: Spectra) -> Lateral:
    lines = spectra.cue_lines
    left, right = (power[:, lines].astype(np.float64) for power in spectra.track_powers)
    total_left, total_right = left.sum(axis=1), right.sum(axis=1)
    delay, coherence, confidence = _delay_path(spectra)
    shift = _band_shift(spectra)
    low, high = _band_sines(spectra)
    differs = spectra.differs
    return Lateral(
        level_difference_db=np.where(differs, decibel(total_right) - decibel(total_left), 0.0),
        level_shift_db=np.where(differs, shift, 0.0),
        delay_us=np.where(differs, delay, 0.0),
        coherence=coherence,
        delay_confidence=np.where(differs, confidence, 0.0),
        level_sine=np.where(differs, _level_sine(spectra, total_left, total_right, delay), 0.0),
        differs=differs,
        low_sine=low,
        high_sine=high,
        low_delay_us=_low_delay(spectra),
    )


def smoothed(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Moving mean over an odd number of frames, symmetric in time, along the first axis."""
    size = min(size, len(values)) | 1
    if size <= 1:
        return values
    return np.asarray(uniform_filter1d(values, size, axis=0, mode="nearest"))


def _level_sine(spectra: Spectra, left: Array, right: Array, delay_us: Array) -> Array:
    """Sine of the azimuth of the coherent part.

    For one source in uncorrelated noise of equal power, R - L and the cross-correlation at the source's delay hold the
    source alone: sin(azimuth) = (R - L) / sqrt((R - L)^2 + 4 C^2), the direction of the first principal component.
    """
    lines = spectra.cue_lines
    phase = 2e-6 * np.pi * delay_us[:, None] * spectra.frequencies_hz[lines]
    cross_real, cross_imag = (spectra.grouped(part[:, lines]) for part in (spectra.cross_real, spectra.cross_imag))
    cross = np.sum(cross_real * np.cos(phase) + cross_imag * np.sin(phase), axis=1)
    difference, total = right - left, right + left
    direct = np.sqrt(difference**2 + 4.0 * cross**2)
    return np.divide(difference, np.maximum(direct, DIFFUSE_FLOOR * total), out=np.zeros_like(total), where=total > 0)


def _bands(spectra: Spectra) -> tuple[NDArray[np.intp], Array, Array]:
    """First lines of the bands inside the cue band, their lower edges in Hz, and their numbers of lines."""
    hz = spectra.frequencies_hz[spectra.cue_lines]
    starts = np.unique(np.searchsorted(hz, np.geomspace(hz[0], hz[-1] + 1e-6, BANDS + 1)[:-1]))
    return starts, hz[starts], np.diff(np.append(starts, len(hz))).astype(np.float64)


def _band_shift(spectra: Spectra) -> Array:
    """How the level differences of all bands together move around their medians over time, in dB, (T,)."""
    starts, _, counts = _bands(spectra)
    left, right = (
        np.add.reduceat(power[:, spectra.cue_lines].astype(np.float64), starts, axis=1)
        for power in spectra.track_powers
    )
    span = max(3, len(left) // 32)
    difference = decibel(smoothed(right, span)) - decibel(smoothed(left, span))
    power = (left + right).mean(axis=0)
    weight = np.sqrt(counts) * (power > 1e-4 * power.max())
    return np.asarray((difference - np.median(difference, axis=0)) @ weight / max(float(weight.sum()), 1e-12))


def _band_sines(spectra: Spectra) -> tuple[float, float]:
    """Sine of the azimuth by level below 1 kHz and above 1.5 kHz, diffuse sound discounted band by band."""
    starts, edges, _ = _bands(spectra)
    lines, span = spectra.cue_lines, max(3, len(spectra.track_times_s) // 24) | 1
    left, right = (smoothed(power[:, lines], span) for power in spectra.track_powers)
    real, imag = (smoothed(spectra.grouped(part[:, lines]), span) for part in (spectra.cross_real, spectra.cross_imag))
    count = 0.5 * min(span, len(left)) * spectra.group + 0.5
    common = np.sqrt(np.maximum(real * real + imag * imag - left * right / count, 0.0))
    left, right, common = (
        np.add.reduceat(part.sum(axis=0, dtype=np.float64), starts) for part in (left, right, common)
    )
    sine = (right - left) / np.maximum(np.hypot(right - left, 2 * common), 1e-20)
    weight = np.sqrt(common)
    return _weighted(sine, weight * (edges < 1_000.0)), _weighted(sine, weight * (edges >= 1_500.0))


def _weighted(values: Array, weights: Array) -> float:
    total = float(weights.sum())
    return float(values @ weights) / total if total > 0 else 0.0


@lru_cache(maxsize=8)
def _steering(first_hz: float, step_hz: float, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """cos and sin of every line at the lags 0..1 ms, each (count, J)."""
    lags = np.arange(0.0, MAX_DELAY_US + DELAY_STEP_US / 2, DELAY_STEP_US) * 1e-6
    phase = 2.0 * np.pi * np.outer(first_hz + step_hz * np.arange(count), lags)
    return np.cos(phase).astype(np.float32), np.sin(phase).astype(np.float32)


def steered(real: NDArray[np.float32], imag: NDArray[np.float32], hz: Array) -> NDArray[np.float64]:
    """Correlation at the lags -1..1 ms of weighted cross-spectra, (T, K) to (T, 2 J - 1)."""
    step = float(hz[1] - hz[0]) if len(hz) > 1 else 1.0
    cosine, sine = _steering(float(hz[0]), step, len(hz))
    even, odd = (real @ cosine).astype(np.float64), (imag @ sine).astype(np.float64)
    return np.concatenate([(even - odd)[:, :0:-1], even + odd], axis=1)


def phasors(spectra: Spectra, lines: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit cross-spectra (PHAT) on the track frames, zero where a line is too quiet to mean anything."""
    real, imag = spectra.cross_real[:, lines], spectra.cross_imag[:, lines]
    power = spectra.power[:, lines]
    size = np.sqrt(real * real + imag * imag)
    loud = power > np.maximum(QUIET_LINE * power.max(axis=1, keepdims=True), 1e-14)
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=loud & (size > 0))
    return spectra.grouped(real * scale), spectra.grouped(imag * scale)


def _delay_path(spectra: Spectra) -> tuple[Array, Array, Array]:
    """Delay (us), correlation peak and confidence on the track frames.

    Generalised cross-correlation with phase transform (Knapp and Carter 1976), each line weighted by its coherence
    over time (their maximum likelihood weight, bounded), and a smooth path of best total height through it.
    """
    hz = spectra.frequencies_hz[spectra.cue_lines]
    real, imag = phasors(spectra, spectra.cue_lines)
    span = max(3, len(real) // 24) | 1
    real, imag = smoothed(real, span), smoothed(imag, span)
    count = 0.5 * (min(span, len(real)) * spectra.group) + 0.5  # frames overlap by half
    locked = real * real + imag * imag
    coherent = np.clip((count * locked - 1.0) / max(count - 1.0, 0.5), 0.0, 1.0)
    weight = (coherent / (1.0 - coherent + COHERENCE_CAP) + 0.01).astype(np.float32)
    heights = steered(weight * real, weight * imag, hz)
    noise = np.sqrt(LINE_OVERLAP / 2 * np.sum(weight**2 * locked, axis=1, dtype=np.float64)) + 1e-12
    path = _smooth_path(heights / noise[:, None])
    delay, peak = _refine(heights, path)
    coherence = np.clip(peak / weight.sum(axis=1, dtype=np.float64), 0.0, 1.0)
    return delay, coherence, _delay_confidence(heights, peak / noise, weight, locked)


def _delay_confidence(heights: Array, peak: Array, weight: NDArray[np.float32], locked: NDArray[np.float32]) -> Array:
    """Sure when the lines agree on one lag, or when few lines keep their phase and no second lag explains them.

    About 30 independent lags lie in the range, so an unrelated pair reaches 2.5 standard deviations in most frames;
    confidence starts at 3 and is full at 8.
    """
    agree = np.clip((peak - 3.0) / 5.0, 0.0, 1.0)
    total = weight.sum(axis=1, dtype=np.float64)
    kept = np.sum(weight * np.sqrt(locked), axis=1, dtype=np.float64) / total
    ordered = np.sort(_peaks(heights), axis=1)
    single = np.clip(2.0 * (1.0 - ordered[:, -2] / np.maximum(ordered[:, -1], 1e-12)), 0.0, 1.0)
    tone = np.clip((kept - 0.7) / 0.25, 0.0, 1.0) * single
    return np.maximum(agree, tone)


def _peaks(heights: Array) -> Array:
    inner = heights[:, 1:-1]
    top = (inner >= heights[:, :-2]) & (inner >= heights[:, 2:])
    return np.where(top, inner, 0.0)


def _smooth_path(scores: Array) -> NDArray[np.int64]:
    """Four times the lag in steps, (T,), along the path that maximises height minus the cost of moving (Viterbi).

    It runs on the map, its mirror image, its reverse in time and both. The sum of the four has no side and no end of
    time to prefer in a tie, and is exactly odd under mirroring.
    """
    lags = scores.shape[1]
    prepared = 4.0 * np.log1p(np.maximum(scores, 0.0) / 4.0) - FAR_COST * np.linspace(-1.0, 1.0, lags) ** 2
    maps = np.stack([prepared, prepared[:, ::-1], prepared[::-1], prepared[::-1, ::-1]], axis=1)
    lag = best_path(maps, STEPS, MOVE_COST) - lags // 2
    return np.asarray((lag[:, 0] - lag[:, 1]) + (lag[::-1, 2] - lag[::-1, 3]))


def best_path(maps: Array, steps: tuple[int, ...], move_cost: float) -> NDArray[np.int64]:
    """The path of most height less its length, for each of M maps, (T, M, places) to (T, M).

    Args:
        maps: heights of the places at every time.
        steps: allowed moves from one time to the next, increasing.
        move_cost: of one place of the way.
    """
    frames, count, places = maps.shape
    reach = steps[-1]
    cost = move_cost * np.abs(np.array(steps, dtype=np.float64))[:, None]
    padded = np.full((count, places + 2 * reach), -np.inf)
    inner = padded[:, reach:-reach]
    starts = [padded[:, reach + step : reach + step + places] for step in steps]
    options = np.empty((len(steps), count, places))
    came = np.empty((frames, count, places), dtype=np.int64)
    inner[:] = maps[0]
    for frame in range(1, frames):
        np.stack(starts, out=options)
        options -= cost[:, None]
        np.argmax(options, axis=0, out=came[frame])
        np.add(options.max(axis=0), maps[frame], out=inner)
    moves, total = np.array(steps), inner
    path = np.empty((frames, count), dtype=np.int64)
    path[-1] = total.argmax(axis=1)
    each = np.arange(count)
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = path[frame] + moves[came[frame, each, path[frame]]]
    return path


def _refine(heights: Array, quadrupled: NDArray[np.int64]) -> tuple[Array, Array]:
    """Delay (us) and height at a path, a parabola through three lags where all four paths agree on a peak."""
    middle = heights.shape[1] // 2
    at = np.clip(np.round(quadrupled / 4.0).astype(np.int64) + middle, 1, heights.shape[1] - 2)
    rows = np.arange(len(heights))
    below, here, above = heights[rows, at - 1], heights[rows, at], heights[rows, at + 1]
    bend = 2.0 * here - below - above
    peak = (quadrupled % 4 == 0) & (here >= below) & (here >= above) & (bend > 0)
    shift = np.divide(above - below, 2.0 * bend, out=np.zeros_like(here), where=peak)
    delay = (quadrupled / 4.0 + shift) * DELAY_STEP_US
    return np.clip(delay, -MAX_DELAY_US, MAX_DELAY_US), here


def _low_delay(spectra: Spectra) -> float:
    """Delay of the lines between 200 and 1000 Hz over the whole clip, in us."""
    lines = spectra.lines(200.0, 1_000.0)
    real, imag = (part[:, lines].sum(axis=0, dtype=np.float64) for part in (spectra.cross_real, spectra.cross_imag))
    size = np.sqrt(real**2 + imag**2) ** 0.5 + 1e-12  # half way between plain and phase transform
    heights = steered(
        (real / size)[None].astype(np.float32), (imag / size)[None].astype(np.float32), spectra.frequencies_hz[lines]
    )[0]
    first, last = int(np.argmax(heights)), len(heights) - 1 - int(np.argmax(heights[::-1]))
    return ((first + last) / 2.0 - len(heights) // 2) * DELAY_STEP_US
