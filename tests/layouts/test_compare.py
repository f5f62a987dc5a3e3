"""Two layouts side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spa2v import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.layouts import compare


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
