"""Fundamental frequency and spectral centroid over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from spa2v.dsp.filters import Array, local_maxima, parabolic_peak, ramp
from spa2v.dsp.stft import StereoStft

PITCH_HZ = (60.0, 1_000.0)
SHORTEST_NEAR_BEST = 0.9  # the shortest period within this of the best one: its multiples correlate as well
VOICED = 0.35  # normalized correlation from which there is a pitch; noise of one window stays below
SURE = 0.2  # confidence from which a pitch counts in `median_pitch`


def centroid_hz(power: Array, hz: Array) -> Array:
    """Spectral centroid of (T, K) powers, (T,); the middle of the (K,) frequencies where nothing sounds."""
    total = power.sum(axis=1)
    return np.divide(power @ hz, total, out=np.full(len(power), float(hz.mean())), where=total > 0)


def pitch_track(stft: StereoStft, power: NDArray[np.float32] | None = None) -> tuple[Array, Array]:
    """Fundamental in Hz, 60..1000, and confidence, 0..1, on the track frames, each (T,).

    By the autocorrelation of the compressed spectrum: the generalized autocorrelation of Tolonen and Karjalainen (2000)
    with an exponent of one half on the power.

    Args:
        stft: of the clip.
        power: of one source in it, (F, K); the whole clip's by default.
    """
    left, right = stft.track_powers
    framed: NDArray[Any] = (left + right) / 2 if power is None else stft.grouped(power)
    hz = stft.frequencies_hz
    framed = np.where(hz > PITCH_HZ[0] * 0.75, framed, 0.0)
    count = scipy.fft.next_fast_len(4 * (framed.shape[1] - 1), real=True)  # padded with zeros to twice the bins
    correlation = scipy.fft.irfft(np.sqrt(framed).astype(np.float32), n=count, axis=1)
    rate = count * float(hz[1] - hz[0])
    low, high = int(rate / PITCH_HZ[1]), min(int(rate / PITCH_HZ[0]) + 1, correlation.shape[1] // 2 - 1)
    if high - low < 3:
        return np.full(len(framed), PITCH_HZ[0]), np.zeros(len(framed))
    lags = correlation[:, low - 1 : high + 1] / np.maximum(correlation[:, :1], 1e-20)
    peaks = local_maxima(lags)
    best = peaks.max(axis=1)
    at = (peaks >= SHORTEST_NEAR_BEST * best[:, None]).argmax(axis=1)
    rows = np.arange(len(lags))
    shift = parabolic_peak(*(lags[rows, at + offset] for offset in (0, 1, 2)))
    return np.asarray(rate / (low + at + shift), dtype=np.float64), ramp(best, VOICED, 0.9).astype(np.float64)


def median_pitch(stft: StereoStft, power: NDArray[np.float32] | None = None) -> tuple[float, float]:
    """Median fundamental in Hz, 0 where there is none, and the part of the track frames that have one, 0..1."""
    pitch, confidence = pitch_track(stft, power)
    sure = confidence > SURE
    return float(np.median(pitch[sure])) if sure.any() else 0.0, float(np.mean(sure))
