"""What the attention of each frame is to do: which tokens of its text belong into which cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from spa2v import Box, Run, SteerableBackbone, VideoSceneLayout
from torch import Tensor

Boxes = Mapping[str, Sequence[Box]]
"""Phrase to the boxes of all things of that name in one frame."""


@dataclass(frozen=True, eq=False)
class Goal:
    """The phrases of R rows (videos x frames, frames fastest), padded to G phrases of P tokens.

    Things of one name share their words, so they share a phrase, whose boxes are united.

    Args:
        tokens: int64 (R, G, P), positions in the row's text; 0 where padded.
        weights: float32 (R, G, P), the share of each token in the row's energy; 0 where padded.
        boxes: per row and phrase, where it stands; none where it is absent.
        frames: of a video.
        lost: phrases that no text of their video holds.
    """

    tokens: Tensor
    weights: Tensor
    boxes: tuple[tuple[tuple[Box, ...], ...], ...]
    frames: int
    lost: tuple[str, ...]

    @classmethod
    def of(cls, backbone: SteerableBackbone, layouts: Sequence[VideoSceneLayout], run: Run) -> Goal:
        """Reads layouts, and asks the backbone where their names stand in its texts."""
        found = [_phrase_tokens(backbone, layout, run) for layout in layouts]
        kept = [{name: rows for name, rows in video.items() if any(rows)} for video in found]
        lost = [name for video, left in zip(found, kept, strict=True) for name in video if name not in left]
        most = max((len(video) for video in kept), default=0)
        longest = max((len(row) for video in kept for rows in video.values() for row in rows), default=0)
        shape = (len(layouts) * backbone.frames, most, longest)
        tokens, weights = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        boxes: list[tuple[tuple[Box, ...], ...]] = []
        for video, layout in zip(kept, layouts, strict=True):
            for frame, scene in enumerate(layout.frames(backbone.frames)):
                row = len(boxes)
                for group, rows in enumerate(video.values()):
                    places = rows[frame]
                    tokens[row, group, : len(places)] = places
                    weights[row, group, : len(places)] = 1.0 / (len(places) * len(video)) if places else 0.0
                own = [tuple(item.box for item in scene.objects if item.name == name) for name in video]
                boxes.append((*own, *[()] * (most - len(own))))
        places_of, share = (torch.from_numpy(array).to(run.device) for array in (tokens, weights))
        return cls(places_of, share, tuple(boxes), backbone.frames, tuple(dict.fromkeys(lost)))

    @property
    def present(self) -> Tensor:
        """Bool (R, G): whether something of this name stands in the frame."""
        return torch.tensor([[bool(found) for found in row] for row in self.boxes], device=self.tokens.device)

    @property
    def centers(self) -> Tensor:
        """(R, G, 2): x and y of the middle of the boxes of each phrase, in parts of the frame; 0 where absent."""
        middles = [
            [np.mean([box.center for box in found], axis=0) if found else np.zeros(2) for found in row]
            for row in self.boxes
        ]
        return torch.tensor(np.array(middles), dtype=torch.float32, device=self.tokens.device)

    def masks(self, size: tuple[int, int]) -> Tensor:
        """(R, G, H * W) float32: 1 in the cells of the boxes on a feature map of `size` (H, W), else 0."""
        cells = np.zeros((*self.weights.shape[:2], *size), np.float32)
        for row, found in enumerate(self.boxes):
            for group, boxes in enumerate(found):
                for box in boxes:
                    (top, bottom), (left, right) = _cells(box.y1, box.y2, size[0]), _cells(box.x1, box.x2, size[1])
                    cells[row, group, top:bottom, left:right] = 1.0
        return torch.from_numpy(cells).flatten(2).to(self.tokens.device)


def _cells(low: float, high: float, count: int) -> tuple[int, int]:
    """First cell, and the one after the last, of an interval: corner and length are rounded, each for itself (LVD).

    A length that rounds to nothing becomes one cell: a small thing is not an absent one.
    """
    length = max(1, round((high - low) * count))
    start = min(round(low * count), count - 1)
    return start, min(start + length, count)


def _phrase_tokens(backbone: SteerableBackbone, layout: VideoSceneLayout, run: Run) -> dict[str, list[tuple[int, ...]]]:
    """Name to its tokens in the text of each frame: of the whole name, else of its last word ("car" of "red car")."""
    names = list(dict.fromkeys(layout.names.values()))
    heads = [name.split()[-1] for name in names]
    found = backbone.find_phrases(layout, [*names, *heads], run)
    return {name: [row[place] or row[len(names) + place] for row in found] for place, name in enumerate(names)}
