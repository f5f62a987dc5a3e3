"""The neural modules of MIGC (Zhou et al., CVPR 2024), batched over frames and things.

Attribute names are those of the released checkpoints, so that state dicts load strictly. Shapes: R rows (frames of all
videos), K things (padded), N = H x W cells, C channels, T text width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from spa2v.plugins.grounding_injectors.masks import PhaseMasks

TEMPERATURE = 100.0


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(..., N, C) to (..., heads, N, C / heads)."""
    return x.reshape(*x.shape[:-1], heads, -1).transpose(-2, -3)


def merge_heads(x: Tensor) -> Tensor:
    """(..., heads, N, d) to (..., N, heads * d)."""
    return x.transpose(-2, -3).flatten(-2)


def fourier(boxes: Tensor, frequencies: int) -> Tensor:
    """Box features: for each frequency f = 100^(i/n), sin(f * box) and cos(f * box); (..., 4) to (..., 8 * n).

    Frequency-major, without a factor of 2 pi.
    """
    scales = TEMPERATURE ** (torch.arange(frequencies, device=boxes.device, dtype=boxes.dtype) / frequencies)
    angles = boxes[..., None, :] * scales[:, None]  # (..., n, 4)
    return torch.stack([angles.sin(), angles.cos()], dim=-2).flatten(-3)


class PositionNet(nn.Module):
    """Turns a box into one token of text width. The order of a box is x1, x2, y1, y2."""

    def __init__(self, features: int, hidden: int, width: int) -> None:
        super().__init__()
        self.frequencies = features // 8
        self.linears_position = nn.Sequential(
            nn.Linear(features, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, width)
        )

    def forward(self, boxes: Tensor) -> Tensor:
        """(..., 4) to (..., T)."""
        features = fourier(boxes.float(), self.frequencies)
        return self.linears_position(features.to(next(self.parameters()).dtype))


class EnhancementForm(NamedTuple):
    """Attention over two tokens, in the form that does not depend on the step.

    softmax over two keys is a sigmoid of one logit a head: EA(q) = constant + sum_h sigmoid(q . query_h) * value_h.
    Shapes: query and value (..., heads, C), constant (..., C).
    """

    query: Tensor
    value: Tensor
    constant: Tensor


class EnhancementAttention(nn.Module):
    """Cross-attention of the picture to two tokens of a thing: its phrase and its box."""

    def __init__(self, channels: int, text_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(text_width, channels, bias=False)
        self.to_v = nn.Linear(text_width, channels, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def prepare(self, tokens: Tensor) -> EnhancementForm:
        """The step-free form for tokens (..., 2, T)."""
        keys, values = (split_heads(layer(tokens), self.heads) for layer in (self.to_k, self.to_v))
        width = keys.shape[-1]
        key = (keys[..., 0, :] - keys[..., 1, :]) / math.sqrt(width)  # (..., heads, d)
        last = cast(nn.Linear, self.to_out[0])
        to_q = self.to_q.weight.reshape(self.heads, width, -1)  # (heads, d, C)
        to_out = last.weight.reshape(-1, self.heads, width)  # (C, heads, d)
        query = torch.einsum("...hd,hdc->...hc", key, to_q)
        value = torch.einsum("...hd,chd->...hc", values[..., 0, :] - values[..., 1, :], to_out)
        return EnhancementForm(query, value, last(values[..., 1, :].flatten(-2)))

    def forward(self, x: Tensor, form: EnhancementForm) -> tuple[Tensor, Tensor]:
        """Output (..., N, C) for x (..., N, C), and the share of the first token (..., N, heads)."""
        share = torch.sigmoid(x @ form.query.transpose(-1, -2))
        return form.constant.unsqueeze(-2) + share @ form.value, share


class LayoutAttention(nn.Module):
    """Self-attention in which a cell sees only cells that share a thing, or the rest, with it."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(channels, channels, bias=False)
        self.to_v = nn.Linear(channels, channels, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        """x (R, N, C), visible bool (R, 1, N, N) to (R, N, C)."""
        query, key, value = (split_heads(layer(x), self.heads) for layer in (self.to_q, self.to_k, self.to_v))
        seen = scaled_dot_product_attention(query, key, value, attn_mask=visible)
        return self.to_out[0](merge_heads(seen))


class _ChannelGate(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Flatten(), nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) to the same, each channel weighted."""
        gate = torch.sigmoid(self.mlp(x.mean(dim=1)) + self.mlp(x.amax(dim=1)))
        return x * gate[:, None]


class _Spatial(nn.Module):
    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)


class _SpatialGate(nn.Module):
    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.spatial = _Spatial(kernel)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, N, C) to the same, each cell weighted."""
        pooled = torch.stack([x.amax(dim=-1), x.mean(dim=-1)], dim=1).reshape(-1, 2, *size)
        gate = torch.sigmoid(self.spatial.conv(pooled))
        return x * gate.flatten(1)[..., None]


class CBAM(nn.Module):
    """Convolutional block attention (Woo et al., ECCV 2018): a gate over channels, then one over cells."""

    def __init__(self, channels: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.ChannelGate = _ChannelGate(channels, hidden)
        self.SpatialGate = _SpatialGate(kernel)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, N, C) to the same; N = H x W of `size`."""
        return self.SpatialGate(self.ChannelGate(x), size)


class ModuleSizes(NamedTuple):
    """The sizes of one module, all to be read off its tensors but the heads."""

    channels: int
    heads: int
    text_width: int
    slots: int
    reduced: int
    slot_hidden: int
    box_features: int
    box_hidden: int
    kernel: int
    slot_kernel: int

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], heads: int) -> ModuleSizes:
        """Reads the sizes from the tensors of one module.

        Raises:
            KeyError, IndexError: a tensor is missing or has too few dimensions.
        """
        shape = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        reduced, channels = shape["sac.cbam1.ChannelGate.mlp.1.weight"]
        slot_hidden, slots = shape["sac.cbam2.ChannelGate.mlp.1.weight"]
        box_hidden, box_features = shape["pos_net.linears_position.0.weight"]
        return cls(
            channels=channels,
            heads=heads,
            text_width=shape["ea.to_k.weight"][1],
            slots=slots,
            reduced=reduced,
            slot_hidden=slot_hidden,
            box_features=box_features,
            box_hidden=box_hidden,
            kernel=shape["sac.cbam1.SpatialGate.spatial.conv.weight"][-1],
            slot_kernel=shape["sac.cbam2.SpatialGate.spatial.conv.weight"][-1],
        )


class ShadingController(nn.Module):
    """Shading aggregation controller: decides, cell by cell, how much of each phase to take.

    Phases of a row are the whole picture, its things, and the template of layout attention. A slot without a thing
    holds the map of the null phase (all zeros in, mask 0), which takes part in the gates but not in the softmax.
    """

    def __init__(self, sizes: ModuleSizes) -> None:
        super().__init__()
        self.slots = sizes.slots - 2
        self.conv1 = nn.Conv2d(sizes.channels + 1, sizes.channels, 1)
        self.cbam1 = CBAM(sizes.channels, sizes.reduced, sizes.kernel)
        self.conv2 = nn.Conv2d(sizes.channels, 1, 1)
        self.cbam2 = CBAM(sizes.slots, sizes.slot_hidden, sizes.slot_kernel)

    def maps(self, x: Tensor, mask: Tensor, size: tuple[int, int]) -> Tensor:
        """One map for each phase: x (B, N, C) and mask (B, N) to (B, N). The 1x1 convolutions run as products."""
        weight = self.conv1.weight.flatten(1)  # (C, C+1), the last column meets the mask
        mixed = nn.functional.linear(x, weight[:, :-1], self.conv1.bias) + mask[..., None] * weight[:, -1]
        gated = self.cbam1(mixed, size)
        return (gated @ self.conv2.weight.flatten(1).T).squeeze(-1) + self.conv2.bias

    def null_map(self, size: tuple[int, int]) -> Tensor:
        """The map of the null phase, (N,). Depends on the weights and the size only."""
        cells = size[0] * size[1]
        zeros = self.conv1.weight.new_zeros(1, cells, self.conv1.out_channels)
        return self.maps(zeros, zeros[..., 0], size)[0]

    def forward(
        self,
        x: Tensor,
        mask: Tensor,
        present: Tensor,
        slots: Tensor,
        null_map: Tensor,
        size: tuple[int, int],
        scale: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Adds up the phases.

        Args:
            x: (R, K+2, N, C): whole picture, things, template.
            mask: (R, K+2, N), the mask of each phase.
            present: bool (R, K), which things are there.
            slots: int64 (K,), the slot of each thing.
            null_map: (N,), of `null_map`.
            size: (H, W).
            scale: (R, K) factors of the things' maps, or None.

        Returns:
            The sum (R, N, C) and the weights (R, K+2, N).
        """
        rows, phases = mask.shape[:2]
        maps = self.maps(x.flatten(0, 1), mask.flatten(0, 1), size).reshape(rows, phases, -1)
        middle = null_map.expand(rows, self.slots, -1).clone()
        middle[:, slots] = maps[:, 1:-1]
        stacked = torch.cat([maps[:, :1], middle, maps[:, -1:]], dim=1)  # (R, slots + 2, N)
        gated = self.cbam2(stacked.transpose(1, 2), size).transpose(1, 2)
        things = gated[:, 1:-1][:, slots]
        if scale is not None:
            things = things * scale[..., None]
        things = things.masked_fill(~present[..., None], -torch.inf)
        logits = torch.cat([gated[:, :1], things, gated[:, -1:]], dim=1)
        weights = logits.float().softmax(dim=1).to(x.dtype)
        return (weights[..., None] * x).sum(dim=1), weights


class Scales(NamedTuple):
    """Factors of each thing, (R, K) or None for 1: text attention, enhancement attention, the controller's maps."""

    text: Tensor | None = None
    enhancement: Tensor | None = None
    controller: Tensor | None = None


class Rendering(NamedTuple):
    """What a module gives.

    Attributes:
        out: (R, N, C), in place of the cross-attention's output.
        weights: (R, K+2, N), the controller's weights of the phases.
        shares: (R, K, N, heads), how much enhancement attention looks at the phrase rather than at the box.
    """

    out: Tensor
    weights: Tensor
    shares: Tensor


class MIGCModule(nn.Module):
    """The grounding of one cross-attention layer."""

    def __init__(self, sizes: ModuleSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.ea = EnhancementAttention(sizes.channels, sizes.text_width, sizes.heads)
        self.la = LayoutAttention(sizes.channels, sizes.heads)
        self.norm = nn.LayerNorm(sizes.channels)
        self.sac = ShadingController(sizes)
        self.pos_net = PositionNet(sizes.box_features, sizes.box_hidden, sizes.text_width)

    @property
    def capacity(self) -> int:
        """The most things in one frame."""
        return self.sac.slots

    def prepare(self, pooled: Tensor, boxes: Tensor) -> EnhancementForm:
        """What depends on things alone: pooled phrases (R, K, T) and boxes (R, K, 4) as x1, y1, x2, y2."""
        tokens = self.pos_net(boxes[..., [0, 2, 1, 3]])
        return self.ea.prepare(torch.stack([pooled, tokens.to(pooled.dtype)], dim=-2))

    def forward(
        self,
        x: Tensor,
        whole: Tensor,
        things: Tensor,
        form: EnhancementForm,
        masks: PhaseMasks,
        present: Tensor,
        slots: Tensor,
        null_map: Tensor,
        scales: Scales = Scales(),  # noqa: B008 - immutable
    ) -> Rendering:
        """Grounds one layer.

        Args:
            x: (R, N, C), input of the cross-attention.
            whole: (R, N, C), its output for the frame's text.
            things: (R, K, N, C), its outputs for the things' phrases.
            form: from `prepare`.
            masks, present, slots, null_map: see `PhaseMasks` and `ShadingController`.
            scales: factors of the things.
        """
        enhanced, shares = self.ea(self.norm(x)[:, None], form)
        text = things if scales.text is None else things * scales.text[..., None, None]
        enhanced = enhanced if scales.enhancement is None else enhanced * scales.enhancement[..., None, None]
        instances = masks.things[..., None] * (text + enhanced)
        background = whole * masks.rest[..., None]
        template = self.la(x, masks.visible)
        phases = torch.cat([background[:, None], instances, template[:, None]], dim=1)
        channel = torch.cat([masks.rest[:, None], masks.things, torch.ones_like(masks.rest[:, None])], dim=1)
        out, weights = self.sac(phases, channel, present, slots, null_map, masks.size, scales.controller)
        return Rendering(out, weights, shares)
