"""Two layouts side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spa2v import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.core.types.layout import Beyond
from spa2v.layouts import compare, write_any


def still(*objects: tuple[str, str, tuple[float, float, float, float]], caption: str = "c") -> VideoSceneLayout:
    items = tuple(SceneObject(key, name, Box(*box)) for key, name, box in objects)
    return VideoSceneLayout(2.0, caption, (KeyFrame(0.0, "", items),))


def test_a_layout_is_the_same_as_itself() -> None:
    layout = still(("a", "car", (0.1, 0.1, 0.5, 0.5)))
    assert compare(layout, layout).same


def test_iou_and_shift_of_a_moved_box() -> None:
    found = compare(still(("a", "car", (0.0, 0.0, 0.5, 0.5))), still(("a", "car", (0.25, 0.0, 0.75, 0.5)), caption="d"))
    (item,) = found.objects
    assert item.iou == pytest.approx(1 / 3)
    assert item.shift == pytest.approx(0.25)
    assert found.fields == ("caption",)
    assert not found.same


def test_objects_with_other_ids_are_matched_by_name_and_place() -> None:
    a = still(("a", "car", (0.0, 0.0, 0.4, 0.4)), ("b", "car", (0.6, 0.6, 1.0, 1.0)))
    b = still(("1", "car", (0.6, 0.6, 1.0, 1.0)), ("2", "car", (0.0, 0.0, 0.4, 0.4)))
    assert {(item.first, item.second, item.iou) for item in compare(a, b).objects} == {("a", "2", 1.0), ("b", "1", 1.0)}


def test_an_object_that_one_layout_lacks() -> None:
    a = still(("a", "car", (0.0, 0.0, 0.4, 0.4)), ("b", "man", (0.6, 0.6, 1.0, 1.0)))
    found = compare(a, replace(a, keyframes=still(("a", "car", (0.0, 0.0, 0.4, 0.4))).keyframes))
    assert [(item.first, item.second, item.iou) for item in found.objects] == [("a", "a", 1.0), ("b", None, 0.0)]


def test_time_in_one_layout_only_counts_as_zero() -> None:
    box = SceneObject("a", "car", Box(0.0, 0.0, 0.5, 0.5))
    whole = VideoSceneLayout(2.0, "", (KeyFrame(0.0, "", (box,)), KeyFrame(1.0, "", (box,))))
    half = VideoSceneLayout(2.0, "", (KeyFrame(0.0, "", (box,)), KeyFrame(1.9, "", ())))
    (item,) = compare(whole, half).objects
    assert item.seen == pytest.approx((1.0, 0.484375))
    assert item.iou == pytest.approx(0.484375)


def test_how_far_an_object_reaches_beyond_the_frame_counts_and_is_lost_in_other_formats(tmp_path: Path) -> None:
    item = SceneObject("car_0", "car", Box(0.8, 0.2, 1.0, 0.6), Beyond(right=0.2))
    first, second = (
        VideoSceneLayout(2.0, "", (KeyFrame(0.0, "", (one,)),)) for one in (item, replace(item, beyond=Beyond()))
    )
    assert compare(first, second).fields == ("beyond",)
    assert not compare(first, second).same
    assert compare(first, first).same
    said = [write_any(layout, tmp_path / "a.xml") for layout in (first, second)]
    assert set(said[0]) - set(said[1]) == {"how far objects reach beyond the frame"}
    assert write_any(first, tmp_path / "a.json") == []
