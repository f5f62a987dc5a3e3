"""Several sources are separated, one source is not taken for several, and the plan follows."""

from __future__ import annotations

import numpy as np
import pytest

from spa2v.core.errors import ConfigError
from spa2v.core.types import AudioClip, SpatialCues
from spa2v.plugins.cue_extractors.sources import Sources
from spa2v.testing import toy_run
from tests.kit.cue_sounds import (
    PANS,
    clip,
    drum,
    guitar,
    passing,
    road,
    sweep,
    tones,
    violin,
    voice,
    white,
    with_noise,
)
from tests.kit.localizer import localize

PAIRS = {
    "guitar and voice": (guitar, -30.0, voice, 30.0),
    "voice and violin": (voice, -25.0, violin, 25.0),
    "drum and voice": (drum, -20.0, voice, 35.0),
    "voice in the middle and guitar": (voice, 0.0, guitar, 40.0),
    "noise and tones": (white, -40.0, tones, 30.0),
}


def separated(audio: AudioClip) -> SpatialCues:
    return Sources().extract(audio, toy_run())


def places(cues: SpatialCues) -> list[float]:
    return sorted(float(np.median(source.tracks["azimuth"].values)) for source in cues.sources)


@pytest.mark.parametrize("pan", PANS)
@pytest.mark.parametrize("name", PAIRS)
def test_two_that_stay_are_two(name: str, pan: str) -> None:
    one, left, other, right = PAIRS[name]
    audio = clip(with_noise(PANS[pan](one(3.0, 1), left) + PANS[pan](other(3.0, 2), right), 20))
    cues = separated(audio)
    assert cues.measures["source_count"] == 2
    assert np.abs(np.array(places(cues)) - sorted((left, right))).max() < 12
    assert sum(source.share for source in cues.sources) <= 1.0 + 1e-9
    assert all(source.confidence > 0.5 for source in cues.sources)


def test_three_are_three() -> None:
    stereo = sum(PANS["both"](make(4.0, seed), place) for make, seed, place in
                 ((guitar, 1, -40.0), (voice, 2, 0.0), (violin, 3, 40.0)))  # fmt: skip
    assert np.abs(np.array(places(separated(clip(with_noise(np.asarray(stereo), 20))))) - [-40, 0, 40]).max() < 8


@pytest.mark.parametrize("pan", PANS)
@pytest.mark.parametrize("make", [guitar, voice, violin, drum, white, tones, road])
def test_one_is_one(make: object, pan: str) -> None:
    mono = make(3.0, 4)  # type: ignore[operator]
    for path in (25.0, sweep(-40, 40, len(mono))):
        cues = separated(clip(with_noise(PANS[pan](mono, path), 20)))
        assert cues.sources == ()
        assert cues.measures["source_count"] == 1


@pytest.mark.parametrize("pan", PANS)
@pytest.mark.parametrize("speed", [6, 20])
def test_a_single_pass_is_one(speed: float, pan: str) -> None:
    mono = road(6.0, 3)
    azimuth, gain = passing(mono, 6.0, speed)
    assert separated(clip(with_noise(PANS[pan](mono * gain, azimuth), 20))).sources == ()


@pytest.mark.parametrize("pan", PANS)
def test_a_car_passes_someone_who_sings(pan: str) -> None:
    mono = road(4.0, 3)
    azimuth, gain = passing(mono, 4.0, 12)
    audio = clip(with_noise(PANS[pan](mono * gain, azimuth) + PANS[pan](voice(4.0, 2), 0.0), 20))
    layout = localize(audio)
    assert layout.scenario == "translational"
    assert sorted(layout.attributes.values()) == ["center", "left_to_right"]
    mover = next(key for key, word in layout.attributes.items() if word == "left_to_right")
    if pan != "level":  # with levels alone the two share too many cells for a name
        assert layout.names[mover] == "car"
    assert "Sound 2" in layout.reasoning


def test_a_car_passes_steady_noise() -> None:
    mono = road(4.0, 3)
    azimuth, gain = passing(mono, 4.0, 12)
    stereo = PANS["both"](mono * gain, azimuth) + 0.5 * PANS["both"](white(4.0, 2), 30.0)
    cues = separated(clip(with_noise(stereo, 20)))
    assert len(cues.sources) == 2
    spans = sorted(float(np.ptp(source.tracks["azimuth"].values)) for source in cues.sources)
    assert spans[0] < 35 < 80 < spans[1]


def test_a_plan_of_two_names_and_places_both() -> None:
    stereo = PANS["both"](guitar(3.0, 1), -18.0) + PANS["both"](voice(3.0, 2), 18.0)
    audio = clip(with_noise(stereo, 20))
    layout = localize(audio)
    assert layout.scenario == "stationary"
    assert sorted(layout.attributes.values()) == ["left", "right"]
    assert layout.attributes["guitar_0"] == "left"
    mirrored = localize(audio.swapped())
    assert mirrored.attributes["guitar_0"] == "right"
    for frame, twin in zip(layout.keyframes, mirrored.keyframes, strict=True):
        for item in frame.objects:
            other = twin.get(item.id)
            assert other is not None
            assert np.abs(np.array(item.box.mirrored()) - other.box).max() < 1e-9


def test_identical_channels_have_no_two_azimuths() -> None:
    mono = guitar(2.0, 1) + voice(2.0, 2)
    cues = separated(clip(np.stack([mono, mono])))
    assert all(source.tracks["azimuth"].weights.max() == 0 for source in cues.sources)
    assert set(places(cues)) == {0.0}
    assert separated(clip(np.stack([guitar(2.0, 1)] * 2))).sources == ()
    assert separated(AudioClip(np.zeros((2, 8_000)), 8_000)).measures["source_count"] == 0


def test_max_sources_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        Sources(max_sources=0)
    assert str(caught.value) == "sources: max_sources is 0\n  expected 1 to 8"


def test_the_tagger_of_the_sources_is_a_component_with_options() -> None:
    audio = clip(with_noise(PANS["both"](guitar(3.0, 1), -45.0) + PANS["both"](voice(3.0, 2), 45.0), 25))
    one = Sources(tagger={"name": "semantic_tagger", "options": {"top": 1}}).extract(audio, toy_run())
    assert [len(source.tags) for source in one.sources] == [1, 1]
    with pytest.raises(ConfigError, match="tagger 'loudness' does not tag pieces of sound"):
        Sources(tagger="loudness").extract(audio, toy_run())
    with pytest.raises(ConfigError, match="expected a name"):
        Sources(tagger={"model": "x"}).extract(audio, toy_run())
