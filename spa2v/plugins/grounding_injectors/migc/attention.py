"""The attentions of MIGC and its box tokens (Zhou et al., CVPR 2024).

Attribute names are those of the released checkpoints, so that state dicts load strictly. Shapes: R rows (frames of all
videos), K things (padded), N = H x W cells, C channels, T text width.
"""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

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

    def forward(self, x: Tensor, form: EnhancementForm, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Attends x (..., N, C) to both tokens.

        Returns:
            The output times mask (..., N), if there is one, (..., N, C); the first token's share, (..., N, heads).
        """
        share = torch.sigmoid(x @ form.query.transpose(-1, -2))
        scale = torch.ones_like(share[..., :1]) if mask is None else mask[..., None]
        factors = torch.cat([share * scale, scale], dim=-1)  # the constant rides along as one more head
        return factors @ torch.cat([form.value, form.constant.unsqueeze(-2)], dim=-2), share


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
