"""MIGC inside a denoiser: the attention processor of a layer, and what the layers of one generation share."""

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
from spa2v.plugins.grounding_injectors.migc.masks import LatentMasks, ShadingMasks, latent_masks, shading_masks
from spa2v.plugins.grounding_injectors.migc.modules import (
    EnhancementForm,
    MIGCModule,
    Scales,
    merge_heads,
    split_heads,
)

NAIVE_WEIGHT, NAIVE_EPSILON = 10.0, 1e-6


@dataclass(frozen=True)
class Schedule:
    """The denoising steps in which a part of the grounding is active.

    Args:
        share: share of the steps, 0..1, from the first on. As in the reference, the step at the boundary is active: of
            50 steps, 0.5 gives 26 (0 to 25). 0 means never.
        until_timestep: inactive below this timestep of the scheduler; None for no such limit.
    """

    share: float
    until_timestep: float | None = None

    def active(self, now: Denoising) -> bool:
        if self.share <= 0 or (self.until_timestep is not None and now.timestep < self.until_timestep):
            return False
        return now.step <= int(self.share * now.steps + 1e-9)


def slot_positions(slots: int, seed: int | None = None, order: Tensor | None = None) -> Tensor:
    """The slots of instances 0, 1, ... in the shading controller: in order, or permuted.

    Args:
        slots: number of slots.
        seed: seed of a permutation; None for the identity.
        order: a permutation, in place of a seed: slot j of the permuted row is slot order[j] of the original one.
    """
    if order is None:
        draw = None if seed is None else torch.Generator("cpu").manual_seed(seed)
        order = torch.arange(slots) if draw is None else torch.randperm(slots, generator=draw)
    return torch.argsort(order)


class Scene:
    """The instances of one generation as tensors, and the masks that layers of the same size share.

    Args:
        instances: those of the R cond rows.
        text: embeddings of `instances.phrases`, (P, tokens, T) and (P, T).
        pixels, latents: (height, width) of frame and latents.
        scales: factors of the instances, (R, K) each or None.
        a_cell_each: give an instance whose box is too small for a layer the cell of its center, where the reference
            gives it none.
    """

    def __init__(
        self,
        instances: Instances,
        text: EncodedText,
        pixels: tuple[int, int],
        latents: tuple[int, int],
        scales: Scales = Scales(),  # noqa: B008 - immutable
        a_cell_each: bool = False,
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
        inside = self.boxes.clamp(0.0, 1.0)
        centers = (inside[..., :2] + inside[..., 2:]) / 2
        self._centers = centers.masked_fill(~self.present[..., None], torch.nan) if a_cell_each else None
        self._masks: dict[tuple[int, int], ShadingMasks] = {}

    @cached_property
    def _on_latents(self) -> LatentMasks:
        return latent_masks(self.instances.boxes, self._pixels, self._latents, self._device)

    @cached_property
    def pooled(self) -> Tensor:
        """(R, K, T)."""
        return self.text.pooled[self.phrase]

    def masks(self, size: tuple[int, int]) -> ShadingMasks:
        """The masks on a feature map of `size`, computed once."""
        if size not in self._masks:
            masks = shading_masks(self._on_latents, size, self._centers)
            logits = masks.instances.new_zeros(masks.visible.shape, dtype=self._dtype)
            self._masks[size] = masks._replace(
                instances=masks.instances.to(self._dtype),
                background=masks.background.to(self._dtype),
                visible=logits.masked_fill_(~masks.visible, -torch.inf),  # which attention makes of it at each call
            )
        return self._masks[size]


class TextAttention:
    """The cross-attention of a layer, with keys and values cached while the text is the same tensor."""

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

    def output(self, attended: Tensor) -> Tensor:
        """Merges and projects the heads: (rows, heads, N, d) to (rows, N, C)."""
        return self.attn.to_out[1](self.attn.to_out[0](merge_heads(attended)))


class MIGCProcessor:
    """Replaces the processor of one cross-attention layer.

    Rows of the batch: uncond rows first (if `now.guided`), then R cond rows, video-major. Uncond rows, and frames
    without instances, get the layer's ungrounded output.

    Args:
        module: the layer's module, or None where only the naive fuser works.
        site: the layer.
        scene: the instances.
        now: state of the denoising loop.
        schedule, naive: when the module and when the naive fuser is active; the module takes precedence.
        slots: int64, the slots of instances 0, 1, ... in the shading controller.
        inner: the replaced processor.
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

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # reads the state of the loop, which changes every step
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
        if self._text is None or self._text.attn is not attn:
            self._text, self._phrases = TextAttention(attn), None
        query = split_heads(attn.to_q(hidden_states), attn.heads)
        keys, values = self._text.project(encoder_hidden_states)
        out = self._text.output(scaled_dot_product_attention(query, keys, values, attn_mask=attention_mask))
        rows = self.scene.rows
        fused = fuse(hidden_states[-rows:], out[-rows:], self._phrase_outputs(self._text, query[-rows:]))
        cond = torch.where(self.scene.empty[:, None, None], out[-rows:], fused)
        return torch.cat([out[:-rows], cond])

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

    def _phrase_outputs(self, text: TextAttention, query: Tensor) -> Tensor:
        """Cross-attention of each frame to the phrases of its instances, (R, K, N, C)."""
        if self._phrases is None:
            self._phrases = TextAttention(text.attn).project(self.scene.text.states)
        keys, values = (side[self.scene.phrase].flatten(0, 1) for side in self._phrases)  # (R * K, heads, tokens, d)
        queries = query[:, None].expand(-1, self.scene.most, -1, -1, -1).flatten(0, 1)
        out = text.output(scaled_dot_product_attention(queries, keys, values))
        return out.reshape(self.scene.rows, self.scene.most, *out.shape[1:])

    def _shade(self, x: Tensor, frame: Tensor, phrases: Tensor) -> Tensor:
        module, scene, size = self.module, self.scene, self.site.resolution
        assert module is not None  # _choose
        if self._form is None or self._null is None:
            self._form = module.prepare(scene.pooled, scene.boxes)
            self._null = module.sac.null_map(size)
        slots = self.slots[: scene.most]
        grounded = module(
            x, frame, phrases, self._form, scene.masks(size), scene.present, slots, self._null, scene.scales
        )
        self.weights = grounded.weights
        return grounded.out

    def _naive(self, x: Tensor, frame: Tensor, phrases: Tensor) -> Tensor:
        """The weighted mean of the frame's output and, inside its mask, each instance's."""
        masks = NAIVE_WEIGHT * self.scene.masks(self.site.resolution).instances[..., None]
        return (frame + (masks * phrases).sum(dim=1)) / (1.0 + masks.sum(dim=1) + NAIVE_EPSILON)
