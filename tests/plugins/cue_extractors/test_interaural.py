"""Level difference, delay and azimuth against sounds of known azimuth, and what must never be claimed."""

from __future__ import annotations

import numpy as np
import pytest

from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues
from spa2v.dsp.interaural import interaural_cues
from spa2v.dsp.stft import CUE_BAND_HZ, MAX_FRAMES, stereo_stft
from spa2v.plugins.cue_extractors.interaural import CONFLICT, IDENTICAL, Interaural
from tests.kit.cue_sounds import (
    KINDS,
    PANS,
    RATE,
    Array,
    both_panned,
    clip,
    delay_panned,
    guitar,
    level_panned,
    sweep,
    white,
)
from tests.kit.cue_sounds import with_noise as noisy

AZIMUTHS = (-60.0, -40.0, -25.0, -10.0, 0.0, 5.0, 18.0, 33.0, 50.0)
MEDIAN_DEG = {20: 5.0, 10: 5.0, 0: 10.0}


def measured(audio: AudioClip) -> SpatialCues:
    return Interaural().extract(audio, Run())


def errors(kind: str, pan: str, snr: float, azimuths: tuple[float, ...], seconds: float = 1.5) -> Array:
    found = []
    for index, azimuth in enumerate(azimuths):
        stereo = PANS[pan](KINDS[kind](seconds, seed=index), azimuth)
        found.append(measured(clip(noisy(stereo, snr, seed=index))).measures["azimuth_deg"] - azimuth)
    return np.array(found)


@pytest.mark.parametrize("pan", PANS)
@pytest.mark.parametrize("kind", KINDS)
def test_azimuth_of_one_source(kind: str, pan: str) -> None:
    found = np.abs(errors(kind, pan, 20, AZIMUTHS[1::2], seconds=1.0))
    assert np.median(found) < 2.0
    assert found.max() < 5.0


@pytest.mark.slow
@pytest.mark.parametrize("snr", MEDIAN_DEG)
@pytest.mark.parametrize("pan", PANS)
@pytest.mark.parametrize("kind", KINDS)
def test_azimuth_over_the_full_sweep(kind: str, pan: str, snr: int) -> None:
    assert np.median(np.abs(errors(kind, pan, snr, AZIMUTHS))) < MEDIAN_DEG[snr]


def test_the_azimuth_follows_a_moving_source() -> None:
    mono = white(3.0, seed=1)
    path = sweep(-35, 45, len(mono))
    for pan in PANS.values():
        track = measured(clip(noisy(pan(mono, path), 20))).tracks["azimuth"]
        true = np.interp(track.times_s, np.arange(len(mono)) / RATE, path)
        assert np.median(np.abs(track.values - true)) < 1.5
        assert np.abs(track.values - true).max() < 8


def test_level_differences_far_below_one_decibel_are_resolved() -> None:
    mono = white(3.0, seed=2)
    for difference in (-0.3, 0.15):
        gains = 10 ** (np.array([[-difference / 2], [difference / 2]]) / 20)
        track = measured(clip(noisy(gains * mono, 30))).tracks["level_difference"]
        assert np.median(track.values) == pytest.approx(difference, abs=0.03)


@pytest.mark.parametrize("delay_us", [-900.0, -250.0, 40.0, 600.0])
def test_delays_up_to_a_millisecond_are_found(delay_us: float) -> None:
    late = delay_us * 1e-6 * RATE / 2
    t = np.arange(2 * RATE)
    mono = white(2.2, seed=3)
    stereo = np.stack(
        [np.interp(t + 2000 - late, np.arange(len(mono)), mono), np.interp(t + 2000 + late, np.arange(len(mono)), mono)]
    )
    track = measured(clip(noisy(stereo, 15))).tracks["delay"]
    assert np.median(track.values) == pytest.approx(delay_us, abs=3)
    assert np.median(track.weights) > 0.9


def test_noise_above_the_sound_leaves_the_delay() -> None:
    rng = np.random.default_rng((4, 9))
    common = delay_panned(white(4.0, seed=4), 25.0)
    stereo = common + 0.1 * 2.2 * rng.standard_normal(common.shape)
    track = measured(clip(stereo)).tracks["delay"]
    expected = 0.18 / 343 * 1e6 * np.sin(np.radians(25))
    assert np.median(track.values) == pytest.approx(expected, abs=20)


def test_rumble_does_not_mislead() -> None:
    """Rumble 20 dB above the sound, all at the left, stays outside the band."""
    sound = level_panned(white(3.0, seed=5), 20.0)
    t = np.arange(sound.shape[1]) / RATE
    rumble = np.sin(2 * np.pi * 45 * t) + np.sin(2 * np.pi * 70 * t + 1)
    cues = measured(clip(sound + np.stack([rumble, np.zeros_like(rumble)])))
    assert cues.measures["azimuth_deg"] == pytest.approx(20, abs=2)
    assert CUE_BAND_HZ == (200.0, 8_000.0)


@pytest.mark.parametrize("side", [0.0, 1e-5])
def test_identical_channels_have_no_lateral_evidence(side: float) -> None:
    mono = guitar(2.0, seed=1)
    stereo = np.stack([mono, mono]) + side * np.random.default_rng(0).standard_normal((2, len(mono)))
    cues = measured(clip(stereo))
    assert cues.measures["lateral_evidence"] == 0.0
    assert cues.measures["identical_fraction"] == 1.0
    assert cues.notes == (IDENTICAL,)
    for name in ("azimuth", "delay", "level_difference"):
        assert not cues.tracks[name].values.any()
        assert not cues.tracks[name].weights.any()


def test_a_clip_that_is_mono_in_part_is_read_from_the_rest() -> None:
    mono = white(4.0, seed=6)
    panned = level_panned(mono, 30.0)
    half = len(mono) // 2
    cues = measured(clip(np.concatenate([np.stack([mono[:half]] * 2), panned[:, half:]], axis=1)))
    assert 0.4 < cues.measures["identical_fraction"] < 0.6
    assert cues.measures["azimuth_deg"] == pytest.approx(30, abs=2)
    assert "identical in 5" in cues.notes[0] or "identical in 4" in cues.notes[0]


def test_level_and_delay_that_contradict_each_other_are_doubted() -> None:
    mono = white(2.0, seed=7)
    agree = measured(clip(noisy(both_panned(mono, 25.0), 20)))
    against = measured(clip(noisy(both_panned(mono, 25.0)[::-1][:, ::-1], 20)))  # played backwards, then mirrored
    assert agree.measures["lateral_evidence"] > 0.9
    assert against.measures["lateral_evidence"] <= 0.5
    assert CONFLICT in against.notes
    assert against.measures["azimuth_deg"] == pytest.approx(-25, abs=2)


def test_unrelated_noise_claims_no_side() -> None:
    stereo = 0.1 * np.random.default_rng(8).standard_normal((2, 4 * RATE))
    cues = measured(clip(stereo))
    assert abs(cues.measures["azimuth_deg"]) < 2
    assert np.median(cues.tracks["delay"].weights) < 0.1


def test_swapping_negates_to_the_last_bit() -> None:
    audio = clip(noisy(both_panned(guitar(2.0, seed=2), sweep(-20, 30, 2 * RATE)), 5))
    one, other = interaural_cues(audio), interaural_cues(audio.swapped())
    assert np.array_equal(one.delay_us, -other.delay_us)
    assert np.array_equal(one.level_sine, -other.level_sine)
    assert np.array_equal(one.coherence, other.coherence)
    assert np.allclose(one.level_shift_db, -other.level_shift_db, atol=1e-12)


@pytest.mark.parametrize(("rate", "count"), [(8_000, 400), (192_000, 9_600), (44_100, 2_205), (48_000, 48_000 * 20)])
def test_frames_stay_bounded_and_centered(rate: int, count: int) -> None:
    audio = AudioClip(0.1 * np.random.default_rng(0).standard_normal((2, count)).astype(np.float32), rate)
    stft = stereo_stft(audio)
    assert stereo_stft(audio) is stft
    assert len(stft.times_s) <= MAX_FRAMES
    assert len(stft.track_times_s) <= 200
    assert abs(stft.times_s[0] + stft.times_s[-1] - audio.duration_s) < 1.5 / rate
    assert set(measured(audio).tracks) == {
        "level_difference", "level_difference_shift", "delay", "coherence", "azimuth",
    }  # fmt: skip


def test_power_is_that_of_the_samples() -> None:
    audio = clip(np.stack([white(2.0, seed=1), np.zeros(2 * RATE)]))
    stft = stereo_stft(audio)
    share = 2 * 10_000 / RATE  # lines above 10 kHz are not kept
    assert stft.left.sum(axis=1).mean() == pytest.approx(np.mean(audio.left**2) * share, rel=0.03)
    assert not stft.right.any()
