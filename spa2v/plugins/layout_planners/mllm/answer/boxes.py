"""Boxes in parts of the frame, from boxes in unknown units with any corner first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spa2v.plugins.layout_planners.mllm.answer.repairs import Repairs
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm

MIN_SIDE = 0.004
FRACTION_REACH = 1.5
PAST = 1.02  # of the frame: rounding
FAR_PAST = 1.3  # of the frame, in the requested unit: an object that leaves
PERMILLE = ("permille", (1000.0, 1000.0))

Boxes = NDArray[np.float64]


def fractions_of_frame(boxes: Boxes, percent: NDArray[np.bool_], form: AnswerForm, repairs: Repairs) -> Boxes:
    """Boxes in parts of the frame, corners in order, inside the frame.

    Args:
        boxes: all boxes of an answer, shape (N, 4), NaN where a number is missing.
        percent: shape (N,), boxes written with a percent sign.
        form: the requested form.
        repairs: collects what had to be repaired.

    Returns:
        Shape (N, 4). Rows of NaN for boxes that cannot be used; rows of infinity for boxes outside the frame.
    """
    boxes = boxes.copy()
    boxes[percent] /= 100.0
    if percent.any():
        repairs.note("boxes in percent")
    boxes /= np.tile(_scales(boxes, percent, form, repairs), 2)
    swapped = (boxes[:, 0] > boxes[:, 2]) | (boxes[:, 1] > boxes[:, 3])
    repairs.note("box corners swapped", int(swapped.sum()))
    boxes = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], axis=1)
    return _inside(boxes, repairs)


def _scales(boxes: Boxes, percent: NDArray[np.bool_], form: AnswerForm, repairs: Repairs) -> Boxes:
    """What to divide each box by, shape (N, 2).

    An answer keeps to one unit, or mixes parts of the frame with one other. The other one is guessed from the
    largest numbers, for all boxes at once.
    """
    scales = np.ones((len(boxes), 2))
    reach = np.nan_to_num(np.nanmax(np.abs(np.nan_to_num(boxes)), axis=1, initial=0.0))
    known = np.isfinite(boxes).all(axis=1) & ~percent
    small = reach <= FRACTION_REACH
    if form.box_units == "fraction" and known.any() and np.mean(small[known]) > 0.5:
        small |= reach <= 3.0  # an object that drives out of the frame, not another unit
    other = known & ~small
    if other.any():
        name, scale = _other_unit(boxes[other], form)
        scales[other] = scale
        if name != form.box_units:
            repairs.note(f"boxes in {name}")
    if form.box_units != "fraction" and (known & small).any():
        repairs.note("boxes in parts of the frame")
    return scales


def _other_unit(boxes: Boxes, form: AnswerForm) -> tuple[str, tuple[float, float]]:
    """The unit of boxes that are no fractions: the requested one, or the smallest one that they fit into."""
    right, bottom = float(boxes[:, [0, 2]].max()), float(boxes[:, [1, 3]].max())
    units = [("percent", (100.0, 100.0)), ("pixels", (float(form.width), float(form.height))), PERMILLE]
    if form.box_units != "fraction":
        units.insert(0, (form.box_units, form.scale))
    for index, (name, (width, height)) in enumerate(units):
        past = FAR_PAST if index == 0 and form.box_units != "fraction" else PAST
        if right <= width * past and bottom <= height * past:
            return name, (width, height)
    return PERMILLE  # boxes far past the frame, in the unit that models fall back to most often


def _inside(boxes: Boxes, repairs: Repairs) -> Boxes:
    known = np.isfinite(boxes).all(axis=1)
    with np.errstate(invalid="ignore"):
        gone = known & ((boxes[:, 2:] <= 0.0).any(axis=1) | (boxes[:, :2] >= 1.0).any(axis=1))
        past = known & ~gone & ((boxes < -1e-6) | (boxes > 1.0 + 1e-6)).any(axis=1)
        clipped = np.clip(boxes, 0.0, 1.0)
        flat = known & ~gone & (clipped[:, 2:] - clipped[:, :2] < 1e-9).any(axis=1)
    repairs.note("boxes outside the frame dropped", int(gone.sum()))
    repairs.note("boxes past the frame clipped", int(past.sum()))
    repairs.note("boxes without area", int(flat.sum()))
    clipped = _widened(clipped)
    clipped[~known | flat] = np.nan
    clipped[gone] = np.inf
    return clipped


def _widened(boxes: Boxes) -> Boxes:
    """Boxes at least `MIN_SIDE` wide and high, still inside the frame."""
    grow = np.maximum(MIN_SIDE - (boxes[:, 2:] - boxes[:, :2]), 0.0) / 2
    low = np.clip(boxes[:, :2] - grow, 0.0, 1.0 - MIN_SIDE)
    high = np.clip(np.maximum(boxes[:, 2:] + grow, low + MIN_SIDE), 0.0, 1.0)
    return np.concatenate([low, high], axis=1)
