"""Cells of time and frequency with what each says about a place: the evidence that sources are separated on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.dsp.interaural import SPEED_OF_SOUND
from spa2v.dsp.stft import Array, Spectra

CELL_BANDS = 36
MAX_CELL_FRAMES = 80
GRID = 49
PLACES = np.arange(-(GRID // 2), GRID // 2 + 1) / (GRID // 2)  # sines of the azimuth, exactly odd
SINE_SPREAD = 0.07  # of one cell that one source owns
PHASE_SHARPNESS = 8.0
LOW_HZ = 800.0  # below, a phase tells the delay of a head without ambiguity
TOGETHER = 0.5  # correlation from which level and delay are taken to tell the same place
NOTABLE_SINE = 0.05  # 3 degrees
COHERENT = 0.7  # mixtures and diffuse sound lie below; a cell that one source owns comes near 1


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells on T steps in time and B bands.

    Args:
        starts: first line of each band inside the cue band, shape (B,).
        frames: first frame of each of the T steps in time, shape (T,).
        hz: middle of each band.
        left, right: power, shape (T, B).
        sine: (R - L) / (R + L), shape (T, B).
        phase: of the cross-spectrum, shape (T, B).
        coherence: 0..1, shape (T, B).
        weight: root of the power, zero where a cell is quiet or not coherent, shape (T, B).
        coherent_share: sum of the weights over what it would be if all loud cells were coherent.
        level_gain, delay_gain: how far level and delay follow the sine of the azimuth in this recording, the larger
            one 1; 0 for the smaller one where it does not go with the larger.
        delay_scale_s: delay of a sine of 1.
    """

    starts: NDArray[np.intp]
    frames: NDArray[np.intp]
    hz: Array
    left: Array
    right: Array
    sine: Array
    phase: Array
    coherence: Array
    weight: Array
    coherent_share: float
    level_gain: float
    delay_gain: float
    delay_scale_s: float

    def likelihood(self) -> Array:
        """Of every place on the grid for every cell, (T, B, GRID), each cell summing to 1."""
        return self.likelihood_of(self.sine, self.phase, self.hz)

    def likelihood_of(self, sine: Array, phase: Array, hz: Array) -> Array:
        """Of every place on the grid for pieces of sound, (..., GRID), each piece summing to 1."""
        level = (sine[..., None] - self.level_gain * PLACES).astype(np.float32) / np.float32(SINE_SPREAD)
        turn = (2 * np.pi * self.delay_scale_s * self.delay_gain * hz[..., None] * PLACES).astype(np.float32)
        unlike = np.cos(phase[..., None].astype(np.float32) - turn)
        like = np.exp(
            np.float32(-0.5) * np.minimum(level * level, np.float32(40.0)) + np.float32(PHASE_SHARPNESS) * (unlike - 1)
        )
        like = like.astype(np.float64)  # sums of single precision would depend on which side comes first
        return np.asarray(like / like.sum(axis=-1, keepdims=True))


def cells_of(spectra: Spectra, mic_spacing_m: float) -> Cells:
    """The cells of a clip."""
    lines = spectra.cue_lines
    hz = spectra.frequencies_hz[lines]
    edges = np.geomspace(hz[0], hz[-1] + 1e-6, CELL_BANDS + 1)[:-1]
    starts = np.unique(np.searchsorted(hz, edges))
    parts = (spectra.left, spectra.right, spectra.cross_real, spectra.cross_imag)
    times = np.arange(0, len(spectra.times_s), -(-len(spectra.times_s) // MAX_CELL_FRAMES))
    left, right, real, imag = (
        np.add.reduceat(np.add.reduceat(part[:, lines], starts, axis=1), times, axis=0) for part in parts
    )
    total = (left + right).astype(np.float64)
    sine = np.divide(right - left, total, out=np.zeros_like(total), where=total > 0)
    size = np.sqrt(left.astype(np.float64) * right)
    coherence = np.divide(np.hypot(real, imag), size, out=np.zeros_like(total), where=size > 0)
    coherence = _unbiased(coherence, starts, times, hz)
    differs = np.logical_or.reduceat(np.repeat(spectra.differs, spectra.group), times)[:, None]
    loud = (total > max(1e-5 * float(total.max()), 1e-11)) & differs
    full = np.where(loud, total**0.25, 0.0)
    weight = full * np.clip((coherence - COHERENT) / (1.0 - COHERENT), 0.0, 1.0) ** 2
    clear = float(weight.sum()) / max(float(full.sum()), 1e-12)
    middles = np.sqrt(hz[starts] * np.append(hz[starts][1:], hz[-1]))
    phase = np.arctan2(imag, real).astype(np.float64)
    scale = mic_spacing_m / SPEED_OF_SOUND
    level_gain, delay_gain = _gains(sine, phase / (2 * np.pi * middles * scale), weight * (middles < LOW_HZ), weight)
    left, right = left.astype(np.float64), right.astype(np.float64)
    return Cells(
        starts,
        times,
        middles,
        left,
        right,
        sine,
        phase,
        coherence,
        weight,
        clear,
        level_gain,
        delay_gain,
        scale,
    )


def _unbiased(coherence: Array, starts: NDArray[np.intp], frames: NDArray[np.intp], hz: Array) -> Array:
    """Coherence without what few samples give by chance: n unrelated ones reach 1 / sqrt(n) on average.

    Frames overlap by half and lines of a Hann window share noise, so a sample counts for half.
    """
    lines = np.diff(np.append(starts, len(hz)))
    step = int(frames[1] - frames[0]) if len(frames) > 1 else 1
    count = np.maximum(0.5 * step * lines, 1.0)
    square = (count * coherence**2 - 1.0) / np.maximum(count - 1.0, 0.5)
    return np.sqrt(np.clip(square, 0.0, 1.0))


def _gains(sine: Array, delay: Array, low: Array, weight: Array) -> tuple[float, float]:
    """Sizes of both cues, the larger made 1; the smaller counts only where it goes with the larger.

    The size of a cue is what neighboring bands share. Reverberation scatters each band on its own, and a phase in a
    room can scatter farther than a source ever moves it. Where sources take turns from band to band nothing is shared;
    then the whole of each counts.
    """
    delay = np.clip(delay, -1.5, 1.5)
    level, late = _shared(sine, weight), _shared(delay, low)
    if max(level, late) < NOTABLE_SINE:
        level, late = _size(sine, weight), _size(delay, low)
    if late <= 1e-6 or level <= 1e-6:
        return (1.0, 0.0) if level >= late else (0.0, 1.0)
    agreement = _agreement(_over_bands(sine, weight), _over_bands(delay, low), low.sum(axis=1))
    if agreement < TOGETHER:  # where they contradict each other the level decides, as in a recording played backwards
        return (1.0, 0.0) if level >= late or agreement < -TOGETHER else (0.0, 1.0)
    largest = max(level, late)
    return level / largest, late / largest


def _shared(cue: Array, weight: Array) -> float:
    """Root mean square of a cue, of that part that bands share with the next and the next but one."""
    products = shares = 0.0
    for step in (1, 2):
        both = np.sqrt(weight[:, step:] * weight[:, :-step])
        products += float(np.sum(both * cue[:, step:] * cue[:, :-step]))
        shares += float(both.sum())
    return math.sqrt(max(products, 0.0) / shares) if shares > 0 else 0.0


def _size(cue: Array, weight: Array) -> float:
    total = float(weight.sum())
    return math.sqrt(float(np.sum(weight * cue**2)) / total) if total > 0 else 0.0


def _over_bands(cue: Array, weight: Array) -> Array:
    """Weighted mean over the bands at each step in time, (T,)."""
    total = weight.sum(axis=1)
    return np.divide((cue * weight).sum(axis=1), total, out=np.zeros_like(total), where=total > 0)


def _agreement(one: Array, other: Array, weight: Array) -> float:
    """Whether two cues point the same way, -1..1."""
    size = math.sqrt(float(weight @ one**2) * float(weight @ other**2))
    return float(weight @ (one * other)) / size if size > 1e-12 else 0.0
