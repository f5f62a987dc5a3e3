"""Hits of drums: noise that starts at once over a wide band, again and again, in a beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.dsp.separation.components import Grains
from spa2v.dsp.stft import Array, Spectra, decibel

NOISE_BAND_HZ = (5_000.0, 10_000.0)  # where voices and strings hold little, and cymbals and snares much
NOISE_BANDS = 8
RANGE_DB = 60.0
LOUD_DB = -22.0  # what the noise band must reach in its loudest frame, over the loudest frame of all bands
SUDDEN_DB = 9.0  # rise of the median band from one frame to the next; strummed steel strings stay below
MIN_RATE_HZ = 3.0
BEAT_S = (0.1, 1.0)
MIN_BEAT = 0.5  # correlation of the hits with themselves one beat later; unrelated ones stay below 0.4
HIT_BAND_HZ = (200.0, 8_000.0)
HIT_BANDS = 24
HIT_DB = 6.0  # what a hit must add to a band, so that the band tells the place of the hit and not of what went before
MAX_HOP_S = 0.04


@dataclass(frozen=True, eq=False)
class Bursts:
    """The hits of a drum kit.

    Args:
        frames: in which they sound, shape (H,).
        grains: what they add to each band.
        rate_hz: hits a second.
        forward: False when they are played backwards.
    """

    frames: NDArray[np.intp]
    grains: Grains
    rate_hz: float
    forward: bool


def bursts_of(spectra: Spectra) -> Bursts | None:
    """Hits in a beat, at least three a second; None where there are none.

    Played backwards a hit is noise that stops at once, so whichever of rise and fall is the more sudden counts.
    """
    hop = float(np.median(np.diff(spectra.times_s))) if len(spectra.times_s) > 1 else 0.0
    lines = spectra.lines(*NOISE_BAND_HZ)
    if not 0.0 < hop <= MAX_HOP_S or lines.stop - lines.start < NOISE_BANDS:
        return None
    bands = _sums(spectra.power, lines, _starts(spectra, lines, NOISE_BANDS))
    if bands.sum(axis=1).max() < 10 ** (LOUD_DB / 10) * spectra.power.sum(axis=1, dtype=np.float64).max():
        return None
    level = decibel(bands)
    change = np.median(np.diff(np.maximum(level, level.max() - RANGE_DB), axis=0), axis=1)
    rise, fall = np.maximum(change, 0.0), np.maximum(-change, 0.0)
    forward = float(np.sum(rise**2)) >= float(np.sum(fall**2))
    sudden = rise if forward else fall
    hits = np.flatnonzero(sudden > SUDDEN_DB)
    rate = len(hits) / (hop * len(level))
    if rate < MIN_RATE_HZ or _beat(sudden, hop) < MIN_BEAT:
        return None
    loud, before = (hits + 1, hits) if forward else (hits, hits + 1)
    return Bursts(loud, _added(spectra, loud, before), rate, forward)


def _starts(spectra: Spectra, lines: slice, bands: int) -> NDArray[np.intp]:
    """First line of each band of equal width in octaves, counted from the start of `lines`."""
    hz = spectra.frequencies_hz[lines]
    return np.unique(np.searchsorted(hz, np.geomspace(hz[0], hz[-1], bands + 1)[:-1]))


def _sums(power: NDArray[np.float32], lines: slice, starts: NDArray[np.intp]) -> Array:
    return np.asarray(np.add.reduceat(power[:, lines].astype(np.float64), starts, axis=1))


def _beat(sudden: Array, hop: float) -> float:
    """How regular the hits are: the highest correlation of their course with itself up to a second later."""
    course = np.minimum(sudden, 2.0 * SUDDEN_DB)
    course = course - course.mean()
    size = float(course @ course)
    lags = range(max(1, int(BEAT_S[0] / hop)), min(int(BEAT_S[1] / hop), len(course) - 1))
    return max((float(course[lag:] @ course[:-lag]) / size for lag in lags), default=0.0) if size > 0 else 0.0


def _added(spectra: Spectra, loud: NDArray[np.intp], before: NDArray[np.intp]) -> Grains:
    """What the hits add to the bands, as grains."""
    lines = spectra.lines(*HIT_BAND_HZ)
    starts = _starts(spectra, lines, HIT_BANDS)
    parts = (spectra.left, spectra.right, spectra.cross_real, spectra.cross_imag)
    with_hit, without = ([_sums(part[frames], lines, starts) for part in parts] for frames in (loud, before))
    left, right, real, imag = (now - then for now, then in zip(with_hit, without, strict=True))
    clear = with_hit[0] + with_hit[1] > 10 ** (HIT_DB / 10) * (without[0] + without[1])
    row, band = np.nonzero(clear & (left > 0) & (right > 0))
    middles = (starts + np.append(starts[1:], lines.stop - lines.start)) // 2 + lines.start
    line = middles[band]
    hz = spectra.frequencies_hz[line]
    at = row, band
    return Grains(loud[row], line, hz, left[at], right[at], real[at], imag[at], row)
