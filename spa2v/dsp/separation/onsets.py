"""Onsets: what a note or a hit adds to the sound, as components.

`first_arrivals` reads the first milliseconds, which come straight from the source, before any wall reflects them (the
precedence effect, Litovsky et al. 1999); `percussive_onsets` finds the regular broadband onsets of drums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from spa2v.core.types import AudioClip
from spa2v.dsp.filters import Array, decibel, log_bands
from spa2v.dsp.separation.tf_bins import Components
from spa2v.dsp.stft import StereoStft, cross_powers, sounding_part

# First arrivals
WINDOW_S = 0.005  # the way to a wall and back takes longer
BAND_HZ = (250.0, 8_000.0)
BANDS = 12
BEFORE = 4  # hops
RISE_DB = 6.0  # over the loudest of the hops before
RANGE_DB = 50.0
NEAR = 3  # hops: one onset is one peak of the rise
MIN_BANDS = 3  # that must rise at once; a beat of two partials rises in one
MAX_S = 60.0  # of longer clips the middle is used

# Percussive onsets
NOISE_BAND_HZ = (5_000.0, 10_000.0)  # where voices and strings hold little, and cymbals and snares much
NOISE_BANDS = 8
NOISE_RANGE_DB = 60.0
LOUD_DB = -22.0  # what the noise band must reach in its loudest frame, over the loudest frame of all bands
SUDDEN_DB = 9.0  # rise of the median band from one frame to the next; strummed steel strings stay below
MIN_RATE_HZ = 3.0
BEAT_S = (0.1, 1.0)
MIN_BEAT = 0.5  # autocorrelation of the onsets one beat later; unrelated ones stay below 0.4
HIT_BAND_HZ = (200.0, 8_000.0)
HIT_BANDS = 24
HIT_DB = 6.0  # what a hit must add to a band, so that the band has the azimuth of the hit and not of what went before
MAX_HOP_S = 0.04


def first_arrivals(audio: AudioClip) -> Components:
    """What each onset adds to the bands in which it rises, one event for each onset.

    Frames are hops of half a window of about 5 ms from the start of the evaluated part.
    """
    rate, stereo = audio.sample_rate, audio.stereo[:, sounding_part(audio)]
    longest = int(MAX_S * rate)
    first = max(0, (stereo.shape[1] - longest) // 2)
    stereo = stereo[:, first : first + longest]
    window = max(16, 2 ** round(np.log2(WINDOW_S * rate)))
    if stereo.shape[1] < (BEFORE + 8) * window or rate < 4 * BAND_HZ[0]:
        return _no_components()
    powers, hz, bins = _band_powers(stereo, window, rate)
    rising = _rising(powers[0] + powers[1])
    left, right, real, imag = (_added(part) for part in powers)
    hop, band = at = np.nonzero(rising & (left > 0) & (right > 0))
    if len(hop) == 0:
        return _no_components()
    event = np.cumsum(np.diff(hop, prepend=hop[:1]) > NEAR, dtype=np.intp)
    found = Components(hop + BEFORE + 1, bins[band], hz[band], left[at], right[at], real[at], imag[at], event)
    return found.select(np.bincount(event)[event] >= MIN_BANDS)


def _no_components() -> Components:
    empty, whole = np.zeros(0), np.zeros(0, dtype=np.intp)
    return Components(whole, whole, empty, empty, empty, empty, empty, whole)


def _band_powers(stereo: NDArray[np.float32], window: int, rate: int) -> tuple[Array, Array, NDArray[np.intp]]:
    """Left, right, real and imaginary cross power of the bands at every hop, (4, T, B); their middles in Hz; bins."""
    frames = sliding_window_view(stereo, window, axis=1)[:, :: window // 2]
    taper = np.hanning(window + 2)[1:-1].astype(np.float32)
    bins = np.arange(window // 2 + 1)
    bins = bins[(bins * rate >= BAND_HZ[0] * window) & (bins * rate <= BAND_HZ[1] * window)]
    hz: Array = bins * np.float64(rate / window)
    starts = log_bands(hz, BANDS)
    parts = cross_powers(frames, taper, slice(bins[0], bins[-1] + 1))
    powers = np.add.reduceat(parts, starts, axis=2).astype(np.float64)
    return powers, np.sqrt(hz[starts] * np.append(hz[starts][1:], hz[-1] + rate / window)), bins[starts]


def _hops(power: Array, shift: int) -> Array:
    """A power at the hops that have enough hops before and after them, or `shift` hops later; (T - BEFORE - 3, B)."""
    return power[BEFORE + 1 + shift : len(power) - 2 + shift]


def _rising(total: Array) -> NDArray[np.bool_]:
    """Where a band rises above all that was before, at the top of the rise."""
    quiet = np.maximum.reduce([_hops(total, -back) for back in range(2, BEFORE + 1)])
    loud = np.maximum(_hops(total, 0), _hops(total, 1))
    rise = loud / np.maximum(quiet, 1e-20)
    top = rise >= maximum_filter1d(rise, 2 * NEAR + 1, axis=0)
    audible = loud > 10 ** (-RANGE_DB / 10) * float(total.max())
    return np.asarray(top & audible & (rise > 10 ** (RISE_DB / 10)))


def _added(power: Array) -> Array:
    """What two hops hold more than those before."""
    before = np.mean([_hops(power, -back) for back in range(2, BEFORE + 1)], axis=0)
    return np.asarray((_hops(power, 0) + _hops(power, 1)) / 2 - before)


@dataclass(frozen=True, eq=False)
class PercussiveOnsets:
    """The hits of a drum kit.

    Args:
        frames: the STFT frames of the H hits, shape (H,).
        components: what they add to each band.
        rate_hz: hits a second.
        forward: False when they are played backwards.
    """

    frames: NDArray[np.intp]
    components: Components
    rate_hz: float
    forward: bool


def percussive_onsets(stft: StereoStft) -> PercussiveOnsets | None:
    """Broadband onsets in a beat, at least three a second; None where there are none.

    Played backwards a hit is noise that stops at once, so whichever of rise and fall is the more sudden counts.
    """
    hop = stft.hop_s
    bins = stft.bins(*NOISE_BAND_HZ)
    if not 0.0 < hop <= MAX_HOP_S or bins.stop - bins.start < NOISE_BANDS:
        return None
    bands = _band_sums(stft.power, bins, log_bands(stft.frequencies_hz[bins], NOISE_BANDS))
    if bands.sum(axis=1).max() < 10 ** (LOUD_DB / 10) * stft.power.sum(axis=1, dtype=np.float64).max():
        return None
    level = decibel(bands)
    change = np.median(np.diff(np.maximum(level, level.max() - NOISE_RANGE_DB), axis=0), axis=1)
    rise, fall = np.maximum(change, 0.0), np.maximum(-change, 0.0)
    forward = float(np.sum(rise**2)) >= float(np.sum(fall**2))
    sudden = rise if forward else fall
    hits = np.flatnonzero(sudden > SUDDEN_DB)
    rate = len(hits) / (hop * len(level))
    if rate < MIN_RATE_HZ or _beat(sudden, hop) < MIN_BEAT:
        return None
    loud, before = (hits + 1, hits) if forward else (hits, hits + 1)
    return PercussiveOnsets(loud, _hit_components(stft, loud, before), rate, forward)


def _band_sums(power: NDArray[np.float32], bins: slice, starts: NDArray[np.intp]) -> Array:
    return np.asarray(np.add.reduceat(power[:, bins].astype(np.float64), starts, axis=1))


def _beat(sudden: Array, hop: float) -> float:
    """How regular the onsets are: the highest autocorrelation between the lags of `BEAT_S`."""
    onsets = np.minimum(sudden, 2.0 * SUDDEN_DB)
    onsets = onsets - onsets.mean()
    power = float(onsets @ onsets)
    lags = range(max(1, int(BEAT_S[0] / hop)), min(int(BEAT_S[1] / hop), len(onsets) - 1))
    return max((float(onsets[lag:] @ onsets[:-lag]) / power for lag in lags), default=0.0) if power > 0 else 0.0


def _hit_components(stft: StereoStft, loud: NDArray[np.intp], before: NDArray[np.intp]) -> Components:
    """What the hits add to the bands."""
    bins = stft.bins(*HIT_BAND_HZ)
    starts = log_bands(stft.frequencies_hz[bins], HIT_BANDS)
    with_hit, without = ([_band_sums(part[at], bins, starts) for part in stft.products] for at in (loud, before))
    left, right, real, imag = (now - then for now, then in zip(with_hit, without, strict=True))
    clear = with_hit[0] + with_hit[1] > 10 ** (HIT_DB / 10) * (without[0] + without[1])
    hit, band = at = np.nonzero(clear & (left > 0) & (right > 0))
    middles = (starts + np.append(starts[1:], bins.stop - bins.start)) // 2 + bins.start
    middle = middles[band]
    return Components(loud[hit], middle, stft.frequencies_hz[middle], left[at], right[at], real[at], imag[at], hit)
