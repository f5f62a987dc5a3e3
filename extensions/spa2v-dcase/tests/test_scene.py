"""Directions to boxes, events to things, things to a layout."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from spa2v_dcase.annotations import Event
from spa2v_dcase.camera import Camera
from spa2v_dcase.scene import NOTE, make_scene
from spa2v_dcase.things import attribute_of, boxes_of, things_of, window

CAMERA = Camera()
DOOR = Event(0, 7, 0, 0.0, None, 3.0, True)
SPEECH, LAUGHTER, MUSIC, PHONE = 1, 4, 8, 3


def test_left_and_right_follow_from_the_azimuth() -> None:
    for azimuth in (-40.0, -12.0, 0.0, 25.0):
        box = CAMERA.box(replace(DOOR, azimuth_deg=azimuth, distance_m=6.0))
        assert box is not None
        assert box.center[0] == pytest.approx(0.5 + math.tan(math.radians(azimuth)) / (2 * math.tan(math.radians(50))))
    edge = CAMERA.box(replace(DOOR, azimuth_deg=50.0))
    assert edge is not None
    assert edge.x2 == 1.0, "half of it is out of the picture"


def test_the_size_follows_from_the_distance() -> None:
    near, far = CAMERA.box(DOOR), CAMERA.box(replace(DOOR, distance_m=6.0))
    assert near is not None
    assert far is not None
    depth = math.sqrt(3.0**2 - 0.5**2)  # a door's sound is half a meter under the camera
    assert near.x2 - near.x1 == pytest.approx(0.9 / depth / (2 * math.tan(math.radians(50))))
    assert (near.x2 - near.x1) / (far.x2 - far.x1) == pytest.approx(2.0, rel=0.02)
    assert near.y1 < 0.5 < near.y2, "it reaches over and under the camera"


def test_up_and_down_follow_from_the_elevation_where_it_is_annotated() -> None:
    phone = Event(0, PHONE, 0, 0.0, 20.0, 2.0)
    box = CAMERA.box(phone)
    assert box is not None
    assert 0.5 - 640 / 360 * math.tan(math.radians(20)) / (2 * math.tan(math.radians(50))) == pytest.approx(
        box.center[1], abs=0.02
    )
    assert CAMERA.box(replace(phone, elevation_deg=-20.0)).center[1] > 0.5  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "event",
    [
        replace(DOOR, onscreen=False),  # behind, and folded to the front
        replace(DOOR, azimuth_deg=170.0, onscreen=None),
        replace(DOOR, azimuth_deg=60.0, onscreen=None),
        replace(DOOR, azimuth_deg=90.0),
        Event(0, PHONE, 0, 0.0, 40.0, 2.0),  # over the picture
        Event(0, PHONE, 0, 0.0, 90.0, 2.0),
    ],
)
def test_what_is_out_of_the_picture_has_no_box(event: Event) -> None:
    assert CAMERA.box(event) is None


@pytest.mark.parametrize("distance", [0.01, 0.3, None, 1000.0])
def test_any_distance_gives_a_box_in_the_picture(distance: float | None) -> None:
    assert CAMERA.box(replace(DOOR, distance_m=distance)) is not None or distance == 1000.0


def test_a_person_is_one_thing_whatever_it_does() -> None:
    person = [Event(0, LAUGHTER, 2, 10.0), Event(1, SPEECH, 2, 10.0), Event(1, LAUGHTER, 2, 10.0), Event(3, 6, 2, 10.0)]
    (thing,) = things_of(person)
    assert (thing.id, thing.name, sorted(thing.events)) == ("man_0", "man", [0, 1, 3])
    assert thing.verbs == ("laughs", "speaks", "walks")


def test_things_of_one_class_and_number_at_once_are_several() -> None:
    events = [Event(0, MUSIC, 0, -30.0), Event(0, MUSIC, 0, 30.0), Event(1, MUSIC, 0, -30.0), Event(1, MUSIC, 0, 30.0)]
    first, second = things_of([*events, Event(2, SPEECH, 1, 0.0)])[:2]
    assert [thing.id for thing in (first, second)] == ["loudspeaker_0", "loudspeaker_1"]
    assert {event.azimuth_deg for event in first.events.values()} == {-30.0}
    assert {event.azimuth_deg for event in second.events.values()} == {30.0}
    unnumbered = things_of([Event(0, SPEECH, 0, 0.0), Event(0, LAUGHTER, 0, 0.0)])
    assert [thing.name for thing in unnumbered] == ["man", "person"], "0 is nobody's number"


def test_silent_things_stay_or_are_absent() -> None:
    (thing,) = things_of([replace(DOOR, frame=2), replace(DOOR, frame=6, azimuth_deg=30.0)])
    held, absent = (boxes_of(thing, CAMERA, 10, hold) for hold in (True, False))
    assert [box is not None for box in absent] == [frame in (2, 6) for frame in range(10)]
    assert held[:5] == [absent[2]] * 5
    assert held[5:] == [absent[6]] * 5
    (gone,) = things_of([DOOR, replace(DOOR, frame=3, onscreen=False)])
    assert [box is not None for box in boxes_of(gone, CAMERA, 5, True)] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("start", "end", "word"),
    [
        ((-30.0, 3.0), (30.0, 3.0), "left_to_right"),
        ((30.0, 3.0), (-30.0, 3.0), "right_to_left"),
        ((5.0, 5.0), (5.0, 3.0), "approaching"),
        ((5.0, 3.0), (5.0, 5.0), "receding"),
        ((-25.0, 3.0), (-25.0, 3.1), "left"),
        ((0.0, 3.0), (2.0, 3.0), "center"),
        ((25.0, 3.0), (22.0, 3.0), "right"),
    ],
)
def test_attributes(start: tuple[float, float], end: tuple[float, float], word: str) -> None:
    parts = [frame / 19 for frame in range(20)]
    places = [tuple(a + (b - a) * part for a, b in zip(start, end, strict=True)) for part in parts]
    boxes = [
        CAMERA.box(replace(DOOR, sound=5, azimuth_deg=azimuth, distance_m=distance)) for azimuth, distance in places
    ]
    assert attribute_of(boxes) == word


def test_a_window_turns_and_counts_anew() -> None:
    events = [Event(frame, 7, 0, 170.0, 0.0, 3.0) for frame in range(0, 100, 10)]
    seen = list(window(events, 20, 30, view_deg=180.0))
    assert [(event.frame, event.azimuth_deg) for event in seen] == [(0, -10.0), (10, -10.0), (20, -10.0)]
    assert seen[0].elevation_deg == 0.0
    assert seen[0].distance_m == 3.0


def test_the_scene_of_a_clip() -> None:
    events = [Event(frame, SPEECH, 1, -40.0 + frame, None, 2.5, True) for frame in range(50)]
    events += [Event(frame, PHONE, 0, 5.0, None, 2.0, False) for frame in range(10)]
    scene = make_scene(events, 5.0, CAMERA, hold=True)
    assert scene is not None
    assert scene.layout.caption == "A man speaks and moves from left to right."
    assert (scene.layout.scenario, scene.layout.attributes) == ("translational", {"man_0": "left_to_right"})
    assert len(scene.layout.keyframes) == 50
    assert scene.layout.keyframes[0].time_s == pytest.approx(0.05)
    assert scene.layout.keyframes[0].caption == "A man at the left."
    assert scene.layout.notes == (NOTE,)
    assert scene.offscreen == ({"name": "telephone", "azimuth_deg": 5.0, "distance_m": 2.0},)
    assert scene.objects[0].cues == {"azimuth_deg": -15.5, "distance_m": 2.5}
    assert make_scene(events[50:], 5.0, CAMERA, hold=True) is None
