"""Noise warping: initial noise that moves with the boxes of a layout."""

from __future__ import annotations

import pytest
import torch

from spa2v import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.core.errors import ConfigError
from spa2v.plugins.motion_backbones.animatediff import AnimateDiff
from spa2v.plugins.motion_backbones.animatediff.noise import Span, warp

FRAMES, HEIGHT, WIDTH = 4, 10, 16


def layout(*boxes: Box | None) -> VideoSceneLayout:
    """An object with a box for each frame."""
    keys = [
        KeyFrame(time, "", () if box is None else (SceneObject("car_0", "car", box),)) for time, box in enumerate(boxes)
    ]
    return VideoSceneLayout(float(len(boxes)), "A car.", tuple(keys))


def warped(share: float, *boxes: Box | None) -> tuple[torch.Tensor, torch.Tensor]:
    noise = torch.randn(1, 3, FRAMES, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))
    return noise, warp(noise, [layout(*boxes)], share, [torch.Generator().manual_seed(2)])


def moved(column: int) -> Box:
    """Four cells wide and five high, from a column on."""
    return Box(column / WIDTH, 3 / HEIGHT, (column + 4) / WIDTH, 8 / HEIGHT)


def test_the_noise_inside_a_box_moves_with_it_and_the_rest_stays() -> None:
    columns = (2, 5, 8, 11)
    noise, made = warped(1.0, *(moved(column) for column in columns))
    patches = [made[0, :, f, 3:8, c : c + 4] for f, c in enumerate(columns)]
    assert all(torch.equal(patch, patches[0]) for patch in patches)
    outside = torch.ones(FRAMES, HEIGHT, WIDTH, dtype=torch.bool)
    for f, c in enumerate(columns):
        outside[f, 3:8, c : c + 4] = False
    assert torch.equal(made[0, :, outside], noise[0, :, outside])


def test_a_share_keeps_the_variance_and_correlates_frames_by_as_much() -> None:
    left, right = Box(0.1, 0.1, 0.45, 0.9), Box(0.55, 0.1, 0.9, 0.9)
    noise = torch.randn(1, 16, 2, 100, 100, generator=torch.Generator().manual_seed(1))
    made = warp(noise, [layout(left, right)], 0.3, [torch.Generator().manual_seed(2)])[0]
    here, there = made[:, 0, 10:90, 10:45], made[:, 1, 10:90, 55:90]
    assert float(torch.stack([here, there]).std()) == pytest.approx(1.0, abs=0.01)
    assert float((here * there).mean()) == pytest.approx(0.3, abs=0.02)


def test_what_stays_in_its_place_keeps_the_noise_of_each_frame() -> None:
    """A box that a bow or a drumstick changes a little stays; one that grows to twice its size moves."""
    bow = [Box(0.3, 0.2, 0.5 + wide, 0.9) for wide in (0.0, 0.08, 0.02, 0.06)]
    noise, made = warped(1.0, *bow)
    assert torch.equal(noise, made)
    near = [Box(0.5 - size, 0.5 - size, 0.5 + size, 0.5 + size) for size in (0.1, 0.12, 0.15, 0.2)]
    noise, made = warped(1.0, *near)
    assert not torch.equal(noise, made)


def test_an_object_that_enters_the_frame_shows_its_leading_end_first() -> None:
    entering = [Box(0.0, 0.3, (2 + f) / WIDTH, 0.8) for f in range(2)]
    _, made = warped(1.0, *entering, moved(4), moved(4))
    whole = made[0, :, 2, 3:8, 4:8]
    assert torch.equal(made[0, :, 0, 3:8, :2], whole[..., 2:])
    assert torch.equal(made[0, :, 1, 3:8, :3], whole[..., 1:])


def test_smaller_boxes_take_cells_from_all_over_the_patch() -> None:
    assert Span.of(0.25, 0.5, 16) == Span(4, 4, 0)
    assert Span.of(0.0, 0.26, 16) == Span(0, 5, -1)
    assert Span.of(0.9, 1.0, 16) == Span(14, 2, 1)
    assert Span(4, 3, 0).in_patch(9).tolist() == [1, 4, 7]
    assert Span(0, 3, -1).in_patch(9).tolist() == [6, 7, 8]
    assert Span(13, 3, 1).in_patch(9).tolist() == [0, 1, 2]


def test_absent_objects_and_a_share_of_zero_change_nothing() -> None:
    noise, made = warped(0.0, moved(2), moved(3), moved(4), moved(5))
    assert torch.equal(noise, made)
    noise, made = warped(1.0, moved(2), None, None, moved(5))
    assert torch.equal(made[:, :, 1], noise[:, :, 1]) or torch.equal(made[:, :, 2], noise[:, :, 2])


def test_a_share_beyond_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"noise_follows is 1.5\n.*expected 0.0 to 1.0"):
        AnimateDiff(noise_follows=1.5)
