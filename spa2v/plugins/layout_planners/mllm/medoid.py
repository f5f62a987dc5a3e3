"""Of several layouts of one clip, the one most like the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from spa2v.core.types import KeyFrame, VideoSceneLayout


def medoid(layouts: Sequence[VideoSceneLayout]) -> int:
    """The index of the layout with the highest mean similarity to the others; the first one of equals."""
    if len(layouts) < 3:
        return 0
    table = np.array([[_similarity(a, b) for b in layouts] for a in layouts])
    return int(np.argmax(table.sum(axis=1)))


def _similarity(a: VideoSceneLayout, b: VideoSceneLayout) -> float:
    """Mean over the key frames of the best matching of things, by the overlap of boxes of the same name; 0 to 1."""
    return float(np.mean([_frame_similarity(x, y) for x, y in zip(a.keyframes, b.keyframes, strict=True)]))


def _frame_similarity(a: KeyFrame, b: KeyFrame) -> float:
    if not a.objects or not b.objects:
        return float(len(a.objects) == len(b.objects))
    overlap = overlaps(np.array([x.box for x in a.objects]), np.array([y.box for y in b.objects]))
    same = np.array([[x.name.casefold() == y.name.casefold() for y in b.objects] for x in a.objects])
    worth = overlap * np.where(same, 1.0, 0.5)
    rows, columns = linear_sum_assignment(-worth)
    return float(worth[rows, columns].sum() / max(len(a.objects), len(b.objects)))


def overlaps(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of every box of `a` (n, 4) with every box of `b` (m, 4), shape (n, m)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.prod(np.clip(high - low, 0.0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    return common / (areas[0][:, None] + areas[1][None, :] - common)
