"""GLIGEN inside a denoiser: grounding tokens, computed once, and the gated self-attention of the blocks over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spa2v.core.protocols import Denoising, EncodedText
from spa2v.plugins.grounding_injectors.instances import Instances


class GroundingTokens:
    """The tokens of the instances of R cond rows, `count` a row: the number that the weights were trained with.

    Args:
        net: the position net.
        instances: those of the rows.
        text: embeddings of the phrases.
        count: tokens of a row; those without an instance are the learned null token.
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
        self.cond: Tensor = net(boxes, masks, features)
        self.null: Tensor = net(boxes[:1], torch.zeros_like(masks[:1]), features[:1])

    def rows(self, guided: bool) -> Tensor:
        """(rows, count, width): null tokens for the uncond rows, if there are any; then those of the cond rows."""
        return torch.cat([self.null.expand_as(self.cond), self.cond]) if guided else self.cond


def grounded_rows(instances: Instances, frames: int, empty: str) -> NDArray[np.bool_]:
    """Which cond rows are grounded, (R,).

    Those of videos with objects; with `empty` "plain", of frames with objects.
    """
    occupied: NDArray[np.bool_] = np.any(instances.present, axis=1)
    if empty == "plain":
        return occupied
    return np.repeat(occupied.reshape(-1, frames).any(axis=1), frames)


class RowFuser(nn.Module):
    """A block's gated self-attention, on some rows of the batch only."""

    def __init__(self, fuser: nn.Module, rows: NDArray[np.bool_], device: torch.device) -> None:
        super().__init__()
        self.fuser = fuser
        self.all = bool(rows.all())
        self.register_buffer("grounded", torch.from_numpy(rows).to(device), persistent=False)

    def forward(self, x: Tensor, objs: Tensor) -> Tensor:
        """x (rows, N, C), objs (rows, count, width) to (rows, N, C)."""
        fused: Tensor = self.fuser(x, objs)
        if self.all:
            return fused
        grounded = self.get_buffer("grounded")
        return torch.where(grounded.repeat(x.shape[0] // grounded.shape[0])[:, None, None], fused, x)


@dataclass
class Injection:
    """A forward pre-hook that passes the tokens to the denoiser in the steps in which GLIGEN is active.

    diffusers' transformer blocks call their `fuser` only when they get the keyword `gligen`.
    """

    tokens: GroundingTokens
    now: Denoising
    share: float

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # Steps 0 to int(share * steps) - 1: the scheduled sampling of the reference.
        if self.now.step >= int(self.share * self.now.steps + 1e-9):
            return None
        given = kwargs.get("cross_attention_kwargs") or {}
        objs = {"objs": self.tokens.rows(self.now.guided)}
        return args, {**kwargs, "cross_attention_kwargs": {**given, "gligen": objs}}


@contextmanager
def fused(unet: Any, fusers: Mapping[str, nn.Module], rows: NDArray[np.bool_], injection: Injection) -> Iterator[None]:
    """The fusers in their blocks, by module path, and the hook that feeds them, until the context ends."""
    blocks: dict[Any, nn.Module] = {unet.get_submodule(name): fuser for name, fuser in fusers.items()}
    before = {block: getattr(block, "fuser", None) for block in blocks}
    hook = unet.register_forward_pre_hook(injection, with_kwargs=True)
    try:
        for block, fuser in blocks.items():
            block.fuser = RowFuser(fuser, rows, injection.tokens.cond.device)
        yield
    finally:
        hook.remove()
        for block, was in before.items():
            if hasattr(block, "fuser"):
                del block.fuser
            if was is not None:
                block.fuser = was
