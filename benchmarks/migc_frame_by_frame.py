"""MIGC the slow way: one frame at a time, all of it computed again at every call, as the released code works.

Written from the published maths for comparison: `bench_grounding` times it, and checks that it gives the same values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, linear

from spa2v.plugins.grounding_injectors.migc.modules import MIGCModule


def attention(attn: Any, x: Tensor, text: Tensor) -> Tensor:
    """The layer's cross-attention with the probabilities written out: x (B, N, C), text (B, L, T)."""
    query, key, value = attn.to_q(x), attn.to_k(text), attn.to_v(text)
    return attn.to_out[0](_attend(query, key, value, attn.heads, None))


def _attend(query: Tensor, key: Tensor, value: Tensor, heads: int, bias: Tensor | None) -> Tensor:
    def split(t: Tensor) -> Tensor:
        batch, tokens, width = t.shape
        return t.reshape(batch, tokens, heads, width // heads).permute(0, 2, 1, 3).reshape(batch * heads, tokens, -1)

    q, k, v = split(query), split(key), split(value)
    logits = q @ k.transpose(1, 2) * q.shape[-1] ** -0.5
    seen = (logits if bias is None else logits + bias).softmax(dim=-1) @ v
    batch, tokens, _ = query.shape
    return seen.reshape(batch, heads, tokens, -1).permute(0, 2, 1, 3).reshape(batch, tokens, -1)


def masks(boxes: Sequence[Sequence[float]], pixels: tuple[int, int], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Masks of the instances (K, H, W) and the background (H, W), through arrays of pixels."""
    height, width = pixels
    painted = np.zeros((len(boxes), height, width), dtype=np.float32)
    for mask, (x1, y1, x2, y2) in zip(painted, boxes, strict=True):
        mask[int(height * y1) : int(height * y2), int(width * x1) : int(width * x2)] = 1.0
    rest = 1.0 - np.clip(painted.sum(axis=0), 0, 1)
    both = torch.from_numpy(np.concatenate([painted, rest[None]]))[None]
    for target in ((height // 8, width // 8), size):
        both = interpolate(both, target, mode="bilinear")
    return both[0, :-1], both[0, -1]


def enhancement(module: MIGCModule, x: Tensor, pooled: Tensor, boxes: Tensor) -> Tensor:
    """Attention of K copies of the normalized frame to two tokens each: (K, N, C)."""
    ea = module.ea
    tokens = torch.stack([pooled, module.pos_net(boxes[:, [0, 2, 1, 3]])], dim=1)
    query = ea.to_q(module.norm(x).expand(len(boxes), -1, -1))
    return ea.to_out[0](_attend(query, ea.to_k(tokens), ea.to_v(tokens), ea.heads, None))


def template(module: MIGCModule, x: Tensor, phases: Tensor) -> Tensor:
    """Layout attention with a float mask for each head: x (1, N, C), phases (P, N)."""
    la = module.la
    allowed = (phases[:, :, None] * phases[:, None, :] > 0).any(dim=0)
    nothing = torch.zeros(allowed.shape, device=x.device)
    bias = nothing.masked_fill(~allowed, -torch.finfo(torch.float32).max).repeat(la.heads, 1, 1)
    return la.to_out[0](_attend(la.to_q(x), la.to_k(x), la.to_v(x), la.heads, bias))


def frame(
    module: MIGCModule,
    attn: Any,
    x: Tensor,
    text: Tensor,
    pooled: Tensor,
    boxes: Sequence[Sequence[float]],
    pixels: tuple[int, int],
    size: tuple[int, int],
) -> Tensor:
    """One frame: x (2, N, C), uncond row first; text (2 + K, L, T), negative, global, instances; pooled (K, T)."""
    count = len(boxes)
    queries = torch.cat([x[:1], x[1:].expand(count + 1, -1, -1)])
    plain = attention(attn, queries, text)
    things, rest = (part.to(x) for part in masks(boxes, pixels, size))
    things, rest = things.flatten(1), rest.flatten()
    enhanced = enhancement(module, x[1:], pooled, torch.tensor(boxes, dtype=torch.float32, device=x.device))
    instances = things[..., None] * (plain[2:] + enhanced)
    drawn = template(module, x[1:], torch.cat([things, rest[None]]))
    null = torch.zeros_like(drawn)
    phases = torch.cat([(plain[1] * rest[:, None])[None], instances, drawn, null])
    channel = torch.cat([rest[None], things, torch.ones_like(rest)[None], torch.zeros_like(rest)[None]])
    return torch.stack([plain[0], _shaded(module, phases, channel, count, size)])


def _shaded(module: MIGCModule, phases: Tensor, channel: Tensor, count: int, size: tuple[int, int]) -> Tensor:
    """The controller over all phases, the null phase among them; identity order of slots."""
    sac = module.sac
    stacked = torch.cat([phases, channel[..., None]], dim=-1)
    mixed = linear(stacked, sac.conv1.weight.flatten(1), sac.conv1.bias)
    maps = linear(sac.cbam1(mixed, size), sac.conv2.weight.flatten(1), sac.conv2.bias)[..., 0]
    empty = maps[-1:].expand(sac.slots - count, -1)
    row = torch.cat([maps[:1], maps[1 : 1 + count], empty, maps[1 + count : 2 + count]])
    gated = sac.cbam2(row.T[None], size)[0].T
    weights = torch.cat([gated[: 1 + count], gated[-1:]]).softmax(dim=0)
    return (weights[..., None] * phases[:-1]).sum(dim=0)
