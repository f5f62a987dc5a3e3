"""Boxes as masks on a feature map: MIGC's masks, by two bilinear resizes of a pixel mask.

Boxes are cut to whole pixels by truncation, then resized to the latents and from there to the feature map (bilinear,
align_corners False, no antialias). A single resize gives other values, which the weights were not trained on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate


class LatentMasks(NamedTuple):
    """Masks on the latents: instances (R, K, h, w), background (R, h, w), which no box covers; float32, 0..1."""

    instances: Tensor
    background: Tensor


class ShadingMasks(NamedTuple):
    """Masks on one feature map of N = H x W attention cells.

    Attributes:
        instances: (R, K, N).
        background: (R, N).
        visible: bool (R, 1, N, N), whether a cell may attend to another: an instance, or the background, covers both.
            `Scene.masks` has it as 0 and -inf, in the run's dtype.
        size: (H, W).
    """

    instances: Tensor
    background: Tensor
    visible: Tensor
    size: tuple[int, int]


def _profiles(low: NDArray[np.float64], high: NDArray[np.float64], pixels: int) -> Tensor:
    """1 on the pixels from int(pixels * low) to int(pixels * high), exclusive; shape (..., pixels)."""
    start, stop = (np.trunc(pixels * edge)[..., None] for edge in (low, high))
    at = np.arange(pixels)
    return torch.from_numpy(((at >= start) & (at < stop)).astype(np.float32))


def _resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize of (R, K, h, w) to `size`."""
    if maps.shape[1] == 0:
        return maps.new_zeros(*maps.shape[:2], *size)
    return interpolate(maps, size=size, mode="bilinear", align_corners=False)


def latent_masks(
    boxes: NDArray[np.float64],
    pixels: tuple[int, int],
    latents: tuple[int, int],
    device: torch.device | str = "cpu",
) -> LatentMasks:
    """Masks of boxes (R, K, 4) on a frame of `pixels` (height, width), resized to `latents` (h, w) on `device`.

    A box is separable, so its profiles are resized one axis at a time; the union of boxes is not.
    """
    (height, width), (h, w) = pixels, latents
    rows = _profiles(boxes[..., 1], boxes[..., 3], height).to(device)  # (R, K, height)
    columns = _profiles(boxes[..., 0], boxes[..., 2], width).to(device)  # (R, K, width)
    union = torch.einsum("rky,rkx->ryx", rows, columns).clamp(max=1.0)
    background = _resize(1.0 - union[:, None], latents)[:, 0]
    y = _resize(rows[..., None], (h, 1))[..., 0]
    x = _resize(columns[..., None, :], (1, w))[..., 0, :]
    return LatentMasks(y[..., :, None] * x[..., None, :], background)


def shading_masks(masks: LatentMasks, size: tuple[int, int], centers: Tensor | None = None) -> ShadingMasks:
    """The masks on a feature map of `size` (H, W).

    Args:
        masks: on the latents.
        size: of the feature map.
        centers: (R, K, 2), x and y in 0..1; an instance whose mask is empty gets the cell of its center. NaN, or None
            for all, leaves it without a cell, as the reference does.
    """
    instances = _resize(masks.instances, size).flatten(2)
    background = _resize(masks.background[:, None], size).flatten(1)
    if centers is not None:
        height, width = size
        lost = (instances.amax(dim=2) == 0) & centers.isfinite().all(dim=2)  # (R, K)
        x, y = centers.nan_to_num().unbind(dim=-1)
        cell = (y * height).long().clamp(max=height - 1) * width + (x * width).long().clamp(max=width - 1)
        own = lost[..., None] & (cell[..., None] == torch.arange(height * width, device=cell.device))  # (R, K, N)
        instances = instances.masked_fill(own, 1.0)
        background = background.masked_fill(own.any(dim=1), 0.0)
    covers = (torch.cat([instances, background[:, None]], dim=1) > 0).float()  # (R, K+1, N)
    visible = torch.einsum("rpi,rpj->rij", covers, covers) > 0
    return ShadingMasks(instances, background, visible[:, None], size)
