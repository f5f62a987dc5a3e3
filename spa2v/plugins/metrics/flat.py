"""`FlatLayouts`: many layouts in three arrays, so that one metric call scores all frames of all clips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import MetricError
from spa2v.core.types import KeyFrame
from spa2v.dsp.boxes import Floats, floored, from_center

Ints = NDArray[np.int64]

MAX_ENTRIES = 1_000_000
"""Pairs of objects compared at once; keeps the memory of one block below about 200 MB."""


@dataclass(frozen=True, eq=False)
class FlatLayouts:
    """F layouts with K objects in total. The order of the objects of a layout carries no meaning.

    Args:
        boxes: (K, 4) edges x1, y1, x2, y2 in parts of the canvas, y downwards; not clipped.
        labels: K texts, compared by exact equality.
        offsets: (F + 1,) the objects of layout f are offsets[f] to offsets[f + 1].

    Raises:
        MetricError: the parts do not fit together, or a box holds NaN or Inf.
    """

    boxes: Floats
    labels: tuple[str, ...]
    offsets: Ints

    def __post_init__(self) -> None:
        boxes = np.asarray(self.boxes, dtype=np.float64).reshape(-1, 4)
        offsets = np.asarray(self.offsets, dtype=np.int64)
        if len(boxes) != len(self.labels) or offsets[-1] != len(boxes):
            raise MetricError(f"{len(boxes)} boxes, {len(self.labels)} labels and {offsets[-1]} objects do not match")
        if not np.all(np.isfinite(boxes)):
            raise MetricError("a box holds NaN or Inf")
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "offsets", offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> Ints:
        """Objects of each layout, shape (F,)."""
        return np.diff(self.offsets)

    def floored(self, smallest: float = 1e-6) -> FlatLayouts:
        """The same layouts with sides of at least `smallest`."""
        return FlatLayouts(floored(self.boxes, smallest), self.labels, self.offsets)

    def take(self, layouts: Sequence[int]) -> FlatLayouts:
        """The layouts at these places, in this order."""
        rows = [np.arange(self.offsets[f], self.offsets[f + 1]) for f in layouts]
        picked = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
        sizes = [len(row) for row in rows]
        return FlatLayouts(self.boxes[picked], tuple(self.labels[i] for i in picked), _offsets(sizes))

    @classmethod
    def of_frames(cls, frames: Iterable[KeyFrame]) -> FlatLayouts:
        """From frames of Video Scene Layouts, one after another."""
        boxes: list[tuple[float, ...]] = []
        labels: list[str] = []
        sizes: list[int] = []
        for frame in frames:
            boxes.extend(item.box for item in frame.objects)
            labels.extend(item.name for item in frame.objects)
            sizes.append(len(frame.objects))
        return cls(np.array(boxes, dtype=np.float64).reshape(-1, 4), tuple(labels), _offsets(sizes))

    @classmethod
    def of_centers(cls, layouts: Sequence[Mapping[str, Any]]) -> FlatLayouts:
        """From `{"boxes": [[cx, cy, w, h], ...], "labels": [...]}`, the form of the layout literature."""
        boxes = [box for layout in layouts for box in layout["boxes"]]
        labels = tuple(label for layout in layouts for label in layout["labels"])
        centers = np.array(boxes, dtype=np.float64).reshape(-1, 4)
        return cls(from_center(centers), labels, _offsets([len(layout["boxes"]) for layout in layouts]))


def _offsets(sizes: Sequence[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)


@dataclass(frozen=True, eq=False)
class PairGroup:
    """The B pairs of layouts with N objects at the first side and M at the second.

    Args:
        index: (B,) which pairs these are.
        boxes_1, boxes_2: (B, N, 4), (B, M, 4).
        codes_1, codes_2: (B, N), (B, M) labels as numbers, equal where the labels are equal.
    """

    index: Ints
    boxes_1: Floats
    boxes_2: Floats
    codes_1: Ints
    codes_2: Ints

    @property
    def shape(self) -> tuple[int, int]:
        return self.codes_1.shape[1], self.codes_2.shape[1]

    @property
    def same_label(self) -> NDArray[np.bool_]:
        """(B, N, M), True where the labels are equal."""
        return self.codes_1[:, :, None] == self.codes_2[:, None, :]


def label_codes(first: FlatLayouts, second: FlatLayouts) -> tuple[Ints, Ints]:
    """The labels of both sides as numbers from one vocabulary."""
    vocabulary: dict[str, int] = {}
    sides = ([vocabulary.setdefault(label, len(vocabulary)) for label in side.labels] for side in (first, second))
    a, b = (np.array(codes, dtype=np.int64) for codes in sides)
    return a, b


def pair_groups(first: FlatLayouts, second: FlatLayouts) -> Iterator[PairGroup]:
    """Layout i of the first with layout i of the second, grouped by numbers of objects, in blocks of bounded size.

    Raises:
        MetricError: the two lists differ in length.
    """
    if len(first) != len(second):
        raise MetricError(f"{len(first)} layouts cannot be paired with {len(second)}")
    codes = label_codes(first, second)
    shapes, kind = np.unique(np.stack([first.counts, second.counts], axis=1), axis=0, return_inverse=True)
    for which, (n, m) in enumerate(shapes):
        members = np.flatnonzero(kind.reshape(-1) == which)
        block = max(1, MAX_ENTRIES // max(1, n * m))
        for start in range(0, len(members), block):
            index = members[start : start + block]
            rows_1 = first.offsets[index][:, None] + np.arange(n)
            rows_2 = second.offsets[index][:, None] + np.arange(m)
            yield PairGroup(index, first.boxes[rows_1], second.boxes[rows_2], codes[0][rows_1], codes[1][rows_2])


def labels_differ(first: FlatLayouts, second: FlatLayouts) -> NDArray[np.bool_]:
    """Whether layout i of both sides has other labels, or other counts of them, shape (F,)."""
    differ = np.ones(len(first), dtype=np.bool_)
    for group in pair_groups(first, second):
        if group.shape[0] == group.shape[1]:
            differ[group.index] = (np.sort(group.codes_1, axis=1) != np.sort(group.codes_2, axis=1)).any(axis=1)
    return differ
