"""Loudness, motion and kinds of sound."""

from __future__ import annotations

import numpy as np
import pytest

from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip
from spa2v.dsp.trends import change_over_clip, steadiness
from spa2v.plugins.cue_extractors.loudness import Loudness
from spa2v.plugins.cue_extractors.motion import Motion
from spa2v.plugins.cue_extractors.semantic_rules import EXCERPT_S, SemanticRules, middle
from tests.kit.cue_sounds import (
    RATE,
    Array,
    clip,
    drum,
    guitar,
    level_panned,
    motorcycle,
    road,
    tones,
    violin,
    voice,
    white,
    with_noise,
)

RUN = Run()


def _both(mono: Array) -> AudioClip:
    return clip(np.stack([mono, mono]))


@pytest.mark.parametrize("rise_db", [12.0, -6.0])
def test_the_level_slope_is_the_distance(rise_db: float) -> None:
    mono = white(4.0, seed=1)
    measures = Loudness().extract(_both(mono * 10 ** (np.linspace(0, rise_db, len(mono)) / 20)), RUN).measures
    assert measures["level_slope_db"] == pytest.approx(rise_db, abs=1.0)
    assert measures["distance_ratio"] == pytest.approx(2 ** (-measures["level_slope_db"] / 6.0206), rel=1e-6)
    assert measures["level_steadiness"] * np.sign(rise_db) > 0.9
    assert measures["level_peak_time"] == (1.0 if rise_db > 0 else 0.0)


def test_a_pass_peaks_in_the_middle() -> None:
    mono = white(4.0, seed=2)
    gain = 1 / np.hypot(np.linspace(-4, 4, len(mono)), 1)
    measures = Loudness().extract(_both(mono * gain), RUN).measures
    assert measures["level_peak_time"] == pytest.approx(0.5, abs=0.05)
    assert measures["level_peak_prominence_db"] > 6
    assert abs(measures["level_slope_db"]) < 1


def test_levels_are_dbfs_in_the_band() -> None:
    t = np.arange(RATE) / RATE
    loud = Loudness().extract(_both(np.sin(2 * np.pi * 1000 * t)), RUN).measures
    assert loud["level_dbfs"] == pytest.approx(-3.01, abs=0.2)
    low = Loudness().extract(_both(np.sin(2 * np.pi * 60 * t)), RUN).measures
    assert low["level_dbfs"] < -40


def test_silence_is_said() -> None:
    cues = Loudness().extract(AudioClip(np.zeros((1, RATE)), RATE), RUN)
    assert cues.measures["silent"] == 1.0
    assert cues.notes == ("The recording is silent: nothing rises above -70 dBFS.",)
    assert not cues.tracks["level"].weights.any()


def test_pitch_is_heard_where_there_is_one() -> None:
    t = np.arange(2 * RATE) / RATE
    harmonic = 0.05 * sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 9))
    track = Motion().extract(_both(np.asarray(harmonic)), RUN).tracks["pitch"]
    assert np.median(track.values) == pytest.approx(220, abs=2)
    assert np.median(track.weights) > 0.5
    assert Motion().extract(_both(white(2.0)), RUN).measures["pitch_heard"] < 0.05


def test_a_doppler_drop_is_measured() -> None:
    t = np.arange(3 * RATE) / RATE
    ratio = np.interp(t, [0, 1.3, 1.7, 3], [1.06, 1.06, 0.94, 0.94])
    phase = 2 * np.pi * np.cumsum(300 * ratio) / RATE
    sound = 0.05 * sum(np.sin(k * phase) / k for k in range(1, 8))
    drift = Motion().extract(_both(np.asarray(sound)), RUN).measures["pitch_drift_semitones"]
    assert -3.5 < drift < -1.5


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (road, "engine"),
        (motorcycle, "engine"),
        (guitar, "plucked strings"),
        (violin, "bowed strings"),
        (drum, "percussion"),
        (voice, "voice"),
    ],
)
@pytest.mark.parametrize("snr", [25, 10])
def test_kinds_are_told_apart(make: object, kind: str, snr: float) -> None:
    for seed in (11, 12, 13):
        audio = clip(with_noise(level_panned(make(3.0, seed), 0.0), snr))  # type: ignore[operator]
        best = SemanticRules().extract(audio, RUN).tags[0]
        assert kind in best.label
        assert 0.3 < best.confidence < 0.97


def test_doubt_is_left_to_something_else() -> None:
    for make in (tones, white, road):
        assert sum(tag.confidence for tag in SemanticRules(0.0).extract(_both(make(2.0)), RUN).tags) < 0.99


def test_kinds_do_not_change_when_time_or_channels_are_turned() -> None:
    audio = clip(with_noise(level_panned(guitar(2.0, seed=3), 20.0), 15))
    found = [SemanticRules(0.0).extract(each, RUN) for each in (audio, audio.reversed(), audio.swapped())]
    for other in found[1:]:
        assert [tag.label for tag in other.tags] == [tag.label for tag in found[0].tags]
        assert other.tags[0].confidence == pytest.approx(found[0].tags[0].confidence, abs=0.02)


def test_silence_has_no_kind() -> None:
    assert SemanticRules().extract(AudioClip(np.zeros((2, RATE)), RATE), RUN).tags == ()


def test_long_clips_are_judged_by_their_middle() -> None:
    audio = AudioClip(np.zeros((1, 200 * 8_000)), 8_000)
    assert middle(audio).duration_s == EXCERPT_S
    short = AudioClip(np.zeros((1, 8_000)), 8_000)
    assert middle(short) is short


def test_trends_are_robust_and_odd() -> None:
    values = np.linspace(0, 10, 50)
    values[::7] += 100
    assert change_over_clip(values) == pytest.approx(10, abs=1.5)
    assert change_over_clip(-values) == -change_over_clip(values)
    assert steadiness(np.arange(20.0)) == 1.0
    assert steadiness(np.ones(20)) == 0.0
    assert change_over_clip(np.ones(1)) == steadiness(np.ones(1)) == 0.0
