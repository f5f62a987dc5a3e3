"""Sounds from one direction are separated by how they move; one sound is not split, whatever the room does to it."""

from __future__ import annotations

import numpy as np
import pytest

from spa2v.core.types import AudioClip, SpatialCues
from spa2v.dsp.separation.onsets import first_arrivals, percussive_onsets
from spa2v.dsp.separation.partials import PartialGroup, track_partials
from spa2v.dsp.separation.spatial import SpatialEvidence, split_by_azimuth
from spa2v.dsp.separation.streams import find_streams
from spa2v.dsp.separation.tf_bins import time_frequency_bins
from spa2v.dsp.stft import stereo_stft
from spa2v.plugins.cue_extractors.sources import Sources
from spa2v.testing import toy_run
from spa2v.world.acoustics import record
from spa2v.world.classes import CLASSES
from spa2v.world.sampling import Choice, sample_scene
from tests.kit.cue_sounds import (
    PANS,
    Array,
    clip,
    drum,
    guitar,
    held,
    level_panned,
    motorcycle,
    passing,
    road,
    strummed,
    sung,
    tones,
    violin,
    voice,
    white,
    with_noise,
)
from tests.kit.localizer import localize

SINGER, STRINGS, BOW, KIT = "voice", "plucked strings", "bowed strings", "percussion"


def narrow(seconds: float, seed: int) -> Array:
    """A violin with the narrow vibrato of an orchestra."""
    return violin(seconds, seed, cents=11.0)


PAIRS = {
    "a singer with a guitar": (sung, guitar, {SINGER, STRINGS}),
    "someone who speaks over a guitar": (voice, guitar, {SINGER, STRINGS}),
    "a singer behind a drum kit": (sung, drum, {SINGER, KIT}),
    "a guitar and a drum kit": (guitar, drum, {STRINGS, KIT}),
    "a violin and a guitar": (narrow, guitar, {BOW, STRINGS}),
    "a singer and a violin": (sung, narrow, {SINGER, BOW}),
}
ALONE = [guitar, voice, sung, held, violin, narrow, strummed, drum, tones, white, road, motorcycle]


def separated(audio: AudioClip) -> SpatialCues:
    return Sources().extract(audio, toy_run())


def kind(label: str) -> str:
    return SINGER if label.endswith("voice") else label


def kinds(cues: SpatialCues) -> set[str]:
    return {kind(source.tags[0].label) for source in cues.sources}


@pytest.mark.parametrize("azimuth", [0.0, 25.0])
@pytest.mark.parametrize("pan", PANS)
@pytest.mark.parametrize("name", PAIRS)
def test_two_in_one_place_are_two(name: str, pan: str, azimuth: float) -> None:
    one, other, expected = PAIRS[name]
    cues = separated(clip(with_noise(PANS[pan](one(4.0, 1) + other(4.0, 2), azimuth), 20)))
    assert kinds(cues) == expected
    assert len(cues.sources) == 2
    places = [float(np.median(source.tracks["azimuth"].values)) for source in cues.sources]
    assert np.abs(np.array(places) - azimuth).max() < 6
    assert all(source.tags[0].reason for source in cues.sources)


@pytest.mark.parametrize("balance_db", [-5.0, 3.0])
def test_the_softer_of_two_is_heard(balance_db: float) -> None:
    mono = sung(4.0, 1) * 10 ** (balance_db / 40) + guitar(4.0, 2) * 10 ** (-balance_db / 40)
    assert kinds(separated(clip(with_noise(level_panned(mono, 0.0), 20)))) == {SINGER, STRINGS}


@pytest.mark.parametrize("channels", ["the same", "panned"])
@pytest.mark.parametrize("make", ALONE)
@pytest.mark.parametrize("seed", [1, 2])
def test_one_alone_is_one(make: object, channels: str, seed: int) -> None:
    mono = make(4.0, seed)  # type: ignore[operator]
    stereo = np.stack([mono, mono]) if channels == "the same" else with_noise(level_panned(mono, 15.0), 25)
    assert separated(clip(stereo)).sources == ()


def test_a_strummed_guitar_is_no_drum_kit() -> None:
    """Its pick bursts into noise in a beat as drums do, but every stroke starts partials; drums also hit alone."""
    stft = stereo_stft(clip(strummed(4.0, 1)[None]))
    assert percussive_onsets(stft) is not None
    assert [stream.kind for stream in find_streams(stft)] == [STRINGS]


def test_two_singers_in_two_places_are_two() -> None:
    stereo = level_panned(sung(4.0, 1, base=400.0), -25.0) + level_panned(sung(4.0, 5, base=240.0), 20.0)
    cues = separated(clip(with_noise(stereo, 25)))
    places = sorted(float(np.median(source.tracks["azimuth"].values)) for source in cues.sources)
    assert len(places) == 2
    assert places[0] < -12
    assert places[1] > 8


@pytest.mark.parametrize("cents", [15.0, 16.0])
def test_a_vibrato_between_a_bow_and_a_voice_is_one(cents: float) -> None:
    """Some of its partials count as narrow and some as wide, but all glide as one."""
    for seed in (1, 2, 3):
        audio = clip(with_noise(level_panned(violin(4.0, seed, cents=cents), 10.0), 25))
        assert separated(audio).sources == ()


FIRST_TWELVE = tuple(CLASSES)[:12]
SPREAD = {"violin": 60_000_137, "woman": 60_000_210, "harp": 60_000_243, "guitar": 60_000_907}


@pytest.mark.parametrize("name", SPREAD)
def test_a_room_does_not_split_one_source(name: str) -> None:
    """The azimuths of the partials of these differ by more than 12 degrees, and still it is one instrument."""
    scene = sample_scene(SPREAD[name], Choice(classes=FIRST_TWELVE))
    assert [thing.name for thing in scene.things] == [name]
    audio = record(scene).audio
    assert len(split_by_azimuth(SpatialEvidence.of(time_frequency_bins(stereo_stft(audio), 0.18)), 4).trajectories) > 1
    assert separated(audio).measures["source_count"] == 1


def test_a_musician_who_sings_is_planned_as_two_in_one_place() -> None:
    layout = localize(clip(with_noise(level_panned(sung(4.0, 1) + guitar(4.0, 2), 22.0), 20)))
    assert set(layout.names.values()) == {"woman", "guitar"}
    assert set(layout.attributes.values()) == {"right"}
    assert layout.scenario == "stationary"
    assert "2 sources stand apart by how they sound." in layout.reasoning
    assert "lines that hold their pitch" in layout.reasoning
    assert "lines that glide up and down together by" in layout.reasoning


@pytest.mark.parametrize("name", PAIRS)
def test_a_mirrored_pair_is_the_same_pair_mirrored(name: str) -> None:
    one, other, _ = PAIRS[name]
    audio = clip(with_noise(PANS["both"](one(3.0, 3), 8.0) + PANS["both"](other(3.0, 4), 14.0), 20))
    layout, mirrored = localize(audio), localize(audio.swapped())
    assert layout.names == mirrored.names
    for frame, twin in zip(layout.keyframes, mirrored.keyframes, strict=True):
        for item, same in zip(frame.objects, twin.objects, strict=True):
            assert np.abs(np.array(item.box.mirrored()) - same.box).max() < 1e-9


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_played_backwards_is_the_same_pair(name: str) -> None:
    one, other, expected = PAIRS[name]
    audio = clip(with_noise(level_panned(one(4.0, 1) + other(4.0, 2), 10.0), 20))
    assert kinds(separated(audio.reversed())) == expected


def test_music_in_a_street_does_not_hide_the_car() -> None:
    mono = road(4.0, 3)
    azimuth, gain = passing(mono, 4.0, 12)
    music = 0.2 * level_panned(sung(4.0, 1) + guitar(4.0, 2), 0.0)
    layout = localize(clip(with_noise(level_panned(mono * gain, azimuth) + music, 25)))
    assert "left_to_right" in layout.attributes.values()


@pytest.mark.parametrize("cents", [8.0, 20.0, 50.0])
def test_partials_measure_the_depth_of_a_vibrato(cents: float) -> None:
    """The standard deviation of a sine is its depth over the root of 2; a window of 46 ms rounds its turns off."""
    stft = stereo_stft(clip(violin(4.0, 2, cents=cents)[None]))
    partials = track_partials(stft)
    assert partials is not None
    high = partials.sustained & (partials.peaks.hz > 500)
    assert np.median(partials.deviation_cents[high]) == pytest.approx(cents / np.sqrt(2), rel=0.15)
    assert np.median(partials.smoothness[high]) > 0.9
    assert PartialGroup.of(partials, high, len(stft.times_s)).common_glide > 0.95


def test_partials_of_a_steady_tone_hold_their_pitch() -> None:
    partials = track_partials(stereo_stft(clip(tones(2.0, 1)[None])))
    assert partials is not None
    sustained = partials.sustained & (partials.peaks.hz > 300)
    assert sustained.mean() > 0.7
    assert np.quantile(partials.deviation_cents[sustained], 0.95) < 1.0


def test_first_arrivals_come_straight_from_their_source() -> None:
    """A wall that reflects after 10 ms from the other side does not move them."""
    direct = level_panned(guitar(4.0, 1), 30.0)
    echo = 0.7 * np.roll(level_panned(guitar(4.0, 1), -60.0), 441, axis=1)
    arrivals = first_arrivals(clip(direct + echo))
    sine = float(np.average(arrivals.sine, weights=arrivals.weight))
    power = np.mean((direct + echo) ** 2, axis=1)
    assert abs(sine - 0.5) < 0.1
    assert (power[1] - power[0]) / power.sum() < 0.25  # overall the echo pulls it far to the middle


@pytest.mark.parametrize("samples", [np.zeros((2, 3_000)), np.ones((2, 2_300)), np.eye(2, 4_410)])
def test_little_or_nothing_has_no_streams(samples: Array) -> None:
    audio = clip(samples)
    assert find_streams(stereo_stft(audio)) == []
    assert len(first_arrivals(audio).frame) == 0
