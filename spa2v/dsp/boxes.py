"""Areas and overlaps of boxes given by their edges. Nothing here clips to the canvas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def from_center(boxes: Floats) -> Floats:
    """(..., 4) boxes (cx, cy, w, h) as edges (x1, y1, x2, y2)."""
    half = boxes[..., 2:] / 2
    return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)


def area(boxes: Floats) -> Floats:
    """Area of (..., 4) boxes, shape (...)."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def floored(boxes: Floats, smallest: float = 1e-6) -> Floats:
    """Boxes whose sides are at least `smallest`, grown about their centers; keeps 0/0 out of the overlaps."""
    center, half = (boxes[..., :2] + boxes[..., 2:]) / 2, (boxes[..., 2:] - boxes[..., :2]) / 2
    grown = np.concatenate([center - smallest / 2, center + smallest / 2], axis=-1)
    return np.where(np.tile(half < smallest / 2, 2), grown, boxes)


def _overlap(a: Floats, b: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Intersection, union and the two corners' spans for every pair; a (..., N, 4), b (..., M, 4) to (..., N, M)."""
    first, second = a[..., :, None, :], b[..., None, :, :]
    low, high = np.maximum(first[..., :2], second[..., :2]), np.minimum(first[..., 2:], second[..., 2:])
    sides = np.maximum(high - low, 0.0)
    hull = np.maximum(first[..., 2:], second[..., 2:]) - np.minimum(first[..., :2], second[..., :2])
    shared = sides[..., 0] * sides[..., 1]
    return shared, area(first) + area(second) - shared, hull[..., 0], hull[..., 1]


def pairwise_iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of every pair: (..., N, 4) and (..., M, 4) give (..., N, M) in 0..1.

    Two boxes without area have no IoU: NaN. One box without area gives 0.
    """
    shared, union, _, _ = _overlap(a, b)
    with np.errstate(invalid="ignore", divide="ignore"):
        return shared / union


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes (x1, y1, x2, y2), 0..1."""
    return float(pairwise_iou(np.array([a], dtype=np.float64), np.array([b], dtype=np.float64))[0, 0])


def pairwise_giou(a: Floats, b: Floats) -> Floats:
    """Generalized IoU (Rezatofighi et al. 2019), IoU - (hull - union) / hull, in (-1, 1]; NaN as in `pairwise_iou`."""
    shared, union, width, height = _overlap(a, b)
    hull = width * height
    with np.errstate(invalid="ignore", divide="ignore"):
        return shared / union - (hull - union) / hull
