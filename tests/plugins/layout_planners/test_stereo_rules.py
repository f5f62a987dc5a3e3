"""The rule-based localizer from sound to layout: places, movements, symmetries, silence, names, refusals."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spa2v.core.errors import AudioError, ConfigError
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SoundSource, SpatialCues, Tag, Track, VideoSceneLayout
from spa2v.plugins.layout_planners.stereo_rules.camera import Camera
from spa2v.plugins.layout_planners.stereo_rules.planner import SILENT_NOTE, StereoRules
from spa2v.plugins.layout_planners.stereo_rules.priors import classes, find_class, mobility_of
from spa2v.vocabulary import object_of, vocabulary
from tests.kit.cue_sounds import (
    KINDS,
    PANS,
    Array,
    clip,
    delay_panned,
    guitar,
    level_panned,
    passing,
    road,
    sweep,
    violin,
    voice,
    white,
    with_noise,
)
from tests.kit.localizer import cues_of, localize

SWAPPED = {"left": "right", "right": "left", "left_to_right": "right_to_left", "right_to_left": "left_to_right"}
REVERSED = {
    "left_to_right": "right_to_left",
    "right_to_left": "left_to_right",
    "approaching": "receding",
    "receding": "approaching",
}


def centers(layout: VideoSceneLayout) -> Array:
    first = next(iter(layout.names))
    return np.array([item.box.center[0] for frame in layout.keyframes if (item := frame.get(first))])


def only_attribute(layout: VideoSceneLayout) -> str:
    assert len(layout.attributes) == 1
    return next(iter(layout.attributes.values()))


@pytest.mark.parametrize("pan", PANS)
@pytest.mark.parametrize("kind", [*KINDS, "road"])
@pytest.mark.parametrize("snr", [20, 5])
def test_a_monotone_pan_gives_monotone_boxes(kind: str, pan: str, snr: float) -> None:
    mono = {**KINDS, "road": road}[kind](3.0, seed=3)
    for start, end, word in ((-40, 40, "left_to_right"), (35, -45, "right_to_left")):
        layout = localize(clip(with_noise(PANS[pan](mono, sweep(start, end, len(mono))), snr)))
        assert layout.scenario == "translational"
        assert only_attribute(layout) == word
        steps = np.diff(centers(layout)) * (1 if end > start else -1)
        assert (steps >= 0).all()
        assert steps.sum() > 0.55


@pytest.mark.parametrize("pan", PANS)
@pytest.mark.parametrize(("azimuth", "word"), [(-18, "left"), (0, "center"), (18, "right")])
def test_a_thing_that_stays_is_placed(pan: str, azimuth: float, word: str) -> None:
    for make in (voice, guitar, violin, white):
        layout = localize(clip(with_noise(PANS[pan](make(2.0, seed=5), azimuth), 15)))
        assert (layout.scenario, only_attribute(layout)) == ("stationary", word), make.__name__
        expected = 0.5 + np.tan(np.radians(azimuth)) / (2 * np.tan(np.radians(65 / 2)))
        assert abs(centers(layout)[0] - expected) < 0.05


def test_a_vehicle_that_comes_closer_grows_and_one_that_leaves_shrinks() -> None:
    mono = road(4.0, seed=1)
    gain = 10 ** (np.linspace(0, 10, len(mono)) / 20)
    layout = localize(clip(with_noise(np.stack([mono, mono]) * gain, 25)))
    areas = [frame.objects[0].box.area for frame in layout.keyframes]
    assert only_attribute(layout) == "approaching"
    assert areas[-1] / areas[0] > 3
    assert (np.diff(areas) >= 0).all()
    away = localize(clip(with_noise(np.stack([mono, mono]) * gain, 25)).reversed())
    assert only_attribute(away) == "receding"


def test_the_reasoning_gives_the_way_of_a_crossing_and_the_direction_of_one_that_stays() -> None:
    mono = road(3.0, seed=3)
    crossing = localize(clip(with_noise(level_panned(mono, sweep(-40, 40, len(mono))), 20))).reasoning
    start, end = re.search(r"goes from (\d+) degrees left to (\d+) degrees right. So the car moves", crossing).groups()
    assert 20 <= int(start) <= 50
    assert 20 <= int(end) <= 50
    assert crossing.endswith("It moves, so the scene is translational.")
    still = localize(clip(with_noise(level_panned(guitar(2.0, seed=5), 18.0), 15))).reasoning
    assert re.search(r"direction of arrival is 1\d degrees right. So the guitar is likely on the right", still)
    assert still.endswith("It does not move, so the scene is stationary.")


def test_box_sides_double_for_six_decibels() -> None:
    mono = white(4.0, seed=1)
    gain = 2.0 ** np.linspace(0, 2, len(mono))  # 12 dB: a quarter of the distance
    layout = localize(clip(np.stack([mono, mono]) * gain))
    first, last = layout.keyframes[0].objects[0].box, layout.keyframes[-1].objects[0].box
    shown = 2.0 ** (2 * 15 / 16)  # the last key frame starts a sixteenth before the end
    assert (last.x2 - last.x1) / (first.x2 - first.x1) == pytest.approx(shown, rel=0.12)


def test_music_that_swells_stays() -> None:
    mono = violin(4.0, seed=2)
    layout = localize(clip(level_panned(mono * np.linspace(0.2, 1.0, len(mono)), 0.0)))
    assert (layout.scenario, only_attribute(layout)) == ("stationary", "center")


@pytest.mark.parametrize("speed", [12, -12])
def test_a_pass_with_geometry(speed: float) -> None:
    mono = road(4.0, seed=4)
    azimuth, gain = passing(mono, 4.0, speed)
    layout = localize(clip(with_noise(PANS["both"](mono * gain, azimuth), 15)))
    assert only_attribute(layout) == ("left_to_right" if speed > 0 else "right_to_left")


def test_mono_gives_the_center_and_says_so() -> None:
    mono = voice(2.0, seed=1)
    for samples in (np.stack([mono, mono]), mono[None]):
        layout = localize(clip(samples))
        assert centers(layout).tolist() == [0.5] * 16
        assert "Both channels are identical: no lateral evidence." in layout.notes
        assert "placed in the center, in doubt" in layout.reasoning


def test_a_vehicle_in_dual_mono_never_gets_a_side() -> None:
    mono = road(4.0, seed=2)
    _, gain = passing(mono, 4.0, 15)
    layout = localize(clip(np.stack([mono, mono]) * gain))
    assert layout.scenario == "translational"
    assert only_attribute(layout) in ("approaching", "receding")
    assert np.allclose(centers(layout), 0.5, atol=1e-12)


CASES = [
    ("voice", "level", 27.0, 27.0),
    ("road", "both", -30.0, 50.0),
    ("white", "delay", 40.0, -20.0),
    ("guitar", "both", -25.0, -25.0),
]
MAKERS = {"voice": voice, "road": road, "white": white, "guitar": guitar}


@pytest.mark.parametrize(("kind", "pan", "start", "end"), CASES)
def test_swapping_the_channels_mirrors_the_layout_exactly(kind: str, pan: str, start: float, end: float) -> None:
    mono = MAKERS[kind](2.5, seed=8)
    audio = clip(with_noise(PANS[pan](mono, sweep(start, end, len(mono))), 10))
    one, other = localize(audio), localize(audio.swapped())
    assert {key: SWAPPED.get(word, word) for key, word in one.attributes.items()} == dict(other.attributes)
    for frame, twin in zip(one.keyframes, other.keyframes, strict=True):
        assert [item.id for item in frame.objects] == [item.id for item in twin.objects]
        for item, mirrored in zip(frame.objects, twin.objects, strict=True):
            assert np.abs(np.array(item.box.mirrored()) - mirrored.box).max() < 1e-12


@pytest.mark.parametrize("pan", ["level", "both"])
@pytest.mark.parametrize("kind", ["road", "voice", "white"])
def test_reversing_time_reverses_the_movement(kind: str, pan: str) -> None:
    """Boxes agree within 0.05 at the same moments. Level carries this: played backwards, a delay changes its sign."""
    mono = MAKERS[kind](3.0, seed=6)
    audio = clip(with_noise(PANS[pan](mono, sweep(-30, 45, len(mono))), 15))
    one, other = localize(audio), localize(audio.reversed())
    assert {key: REVERSED[word] for key, word in one.attributes.items()} == dict(other.attributes)
    for index in range(1, 16):
        time = audio.duration_s * index / 16
        for item in one.at(audio.duration_s - time).objects:
            twin = other.at(time).get(item.id)
            assert twin is not None
            assert np.abs(np.array(item.box) - twin.box).max() < 0.05


def test_reversing_time_turns_an_approach() -> None:
    mono = road(3.0, seed=6)
    audio = clip(np.stack([mono, mono]) * 10 ** (np.linspace(0, 9, len(mono)) / 20))
    assert [only_attribute(localize(each)) for each in (audio, audio.reversed())] == ["approaching", "receding"]


@pytest.mark.parametrize(
    "samples", [np.zeros((2, 44_100)), 1e-5 * np.random.default_rng(0).standard_normal((2, 44_100))]
)
def test_silence_plans_nothing_and_says_so(samples: Array) -> None:
    layout = localize(clip(samples))
    assert all(not frame.objects for frame in layout.keyframes)
    assert SILENT_NOTE in layout.notes
    assert "nothing is heard" in layout.caption
    assert layout.scenario is None


def test_the_user_names_the_things() -> None:
    mono = white(3.0, seed=2)
    audio = clip(with_noise(level_panned(mono, sweep(-40, 40, len(mono))), 20))
    run, cues = Run(), cues_of(audio)
    layout = StereoRules(objects=["red bus"]).plan(audio, cues, run)
    assert dict(layout.names) == {"red_bus_0": "red bus"}
    assert dict(layout.attributes) == {"red_bus_0": "left_to_right"}
    assert "as named by the user" in layout.reasoning
    assert "A red bus moves from left to right" in layout.caption
    several = StereoRules(objects=["car", "car", "guitar"]).plan(audio, cues, run)
    assert list(several.names) == ["car_0", "car_1", "guitar_0"]


def _source(name: str, azimuth_deg: float, *tags: Tag) -> SoundSource:
    times = np.linspace(0.05, 1.95, 20)
    tracks = {
        "level": Track(times, np.full(20, -20.0), "dBFS"),
        "azimuth": Track(times, np.full(20, azimuth_deg), "deg", np.ones(20)),
    }
    return SoundSource(name, 0.5, tracks, tags, 0.9)


def _plan(cues: SpatialCues, **options: object) -> tuple[VideoSceneLayout, Run]:
    run = Run()
    return StereoRules(**options).plan(clip(white(2.0)[None]), cues, run), run  # type: ignore[arg-type]


def test_names_go_to_the_sources_whose_tags_fit_them() -> None:
    low, high = _source("a", -25.0, Tag("man singing", 0.7)), _source("b", 25.0, Tag("woman singing", 0.6))
    for sources in ((low, high), (high, low)):
        layout, _ = _plan(SpatialCues(2.0, sources=sources), objects=["man", "woman"])
        assert dict(layout.attributes) == {"man_0": "left", "woman_0": "right"}


def test_the_user_may_say_which_one_is_where() -> None:
    low, high = _source("a", -25.0, Tag("man", 0.7)), _source("b", 25.0, Tag("woman", 0.6))
    layout, _ = _plan(SpatialCues(2.0, sources=(low, high)), objects=["man@right", "woman @ left"])
    assert dict(layout.attributes) == {"man_0": "right", "woman_0": "left"}
    alone, _ = _plan(SpatialCues(2.0), objects=["man@right", "woman@left", "dog@center"])
    assert dict(alone.attributes) == {"man_0": "right", "woman_0": "left", "dog_0": "center"}
    assert "The user places the man on the right." in alone.reasoning


def test_a_background_goes_into_the_caption_and_has_no_box() -> None:
    rain, dog = Tag("rain", 0.8), Tag("dog", 0.6)
    layout, run = _plan(SpatialCues(2.0, tags=(rain,)))
    assert not layout.names
    assert layout.caption == "Rain falling outdoors, with nothing else in view."
    assert "Rain falling is heard (rain, confidence 0.80): a background, which has no box." in layout.reasoning
    assert run.record["planner"]["identified"] == "rain in the background, 0.80"
    both, _ = _plan(SpatialCues(2.0, tags=(dog, rain)))
    assert list(both.names) == ["dog_0"]
    assert both.caption == "A dog in the center, outdoors, with rain falling."
    apart, _ = _plan(SpatialCues(2.0, sources=(_source("a", -25.0, rain), _source("b", 25.0, dog))))
    assert dict(apart.attributes) == {"dog_0": "right"}


def test_noise_that_passes_by_is_an_object_and_so_is_rain_that_crosses() -> None:
    mono = road(3.0, seed=3)
    audio = clip(with_noise(level_panned(mono, sweep(-40, 40, len(mono))), 20))
    measured = cues_of(audio)
    for label, names in (("noise", ["vehicle_0"]), ("traffic", ["car_0"]), ("rain", ["vehicle_0"])):
        layout = StereoRules().plan(audio, replace(measured, sources=(), tags=(Tag(label, 0.6),)), Run())
        assert list(layout.names) == names
        assert set(layout.attributes.values()) <= {"left_to_right"}
    for label in ("noise", "rain"):
        still, _ = _plan(SpatialCues(2.0, tags=(Tag(label, 0.6),)))
        assert not still.names


def test_the_plan_says_how_sure_it_is_and_what_helps() -> None:
    sure, run = _plan(SpatialCues(2.0, tags=(Tag("clock", 0.82),)))
    assert (list(sure.names), run.record["planner"]["identified"]) == (["clock_0"], "clock, 0.82")
    unsure, run = _plan(SpatialCues(2.0, tags=(Tag("clock", 0.2),)))
    assert list(unsure.names) == ["sound_source_0"]
    assert run.record["planner"]["identified"] == (
        "not sure, perhaps clock, 0.20; name the objects with layout_planner.options.objects=[...]"
    )
    assert "layout_planner.options.objects=[...]" in unsure.reasoning


def test_every_object_of_the_vocabulary_has_priors() -> None:
    nouns = {each.noun for each in vocabulary().classes.values() if each.noun and not each.background}
    nouns |= {name for name, group in vocabulary().groups.items() if group.is_object}
    assert nouns <= set(classes())
    assert all(find_class(label) for label in vocabulary().classes if object_of(label))
    for each in classes().values():
        assert min(each.length_m, each.width_m, each.height_m) > 0.01
        assert each.distance_m > 0.5 * each.height_m
        assert 0.0 <= each.mobility <= 1.0


@pytest.mark.parametrize(
    ("label", "above", "scene"),
    [("bird", True, "outdoors in nature"), ("helicopter", True, "in the sky"), ("dog", False, "outdoors")],
)
def test_height_and_scene_follow_from_the_class(label: str, above: bool, scene: str) -> None:
    layout, _ = _plan(SpatialCues(2.0, tags=(Tag(label, 0.9),)))
    box = layout.keyframes[0].objects[0].box
    assert (box.y2 < 0.5) == above
    assert scene in layout.caption


def test_keyframes_and_field_of_view_are_options() -> None:
    audio = clip(level_panned(guitar(2.0, seed=1), 12.0))
    cues = cues_of(audio)
    wide = StereoRules(keyframes=5).plan(audio, cues, Run())
    narrow = StereoRules(keyframes=1, field_of_view_deg=50).plan(audio, cues, Run())
    assert [len(wide.keyframes), len(narrow.keyframes)] == [5, 1]
    assert centers(narrow)[0] > centers(wide)[0] > 0.6


def test_a_plan_needs_no_particular_extractor() -> None:
    audio = clip(white(1.0)[None])
    bare = StereoRules().plan(audio, SpatialCues(audio.duration_s), Run())
    assert centers(bare).tolist() == [0.5] * 16
    tagged = SpatialCues(audio.duration_s, tags=(Tag("harp", 0.9),), tracks={"level": Track([0.1], [-20.0], "dBFS")})
    assert list(StereoRules().plan(audio, tagged, Run()).names) == ["harp_0"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keyframes": 0}, "stereo_rules: keyframes is 0\n  expected 1 to 1024"),
        ({"max_objects": 99}, "stereo_rules: max_objects is 99\n  expected 1 to 16"),
        ({"field_of_view_deg": "wide"}, "stereo_rules: field_of_view_deg is 'wide'\n  expected 20 to 150"),
        ({"objects": []}, "stereo_rules: objects is empty\n  name at least one object, or leave the option out"),
        ({"objects": [""]}, "stereo_rules: objects holds ''\n  expected short names, as in objects=[car, bus]"),
        (
            {"objects": ["man@top"]},
            "stereo_rules: objects holds 'man@top'\n"
            "  expected left, center, right after the @, as in objects=[man@left, woman@right]",
        ),
        ({"objects": ["x"] * 17}, "stereo_rules: 17 objects are too many\n  the limit is 16"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        StereoRules(**options)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_the_same_sound_gives_the_same_bytes() -> None:
    audio = clip(with_noise(delay_panned(road(1.5, seed=1), 20.0), 5))
    again = AudioClip(audio.samples.copy(), audio.sample_rate)
    assert localize(audio).dumps() == localize(again).dumps()


def test_names_find_their_class() -> None:
    asked = ["A red car", "Cars", "taxi", "drum kit", "woman's voice", "zebra"]
    assert [found.name if (found := find_class(name)) else None for name in asked] == [
        "car",
        "car",
        "car",
        "drum",
        "woman",
        None,
    ]
    assert mobility_of((Tag("engine", 0.9),)) > 0.9
    assert mobility_of((Tag("plucked strings", 0.9),)) < 0.1
    assert mobility_of(()) == 0.5


def test_the_camera_is_odd_around_the_middle() -> None:
    camera = Camera(90.0)
    angles = np.linspace(-80, 80, 41)
    assert np.allclose(camera.x(angles) + camera.x(-angles), 1.0, rtol=0, atol=1e-12)
    assert camera.x(45.0) == pytest.approx(1.0)


@st.composite
def sounds(draw: st.DrawFn) -> Array:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, channels = draw(st.integers(0, 30_000)), draw(st.integers(1, 2))
    shape = draw(st.sampled_from(["noise", "zeros", "pulse", "square", "constant", "half", "tone"]))
    base = {
        "noise": rng.standard_normal((channels, count)),
        "zeros": np.zeros((channels, count)),
        "pulse": (rng.random((channels, count)) > 0.9995).astype(float),
        "square": np.sign(np.sin(np.arange(count) * rng.uniform(0.001, 1)))[None].repeat(channels, 0),
        "constant": np.ones((channels, count)),
        "half": rng.standard_normal((channels, count)) * (np.arange(count) > count / 2),
        "tone": np.sin(np.arange(count) * rng.uniform(0.001, 3, (channels, 1))),
    }[shape]
    return base * rng.uniform(-1, 1, (channels, 1)) * 10.0 ** draw(st.floats(-8, 2))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(samples=sounds(), rate=st.sampled_from([8_000, 11_025, 22_050, 44_100, 48_000, 192_000, 7_000]))
def test_any_finite_sound_gives_a_layout_or_an_audio_error(samples: Array, rate: int) -> None:
    try:
        audio = AudioClip(samples, rate)
    except AudioError:
        return
    layout = localize(audio)
    assert VideoSceneLayout.loads(layout.dumps()) == layout
    assert len(layout.keyframes) == 16
    mirrored = localize(audio.swapped())
    for frame, twin in zip(layout.keyframes, mirrored.keyframes, strict=True):
        for item, other in zip(frame.objects, twin.objects, strict=True):
            assert np.abs(np.array(item.box.mirrored()) - other.box).max() < 1e-9


def test_ten_minutes_are_bounded() -> None:
    rng = np.random.default_rng(0)
    audio = AudioClip(0.1 * rng.standard_normal((2, 600 * 8_000)).astype(np.float32), 8_000)
    cues = cues_of(audio)
    assert all(len(track.values) <= 200 for track in cues.tracks.values())
    assert only_attribute(StereoRules().plan(audio, cues, Run())) == "center"


def test_a_car_that_leaves_keeps_its_width_beyond_the_frame() -> None:
    mono = road(3.0, seed=3)
    layout = localize(clip(with_noise(level_panned(mono, sweep(-50, 50, len(mono))), 20)))
    items = [frame.objects[0] for frame in layout.keyframes if frame.objects]
    cut = [item for item in items if any(item.beyond)]
    assert cut
    assert all(item.box.x1 == 0.0 or item.box.x2 == 1.0 for item in cut)
    widths = [item.whole.x2 - item.whole.x1 for item in items]
    visible = [item.box.x2 - item.box.x1 for item in cut]
    assert max(widths) < 1.5 * min(widths)
    assert min(visible) < 0.8 * max(widths)
