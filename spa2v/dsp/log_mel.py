"""Mel spectra of mono sound and the patches that audio taggers classify.

The front end is that of YAMNet (Plakal and Ellis 2019, after Hershey et al. 2017): 16 kHz, windows of 25 ms every
10 ms, 64 mel bands from 125 to 7500 Hz, patches of 96 frames (0.96 s).
"""

from __future__ import annotations

from functools import cache
from math import gcd

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Array32 = NDArray[np.float32]

RATE_HZ = 16_000
WINDOW, HOP, FFT = 400, 160, 512
BANDS, LOW_HZ, HIGH_HZ = 64, 125.0, 7_500.0
PATCH_FRAMES = 96
SILENT_END = 1e-3  # of the peak


def sounding(samples: NDArray[np.floating]) -> NDArray[np.floating]:
    """Samples (n,) without the ends that stay 60 dB under the peak: what comes before and after changes no patch."""
    loud = np.abs(samples)
    heard = np.nonzero(loud > SILENT_END * max(float(loud.max(initial=0.0)), 1e-6))[0]
    return samples[heard[0] : heard[-1] + 1] if len(heard) else samples[:0]


def resampled(samples: NDArray[np.floating], rate: int, wanted: int = RATE_HZ) -> Array32:
    """Mono samples (n,) at another rate."""
    if rate == wanted:
        return np.asarray(samples, dtype=np.float32)
    from scipy.signal import resample_poly

    common = gcd(rate, wanted)
    return np.asarray(resample_poly(samples, wanted // common, rate // common), dtype=np.float32)


def mel_magnitudes(samples: Array32) -> Array32:
    """Magnitudes in mel bands of samples at 16 kHz, (T, 64); sound shorter than a window is padded with zeros."""
    padded = np.pad(samples, (0, max(0, WINDOW - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    spectra = np.abs(scipy.fft.rfft(frames * _taper(), FFT, axis=1))
    return np.asarray(spectra @ _filters(), dtype=np.float32)


def patches(magnitudes: Array32, hop: int = PATCH_FRAMES) -> Array32:
    """Cuts (T, 64) into (N, 96, 64), a patch every `hop` frames; the last one ends with the sound where it can."""
    count = len(magnitudes)
    if count <= PATCH_FRAMES:
        return np.pad(magnitudes, ((0, PATCH_FRAMES - count), (0, 0)))[None]
    starts = list(range(0, count - PATCH_FRAMES + 1, hop))
    if count - PATCH_FRAMES - starts[-1] >= hop // 2:
        starts.append(count - PATCH_FRAMES)
    return np.stack([magnitudes[start : start + PATCH_FRAMES] for start in starts])


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1127.0 * np.log1p(hz / 700.0))


@cache
def _filters() -> Array32:
    """Triangles between equidistant points on the mel scale, (257, 64)."""
    ends = _mel(np.array([LOW_HZ, HIGH_HZ]))
    edges = np.linspace(ends[0], ends[1], BANDS + 2)
    bins = _mel(np.arange(FFT // 2 + 1) * RATE_HZ / FFT)[:, None]
    low, center, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((bins - low) / (center - low), (high - bins) / (high - center))
    return np.asarray(np.maximum(triangles, 0.0), dtype=np.float32)


@cache
def _taper() -> Array32:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW), dtype=np.float32)
