"""MIGC inside a denoiser: an attention processor for each layer, and what one generation shares between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from spa2v.core.errors import ContractError
from spa2v.core.protocols import AttentionSite, Denoising, EncodedText
from spa2v.plugins.grounding_injectors.instances import Instances
from spa2v.plugins.grounding_injectors.masks import LatentMasks, PhaseMasks, latent_masks, phase_masks
from spa2v.plugins.grounding_injectors.migc.attention import EnhancementForm, merge_heads, split_heads
from spa2v.plugins.grounding_injectors.migc.modules import MIGCModule, Scales

NAIVE_WEIGHT, NAIVE_EPSILON = 10.0, 1e-6


@dataclass(frozen=True)
class Schedule:
    """In which steps a part of the grounding works.

    Args:
        share: of the steps, 0..1. As in the reference, the step at the boundary still counts: of 50 steps, 0.5 makes 26
            active (0 to 25). 0 means never.
        until_timestep: also stop below this timestep of the scheduler; None for no such limit.
    """

    share: float
    until_timestep: float | None = None

    def active(self, now: Denoising) -> bool:
        if self.share <= 0 or (self.until_timestep is not None and now.timestep < self.until_timestep):
            return False
        return now.step <= int(self.share * now.steps + 1e-9)


def slot_positions(slots: int, seed: int | None = None, order: Tensor | None = None) -> Tensor:
    """The slot of thing 0, 1, ...: the first ones in order, or where a permutation puts them.

    Args:
        slots: how many there are.
        seed: of a permutation; None for the identity.
        order: a permutation, in place of a seed: slot j of the shuffled row is slot order[j] of the plain one.
    """
    if order is None:
        draw = None if seed is None else torch.Generator("cpu").manual_seed(seed)
        order = torch.arange(slots) if draw is None else torch.randperm(slots, generator=draw)
    return torch.argsort(order)


class Scene:
    """The things of one generation, as tensors, and the masks that all layers of one size share.

    Args:
        instances: who stands where in the R conditional rows.
        text: features of `instances.phrases`, (P, tokens, T) and (P, T).
        pixels, latents: (height, width) of frame and latents.
        scales: factors of the things, (R, K) each or None.
    """

    def __init__(
        self,
        instances: Instances,
        text: EncodedText,
        pixels: tuple[int, int],
        latents: tuple[int, int],
        scales: Scales = Scales(),  # noqa: B008 - immutable
    ) -> None:
        self.instances, self.text, self.scales = instances, text, scales
        self.rows, self.most = instances.present.shape
        device, dtype = text.states.device, text.states.dtype
        self.boxes = torch.from_numpy(instances.boxes).to(device, torch.float32)
        self.present = torch.from_numpy(instances.present).to(device)
        self.phrase = torch.from_numpy(instances.phrase).to(device)
        self.empty = ~self.present.any(dim=1)
        self._pixels, self._latents = pixels, latents
        self._device, self._dtype = device, dtype
        self._masks: dict[tuple[int, int], PhaseMasks] = {}

    @cached_property
    def _on_latents(self) -> LatentMasks:
        return latent_masks(self.instances.boxes, self._pixels, self._latents, self._device)

    @cached_property
    def pooled(self) -> Tensor:
        """(R, K, T)."""
        return self.text.pooled[self.phrase]

    def masks(self, size: tuple[int, int]) -> PhaseMasks:
        """The masks on a feature map of `size`, made once."""
        if size not in self._masks:
            made = phase_masks(self._on_latents, size)
            things, rest = (part.to(self._dtype) for part in (made.things, made.rest))
            self._masks[size] = PhaseMasks(things, rest, made.visible, size)
        return self._masks[size]


class TextAttention:
    """The layer's own cross-attention, with keys and values kept for as long as the same text comes in."""

    def __init__(self, attn: Any) -> None:
        self.attn = attn
        self._text: Tensor | None = None
        self._projected: tuple[Tensor, Tensor] | None = None

    def project(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values, (rows, heads, tokens, d)."""
        if self._text is not text or self._projected is None:
            heads = self.attn.heads
            self._projected = split_heads(self.attn.to_k(text), heads), split_heads(self.attn.to_v(text), heads)
            self._text = text
        return self._projected

    def output(self, seen: Tensor) -> Tensor:
        """Heads merged and projected: (rows, heads, N, d) to (rows, N, C)."""
        return self.attn.to_out[1](self.attn.to_out[0](merge_heads(seen)))


class MIGCProcessor:
    """Stands in for the processor of one cross-attention layer.

    Rows of the batch: unconditional ones first (if `now.guided`), then R conditional ones, video-major. The former, and
    frames without things, get the layer's plain output.

    Args:
        module: the layer's grounding, or None for a layer that only the naive fuser serves.
        site: where the layer sits.
        scene: what stands where.
        now: the denoising loop's place.
        schedule, naive: when the module, and when the naive fuser, works; the module goes first.
        slots: int64, the slot of thing 0, 1, ... in the shading controller.
        inner: the processor it replaces.
    """

    def __init__(
        self,
        module: MIGCModule | None,
        site: AttentionSite,
        scene: Scene,
        now: Denoising,
        schedule: Schedule,
        naive: Schedule,
        slots: Tensor,
        inner: Callable[..., Tensor],
    ) -> None:
        self.module, self.site, self.scene, self.now = module, site, scene, now
        self.schedule, self.naive, self.slots, self.inner = schedule, naive, slots, inner
        self._text: TextAttention | None = None
        self._phrases: tuple[Tensor, Tensor] | None = None
        self._form: EnhancementForm | None = None
        self._null: Tensor | None = None
        self.weights: Tensor | None = None  # of the shading controller at its last call, (R, K+2, N)

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # reads the loop's place, which changes every step
    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        fuse = self._choose()
        if fuse is None or encoder_hidden_states is None:
            return self.inner(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        self._check(hidden_states)
        text = self._attention(attn)
        query = split_heads(attn.to_q(hidden_states), attn.heads)
        keys, values = text.project(encoder_hidden_states)
        plain = text.output(scaled_dot_product_attention(query, keys, values, attn_mask=attention_mask))
        rows = self.scene.rows
        things = self._things(text, query[-rows:])
        fused = fuse(hidden_states[-rows:], plain[-rows:], things)
        grounded = torch.where(self.scene.empty[:, None, None], plain[-rows:], fused)
        return torch.cat([plain[:-rows], grounded])

    def _choose(self) -> Callable[[Tensor, Tensor, Tensor], Tensor] | None:
        if self.scene.most == 0:
            return None
        if self.module is not None and self.schedule.active(self.now):
            return self._shade
        return self._naive if self.naive.active(self.now) else None

    def _check(self, hidden_states: Tensor) -> None:
        rows, cells = hidden_states.shape[:2]
        expected = self.scene.rows * (2 if self.now.guided else 1)
        height, width = self.site.resolution
        if rows != expected or cells != height * width:
            raise ContractError(
                f"{self.site.name}: the denoiser passes {rows} rows of {cells} cells",
                f"the attached layout has {expected} rows of {height} x {width} cells",
            )

    def _attention(self, attn: Any) -> TextAttention:
        if self._text is None or self._text.attn is not attn:
            self._text = TextAttention(attn)
            self._phrases = None
        return self._text

    def _things(self, text: TextAttention, query: Tensor) -> Tensor:
        """Cross-attention of each frame to each of its things' phrases, (R, K, N, C)."""
        if self._phrases is None:
            phrases = TextAttention(text.attn).project(self.scene.text.states)
            self._phrases = phrases[0], phrases[1]
        keys, values = (side[self.scene.phrase].flatten(0, 1) for side in self._phrases)  # (R * K, heads, tokens, d)
        queries = query[:, None].expand(-1, self.scene.most, -1, -1, -1).flatten(0, 1)
        seen = text.output(scaled_dot_product_attention(queries, keys, values))
        return seen.reshape(self.scene.rows, self.scene.most, *seen.shape[1:])

    def _shade(self, x: Tensor, whole: Tensor, things: Tensor) -> Tensor:
        module, scene, size = self.module, self.scene, self.site.resolution
        assert module is not None  # _choose
        if self._form is None or self._null is None:
            self._form = module.prepare(scene.pooled, scene.boxes)
            self._null = module.sac.null_map(size)
        rendering = module(
            x,
            whole,
            things,
            self._form,
            scene.masks(size),
            scene.present,
            self.slots[: scene.most],
            self._null,
            scene.scales,
        )
        self.weights = rendering.weights
        return rendering.out

    def _naive(self, x: Tensor, whole: Tensor, things: Tensor) -> Tensor:
        """The weighted mean of the whole picture and each thing inside its mask."""
        masks = NAIVE_WEIGHT * self.scene.masks(self.site.resolution).things[..., None]
        return (whole + (masks * things).sum(dim=1)) / (1.0 + masks.sum(dim=1) + NAIVE_EPSILON)
