"""Where sounds start: the first milliseconds come straight from their source, before any wall answers."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from spa2v.core.types import AudioClip
from spa2v.plugins.cue_extractors.grains import Grains
from spa2v.plugins.cue_extractors.spectra import Array

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
    """What each start adds to the bands in which it is heard, as grains; one event for each start."""
    rate, stereo = audio.sample_rate, _middle(audio)
    window = max(16, 2 ** round(np.log2(WINDOW_S * rate)))
    hop = window // 2
    lines = int(np.searchsorted(np.arange(window // 2 + 1) * rate / window, BAND_HZ[0]))
    if stereo.shape[1] < (BEFORE + 8) * window or rate < 4 * BAND_HZ[0]:
        return _none()
    left, right, real, imag, hz, starts = _powers(stereo, window, hop, rate, lines)
    total = left + right
    then = slice(BEFORE + 1, len(total) - 2)  # from the first hop that has enough before it
    before = [slice(then.start - back, then.stop - back) for back in range(2, BEFORE + 1)]
    quiet = np.maximum.reduce([total[each] for each in before])
    loud = np.maximum(total[then], total[then.start + 1 : then.stop + 1])
    rise = loud / np.maximum(quiet, 1e-20)
    begins = (rise > 10 ** (RISE_DB / 10)) & (rise >= maximum_filter1d(rise, 2 * NEAR + 1, axis=0))
    begins &= loud > 10 ** (-RANGE_DB / 10) * float(total.max())
    added = [
        (part[then] + part[then.start + 1 : then.stop + 1]) / 2 - np.mean([part[each] for each in before], axis=0)
        for part in (left, right, real, imag)
    ]
    row, band = np.nonzero(begins & (added[0] > 0) & (added[1] > 0))
    event = np.cumsum(np.diff(row, prepend=row[:1]) > NEAR)
    found = Grains(row, starts[band], hz[band], *(part[row, band] for part in added), event)
    return found.part(np.bincount(event, minlength=1)[event] >= TOGETHER) if len(row) else found


def _middle(audio: AudioClip) -> NDArray[np.float32]:
    stereo, longest = audio.stereo, int(MAX_S * audio.sample_rate)
    first = max(0, (stereo.shape[1] - longest) // 2)
    return stereo[:, first : first + longest]


def _none() -> Grains:
    empty, whole = np.zeros(0), np.zeros(0, dtype=np.intp)
    return Grains(whole, whole, empty, empty, empty, empty, empty, whole)


def _powers(
    stereo: NDArray[np.float32], window: int, hop: int, rate: int, first: int
) -> tuple[Array, Array, Array, Array, Array, NDArray[np.intp]]:
    """Left, right and cross power (real, imaginary) of the bands at every hop, (T, B); middles in Hz and first lines."""
    views = sliding_window_view(stereo, window, axis=1)[:, ::hop]
    taper = np.hanning(window + 2)[1:-1].astype(np.float32)
    last = max(first + 1, min(window // 2, int(BAND_HZ[1] * window / rate)))
    spectrum = scipy.fft.rfft(views * taper, axis=-1)[..., first:last]
    hz = np.arange(first, last) * (rate / window)
    starts = np.unique(np.searchsorted(hz, np.geomspace(hz[0], hz[-1], BANDS + 1)[:-1]))
    (a, c), (b, d) = spectrum.real, spectrum.imag
    products = (a * a + b * b, c * c + d * d, c * a + d * b, d * a - c * b)
    sums = [np.add.reduceat(part, starts, axis=1).astype(np.float64) for part in products]
    middles = np.sqrt(hz[starts] * np.append(hz[starts][1:], hz[-1] + rate / window))
    return sums[0], sums[1], sums[2], sums[3], middles, starts
