"""Mel spectra: a tone lies in its band, patches cover the sound."""

from __future__ import annotations

import numpy as np
import pytest

from spa2v.dsp.log_mel import PATCH_FRAMES, RATE_HZ, mel_magnitudes, patches, resampled


@pytest.mark.parametrize("hz", [300.0, 1000.0, 4000.0])
def test_a_tone_is_strongest_in_its_band(hz: float) -> None:
    tone = np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)
    mel = 1127.0 * np.log1p(np.array([125.0, hz, 7500.0]) / 700.0)
    wanted = (mel[1] - mel[0]) / (mel[2] - mel[0]) * 65 - 1
    assert mel_magnitudes(tone).mean(axis=0).argmax() == pytest.approx(wanted, abs=1.0)


def test_short_sound_is_one_padded_patch() -> None:
    magnitudes = mel_magnitudes(np.ones(100, dtype=np.float32))
    assert magnitudes.shape == (1, 64)
    assert patches(magnitudes).shape == (1, PATCH_FRAMES, 64)


def test_the_last_patch_ends_with_the_sound() -> None:
    magnitudes = np.arange(250, dtype=np.float32)[:, None] * np.ones((1, 64), dtype=np.float32)
    made = patches(magnitudes)
    assert [int(each[0, 0]) for each in made] == [0, 96, 154]
    assert made[-1, -1, 0] == 249


def test_another_rate_keeps_a_tone() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
    heard = resampled(tone, 44_100)
    assert len(heard) == RATE_HZ
    assert np.abs(np.fft.rfft(heard)).argmax() == 440
