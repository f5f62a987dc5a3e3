"""Two layouts side by side: which object is which, and how far their boxes agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from spa2v.core.types import Box, VideoSceneLayout, frame_times
from spa2v.core.types.layout import Beyond
from spa2v.dsp.boxes import iou

FRAMES = 64


@dataclass(frozen=True)
class ObjectDifference:
    """One object in two layouts.

    Args:
        first, second: its id in each; None where it is missing.
        name, second_name: its name in each.
        iou: mean intersection over union at the times when it is in either layout; 0 where it is in one only.
        shift: mean distance of the centers at the times when it is in both, in parts of the width of the frame.
        seen: parts of the clip in which it is seen, in each layout.
    """

    first: str | None
    second: str | None
    name: str
    second_name: str
    iou: float
    shift: float | None
    seen: tuple[float, float]


@dataclass(frozen=True)
class LayoutDifference:
    """What differs between two layouts.

    Args:
        objects: matched by id and name, then by where they are.
        fields: names of the other fields that differ ("caption", "duration_s", ...).
        captions: how many captions differ, of those at the times of both layouts' key frames.
    """

    objects: tuple[ObjectDifference, ...]
    fields: tuple[str, ...]
    captions: int

    @property
    def same(self) -> bool:
        """Whether the layouts say the same."""
        matched = all(item.first and item.second and item.name == item.second_name for item in self.objects)
        return matched and not self.fields and not self.captions and all(o.iou > 1 - 1e-9 for o in self.objects)

    def to_json(self) -> dict[str, Any]:
        return {"same": self.same, **asdict(self)}


def compare(first: VideoSceneLayout, second: VideoSceneLayout, frames: int = FRAMES) -> LayoutDifference:
    """Both layouts at `frames` parts of their clips."""
    a = {key: first.boxes(key, frame_times(first.duration_s, frames)) for key in first.names}
    b = {key: second.boxes(key, frame_times(second.duration_s, frames)) for key in second.names}
    pairs = _matched(first, second, a, b)
    lone_a = [key for key in a if key not in {one for one, _ in pairs}]
    lone_b = [key for key in b if key not in {two for _, two in pairs}]
    nothing: list[Box | None] = [None] * frames
    rows = [
        *(_difference(one, two, first.names[one], second.names[two], a[one], b[two]) for one, two in pairs),
        *(_difference(key, None, first.names[key], "", a[key], nothing) for key in lone_a),
        *(_difference(None, key, second.names[key], "", nothing, b[key]) for key in lone_b),
    ]
    names = ("duration_s", "caption", "reasoning", "scenario", "attributes", "notes")
    fields = tuple(name for name in names if getattr(first, name) != getattr(second, name))
    if _beyond(first) != _beyond(second):
        fields += ("beyond",)
    times = {frame.time_s for layout in (first, second) for frame in layout.keyframes}
    captions = sum(first.at(time).caption != second.at(time).caption for time in times)
    return LayoutDifference(tuple(rows), fields, captions)


def _beyond(layout: VideoSceneLayout) -> dict[tuple[float, str], Beyond]:
    return {(f.time_s, item.id): item.beyond for f in layout.keyframes for item in f.objects if any(item.beyond)}


def _matched(
    first: VideoSceneLayout,
    second: VideoSceneLayout,
    a: dict[str, list[Box | None]],
    b: dict[str, list[Box | None]],
) -> list[tuple[str, str]]:
    """Same id and name; then the best mean IoU among the rest, names alike before others."""
    pairs = [(key, key) for key in a if second.names.get(key) == first.names[key]]
    done = {key for key, _ in pairs}
    left_a, left_b = [key for key in a if key not in done], [key for key in b if key not in done]
    if not left_a or not left_b:
        return pairs
    from scipy.optimize import linear_sum_assignment

    gain = np.array(
        [[_mean_iou(a[one], b[two]) + (first.names[one] == second.names[two]) for two in left_b] for one in left_a]
    )
    rows, columns = linear_sum_assignment(-gain)
    more = zip(rows.tolist(), columns.tolist(), strict=True)
    return pairs + [(left_a[i], left_b[j]) for i, j in more if gain[i, j] > 0]


def _mean_iou(a: Sequence[Box | None], b: Sequence[Box | None]) -> float:
    either = [(one, two) for one, two in zip(a, b, strict=True) if one or two]
    return sum(iou(one, two) for one, two in either if one and two) / len(either) if either else 1.0


def _difference(
    first: str | None, second: str | None, name: str, other: str, a: list[Box | None], b: list[Box | None]
) -> ObjectDifference:
    both = [(one.center, two.center) for one, two in zip(a, b, strict=True) if one and two]
    far = [float(np.hypot(one[0] - two[0], one[1] - two[1])) for one, two in both]
    shift = sum(far) / len(far) if far else None
    seen = (sum(box is not None for box in a) / len(a), sum(box is not None for box in b) / len(b))
    score = _mean_iou(a, b) if first and second else 0.0
    return ObjectDifference(first, second, name, other, score, shift, seen)
