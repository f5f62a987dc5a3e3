"""GLIGEN inside a denoiser: tokens of the things, made once, and the blocks' gated self-attention over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spa2v.core.protocols import Denoising, EncodedText
from spa2v.plugins.grounding_injectors.instances import Instances


class Tokens:
    """The things' tokens for R conditional rows, always `count` of them: the weights know no other number.

    Args:
        net: the position net.
        instances: who stands where.
        text: features of the phrases.
        count: tokens of a row; those without a thing are the learned null token.
    """

    def __init__(self, net: nn.Module, instances: Instances, text: EncodedText, count: int) -> None:
        pooled = text.pooled
        rows, most = instances.present.shape
        boxes, masks = pooled.new_zeros(rows, count, 4), pooled.new_zeros(rows, count)
        features = pooled.new_zeros(rows, count, pooled.shape[-1])
        boxes[:, :most] = torch.from_numpy(instances.boxes).to(boxes)
        masks[:, :most] = torch.from_numpy(instances.present).to(masks)
        if instances.phrases:
            features[:, :most] = pooled[torch.from_numpy(instances.phrase).to(pooled.device)]
        self.things: Tensor = net(boxes, masks, features)
        self.nothing: Tensor = net(boxes[:1], torch.zeros_like(masks[:1]), features[:1])

    def rows(self, guided: bool) -> Tensor:
        """(rows, count, width): null tokens for the unconditional rows, if there are any; then the things'."""
        return torch.cat([self.nothing.expand_as(self.things), self.things]) if guided else self.things


def touched_rows(instances: Instances, frames: int, empty: str) -> NDArray[np.bool_]:
    """Which conditional rows GLIGEN works on, (R,).

    None of a video without things; with `empty` "plain", also no frame without things.
    """
    own: NDArray[np.bool_] = np.any(instances.present, axis=1)
    if empty == "plain":
        return own
    return np.repeat(own.reshape(-1, frames).any(axis=1), frames)


class RowFuser(nn.Module):
    """A block's gated self-attention, on some rows of the batch only."""

    def __init__(self, fuser: nn.Module, touched: Tensor) -> None:
        super().__init__()
        self.fuser = fuser
        self.all = bool(touched.all())
        self.register_buffer("touched", touched, persistent=False)

    def forward(self, x: Tensor, objs: Tensor) -> Tensor:
        """x (rows, N, C), objs (rows, count, width) to (rows, N, C)."""
        fused: Tensor = self.fuser(x, objs)
        if self.all:
            return fused
        touched = self.get_buffer("touched")
        repeats = x.shape[0] // touched.shape[0]
        return torch.where(touched.repeat(repeats)[:, None, None], fused, x)


@dataclass
class Injection:
    """Hands the tokens to the denoiser in the steps in which GLIGEN works: a forward pre-hook.

    diffusers' transformer blocks call their `fuser` when the keyword `gligen` arrives, and not otherwise.
    """

    tokens: Tokens
    now: Denoising
    share: float

    def active(self) -> bool:
        """Steps 0 to int(share * steps) - 1, the scheduled sampling of the reference."""
        return self.now.step < int(self.share * self.now.steps + 1e-9)

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.active():
            return None
        given = kwargs.get("cross_attention_kwargs") or {}
        objs = {"objs": self.tokens.rows(self.now.guided)}
        return args, {**kwargs, "cross_attention_kwargs": {**given, "gligen": objs}}
