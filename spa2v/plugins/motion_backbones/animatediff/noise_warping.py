"""Initial noise that goes along with the things of a layout, so that a thing that moves keeps its looks.

What a denoiser paints depends on the noise that it starts from. Where the noise stays and the box moves on, a thing
meets new noise in every frame, and its color and form change. Here each thing has a patch of noise of its own, as large
in cells as its box ever is; in each frame the cells of its box take theirs from the patch. Needs no training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from spa2v.core.types import Box, VideoSceneLayout

AT_EDGE = 1e-3


class Cells(NamedTuple):
    """The cells that a box touches along one axis.

    Attributes:
        first, number: of the cells.
        cut: -1 where the box ends at the frame's first edge, 1 at its last, 0 at neither or both.
    """

    first: int
    number: int
    cut: int


def follow(
    noise: Tensor, layouts: Sequence[VideoSceneLayout], share: float, generators: Sequence[torch.Generator]
) -> Tensor:
    """Noise in which a part comes from patches that follow the things.

    Args:
        noise: (V, C, F, h, w), of unit variance.
        layouts: one for each video.
        share: 0..1 of the variance inside the boxes; 0 leaves the noise as it is.
        generators: one for each video; draws the patches.
    """
    made = noise.clone()
    for video, layout, generator in zip(made, layouts, generators, strict=True):
        frames = [{item.id: item.box for item in key.objects} for key in layout.frames(noise.shape[2])]
        for name in layout.names:
            _follow_one(video, [frame.get(name) for frame in frames], share, generator)
    return made


def _follow_one(video: Tensor, boxes: Sequence[Box | None], share: float, generator: torch.Generator) -> None:
    """Mixes a thing's patch into the frames of a video (C, F, h, w)."""
    channels, _, height, width = video.shape
    rows = [None if box is None else cells(box.y1, box.y2, height) for box in boxes]
    columns = [None if box is None else cells(box.x1, box.x2, width) for box in boxes]
    tall, wide = (max(part.number for part in parts if part) for parts in (rows, columns))
    patch = torch.randn((channels, tall, wide), generator=generator)
    for frame, (y, x) in enumerate(zip(rows, columns, strict=True)):
        if y is not None and x is not None:
            own = patch[:, places(y, tall)][:, :, places(x, wide)]
            old = video[:, frame, y.first : y.first + y.number, x.first : x.first + x.number]
            old.copy_(math.sqrt(share) * own + math.sqrt(1.0 - share) * old)


def cells(low: float, high: float, size: int) -> Cells:
    """The cells of an axis of `size` cells that a box from `low` to `high` (parts of the frame) touches."""
    first = min(int(low * size + AT_EDGE), size - 1)
    last = max(first + 1, math.ceil(high * size - AT_EDGE))
    cut = (high > 1.0 - AT_EDGE) - (low < AT_EDGE)
    return Cells(first, last - first, cut)


def places(part: Cells, size: int) -> Tensor:
    """Where in a patch of `size` cells those of a box lie: at one end where the frame cuts the box, else all over."""
    if part.cut:
        start = 0 if part.cut > 0 else size - part.number  # what is cut off lies beyond the frame
        return torch.arange(start, start + part.number)
    return ((torch.arange(part.number) + 0.5) * size / part.number).long()
