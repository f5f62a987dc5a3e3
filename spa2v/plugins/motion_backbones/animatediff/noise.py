"""Initial noise: drawn on the CPU for each video alone, rearranged (FreeNoise), warped, refined (FreeInit).

What a denoiser draws depends on the noise that it starts from. An object in a box that moves meets other noise in every
place, and its color and shape change. Noise warping gives such an object a patch of noise, as large in latent cells as
its box ever is; in each frame the cells of the box get theirs from the patch. It needs no training. A box that stays in
its place keeps its frames' own noise: with one noise for all of them, motion modules lose the form of what is in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, fft

from spa2v.core.types import Box, VideoSceneLayout
from spa2v.dsp.boxes import iou
from spa2v.plugins.motion_backbones.animatediff.options import FreeInit

AT_EDGE = 1e-3
"""Within this part of the frame's side a box edge counts as the frame's edge."""
STAYS = 0.5
"""IoU with its first box from which a box counts as one that stays: bows and drumsticks change a box a little."""


def draw(shape: Sequence[int], generators: Sequence[torch.Generator]) -> Tensor:
    """Noise of one video for each generator, (V, *shape), float32 on the CPU: the same on any device, in any batch."""
    return torch.stack([torch.randn(tuple(shape), generator=generator) for generator in generators])


def rearrange(noise: Tensor, context: int, stride: int, generators: Sequence[torch.Generator]) -> Tensor:
    """Noise of a long video from that of its first window (FreeNoise, Qiu et al., 2023).

    Beyond the first `context` frames, each run of `stride` frames has the noise of the `stride` frames one window
    before, shuffled, so that distant frames stay correlated.

    Args:
        noise: (V, C, F, h, w).
    """
    frames = noise.shape[2]
    rearranged = noise.clone()
    for video, generator in zip(rearranged, generators, strict=True):
        for start in range(context, frames, stride):
            count = min(stride, frames - start)
            source = start - context + torch.randperm(stride, generator=generator)[:count]
            video[:, start : start + count] = video[:, source].clone()
    return rearranged


class Span(NamedTuple):
    """The latent cells that a box covers along one axis.

    Attributes:
        first, number: of the cells.
        cut: -1 where the box ends at the frame's first edge, 1 at its last, 0 at neither or both.
    """

    first: int
    number: int
    cut: int

    @classmethod
    def of(cls, low: float, high: float, size: int) -> Span:
        """The cells of an axis of `size` cells that a box from `low` to `high` (0..1 of the frame) covers."""
        first = min(int(low * size + AT_EDGE), size - 1)
        last = max(first + 1, math.ceil(high * size - AT_EDGE))
        return cls(first, last - first, (high > 1.0 - AT_EDGE) - (low < AT_EDGE))

    @property
    def cells(self) -> slice:
        return slice(self.first, self.first + self.number)

    def in_patch(self, size: int) -> Tensor:
        """The cells of a patch of `size` cells: those at one end where the frame cuts the box, else spread evenly."""
        if self.cut:
            start = 0 if self.cut > 0 else size - self.number  # the part that is cut off lies beyond the frame
            return torch.arange(start, start + self.number)
        return ((torch.arange(self.number) + 0.5) * size / self.number).long()


def warp(
    noise: Tensor, layouts: Sequence[VideoSceneLayout], share: float, generators: Sequence[torch.Generator]
) -> Tensor:
    """Noise that moves with the boxes of the layouts that move (noise warping).

    Args:
        noise: (V, C, F, h, w), of unit variance, which is kept.
        layouts: one for each video.
        share: 0..1 of the variance inside the boxes; 0 leaves the noise unchanged.
        generators: one for each video; draws the patches.
    """
    warped = noise.clone()
    for video, layout, generator in zip(warped, layouts, generators, strict=True):
        frames = [{item.id: item.box for item in key.objects} for key in layout.frames(noise.shape[2])]
        for object_id in layout.names:
            _warp_one(video, [frame.get(object_id) for frame in frames], share, generator)
    return warped


def _warp_one(video: Tensor, boxes: Sequence[Box | None], share: float, generator: torch.Generator) -> None:
    """Mixes a moving object's patch into the frames of a video (C, F, h, w), in place."""
    if not _moves(boxes):
        return
    channels, _, height, width = video.shape
    rows = [None if box is None else Span.of(box.y1, box.y2, height) for box in boxes]
    columns = [None if box is None else Span.of(box.x1, box.x2, width) for box in boxes]
    tall, wide = (max(span.number for span in spans if span) for spans in (rows, columns))
    patch = torch.randn((channels, tall, wide), generator=generator)
    for frame, (y, x) in enumerate(zip(rows, columns, strict=True)):
        if y is not None and x is not None:
            moved = patch[:, y.in_patch(tall)][:, :, x.in_patch(wide)]
            noise = video[:, frame, y.cells, x.cells]
            noise.copy_(math.sqrt(share) * moved + math.sqrt(1.0 - share) * noise)


def _moves(boxes: Sequence[Box | None]) -> bool:
    """Whether a box comes to overlap with the first one by less than half."""
    there = [box for box in boxes if box is not None]
    return any(iou(box, there[0]) < STAYS for box in there[1:])


def low_pass(shape: tuple[int, int, int], settings: FreeInit) -> Tensor:
    """The filter's gain over (frames, height, width), frequency 0 in the middle.

    The ideal filter passes squared distances up to twice the stop frequency, as in FreeInit's published code.
    """
    axes = [2 * torch.arange(n, dtype=torch.float64) / n - 1 for n in shape]
    t, y, x = torch.meshgrid(*axes, indexing="ij")
    t = t * (settings.spatial_stop / settings.temporal_stop)
    stop = settings.spatial_stop
    square = t**2 + y**2 + x**2
    if settings.filter == "ideal":
        return (square <= 2 * stop).float()
    if settings.filter == "gaussian":
        return torch.exp(-square / (2 * stop**2)).float()
    return (1 / (1 + (square / stop**2) ** settings.order)).float()


def refine(noised: Tensor, fresh: Tensor, settings: FreeInit) -> Tensor:
    """The low frequencies of `noised` (the last result, noised again), the high ones of `fresh`; (V, C, F, h, w)."""
    axes = (-3, -2, -1)
    gain = low_pass((noised.shape[2], noised.shape[3], noised.shape[4]), settings).to(noised.device)
    kept, new = (fft.fftshift(fft.fftn(x.float(), dim=axes), dim=axes) for x in (noised, fresh))
    mixed = fft.ifftshift(kept * gain + new * (1 - gain), dim=axes)
    return fft.ifftn(mixed, dim=axes).real
