"""Silence at the ends of a recording changes nothing that is measured in it."""

from __future__ import annotations

import numpy as np
import pytest

from spa2v.core.types import AudioClip
from spa2v.dsp.stft import SILENT_END_DB, sounding_part, stereo_stft
from tests.kit.cue_sounds import RATE, Array, clip, level_panned, motorcycle, passing, road, sung, with_noise
from tests.kit.localizer import cues_of, localize


def crossing(seconds: float = 3.0) -> Array:
    mono = road(seconds, 3)
    azimuth, gain = passing(mono, seconds, 10)
    return with_noise(level_panned(mono * gain, azimuth), 25)


def padded(stereo: Array, before_s: float, after_s: float, level_db: float = -np.inf) -> Array:
    """With silence at the ends, or with dither `level_db` relative to the peak of the sound."""
    before, after = round(before_s * RATE), round(after_s * RATE)
    out = np.random.default_rng(5).uniform(-1, 1, (2, before + stereo.shape[1] + after))
    out *= 10 ** (level_db / 20) * np.abs(stereo).max()
    out[:, before : before + stereo.shape[1]] = stereo
    return out


@pytest.mark.parametrize(("before_s", "after_s"), [(0.1, 0.0), (0.0, 0.1), (0.7, 0.4)])
@pytest.mark.parametrize("level_db", [-np.inf, SILENT_END_DB - 3.0])
def test_silent_ends_shift_the_tracks_and_change_nothing_else(before_s: float, after_s: float, level_db: float) -> None:
    stereo = crossing()
    plain, silent = cues_of(clip(stereo)), cues_of(clip(padded(stereo, before_s, after_s, level_db)))
    assert silent.duration_s == pytest.approx(plain.duration_s + before_s + after_s, abs=1 / RATE)
    assert dict(silent.measures) == dict(plain.measures)
    assert silent.tags == plain.tags
    for name, track in plain.tracks.items():
        assert np.array_equal(silent.tracks[name].values, track.values)
        assert silent.tracks[name].times_s - before_s == pytest.approx(track.times_s, abs=1 / RATE)


@pytest.mark.parametrize("before_s", [0.1, 0.5])
def test_a_car_that_crosses_after_a_pause_is_planned_as_one(before_s: float) -> None:
    for layout in (localize(clip(padded(crossing(), 0.0, 0.0))), localize(clip(padded(crossing(), before_s, 0.3)))):
        assert dict(layout.names) == {"car_0": "car"}
        assert dict(layout.attributes) == {"car_0": "left_to_right"}


def test_opposing_passes_between_silent_ends_are_two() -> None:
    distance = np.linspace(7.0, 24.0, 4 * RATE)
    stereo = level_panned(road(4.0, 3) / distance, -14.0) + level_panned(motorcycle(4.0, 5) / distance[::-1], 12.0)
    cues = cues_of(clip(padded(with_noise(stereo, 25), 0.5, 0.5)))
    levels = [source.tracks["level"].values for source in cues.sources]
    assert sorted(bool(level[-1] > level[0]) for level in levels) == [False, True]


def test_the_sounding_part_turns_with_time() -> None:
    audio = clip(padded(sung(1.0, 1) * np.ones((2, 1)), 0.3, 0.1))
    part, turned = sounding_part(audio), sounding_part(audio.reversed())
    count = audio.samples.shape[1]
    assert (count - turned.stop, count - turned.start) == (part.start, part.stop)
    stft = stereo_stft(audio)
    assert stft.start_s == pytest.approx(0.3, abs=0.02)
    assert stft.duration_s == pytest.approx(1.0, abs=0.02)
    assert stft.start_s < stft.times_s[0] < stft.times_s[-1] < stft.start_s + stft.duration_s


def test_short_silence_clicks_and_nothing_at_all_are_measured_whole() -> None:
    sound = road(1.0, 1) * np.ones((2, 1))
    for samples in (padded(sound, 0.015, 0.0), np.eye(2, 4_410), np.zeros((2, 3_000))):
        audio = clip(samples)
        assert sounding_part(audio) == slice(0, audio.samples.shape[1])


def test_a_pause_within_a_recording_stays() -> None:
    sound = road(1.0, 1) * np.ones((2, 1))
    audio = AudioClip(np.concatenate([sound, np.zeros((2, RATE)), sound], axis=1), RATE)
    assert stereo_stft(audio).duration_s == pytest.approx(3.0, abs=0.01)
