"""Where sounds start: the first milliseconds come straight from their source, before any wall answers."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from spa2v.core.types import AudioClip
from spa2v.dsp.separation.components import Grains
from spa2v.dsp.stft import Array

WINDOW_S = 0.005  # the way to a wall and back takes longer
BAND_HZ = (250.0, 8_000.0)
BANDS = 12
BEFORE = 4  # hops
RISE_DB = 6.0  # over the loudest of the hops before
RANGE_DB = 50.0
NEAR = 3  # hops: one start is one peak of the rise
TOGETHER = 3  # bands that must start at once; a beat of two lines is heard in one
MAX_S = 60.0  # the middle of longer clips is looked at


def onsets_of(audio: AudioClip) -> Grains:
    """What each start adds to the bands in which it is heard, as grains; one event for each start.

    Frames are hops of half a window of about 5 ms from the start of the part that is looked at.
    """
    rate, stereo = audio.sample_rate, _middle(audio)
    window = max(16, 2 ** round(np.log2(WINDOW_S * rate)))
    if stereo.shape[1] < (BEFORE + 8) * window or rate < 4 * BAND_HZ[0]:
        return _none()
    powers, hz, lines = _powers(stereo, window, rate)
    begins = _begins(powers[0] + powers[1])
    left, right, real, imag = (_added(part) for part in powers)
    row, band = at = np.nonzero(begins & (left > 0) & (right > 0))
    if len(row) == 0:
        return _none()
    event = np.cumsum(np.diff(row, prepend=row[:1]) > NEAR, dtype=np.intp)
    found = Grains(row + BEFORE + 1, lines[band], hz[band], left[at], right[at], real[at], imag[at], event)
    return found.part(np.bincount(event)[event] >= TOGETHER)


def _hops(power: Array, shift: int) -> Array:
    """A power at the hops that have enough hops before and after them, or `shift` hops later; (T - BEFORE - 3, B)."""
    return power[BEFORE + 1 + shift : len(power) - 2 + shift]


def _begins(total: Array) -> NDArray[np.bool_]:
    """Where a band rises above all that was before, at the top of the rise."""
    quiet = np.maximum.reduce([_hops(total, -back) for back in range(2, BEFORE + 1)])
    loud = np.maximum(_hops(total, 0), _hops(total, 1))
    rise = loud / np.maximum(quiet, 1e-20)
    top = rise >= maximum_filter1d(rise, 2 * NEAR + 1, axis=0)
    heard = loud > 10 ** (-RANGE_DB / 10) * float(total.max())
    return np.asarray(top & heard & (rise > 10 ** (RISE_DB / 10)))


def _added(power: Array) -> Array:
    """What two hops hold more than those before."""
    before = np.mean([_hops(power, -back) for back in range(2, BEFORE + 1)], axis=0)
    return np.asarray((_hops(power, 0) + _hops(power, 1)) / 2 - before)


def _middle(audio: AudioClip) -> NDArray[np.float32]:
    stereo, longest = audio.stereo, int(MAX_S * audio.sample_rate)
    first = max(0, (stereo.shape[1] - longest) // 2)
    return stereo[:, first : first + longest]


def _none() -> Grains:
    empty, whole = np.zeros(0), np.zeros(0, dtype=np.intp)
    return Grains(whole, whole, empty, empty, empty, empty, empty, whole)


def _powers(
    stereo: NDArray[np.float32], window: int, rate: int
) -> tuple[tuple[Array, Array, Array, Array], Array, NDArray[np.intp]]:
    """Left, right, real and imaginary cross power of the bands at every hop, (T, B); their middles in Hz and lines."""
    views = sliding_window_view(stereo, window, axis=1)[:, :: window // 2]
    taper = np.hanning(window + 2)[1:-1].astype(np.float32)
    lines = np.arange(window // 2 + 1)
    lines = lines[(lines * rate >= BAND_HZ[0] * window) & (lines * rate <= BAND_HZ[1] * window)]
    spectrum = scipy.fft.rfft(views * taper, axis=-1)[..., lines[0] : lines[-1] + 1]
    hz = lines * (rate / window)
    starts = np.unique(np.searchsorted(hz, np.geomspace(hz[0], hz[-1], BANDS + 1)[:-1]))
    (a, c), (b, d) = spectrum.real, spectrum.imag
    left, right, real, imag = (
        np.add.reduceat(part, starts, axis=1).astype(np.float64)
        for part in (a * a + b * b, c * c + d * d, c * a + d * b, d * a - c * b)
    )
    middles = np.sqrt(hz[starts] * np.append(hz[starts][1:], hz[-1] + rate / window))
    return (left, right, real, imag), middles, lines[starts]
