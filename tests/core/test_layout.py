"""The Video Scene Layout: invariants, the file format, interpolation."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spa2v import Box, KeyFrame, LayoutError, SceneObject, VideoSceneLayout, frame_times, keyframe_times
from spa2v.core.types.layout import Beyond

SCHEMA = json.loads((files("spa2v.core.types") / "layout.schema.json").read_text())
GOOD: dict[str, Any] = {
    "version": 1,
    "duration_s": 2.0,
    "caption": "A car passes.",
    "scenario": "translational",
    "attributes": {"car_0": "left_to_right"},
    "keyframes": [
        {"time_s": 0.0, "caption": "left", "objects": [{"id": "car_0", "name": "car", "box": [0.0, 0.4, 0.4, 0.8]}]},
        {
            "time_s": 1.0,
            "caption": "right",
            "objects": [
                {"id": "car_0", "name": "car", "box": [0.6, 0.4, 1.0, 0.8]},
                {"id": "dog_0", "name": "dog", "box": [0.1, 0.1, 0.2, 0.2]},
            ],
        },
    ],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    data = copy.deepcopy(GOOD)
    spot: Any = data
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        spot = spot[part]
    if value is ...:
        del spot[last]
    else:
        spot[last] = value
    return data


REFUSED: list[tuple[str, Any, str]] = [
    ("version", 2, "version: 2\n  this release reads version 1"),
    ("duration_s", 0, "duration_s: 0.0\n  expected more than 0, at most 86400"),
    ("duration_s", ..., "duration_s: missing"),
    ("duration_s", "2", "duration_s: '2' is not a number"),
    ("duration_s", float("nan"), "duration_s: nan is not a usable number"),
    ("duration_s", 10**400, "duration_s: an integer of 1329 bits is not a usable number"),
    ("caption", None, "caption: None is not text"),
    ("caption", "x" * 4001, "caption: 4001 characters are too many\n  the limit is 4000"),
    ("caption", "\ud800", "caption: the text holds half a character"),
    ("scenario", "flying", "scenario: 'flying'\n  expected one of: stationary, translational"),
    ("attributes", {"car_0": "up"}, "attributes['car_0']: 'up'\n  expected one of: left, center, right,"),
    ("attributes", {"cat_0": "left"}, "attributes['cat_0']: no key frame holds this object"),
    ("keyframes", [], "keyframes: there are 0\n  expected 1 to 1024"),
    ("keyframes", {}, "keyframes: dict is not a list"),
    ("keyframes.0", 3, "keyframes[0]: 3 is not an object"),
    ("keyframes.1.time_s", 0.0, "keyframes[1].time_s: 0\n  times must increase"),
    ("keyframes.1.time_s", 2.5, "keyframes[1].time_s: 2.5\n  expected 0 to 2"),
    ("keyframes.1.time_s", True, "keyframes[1].time_s: True is not a number"),
    ("keyframes.0.objects", ..., "keyframes[0].objects: missing"),
    ("keyframes.0.objects.0.id", " ", "keyframes[0].objects[0].id: the text is empty"),
    ("keyframes.0.objects.0.name", "bus", "keyframes[1].objects: 'car_0' is a 'car' here and a 'bus' before"),
    ("keyframes.0.objects.0.box", [0, 0, 1], "keyframes[0].objects[0].box: 3 numbers\n  expected [x1, y1, x2, y2]"),
    ("keyframes.0.objects.0.box.2", 0.0, "keyframes[0].objects[0].box: x1=0 and x2=0\n  expected 0 <= x1 < x2 <= 1"),
    ("keyframes.0.objects.0.box.3", 1.5, "keyframes[0].objects[0].box: y1=0.4 and y2=1.5"),
    ("keyframes.0.objects.0.box.1", None, "keyframes[0].objects[0].box[1]: None is not a number"),
    ("keyframes.1.objects.1.id", "car_0", "keyframes[1].objects: the id 'car_0' stands twice"),
    ("notes", "x", "notes: 'x' is not a list"),
]


@pytest.mark.parametrize(("path", "value", "message"), REFUSED, ids=[f"{p}={str(v)[:12]}" for p, v, _ in REFUSED])
def test_refusals_name_the_field(path: str, value: Any, message: str) -> None:
    with pytest.raises(LayoutError) as caught:
        VideoSceneLayout.from_json(changed(path, value))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "nul", b"\xff\xfe", "\x00"])
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(LayoutError):
        VideoSceneLayout.loads(text)


def test_a_layout_survives_its_file() -> None:
    layout = VideoSceneLayout.from_json(GOOD)
    assert VideoSceneLayout.loads(layout.dumps()) == layout
    jsonschema.validate(layout.to_json(), SCHEMA)


def test_the_schema_refuses_what_the_types_refuse_by_form() -> None:
    for path, value in [("version", 2), ("caption", ...), ("keyframes", []), ("keyframes.0.objects.0.box", [1])]:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(changed(path, value), SCHEMA)


def test_things_move_linearly_and_appear_on_their_half_of_the_way() -> None:
    layout = VideoSceneLayout.from_json(GOOD)
    assert layout.at(0.25).objects[0].box == pytest.approx(Box(0.15, 0.4, 0.55, 0.8))
    assert [len(layout.at(t).objects) for t in (0.0, 0.49, 0.51, 1.0, 1.9)] == [1, 1, 2, 2, 2]
    assert [layout.at(t).caption for t in (0.0, 0.49, 0.51, 1.9)] == ["left", "left", "right", "right"]
    assert layout.boxes("dog_0", [0.0, 1.0]) == [None, Box(0.1, 0.1, 0.2, 0.2)]


def test_frames_span_the_clip() -> None:
    assert frame_times(3.2, 16) == pytest.approx(np.arange(16) * 0.2)
    assert keyframe_times(3.2, 16) == pytest.approx(frame_times(3.2, 16))
    assert keyframe_times(3.2, 4) == pytest.approx([0.0, 1.0, 2.0, 3.0])
    assert keyframe_times(3.2, 1) == pytest.approx([0.0])
    assert len(VideoSceneLayout.from_json(GOOD).frames(5)) == 5


def test_a_mirrored_box_mirrors_back() -> None:
    box = Box(0.125, 0.2, 0.5, 0.7)
    assert box.mirrored() == Box(0.5, 0.2, 0.875, 0.7)
    assert box.mirrored().mirrored() == box


def test_too_many_objects_are_refused() -> None:
    many = tuple(SceneObject(f"o{i}", "dot", Box(0, 0, 1, 1)) for i in range(65))
    with pytest.raises(LayoutError, match="65 are too many"):
        KeyFrame(0.0, "", many)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(
    ["version", "duration_s", "caption", "scenario", "attributes", "notes", "reasoning", "keyframes"]
    + ["keyframes.0", "keyframes.0.time_s", "keyframes.0.objects", "keyframes.1.objects.1", "keyframes.0.caption"]
    + [f"keyframes.1.objects.0.{key}" for key in ("id", "name", "box", "box.0", "box.3")]
)


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_any_json_is_a_layout_or_an_error(data: Any) -> None:
    with pytest.raises(LayoutError):
        VideoSceneLayout.from_json(data)


@settings(max_examples=500, deadline=None)
@given(keys, json_values)
def test_any_change_gives_a_layout_that_fits_the_schema_or_an_error(path: str, value: Any) -> None:
    data = changed(path, value)
    try:
        layout = VideoSceneLayout.from_json(data)
    except LayoutError:
        return
    jsonschema.validate(data, SCHEMA)
    assert VideoSceneLayout.loads(layout.dumps()) == layout


boxes = st.tuples(*[st.floats(0, 1) for _ in range(4)]).filter(lambda b: b[0] < b[2] and b[1] < b[3])


@settings(max_examples=100, deadline=None)
@given(boxes, boxes, st.floats(0.1, 100), st.floats(-1, 2))
def test_interpolation_never_leaves_the_frame(first: Any, last: Any, duration: float, part: float) -> None:
    made = [KeyFrame(t, "", (SceneObject("a", "a", Box(*b)),)) for t, b in ((0.0, first), (duration, last))]
    frame = VideoSceneLayout(duration, "", tuple(made)).at(part * duration)
    assert len(frame.objects) == 1


def leaving(**beyond: float) -> SceneObject:
    return SceneObject("car_0", "car", Box(0.8, 0.4, 1.0, 0.7), Beyond(**beyond))


def test_an_object_may_reach_beyond_the_frame_and_files_say_so() -> None:
    item = leaving(right=0.3)
    assert item.whole == Box(0.8, 0.4, 1.3, 0.7)
    assert item.mirrored().whole == pytest.approx((-0.3, 0.4, 0.2, 0.7))
    layout = VideoSceneLayout(2.0, "", (KeyFrame(0.0, "", (item,)), KeyFrame(1.0, "", (leaving(right=0.5),))))
    assert VideoSceneLayout.loads(layout.dumps()) == layout
    assert layout.at(0.5).objects[0].beyond.right == pytest.approx(0.4)
    assert "beyond" not in VideoSceneLayout(2.0, "", (KeyFrame(0.0, "", (leaving(),)),)).dumps()


def test_what_is_beyond_counts_only_at_edges_that_the_box_touches() -> None:
    assert leaving(left=0.3, bottom=2.0).whole == leaving().box


@pytest.mark.parametrize(
    ("beyond", "field"),
    [
        ([0, 0, -1, 0], "beyond"),
        ([0, 0, 11, 0], "beyond"),
        ([0, 0], "beyond"),
        (["a", 0, 0, 0], "beyond[0]"),
        (3, "beyond"),
    ],
)
def test_wrong_reaches_are_named(beyond: Any, field: str) -> None:
    data = VideoSceneLayout(2.0, "", (KeyFrame(0.0, "", (leaving(),)),)).to_json()
    data["keyframes"][0]["objects"][0]["beyond"] = beyond
    with pytest.raises(LayoutError) as caught:
        VideoSceneLayout.from_json(data)
    assert caught.value.fact.startswith(f"keyframes[0].objects[0].{field}:")
