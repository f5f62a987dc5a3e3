"""Of several layouts of one clip, the one most like the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from spa2v.core.types import KeyFrame, VideoSceneLayout
from spa2v.dsp.boxes import pairwise_iou


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
    overlap = pairwise_iou(np.array([x.box for x in a.objects]), np.array([y.box for y in b.objects]))
    same = np.array([[x.name.casefold() == y.name.casefold() for y in b.objects] for x in a.objects])
    worth = overlap * np.where(same, 1.0, 0.5)
    rows, columns = linear_sum_assignment(-worth)
    return float(worth[rows, columns].sum() / max(len(a.objects), len(b.objects)))
