"""Sounds as they are sent: 16-bit WAV files in memory."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import AudioClip

SPEECH_RATE_HZ = 16_000
MAX_RATE_HZ = 48_000


@dataclass(frozen=True)
class SoundPart:
    """A sound in a conversation.

    Args:
        label: which sound it is, for a person who reads the conversation.
        wav: the bytes of a 16-bit WAV file.
        channels, sample_rate, duration_s: what is in it.
    """

    label: str
    wav: bytes
    channels: int
    sample_rate: int
    duration_s: float

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.wav).hexdigest()


def stereo_part(audio: AudioClip) -> SoundPart:
    """The clip as it is, at no more than 48 kHz."""
    return _part("stereo" if audio.channels == 2 else "mono", audio.samples, audio, min(audio.sample_rate, MAX_RATE_HZ))


def mixed_part(audio: AudioClip) -> SoundPart:
    """Both channels mixed, at 16 kHz: what audio models hear anyway."""
    return _part("mixed to mono", audio.mono[None], audio, SPEECH_RATE_HZ)


def channel_parts(audio: AudioClip) -> tuple[SoundPart, SoundPart]:
    """The left and the right channel as two sounds with one common gain, so that their level difference survives."""
    left, right = audio.stereo[:1], audio.stereo[1:]
    loudest = float(np.abs(audio.stereo).max())
    parts = [
        _part(f"{side} channel", side_samples, audio, SPEECH_RATE_HZ, loudest)
        for side, side_samples in (("left", left), ("right", right))
    ]
    return parts[0], parts[1]


def _part(
    label: str, samples: NDArray[np.float32], audio: AudioClip, rate: int, loudest: float | None = None
) -> SoundPart:
    loudest = float(np.abs(samples).max()) if loudest is None else loudest
    wav = wav_bytes(samples / max(loudest, 1.0), audio.sample_rate, rate)
    return SoundPart(label, wav, samples.shape[0], rate, audio.duration_s)


def wav_bytes(samples: NDArray[np.float32], rate: int, wanted_rate: int) -> bytes:
    """A 16-bit WAV file of samples (channels, n) in -1..1, resampled when the rates differ."""
    import soundfile
    from scipy.signal import resample_poly

    if wanted_rate != rate:
        common = gcd(wanted_rate, rate)
        samples = resample_poly(samples, wanted_rate // common, rate // common, axis=1)
    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1.0, 1.0).T, wanted_rate, format="WAV", subtype="PCM_16")
    return file.getvalue()
