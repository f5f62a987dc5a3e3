"""Two still sources are demixed and located; one source, still or moving, is not taken for two."""

from __future__ import annotations

import numpy as np
import pytest

from spa2v.core.types import AudioClip
from spa2v.dsp.interaural import amplitude_weights, estimate_azimuth, interaural_cues
from spa2v.dsp.separation.auxiva import demix, separate
from spa2v.dsp.separation.demixing import DemixedPair, find_pair
from spa2v.dsp.stft import stereo_stft
from tests.kit.cue_sounds import PANS, Array, clip, drum, guitar, level_panned, sweep, violin, voice, white, with_noise

SPACING_M = 0.18


def pair_in(audio: AudioClip) -> DemixedPair | None:
    weights = amplitude_weights(stereo_stft(audio).level_dbfs)
    azimuth = estimate_azimuth(interaural_cues(audio), SPACING_M, weights)
    return find_pair(audio, azimuth.sine, SPACING_M)


def distortion_db(estimate: Array, truth: Array) -> float:
    """Signal to distortion ratio up to a gain."""
    gain = float(estimate @ truth) / float(truth @ truth)
    return float(10 * np.log10(gain**2 * (truth @ truth) / np.sum((estimate - gain * truth) ** 2)))


def test_panned_sources_come_back_alone() -> None:
    one, other = guitar(3.0, 1), voice(3.0, 2)
    audio = clip(level_panned(one, -40.0) + level_panned(other, 40.0))
    outputs = separate(audio, demix(audio)).astype(float)
    straight = distortion_db(outputs[0], one) + distortion_db(outputs[1], other)
    crossed = distortion_db(outputs[1], one) + distortion_db(outputs[0], other)
    mixed = distortion_db(audio.mono.astype(float), one) + distortion_db(audio.mono.astype(float), other)
    assert max(straight, crossed) / 2 > mixed / 2 + 8.0


@pytest.mark.parametrize("pan", PANS)
@pytest.mark.parametrize(("make", "other"), [(voice, drum), (guitar, voice)])
def test_two_directions_are_found(make: object, other: object, pan: str) -> None:
    stereo = PANS[pan](make(3.0, 1), -45.0) + PANS[pan](other(3.0, 2), 45.0)  # type: ignore[operator]
    pair = pair_in(clip(with_noise(stereo, 25)))
    assert pair is not None
    angles = sorted(np.degrees(np.arcsin(direction.sine)) for direction in pair.directions)
    assert np.abs(np.array(angles) - [-45.0, 45.0]).max() < 15.0


@pytest.mark.parametrize("pan", PANS)
@pytest.mark.parametrize("make", [guitar, voice, violin, drum, white])
def test_one_source_is_no_pair(make: object, pan: str) -> None:
    mono = make(3.0, 4)  # type: ignore[operator]
    for path in (25.0, sweep(-50, 50, len(mono))):
        assert pair_in(clip(with_noise(PANS[pan](mono, path), 20))) is None


def test_exchanged_channels_give_the_mirrored_pair() -> None:
    audio = clip(with_noise(level_panned(voice(3.0, 1), -50.0) + level_panned(drum(3.0, 2), 40.0), 20))
    pair, mirrored = pair_in(audio), pair_in(audio.swapped())
    assert pair is not None
    assert mirrored is not None
    sines, turned = (sorted(each.sine for each in found.directions) for found in (pair, mirrored))
    np.testing.assert_allclose(turned, [-sine for sine in sines[::-1]], atol=1e-6)


def test_equal_channels_leave_one_output() -> None:
    demixing = demix(clip(np.tile(voice(2.0, 1), (2, 1))))
    assert np.isfinite(demixing.power).all()


RATES = (8_000, 8_046, 37_800, 44_100, 192_000)  # of some, half a window is longer than the shortest clip


def _odd_sounds(samples: int) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, samples))
    silent, late = np.zeros(samples), np.arange(samples) >= samples // 2
    return {
        "one channel": np.stack([one, silent]),
        "opposite": np.stack([one, -one]),
        "scaled": np.stack([one, 0.3 * one]),
        "direct current": np.stack([silent + 0.5, silent + 0.2]),
        "clicks": np.stack([np.eye(1, samples, 5)[0], np.eye(1, samples, samples // 2)[0]]),
        "quiet": 1e-6 * np.stack([one, other]),
        "in turn": np.stack([one * ~late, other * late]),
    }


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("duration_s", [0.05, 0.3, 1.2])
def test_odd_sounds_and_rates_end_in_an_answer(duration_s: float, rate: int) -> None:
    for samples in _odd_sounds(int(np.ceil(duration_s * rate))).values():
        pair = pair_in(AudioClip(0.1 * samples, rate))
        assert pair is None or np.isfinite(pair.demixing.power).all()
