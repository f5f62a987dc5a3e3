"""What a detector must do, and what is done with its boxes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import Box, KeyFrame, SceneObject
from spa2v.core.types.layout import MAX_OBJECTS
from spa2v.evaluation.metrics.assignment import match
from spa2v.evaluation.metrics.boxes import pairwise_iou

if TYPE_CHECKING:
    from spa2v.core.runtime import Run

LEAST_SIDE = 1e-6


@dataclass(frozen=True)
class Detection:
    """A thing in a frame: one of the labels that were asked for, 0..1 how sure, its box in parts of the frame."""

    label: str
    score: float
    box: Box


Detections = tuple[tuple[Detection, ...], ...]
"""For each frame its detections, surest first."""


class Detector(Protocol):
    """Finds named things in frames."""

    @property
    def name(self) -> str:
        """The detector with all that changes its numbers."""
        ...

    def detect(self, frames: NDArray[np.uint8], labels: Sequence[str], run: Run) -> Detections:
        """Detections of each of uint8 RGB frames (F, H, W, 3); every label is one of `labels`."""
        ...


def tidy(
    found: Iterable[tuple[str, float, Sequence[float]]], overlap: float, most: int | None
) -> tuple[Detection, ...]:
    """Raw boxes of one frame as detections: cut to the frame, without doubles, surest first.

    Args:
        found: label, score and edges in parts of the frame; NaN and boxes outside of the frame are dropped.
        overlap: of two boxes of one label with a larger IoU the less sure one is dropped.
        most: at most so many of each label; None for all. A frame never holds more than 64.
    """
    kept: list[Detection] = []
    for label, score, edges in sorted(found, key=lambda item: -item[1]):
        box = _inside(edges)
        own = [item for item in kept if item.label == label]
        if box is None or not np.isfinite(score) or (most is not None and len(own) >= most) or len(kept) >= MAX_OBJECTS:
            continue
        if not own or _ious([item.box for item in own], [box]).max() <= overlap:
            kept.append(Detection(label, float(score), box))
    return tuple(kept)


def _inside(edges: Sequence[float]) -> Box | None:
    if not np.all(np.isfinite(edges)):
        return None
    box = Box(*(float(min(max(edge, 0.0), 1.0)) for edge in edges))
    return box if box.x2 - box.x1 > LEAST_SIDE and box.y2 - box.y1 > LEAST_SIDE else None


def _ious(first: Sequence[Box], second: Sequence[Box]) -> NDArray[np.float64]:
    return pairwise_iou(np.array(first, dtype=np.float64), np.array(second, dtype=np.float64))


def keyframes(detections: Detections, duration_s: float, least_overlap: float = 0.2) -> tuple[KeyFrame, ...]:
    """Detections as frames of a layout; a box that overlaps one of its label in the frame before keeps that id."""
    times = np.arange(len(detections)) * (duration_s / max(len(detections), 1))
    counts: dict[str, int] = {}
    before: list[SceneObject] = []
    made = []
    for time_s, found in zip(times, detections, strict=True):
        known = _same(before, found, least_overlap)
        before = []
        for place, item in enumerate(found):
            identity = known.get(place)
            if identity is None:
                counts[item.label] = counts.get(item.label, -1) + 1
                identity = f"{item.label[:100]}_{counts[item.label]}"
            before.append(SceneObject(identity, item.label, item.box))
        made.append(KeyFrame(float(time_s), "", tuple(before)))
    return tuple(made)


def _same(before: Sequence[SceneObject], found: Sequence[Detection], least_overlap: float) -> dict[int, str]:
    """Place in `found` to the id of the thing before that it continues."""
    if not before or not found:
        return {}
    overlap = _ious([item.box for item in before], [item.box for item in found])
    same = np.array([item.name for item in before])[:, None] == np.array([item.label for item in found])[None]
    weights = np.where(same & (overlap >= least_overlap), overlap, 0.0)
    rows, columns = match(weights[None])
    pairs = zip(rows[0], columns[0], strict=True)
    return {int(column): before[row].id for row, column in pairs if weights[row, column] > 0}
