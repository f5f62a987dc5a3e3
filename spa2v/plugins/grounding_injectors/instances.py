"""`Instances`: who stands where in every frame of a batch of videos, padded to one number of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import VideoSceneLayout

Row = Sequence[tuple[str, Sequence[float]]]
"""The things of one frame: (phrase, box), box x1, y1, x2, y2 in parts of the frame."""


@dataclass(frozen=True, eq=False)
class Instances:
    """The things of R rows (videos x frames, frames fastest), padded to K things.

    Args:
        boxes: float64 (R, K, 4), x1, y1, x2, y2 in parts of the frame; zeros where absent.
        present: bool (R, K); the things of a row come first, without gaps.
        phrase: int64 (R, K), index into `phrases`; 0 where absent.
        phrases: the distinct phrases.
        dropped: the most things of one frame that found no place.
    """

    boxes: NDArray[np.float64]
    present: NDArray[np.bool_]
    phrase: NDArray[np.int64]
    phrases: tuple[str, ...]
    dropped: int = 0

    @property
    def rows(self) -> int:
        return len(self.present)

    @classmethod
    def from_rows(cls, rows: Sequence[Row], limit: int) -> Instances:
        """Pads rows to the longest one; things beyond `limit` in a row are dropped, last ones first."""
        kept = [list(row)[:limit] for row in rows]
        most = max((len(row) for row in kept), default=0)
        phrases = tuple(dict.fromkeys(name for row in kept for name, _ in row))
        boxes = np.zeros((len(kept), most, 4))
        present = np.zeros((len(kept), most), dtype=bool)
        phrase = np.zeros((len(kept), most), dtype=np.int64)
        for r, row in enumerate(kept):
            present[r, : len(row)] = True
            for k, (name, box) in enumerate(row):
                boxes[r, k], phrase[r, k] = box, phrases.index(name)
        return cls(boxes, present, phrase, phrases, max((len(row) for row in rows), default=0) - most)

    @classmethod
    def from_layouts(cls, layouts: Sequence[VideoSceneLayout], frames: int, limit: int) -> Instances:
        """The things of `frames` frames of each layout, in the order in which they first appear in it."""
        rows: list[Row] = []
        for layout in layouts:
            order = {object_id: index for index, object_id in enumerate(layout.names)}
            for frame in layout.frames(frames):
                things = sorted(frame.objects, key=lambda item: order[item.id])
                rows.append([(item.name, item.box) for item in things])
        return cls.from_rows(rows, limit)

    def repeated(self, most: int) -> tuple[str, ...]:
        """For every phrase, the phrase `min(K, most)` times joined by ", and ", as MIGC's benchmark scripts have it."""
        times = max(1, min(int(self.present.sum(axis=1).max(initial=0)), most))
        return tuple(", and ".join([phrase] * times) for phrase in self.phrases)
