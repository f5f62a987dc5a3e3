"""Location-dependent scores of DCASE's task 3."""

from __future__ import annotations

import math

import pytest

from spa2v.core.errors import MetricError
from spa2v.core.runtime import Run
from spa2v.core.types import Box, KeyFrame, SceneObject, Score, ScoredClip, VideoSceneLayout
from spa2v.plugins.metrics.seld import Seld

HALF = math.tan(math.radians(65.0) / 2)


def _frame(*things: tuple[str, float]) -> KeyFrame:
    """Objects by class and azimuth in degrees."""
    centers = [(name, 0.5 + math.tan(math.radians(angle)) / (2 * HALF)) for name, angle in things]
    return KeyFrame(
        0.0,
        "",
        tuple(SceneObject(f"o{i}", name, Box(x - 0.02, 0.4, x + 0.02, 0.6)) for i, (name, x) in enumerate(centers)),
    )


def _layout(frame: KeyFrame) -> VideoSceneLayout:
    return VideoSceneLayout(1.0, "", (frame,))


def _scores(truth: KeyFrame, seen: KeyFrame, **options: float) -> dict[str, Score]:
    clip = ScoredClip("c", frames=1, truth=_layout(truth), layout=_layout(seen))
    return dict(Seld(**options).score([clip], Run())[0])


def test_class_and_direction_must_agree_for_the_f_score() -> None:
    truth = _frame(("dog", -25.0), ("man", 20.0))
    near = _scores(truth, _frame(("dog", -10.0), ("man", 20.0)))
    assert near["seld_f"].value == 1.0
    assert near["seld_error"].value == pytest.approx(7.5)
    far = _scores(truth, _frame(("dog", 20.0), ("man", -25.0)))
    assert (far["seld_f"].value, far["seld_recall"].value) == (0.0, 1.0)
    assert far["seld_error"].value == pytest.approx(45.0)
    other = _scores(truth, _frame(("cat", -25.0), ("man", 20.0)))
    assert (other["seld_f"].value, other["seld_recall"].value, other["seld_error"].value) == (
        0.5,
        0.5,
        pytest.approx(0.0),
    )


def test_equal_classes_are_paired_for_the_least_sum_of_angles() -> None:
    scores = _scores(_frame(("dog", -20.0), ("dog", 5.0)), _frame(("dog", 0.0), ("dog", -25.0), ("dog", 28.0)))
    assert scores["seld_error"].value == pytest.approx(5.0)
    assert scores["seld_f"].value == pytest.approx(2 * 2 / (2 + 3))


def test_nothing_to_pair_has_no_error_and_a_reason() -> None:
    scores = _scores(_frame(("dog", 0.0)), _frame())
    assert (scores["seld_f"].value, scores["seld_recall"].value, scores["seld_error"].value) == (0.0, 0.0, None)
    assert "no_pair" in scores["seld_error"].flags
    both = _scores(_frame(), _frame())
    assert both["seld_f"].value == both["seld_recall"].value == 1.0


def test_the_threshold_is_an_option_within_bounds() -> None:
    truth, seen = _frame(("dog", 0.0)), _frame(("dog", 12.0))
    assert _scores(truth, seen, threshold_deg=10.0)["seld_f"].value == 0.0
    assert _scores(truth, seen, threshold_deg=15.0)["seld_f"].value == 1.0
    with pytest.raises(MetricError, match="threshold_deg"):
        Seld(threshold_deg=0.0)
