"""What all detectors do with raw boxes: cut them to the frame, drop doubles, sort them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from spa2v.core.types import Box, Detection
from spa2v.core.types.layout import MAX_OBJECTS
from spa2v.dsp.boxes import pairwise_iou

LEAST_SIDE = 1e-6


def tidy(
    found: Iterable[tuple[str, float, Sequence[float]]], overlap: float, most: int | None
) -> tuple[Detection, ...]:
    """Raw boxes of one frame as detections: cut to the frame, without doubles, highest score first.

    Args:
        found: label, score and edges in parts of the frame; NaN and boxes outside of the frame are dropped.
        overlap: of two boxes of one label with a larger IoU the one with the lower score is dropped.
        most: at most so many of each label; None for all. A frame never holds more than 64.
    """
    kept: list[Detection] = []
    for label, score, edges in sorted(found, key=lambda item: -item[1]):
        box = _inside(edges)
        own = [item.box for item in kept if item.label == label]
        if box is None or not np.isfinite(score) or (most is not None and len(own) >= most) or len(kept) >= MAX_OBJECTS:
            continue
        if not own or pairwise_iou(np.array(own), np.array([box])).max() <= overlap:
            kept.append(Detection(label, float(score), box))
    return tuple(kept)


def _inside(edges: Sequence[float]) -> Box | None:
    if not np.all(np.isfinite(edges)):
        return None
    box = Box(*(float(min(max(edge, 0.0), 1.0)) for edge in edges))
    return box if box.x2 - box.x1 > LEAST_SIDE and box.y2 - box.y1 > LEAST_SIDE else None
