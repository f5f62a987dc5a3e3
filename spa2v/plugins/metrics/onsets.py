"""Onsets of a sound, by the spectral flux of its mel spectrogram: the settings behind AV-Align.

The steps and numbers are those of librosa's `onset_detect` with its defaults (documented in docs/metrics.md), written
in numpy and scipy; agreement with librosa itself is stated there.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
from scipy.signal import firwin, get_window, resample_poly

from spa2v.core.types import AudioClip
from spa2v.dsp.boxes import Floats

RATE_HZ = 22_050
WINDOW, HOP, BANDS = 2_048, 512, 128
FLOOR_DB = 80.0
DELTA = 0.07
BEFORE_AVERAGE, AFTER_AVERAGE, WAIT = 4, 4, 1  # frames: 0.1 s either side, 0.03 s between peaks
FILTER_HALF_LENGTH, FILTER_CUTOFF, FILTER_BETA = 93, 0.957, 12.0


def audio_peaks(audio: AudioClip) -> Floats:
    """Times of the onsets in seconds, ascending. Silence has none."""
    return peak_frames(onset_envelope(resampled(audio.mono, audio.sample_rate))) * (HOP / RATE_HZ)


def resampled(samples: np.ndarray, rate_hz: int, to_hz: int = RATE_HZ) -> Floats:
    """(n,) samples at another rate, by a polyphase Kaiser filter, flat to 0.92 of the band, -115 dB beyond it."""
    samples = np.asarray(samples, dtype=np.float64)
    if rate_hz == to_hz:
        return samples
    up, down = (rate // gcd(rate_hz, to_hz) for rate in (to_hz, rate_hz))
    wide = max(up, down)
    taps = firwin(2 * FILTER_HALF_LENGTH * wide + 1, FILTER_CUTOFF / wide, window=("kaiser", FILTER_BETA))
    return resample_poly(samples, up, down, window=taps)


def onset_envelope(samples: Floats) -> Floats:
    """Mean rise of the mel bands in dB, at frames of 512 samples, not normalized."""
    padded = np.pad(samples, WINDOW // 2)
    window = get_window("hann", WINDOW, fftbins=True)
    frames = 1 + len(samples) // HOP
    starts = np.arange(frames) * HOP
    cut = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[starts]
    power = np.abs(np.fft.rfft(cut * window, axis=1)) ** 2
    decibels = 10.0 * np.log10(np.maximum(power @ mel_filters().T, 1e-10))
    decibels = np.maximum(decibels, decibels.max() - FLOOR_DB)
    rise = np.maximum(np.diff(decibels, axis=0), 0.0).mean(axis=1)
    delay = WINDOW // (2 * HOP)
    return np.concatenate([np.zeros(1 + delay), rise])[:frames]


@lru_cache(maxsize=1)
def mel_filters() -> Floats:
    """(128, 1025) triangles on Slaney's mel scale, 0 to 11025 Hz, each of equal area."""
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(RATE_HZ / 2), BANDS + 2))
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE_HZ)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]


_LINEAR_HZ, _BREAK_HZ = 200.0 / 3.0, 1_000.0  # Slaney: linear below 1 kHz, then 27 steps for a factor of 6.4
_LOG_STEP = np.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    """For frequencies above 1 kHz."""
    return float(_BREAK_HZ / _LINEAR_HZ + np.log(hz / _BREAK_HZ) / _LOG_STEP)


def _mel_to_hz(mel: Floats) -> Floats:
    start = _BREAK_HZ / _LINEAR_HZ
    return np.where(mel < start, mel * _LINEAR_HZ, _BREAK_HZ * np.exp(_LOG_STEP * np.maximum(mel - start, 0.0)))


def peak_frames(envelope: Floats) -> np.ndarray:
    """The frames at which the envelope peaks: no smaller than the one before, 0.07 above the local mean, 2 apart.

    The envelope is first scaled to 0..1; one that is all zero or not finite has no peaks.
    """
    if len(envelope) == 0 or not np.all(np.isfinite(envelope)) or not envelope.any():
        return np.zeros(0, dtype=np.int64)
    scaled = envelope - envelope.min()
    scaled = scaled / (scaled.max() + np.finfo(np.float64).tiny)
    total = np.concatenate([[0.0], np.cumsum(scaled)])
    n = np.arange(len(scaled))
    first, last = np.maximum(n - BEFORE_AVERAGE, 0), np.minimum(n + AFTER_AVERAGE + 1, len(scaled))
    local_mean = (total[last] - total[first]) / (last - first)
    high = (scaled >= np.concatenate([scaled[:1], scaled[:-1]])) & (scaled >= local_mean + DELTA)
    peaks: list[int] = []
    for frame in np.flatnonzero(high):
        if not peaks or frame - peaks[-1] > WAIT:
            peaks.append(int(frame))
    return np.array(peaks, dtype=np.int64)
