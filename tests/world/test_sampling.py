"""Random scenes: proportions, determinism, truth of attributes, words."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from spa2v.core.errors import ConfigError
from spa2v.core.types import VideoSceneLayout, frame_times
from spa2v.world.acoustics import record
from spa2v.world.captions import video_caption
from spa2v.world.classes import CLASSES
from spa2v.world.clips import render_clip
from spa2v.world.drawing import Renderer
from spa2v.world.drawing.look import paint_name
from spa2v.world.evidence import judge, measure
from spa2v.world.sampling import Choice, sample_scene
from spa2v.world.sampling.visibility import all_visible
from spa2v.world.scene import OpenPlace, Path, Receiver, Scene, Thing

SMALL = (64, 40)


Drawn = list[tuple[Scene, VideoSceneLayout]]


def test_a_scene_is_a_function_of_its_seed() -> None:
    assert sample_scene(12) == sample_scene(12)
    assert sample_scene(12) != sample_scene(13)
    assert sample_scene(12, Choice(duration_s=1.0)).duration_s == 1.0


def test_scenes_come_in_the_proportions_of_avlbench(scenes: list[Scene]) -> None:
    """Within three standard deviations of a draw of 900."""
    found = Counter((scene.scenario, scene.quantity) for scene in scenes)
    for key, wanted in {
        ("stationary", "single"): 2698,
        ("stationary", "multiple"): 2004,
        ("translational", "single"): 2392,
        ("translational", "multiple"): 180,
    }.items():
        share = wanted / 7274
        assert abs(found[key] / 900 - share) < 3 * np.sqrt(share * (1 - share) / 900), key


def test_attributes_come_in_the_proportions_of_avlbench(scenes: list[Scene]) -> None:
    found = Counter(thing.attribute for scene in scenes for thing in scene.things)
    standing = sum(found[key] for key in ("left", "center", "right"))
    moving = sum(found.values()) - standing
    assert found["center"] / standing == pytest.approx(5616 / 11782, abs=0.05)
    assert found["left"] / found["right"] == pytest.approx(1.0, abs=0.2)
    assert (found["approaching"] + found["receding"]) / moving == pytest.approx(1600 / 2764, abs=0.08)
    assert set(found) == {
        "left", "center", "right", "left_to_right", "right_to_left", "approaching", "receding",
    }  # fmt: skip


def test_a_third_of_the_receivers_are_dual_mono(scenes: list[Scene]) -> None:
    kinds = Counter(scene.receiver.kind for scene in scenes)
    assert kinds["mono"] / len(scenes) == pytest.approx(1 / 3, abs=0.06)
    assert kinds["coincident"] + kinds["mono"] > 0.6 * len(scenes)  # no delay in most


FIRST_TWELVE = tuple(CLASSES)[:12]


def test_every_class_occurs_and_the_first_twelve_make_up_half(scenes: list[Scene]) -> None:
    names = Counter(thing.name for scene in scenes for thing in scene.things)
    assert set(names) == set(CLASSES)
    assert min(names.values()) >= 4
    assert sum(names[name] for name in FIRST_TWELVE) > 0.5 * sum(names.values())


def test_things_move_where_and_face_as_they_go(scenes: list[Scene]) -> None:
    """Boats on water, aircraft in the sky, trains on rails; the front (heading 0 is +x, 90 is -z) leads."""
    places = {"road": "street", "pavement": "street"}
    for scene in scenes:
        for thing in scene.things:
            kind = CLASSES[thing.name]
            where = kind.moves if scene.scenario == "translational" else kind.stands
            assert scene.surroundings in {places.get(place, place) for place in where}, (scene.seed, thing.id)
            low, high = kind.heights_m if thing.is_moving else (0.0, 0.0)
            assert thing.held or low <= thing.path.start[1] <= high
            if thing.is_moving:
                vx, _, vz = thing.path.velocity
                assert thing.heading_deg == pytest.approx(np.degrees(np.arctan2(-vz, vx)))
                assert thing.path.speed_m_s <= kind.fastest_m_s * 1.3


def test_only_the_chosen_classes_are_drawn() -> None:
    few = ("car", "dog", "bell", "boat")
    scenes = [sample_scene(seed, Choice(classes=few)) for seed in range(25)]
    assert {thing.name for scene in scenes for thing in scene.things} == set(few)
    assert {thing.name for scene in scenes if scene.quantity == "multiple" for thing in scene.things} <= set(few)
    with pytest.raises(ConfigError, match="no scene is all of: scenario stationary, classes"):
        sample_scene(0, Choice("stationary", classes=("car", "boat")))
    with pytest.raises(ConfigError, match="no scene is all of: bus, classes car"):
        Choice(name="bus", classes=("car",))


def test_events_are_seen_and_heard_while_they_last() -> None:
    """In the rest of the clip there is no box of what appears, and no sound of it."""
    found = Counter()
    for seed in range(60):
        scene = sample_scene(
            seed, Choice("stationary", "single", name=("dog", "bell")[seed % 2], receiver="coincident")
        )
        (thing,) = scene.things
        start, end = thing.sounding_s(scene.duration_s)
        assert 0 <= start < end <= scene.duration_s
        found[bool(thing.sounds), thing.appears] += 1
        if not thing.appears or found[True, True] > 4:
            continue
        renderer = Renderer(scene, *SMALL)
        for time in np.linspace(0, scene.duration_s, 20, endpoint=False):
            assert (thing.id in renderer.frame(float(time)).boxes) == (start <= time <= end)
        stem = record(scene, 8000).stems[thing.id]
        assert np.abs(stem[:, : round(start * 8000)]).max(initial=0.0) < 1e-5 * np.abs(stem).max()
        rang_out = round((end + 0.5) * 8000)
        assert np.abs(stem[:, rang_out:]).max(initial=0.0) < 0.02 * np.abs(stem).max()
    assert min(found.values()) >= 3
    assert set(found) == {(False, False), (True, False), (True, True)}


def test_evidence_of_an_event_is_that_of_its_sound() -> None:
    """A bark of a second is as clear in a long clip as in a short one."""

    def lone(duration_s: float, start: float) -> Scene:
        place = Path((1.6, 0.0, 3.0))
        dog = Thing("dog_0", "dog", "right", place, sound_height_m=0.5, voice=3, sounds=((start, start + 1.0),))
        receiver = Receiver("coincident", 0.0, 0.5, 50.0)
        return Scene(1, duration_s, "stationary", (dog,), OpenPlace("meadow"), receiver=receiver, snr_db=None)

    cues = []
    for scene in (lone(1.2, 0.1), lone(8.0, 6.0)):
        (item,) = judge(scene, measure(scene, record(scene, 22_050)))
        assert item.lateral_evidence
        cues.append(item.cues["level_difference_db"])
    assert cues[0] == pytest.approx(cues[1], abs=0.05)


def test_level_differences_spread_as_in_real_clips() -> None:
    """0 to 5 dB, rarely more, in the band that carries the cue."""
    found = []
    for seed in range(60):
        scene = sample_scene(seed, Choice(quantity="single", duration_s=1.5))
        if not scene.receiver.is_mono:
            found.append(abs(next(iter(measure(scene, record(scene, 22_050)).values())).level_difference_db))
    assert np.quantile(found, 0.95) < 6
    assert 0.3 < np.median(found) < 3


def of_kind(drawn: Drawn, scenario: str, least: int) -> Drawn:
    found = [(scene, layout) for scene, layout in drawn if scene.scenario == scenario]
    assert len(found) >= least
    return found


def test_attributes_are_true_of_the_boxes(drawn: Drawn) -> None:
    """By the rule of annotated clips: mean middle below 0.40 is left, above 0.60 right."""
    for scene, layout in of_kind(drawn, "stationary", 80):
        for thing in scene.things:
            boxes = [box for box in layout.boxes(thing.id, frame_times(scene.duration_s)) if box]
            middle = float(np.mean([box.center[0] for box in boxes]))
            true = {"left": middle < 0.41, "center": 0.39 < middle < 0.61, "right": middle > 0.59}
            assert true[thing.attribute], (scene.seed, thing.id, thing.attribute, middle)


def test_movements_are_true_of_the_boxes(drawn: Drawn) -> None:
    for scene, layout in of_kind(drawn, "translational", 60):
        for thing in scene.things:
            boxes = [box for box in layout.boxes(thing.id, frame_times(scene.duration_s)) if box]
            first, last = boxes[0], boxes[-1]
            match thing.attribute:
                case "left_to_right":
                    assert last.center[0] - first.center[0] > 0.4
                case "right_to_left":
                    assert first.center[0] - last.center[0] > 0.4
                case "approaching":
                    assert last.area > 3 * first.area
                case "receding":
                    assert first.area > 3 * last.area


def test_every_thing_can_be_seen(drawn: Drawn) -> None:
    assert sum(scene.quantity == "multiple" for scene, _ in drawn) >= 40
    for scene, layout in drawn:
        assert set(layout.names) == {thing.id for thing in scene.things}


def test_a_thing_behind_another_is_not_visible() -> None:
    bus = Thing("bus_0", "bus", "approaching", Path((0.0, 0.0, 9.0)))
    car = Thing("car_0", "car", "approaching", Path((0.0, 0.0, 14.0)))
    assert not all_visible(Scene(1, 1.0, "translational", (bus, car), OpenPlace()))
    assert all_visible(Scene(1, 1.0, "translational", (car,), OpenPlace()))


@pytest.mark.parametrize("attribute", ["left", "center", "right", "left_to_right", "approaching", "receding"])
def test_a_choice_is_kept(attribute: str) -> None:
    scene = sample_scene(3, Choice(quantity="single", attribute=attribute, receiver="sphere", snr_db=9.0))
    assert [thing.attribute for thing in scene.things] == [attribute]
    assert scene.receiver.kind == "sphere"
    assert scene.snr_db == 9.0


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"name": "tuba"}, "there is no class 'tuba' in ToyWorld\n  classes: car, bus,"),
        ({"name": "car", "attribute": "left"}, "no scene is all of: car, left\n  vehicles cross"),
        ({"name": "piano", "scenario": "translational"}, "no scene is all of: translational, piano"),
        ({"attribute": "up"}, "attribute: 'up'\n  expected one of: left, center,"),
        ({"scenario": "indoor"}, "scenario: 'indoor'\n  expected one of: stationary, translational"),
        ({"quantity": "many"}, "quantity: 'many'\n  expected one of: single, multiple"),
        ({"receiver": "ears"}, "receiver: 'ears'\n  expected one of: mono,"),
    ],
)
def test_an_impossible_choice_is_refused(choice: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Choice(**choice)
    assert message in str(caught.value)


def test_two_trains_are_refused() -> None:
    with pytest.raises(ConfigError, match="a train has the track to itself"):
        sample_scene(0, Choice(quantity="multiple", name="train"))


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ConfigError, match="the seed is -1"):
        sample_scene(-1)


def test_a_clip_is_a_complete_example() -> None:
    """Layout, captions, reasoning and evidence agree with each other and with the sound."""
    clip = render_clip(sample_scene(4, Choice(quantity="single", attribute="approaching", name="car")), SMALL)
    layout = clip.layout
    assert VideoSceneLayout.loads(clip.layout.dumps()) == layout
    assert len(layout.keyframes) == len(clip.video.frames) == 16
    assert clip.video.duration_s == pytest.approx(clip.audio.duration_s, abs=1e-4)
    paint = paint_name("car", clip.scene.things[0].look)
    assert layout.caption.lower() in (
        f"a {paint} car approaches on a street.",
        f"an {paint} car approaches on a street.",
    )
    assert "rises by" in layout.reasoning
    assert layout.reasoning.endswith("the scenario is translational.")
    assert layout.attributes == {"car_0": "approaching"}
    assert "far away" in layout.keyframes[0].caption
    assert "far away" not in layout.keyframes[-1].caption
    assert clip.objects[0].distance_evidence is True
    assert clip.objects[0].lateral_evidence is None


def test_reasoning_claims_no_side_for_dual_mono() -> None:
    clip = render_clip(sample_scene(6, Choice(quantity="single", attribute="left", receiver="mono")), SMALL)
    assert "Both channels are the same, so the side cannot be heard" in clip.layout.reasoning
    assert clip.objects[0].lateral_evidence is False


@pytest.mark.parametrize("attribute", ["left", "right"])
def test_evidence_points_to_the_true_side(attribute: str) -> None:
    sign = 1 if attribute == "right" else -1
    heard = 0
    for seed in range(10):
        choice = Choice(quantity="single", attribute=attribute, receiver="coincident", duration_s=1.0)
        scene = sample_scene(seed, choice)
        (item,) = judge(scene, measure(scene, record(scene, 22_050)))
        heard += bool(item.lateral_evidence)
        assert not item.lateral_evidence or sign * item.cues["level_difference_db"] > 0
    assert heard >= 7


def test_a_mirrored_scene_is_heard_and_seen_on_the_other_side() -> None:
    scene = sample_scene(2, Choice(quantity="single", attribute="left", receiver="coincident", duration_s=1.0))
    other = scene.mirrored()
    (cues,), (turned,) = (measure(which, record(which, 22_050)).values() for which in (scene, other))
    assert turned.level_difference_db == pytest.approx(-cues.level_difference_db, abs=1e-3)
    assert other.things[0].attribute == "right"
    assert Renderer(other, *SMALL).frame(0.0).boxes[other.things[0].id].center[0] > 0.5
    assert "on the right" in video_caption(other)
    assert other.mirrored() == scene
