"""The energy of attention maps: low where the tokens of a phrase look into its boxes and nowhere else (LVD).

Shapes: R rows (frames), h heads, N = H x W cells, T tokens of the text, G phrases of P tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class Terms:
    """What the energy is made of.

    Args:
        inside, outside: weights of the two terms.
        top_inside, top_outside: part of the cells inside and outside whose attention counts, the strongest ones, 0..1.
        center: weight of the squared distances between the centers of attention and of the boxes, and between their
            movements from frame to frame.
    """

    inside: float = 1.0
    outside: float = 4.0
    top_inside: float = 0.75
    top_outside: float = 0.75
    center: float = 0.0


class Seen(NamedTuple):
    """What a layer says: `energy` (R,) and the center of each phrase's attention, `centers` (R, G, 2), x and y, 0..1."""

    energy: Tensor
    centers: Tensor


def look(maps: Tensor, masks: Tensor, present: Tensor, weights: Tensor, size: tuple[int, int], terms: Terms) -> Seen:
    """The energy of one layer.

    Inside the boxes, 1 - the mean of the strongest cells; outside, their mean; averaged over heads, and over tokens and
    phrases by `weights`. A phrase that is absent from a frame has no inside, and all of the frame is outside.

    Args:
        maps: attention probabilities (R, h, N, G, P) of the phrases' tokens.
        masks: (R, G, N), 1 in the boxes.
        present: bool (R, G).
        weights: (R, G, P).
        size: (H, W).
        terms: the weights of the terms.
    """
    cells = maps.permute(0, 1, 3, 4, 2)  # (R, h, G, P, N)
    mask = masks[:, None, :, None].to(cells.dtype)
    area = masks.sum(dim=-1)  # (R, G)
    inside = 1.0 - _top_mean(cells * mask, terms.top_inside * area)
    outside = _top_mean(cells * (1.0 - mask), terms.top_outside * (masks.shape[-1] - area))
    energy = terms.inside * inside * present[:, None, :, None] + terms.outside * outside
    share = weights.to(cells.dtype)
    return Seen((energy.mean(dim=1) * share).sum(dim=(1, 2)), _centers(cells.mean(dim=1), share, size))


def _top_mean(values: Tensor, count: Tensor) -> Tensor:
    """Mean of the largest values along the last axis, `count` (R, G) of them rounded down, at least one: (R, h, G, P)."""
    most = count.long().clamp(min=1)[:, None, :, None, None]
    ordered = values.sort(dim=-1, descending=True).values
    kept = torch.arange(values.shape[-1], device=values.device) < most
    return (ordered * kept).sum(dim=-1) / most[..., 0]


def _centers(maps: Tensor, share: Tensor, size: tuple[int, int]) -> Tensor:
    """Centers of attention (R, G, 2) from maps (R, G, P, N), weighed over a phrase's tokens."""
    height, width = size
    y = (torch.arange(height, device=maps.device, dtype=maps.dtype) + 0.5) / height
    x = (torch.arange(width, device=maps.device, dtype=maps.dtype) + 0.5) / width
    grid = torch.stack([x.repeat(height), y.repeat_interleave(width)], dim=-1)  # (N, 2)
    middle = (maps @ grid) / maps.sum(dim=-1, keepdim=True).clamp(min=1e-12)  # (R, G, P, 2)
    total = share.sum(dim=-1, keepdim=True)
    return (middle * share[..., None]).sum(dim=2) / total.clamp(min=1e-12)


def center_energy(centers: Tensor, wanted: Tensor, counts: Tensor, frames: int) -> Tensor:
    """(R,): squared distances of centers of attention to those of boxes, and of their movements since the last frame.

    Args:
        centers, wanted: (R, G, 2), of attention and of boxes.
        counts: float (R, G), the weight of each phrase; 0 where it is absent or not in the text.
        frames: of a video; the first of each has no movement.
    """
    off = centers - wanted.to(centers.dtype)
    place = (off.square().sum(dim=-1) * counts).sum(dim=-1)
    videos = off.reshape(-1, frames, *off.shape[1:])
    moved = (videos[:, 1:] - videos[:, :-1]).square().sum(dim=-1)  # difference of the movements
    both = counts.reshape(-1, frames, counts.shape[1])
    moved = (moved * torch.minimum(both[:, 1:], both[:, :-1])).sum(dim=-1)
    return place + torch.nn.functional.pad(moved, (1, 0)).flatten()
