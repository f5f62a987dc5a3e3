"""Short-time Fourier transform of both channels: powers and cross-spectra, computed once for each clip.

Windows are Hann, half overlapped. Frames are placed symmetrically about the middle of the sounding part of the clip,
so that a clip played backwards has the same frames in reverse; `scipy.signal.ShortTimeFFT` starts at the first sample
and pads the ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from spa2v.core.types import AudioClip
from spa2v.dsp.filters import Array, decibel

WINDOW_S = 0.04  # 25 Hz bins: harmonics of a low voice stay apart, plucked onsets stay sharp
MAX_TRACK_FRAMES = 160  # ten values for each of 16 key frames
MAX_FRAMES = 4_096  # 95 s at full overlap; longer clips are sampled with gaps, so that time and memory stay bounded
TOP_HZ = 10_000.0
CUE_BAND_HZ = (200.0, 8_000.0)  # below lies rumble that misleads levels, above lie coding losses
CHUNK_FRAMES = 64  # keeps the working set of one transform inside the cache
SILENCE_DBFS = -70.0
IDENTICAL_DB = -60.0  # under the loudest frame: the side signal of two copies of one channel after lossy coding
QUANTIZED_DBFS = -95.0  # what 16 bits leave of it
SILENT_END_DB = -70.0  # under the peak of the clip: digital silence, and what dither and lossy coding make of it
MIN_SILENT_END_S = 0.02  # shorter silence at an end is left in: half a window, which the taper hides
MIN_SOUNDING_S = 0.05  # a clip with less sound than that is measured whole
IDENTICAL_RATIO_DB = -45.0  # side over mid; a level difference of 0.1 dB already gives -45 dB


@dataclass(frozen=True, eq=False)
class StereoStft:
    """Powers and cross-spectra of both channels.

    Args:
        start_s, duration_s: the sounding part of the clip, in which the frames lie.
        times_s: middles of the F frames from the start of the clip, symmetric about the middle of the sounding part,
            shape (F,).
        frequencies_hz: of the K bins up to 10 kHz or Nyquist, shape (K,).
        left, right: power, shape (F, K), float32; the sum over all bins of one frame is the mean square.
        cross_real, cross_imag: cross-spectrum, right times conj(left), shape (F, K), float32. They are kept apart
            because exchanging the channels must negate the imaginary part exactly, which fused complex products do not
            promise.
        group: how many consecutive frames make one track frame; F is a multiple of it.
        side_power: mean square of (right - left) / 2 around each frame, over all frequencies, shape (F,).
    """

    start_s: float
    duration_s: float
    times_s: Array
    frequencies_hz: Array
    left: NDArray[np.float32]
    right: NDArray[np.float32]
    cross_real: NDArray[np.float32]
    cross_imag: NDArray[np.float32]
    group: int
    side_power: Array

    @property
    def hop_s(self) -> float:
        """Median distance of the frames in seconds; 0 for a single frame."""
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 0.0

    @property
    def track_times_s(self) -> Array:
        """Middles of the T = F / group track frames, shape (T,)."""
        return self.times_s.reshape(-1, self.group).mean(axis=1)

    @property
    def products(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Left and right power, real and imaginary cross-spectrum, each (F, K)."""
        return self.left, self.right, self.cross_real, self.cross_imag

    def grouped(self, values: NDArray[Any]) -> NDArray[Any]:
        """(F, K) or (F,) averaged to the track frames, (T, K) or (T,)."""
        return values.reshape(-1, self.group, *values.shape[1:]).mean(axis=1)

    def bins(self, low_hz: float, high_hz: float) -> slice:
        """The frequency bins inside a band; at least one, the nearest."""
        first, last = np.searchsorted(self.frequencies_hz, (low_hz, high_hz))
        first = min(int(first), len(self.frequencies_hz) - 1)
        return slice(first, max(int(last), first + 1))

    @cached_property
    def cue_bins(self) -> slice:
        return self.bins(*CUE_BAND_HZ)

    @cached_property
    def track_powers(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Left and right power on the track frames, each (T, K)."""
        return self.grouped(self.left), self.grouped(self.right)

    @cached_property
    def power(self) -> NDArray[np.float32]:
        """Mean power of the channels, shape (F, K)."""
        return (self.left + self.right) * np.float32(0.5)

    @cached_property
    def level_dbfs(self) -> Array:
        """RMS level in the cue band on the track frames, shape (T,)."""
        left, right = (power[:, self.cue_bins].sum(axis=1, dtype=np.float64) for power in self.track_powers)
        return decibel((left + right) / 2)

    @cached_property
    def broadband_level_dbfs(self) -> Array:
        """RMS level up to 10 kHz on the track frames, shape (T,)."""
        left, right = (power.sum(axis=1, dtype=np.float64) for power in self.track_powers)
        return decibel((left + right) / 2)

    @property
    def silent(self) -> bool:
        """Whether no frame exceeds -70 dBFS."""
        return bool(self.broadband_level_dbfs.max() < SILENCE_DBFS)

    @cached_property
    def differs(self) -> NDArray[np.bool_]:
        """Where the channels differ enough for a direction, on the track frames, shape (T,)."""
        left, right = (power.sum(axis=1, dtype=np.float64) for power in self.track_powers)
        side = self.grouped(self.side_power)
        mean = (left + right) / 2
        least = max(10 ** (QUANTIZED_DBFS / 10), 10 ** (IDENTICAL_DB / 10) * float(mean.max(initial=0.0)))
        return np.asarray(side > np.maximum(10 ** (IDENTICAL_RATIO_DB / 10) * mean, least))


_CACHE: WeakKeyDictionary[AudioClip, StereoStft] = WeakKeyDictionary()


def stereo_stft(audio: AudioClip) -> StereoStft:
    """The transform of a clip; the same object for the same clip as long as the clip lives."""
    if audio not in _CACHE:
        _CACHE[audio] = _compute(audio)
    return _CACHE[audio]


def sounding_part(audio: AudioClip) -> slice:
    """The samples between silent ends: a fade to black or the padding of an encoder changes nothing that is measured.

    Ends are silent where no sample comes within 70 dB of the peak of the clip for at least 20 ms.
    """
    samples, rate = audio.samples, audio.sample_rate
    threshold = 10 ** (SILENT_END_DB / 20) * max(float(samples.max()), -float(samples.min()))
    first, last = _silent_samples(samples, threshold, rate), _silent_samples(samples[:, ::-1], threshold, rate)
    first, last = (count if count >= MIN_SILENT_END_S * rate else 0 for count in (first, last))
    stop = samples.shape[1] - last
    return slice(first, stop) if stop - first >= MIN_SOUNDING_S * rate else slice(0, samples.shape[1])


def _silent_samples(samples: NDArray[np.float32], threshold: float, block: int) -> int:
    """How many samples at the start exceed the threshold in no channel; read in blocks to bound the memory."""
    for start in range(0, samples.shape[1], block):
        loud = np.any(np.abs(samples[:, start : start + block]) > threshold, axis=0)
        if loud.any():
            return start + int(loud.argmax())
    return samples.shape[1]


def _framing(samples: int, rate: int) -> tuple[int, int, int, int, int]:
    """Window, hop and offset in samples, frames, and frames in a group."""
    wanted = 2 ** math.ceil(math.log2(WINDOW_S * rate))
    window = min(wanted, max(64, 2 ** int(math.log2(samples / 4))))
    frames = min(MAX_FRAMES, 1 + (samples - window) // (window // 2))
    group = max(1, round(frames / MAX_TRACK_FRAMES))
    group += frames // group > MAX_TRACK_FRAMES
    frames = frames // group * group
    hop = (samples - window) // max(frames - 1, 1)
    offset = (samples - window - (frames - 1) * hop) // 2
    return window, hop, offset, frames, group


def _compute(audio: AudioClip) -> StereoStft:
    rate, part = audio.sample_rate, sounding_part(audio)
    stereo = audio.stereo[:, part]
    window, hop, offset, frames, group = _framing(stereo.shape[1], rate)
    kept = min(window // 2, int(TOP_HZ * window / rate)) + 1
    taper = np.hanning(window + 2)[1:-1].astype(np.float32)
    scale = np.float32(2.0 / (window * float(np.sum(taper.astype(np.float64) ** 2))))
    views = sliding_window_view(stereo, window, axis=1)[:, offset :: hop or 1][:, :frames]
    parts = np.empty((4, frames, kept), dtype=np.float32)
    side = np.empty(frames)
    for start in range(0, frames, CHUNK_FRAMES):
        here = slice(start, start + CHUNK_FRAMES)
        block = views[:, here]
        parts[:, here] = cross_powers(block, taper, slice(kept))
        difference = (block[1] - block[0]) * np.float32(0.5)
        side[here] = np.mean(difference.astype(np.float64) ** 2, axis=-1)
    parts *= scale
    times: Array = (part.start + offset + hop * np.arange(frames, dtype=np.float64) + window / 2) / rate
    hz: Array = np.arange(kept, dtype=np.float64) * (rate / window)
    return StereoStft(
        part.start / rate, stereo.shape[1] / rate, times, hz, parts[0], parts[1], parts[2], parts[3], group, side
    )


def cross_powers(frames: NDArray[np.float32], taper: NDArray[np.float32], bins: slice) -> NDArray[np.float32]:
    """Left and right power, real and imaginary cross-spectrum (right times conj(left)) of windowed frames.

    Args:
        frames: samples of both channels, shape (2, F, window).
        taper: shape (window,).
        bins: which of the window / 2 + 1 bins are kept.

    Returns:
        Shape (4, F, K). Exchanging the channels exchanges the powers and negates the last part, to the last bit.
    """
    spectrum = scipy.fft.rfft(frames * taper, axis=-1)[..., bins]
    (left_re, right_re), (left_im, right_im) = spectrum.real, spectrum.imag
    return np.stack(
        [
            left_re * left_re + left_im * left_im,
            right_re * right_re + right_im * right_im,
            right_re * left_re + right_im * left_im,
            right_im * left_re - right_re * left_im,
        ]
    )
