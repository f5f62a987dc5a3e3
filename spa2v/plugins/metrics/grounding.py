"""Grounding: whether each planned box holds an object of its name, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spa2v.core.runtime import Run
from spa2v.core.types import KeyFrame, MetricInfo, Score, ScoredClip
from spa2v.dsp.boxes import Floats, pairwise_iou
from spa2v.plugins.metrics.assignment import match

HELD = 0.3
"""From this IoU on an object of the planned name counts as drawn in its box; a box that is a third off in one direction
still has it, the mirror image of a box at one side does not."""


def frame_ious(planned: KeyFrame, found: KeyFrame) -> dict[str, float]:
    """For each planned object, by id: IoU with the object of its name that the best pairing gives it; 0 without one."""
    if not planned.objects or not found.objects:
        return {item.id: 0.0 for item in planned.objects}
    boxes: list[Floats] = [np.array([item.box for item in frame.objects]) for frame in (planned, found)]
    names = [np.array([item.name for item in frame.objects]) for frame in (planned, found)]
    overlap = np.where(names[0][:, None] == names[1][None], pairwise_iou(*boxes), 0.0)
    rows, columns = match(overlap[None])
    best = dict(zip(rows[0].tolist(), overlap[rows[0], columns[0]].tolist(), strict=True))
    return {item.id: best.get(place, 0.0) for place, item in enumerate(planned.objects)}


class Grounding:
    """Boxes that a detector finds against the planned ones: mean IoU, and how often the class holds."""

    reads = ("truth", "layout")
    values: Mapping[str, MetricInfo] = {"box_iou": MetricInfo("Box IoU"), "class_held": MetricInfo("Class held")}

    def score(self, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Score]]:
        """Both 0..1, means over planned boxes; `details` has each object's own."""
        return [_of(clip) for clip in clips]


def _of(clip: ScoredClip) -> Mapping[str, Score]:
    tracks: dict[str, list[float]] = {}
    for planned, found in zip(clip.truth_frames, clip.layout_frames, strict=True):
        for key, value in frame_ious(planned, found).items():
            tracks.setdefault(key, []).append(value)
    return {"box_iou": _mean(tracks, lambda value: value), "class_held": _mean(tracks, lambda value: value >= HELD)}


def _mean(tracks: Mapping[str, Sequence[float]], rule: Any) -> Score:
    parts = {key: [float(rule(value)) for value in values] for key, values in tracks.items()}
    if not parts:
        return Score(None, ("nothing_planned",), ("The plan holds no object.",))
    details = {"objects": {key: round(float(np.mean(values)), 4) for key, values in parts.items()}}
    missed = [key for key, values in tracks.items() if max(values) < HELD]
    reasons = (f"Not found in any frame: {', '.join(missed)}.",) if missed else ()
    return Score(float(np.mean([v for values in parts.values() for v in values])), (), reasons, details)
