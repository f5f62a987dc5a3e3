"""The networks of MIGC for one cross-attention layer (Zhou et al., CVPR 2024), batched over frames and instances.

Attribute names are those of the released checkpoints, so that state dicts load strictly. Shapes: R rows (frames of all
videos), K instances (padded), N = H x W attention cells (positions of the feature map), C channels, T text width.

Each row has K + 2 shadings (N, C): the background, one of each instance, and the template of layout attention. The
shading aggregation controller weights and sums them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from spa2v.plugins.grounding_injectors.migc.masks import ShadingMasks

TEMPERATURE = 100.0


class ModuleSizes(NamedTuple):
    """The sizes of one module; all but the heads can be read off its tensors."""

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
    """Embeds a box as one token of text width. The order of coordinates is x1, x2, y1, y2."""

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

    softmax over two keys is a sigmoid of one logit per head: EA(q) = constant + sum_h sigmoid(q . query_h) * value_h.
    Shapes: query and value (..., heads, C), constant (..., C).
    """

    query: Tensor
    value: Tensor
    constant: Tensor


class EnhancementAttention(nn.Module):
    """Cross-attention of the feature map to two tokens of an instance: its phrase and its box."""

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

    def forward(self, x: Tensor, form: EnhancementForm, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Attends x (..., N, C) to both tokens.

        Returns:
            The output times mask (..., N), if there is one, (..., N, C); the weight of the phrase, (..., N, heads).
        """
        phrase = torch.sigmoid(x @ form.query.transpose(-1, -2))
        scale = torch.ones_like(phrase[..., :1]) if mask is None else mask[..., None]
        factors = torch.cat([phrase * scale, scale], dim=-1)  # the constant is treated as one more head
        return factors @ torch.cat([form.value, form.constant.unsqueeze(-2)], dim=-2), phrase


class LayoutAttention(nn.Module):
    """Self-attention between cells that share an instance, or the background."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(channels, channels, bias=False)
        self.to_v = nn.Linear(channels, channels, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        """x (R, N, C) to the same; visible (R, 1, N, N) is bool, or added to the logits."""
        query, key, value = (split_heads(layer(x), self.heads) for layer in (self.to_q, self.to_k, self.to_v))
        attended = scaled_dot_product_attention(query, key, value, attn_mask=visible)
        return self.to_out[0](merge_heads(attended))


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

    def gate(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """The weight of each cell: (B, N, C) to (B, N)."""
        pooled = torch.stack([x.amax(dim=-1), x.mean(dim=-1)], dim=1).reshape(-1, 2, *size)
        return torch.sigmoid(self.spatial.conv(pooled)).flatten(1)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, N, C) to the same, each cell weighted."""
        return x * self.gate(x, size)[..., None]


class CBAM(nn.Module):
    """Convolutional block attention module (Woo et al., ECCV 2018): a gate over channels, then one over cells."""

    def __init__(self, channels: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.ChannelGate = _ChannelGate(channels, hidden)
        self.SpatialGate = _SpatialGate(kernel)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, N, C) to the same; N = H x W of `size`."""
        return self.SpatialGate(self.ChannelGate(x), size)


class ShadingController(nn.Module):
    """Shading aggregation controller: weights the shadings of a row at each cell.

    A slot without an instance has the map of the null shading (features and mask 0), which takes part in the gates but
    not in the softmax.
    """

    def __init__(self, sizes: ModuleSizes) -> None:
        super().__init__()
        self.slots = sizes.slots - 2
        self.conv1 = nn.Conv2d(sizes.channels + 1, sizes.channels, 1)
        self.cbam1 = CBAM(sizes.channels, sizes.reduced, sizes.kernel)
        self.conv2 = nn.Conv2d(sizes.channels, 1, 1)
        self.cbam2 = CBAM(sizes.slots, sizes.slot_hidden, sizes.slot_kernel)

    def maps(self, x: Tensor, mask: Tensor, size: tuple[int, int]) -> Tensor:
        """One map for each shading: x (B, N, C) and mask (B, N) to (B, N). The 1x1 convolutions run as products."""
        weight = self.conv1.weight.flatten(1)  # (C, C+1), the last column is for the mask
        mixed = linear(x, weight[:, :-1], self.conv1.bias)
        mixed = self.cbam1.ChannelGate(torch.addcmul(mixed, mask[..., None], weight[:, -1]))
        # the gate of a cell is a scalar, so it may follow the convolution to one channel
        map_of = (mixed @ self.conv2.weight.flatten(1).T).squeeze(-1)
        return map_of * self.cbam1.SpatialGate.gate(mixed, size) + self.conv2.bias

    def null_map(self, size: tuple[int, int]) -> Tensor:
        """The map of the null shading, (N,). Depends on the weights and the size only."""
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
        """Sums the shadings by their weights.

        Args:
            x: (R, K+2, N, C): background, instances, template.
            mask: (R, K+2, N), the mask of each shading.
            present: bool (R, K), which instances are present.
            slots: int64 (K,), the slot of each instance.
            null_map: (N,), from `null_map`.
            size: (H, W).
            scale: (R, K) factors of the instances' maps, or None.

        Returns:
            The sum (R, N, C) and the weights (R, K+2, N).
        """
        rows, shadings = mask.shape[:2]
        maps = self.maps(x.flatten(0, 1), mask.flatten(0, 1), size).reshape(rows, shadings, -1)
        middle = null_map.expand(rows, self.slots, -1).clone()
        middle[:, slots] = maps[:, 1:-1]
        stacked = torch.cat([maps[:, :1], middle, maps[:, -1:]], dim=1)  # (R, slots + 2, N)
        gated = self.cbam2(stacked.transpose(1, 2), size).transpose(1, 2)
        instances = gated[:, 1:-1][:, slots]
        if scale is not None:
            instances = instances * scale[..., None]
        instances = instances.masked_fill(~present[..., None], -torch.inf)
        logits = torch.cat([gated[:, :1], instances, gated[:, -1:]], dim=1)
        weights = logits.float().softmax(dim=1).to(x.dtype)
        total = weights[:, 0, :, None] * x[:, 0]
        for k in range(1, shadings):  # one by one: no weighted copy of all shadings
            total = torch.addcmul(total, weights[:, k, :, None], x[:, k])
        return total, weights


class Scales(NamedTuple):
    """Factors of each instance, (R, K) or None for 1: text attention, enhancement attention, controller maps."""

    text: Tensor | None = None
    enhancement: Tensor | None = None
    controller: Tensor | None = None


class Grounded(NamedTuple):
    """The result of a module.

    Attributes:
        out: (R, N, C), in place of the cross-attention's output.
        weights: (R, K+2, N), the controller's weights of the shadings.
        phrase: (R, K, N, heads), the enhancement attention's weight of the phrase; the box has the rest.
    """

    out: Tensor
    weights: Tensor
    phrase: Tensor


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
        """The maximum number of instances in one frame."""
        return self.sac.slots

    def prepare(self, pooled: Tensor, boxes: Tensor) -> EnhancementForm:
        """The part that depends on the instances alone: pooled phrases (R, K, T), boxes (R, K, 4) as x1, y1, x2, y2."""
        tokens = self.pos_net(boxes[..., [0, 2, 1, 3]])
        return self.ea.prepare(torch.stack([pooled, tokens.to(pooled.dtype)], dim=-2))

    def forward(
        self,
        x: Tensor,
        frame: Tensor,
        phrases: Tensor,
        form: EnhancementForm,
        masks: ShadingMasks,
        present: Tensor,
        slots: Tensor,
        null_map: Tensor,
        scales: Scales = Scales(),  # noqa: B008 - immutable
    ) -> Grounded:
        """Grounds one layer.

        Args:
            x: (R, N, C), input of the cross-attention.
            frame: (R, N, C), its output for the frame's prompt.
            phrases: (R, K, N, C), its outputs for the instances' phrases.
            form: from `prepare`.
            masks, present, slots, null_map: see `ShadingMasks` and `ShadingController`.
            scales: factors of the instances.
        """
        text, enhancement = (
            masks.instances if factor is None else masks.instances * factor[..., None]
            for factor in (scales.text, scales.enhancement)
        )
        enhanced, phrase = self.ea(self.norm(x)[:, None], form, enhancement)
        instances = torch.addcmul(enhanced, text[..., None], phrases)
        background = frame * masks.background[..., None]
        template = self.la(x, masks.visible)
        shadings = torch.cat([background[:, None], instances, template[:, None]], dim=1)
        rest = masks.background[:, None]
        mask = torch.cat([rest, masks.instances, torch.ones_like(rest)], dim=1)
        out, weights = self.sac(shadings, mask, present, slots, null_map, masks.size, scales.controller)
        return Grounded(out, weights, phrase)
