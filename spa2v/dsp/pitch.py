"""Fundamental frequency and spectral centroid over time from the shared spectra."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from spa2v.dsp.stft import Array, Spectra

PITCH_HZ = (60.0, 1_000.0)
SHORTEST_NEAR_BEST = 0.9  # the shortest period within this of the best one: its multiples correlate as well
HEARD = 0.35  # normalized correlation from which a pitch is heard; noise of one window stays below


def centroid_hz(power: Array, hz: Array) -> Array:
    """Center of gravity of the spectrum, (T, K) to (T,); the middle of the lines where nothing sounds."""
    total = power.sum(axis=1)
    return np.divide(power @ hz, total, out=np.full(len(power), float(hz.mean())), where=total > 0)


def pitch_track(spectra: Spectra, power: NDArray[np.float32] | None = None) -> tuple[Array, Array]:
    """Fundamental (Hz) and confidence on the track frames, by the autocorrelation of the compressed spectrum.

    Args:
        spectra: of the clip.
        power: of one source in it, (F, K); the whole clip's by default.
    """
    left, right = spectra.track_powers
    framed: NDArray[Any] = (left + right) / 2 if power is None else spectra.grouped(power)
    hz = spectra.frequencies_hz
    framed = np.where(hz > PITCH_HZ[0] * 0.75, framed, 0.0)
    count = scipy.fft.next_fast_len(4 * (framed.shape[1] - 1), real=True)  # padded with zeros to twice the lines
    correlation = scipy.fft.irfft(np.sqrt(framed).astype(np.float32), n=count, axis=1)
    rate = count * float(hz[1] - hz[0])
    low, high = int(rate / PITCH_HZ[1]), min(int(rate / PITCH_HZ[0]) + 1, correlation.shape[1] // 2 - 1)
    if high - low < 3:
        return np.full(len(framed), PITCH_HZ[0]), np.zeros(len(framed))
    lags = correlation[:, low - 1 : high + 1] / np.maximum(correlation[:, :1], 1e-20)
    inner = lags[:, 1:-1]
    peaks = np.where((inner >= lags[:, :-2]) & (inner >= lags[:, 2:]), inner, 0.0)
    best = peaks.max(axis=1)
    at = (peaks >= SHORTEST_NEAR_BEST * best[:, None]).argmax(axis=1)
    heard = np.clip((best - HEARD) / (0.9 - HEARD), 0.0, 1.0)
    return _refined(lags, at, low, rate), heard.astype(np.float64)


def _refined(lags: Array, at: Array, low: int, rate: float) -> Array:
    rows = np.arange(len(lags))
    below, here, above = lags[rows, at], lags[rows, at + 1], lags[rows, at + 2]
    bend = 2.0 * here - below - above
    shift = np.divide(above - below, 2.0 * bend, out=np.zeros_like(here), where=bend > 0)
    return np.asarray(rate / (low + at + np.clip(shift, -0.5, 0.5)), dtype=np.float64)
