"""Track IoU: overlap of whole tracks in space and time; unlike the frame-wise layout metrics it sees identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.core.runtime import Run
from spa2v.core.types import KeyFrame, Score, ScoredClip
from spa2v.dsp.boxes import Floats, area
from spa2v.plugins.metrics.assignment import match, matched
from spa2v.plugins.metrics.pairs import pairs_of, percent


@dataclass(frozen=True, eq=False)
class Tracks:
    """N things over T frames.

    Args:
        labels: N texts.
        boxes: (N, T, 4) edges; zeros where a thing is absent.
    """

    labels: tuple[str, ...]
    boxes: Floats

    @classmethod
    def of_frames(cls, frames: Sequence[KeyFrame]) -> Tracks:
        """The tracks of a layout: the same id is the same thing."""
        places: dict[str, int] = {}
        labels: list[str] = []
        for frame in frames:
            for item in frame.objects:
                if places.setdefault(item.id, len(labels)) == len(labels):
                    labels.append(item.name)
        boxes = np.zeros((len(labels), len(frames), 4))
        for t, frame in enumerate(frames):
            for item in frame.objects:
                boxes[places[item.id], t] = item.box
        return cls(tuple(labels), boxes)


def volume_iou(first: Floats, second: Floats) -> Floats:
    """Sum of intersections over sum of unions: (N, T, 4) and (M, T, 4) give (N, M) in 0..1."""
    a, b = first[:, None], second[None]
    sides = np.maximum(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0.0)
    shared = (sides[..., 0] * sides[..., 1]).sum(axis=2)
    total = (area(a) + area(b)).sum(axis=2) - shared
    return np.divide(shared, total, out=np.zeros_like(shared), where=total > 0)


def track_iou(first: Tracks, second: Tracks) -> float:
    """Mean volume IoU of the best pairing of equal labels over max(N, M) tracks, in 0..1; symmetric.

    Missing and extra tracks count as 0. Two empty scenes score 1 (our convention).
    """
    n, m = len(first.labels), len(second.labels)
    if max(n, m) == 0:
        return 1.0
    if min(n, m) == 0:
        return 0.0
    same: NDArray[np.bool_] = np.array(first.labels)[:, None] == np.array(second.labels)[None]
    overlaps = np.where(same, volume_iou(first.boxes, second.boxes), 0.0)[None]
    return float(matched(overlaps, *match(overlaps)).sum() / max(n, m))


class TrackIoU:
    """Track IoU of each clip."""

    reads = ("truth", "layout")
    values = {"track_iou": percent("Track IoU")}

    def score(self, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Score]]:
        """0..1."""
        notes = pairs_of(tuple(clips)).notes
        return [{"track_iou": Score(_of(clip), *note)} for clip, note in zip(clips, notes, strict=True)]


def _of(clip: ScoredClip) -> float:
    return track_iou(Tracks.of_frames(clip.truth_frames), Tracks.of_frames(clip.layout_frames))
