"""Forms of layers that are cheaper on a CPU: the same functions up to float rounding."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.activations import GEGLU
from diffusers.models.attention import FeedForward
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn
from torch.nn.functional import conv2d, gelu, linear

PIECE = 512
"""Rows of a feed-forward layer at once: its hidden features stay in a core's cache, and below the size from which the C
library takes fresh pages from the system, zeroed, for each tensor."""


class PiecewiseFeedForward(FeedForward):  # type: ignore[misc]  # diffusers has no types
    """A gated feed-forward layer (GEGLU, Shazeer, 2020), `PIECE` rows at a time."""

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """(..., C) to (..., C)."""
        if torch.is_grad_enabled() and hidden_states.requires_grad:
            return super().forward(hidden_states, *args, **kwargs)
        gated, last = self.net[0].proj, self.net[2]
        (value, gate), (value_bias, gate_bias) = gated.weight.chunk(2), gated.bias.chunk(2)
        rows: Any = hidden_states.reshape(-1, hidden_states.shape[-1])
        out = rows.new_empty(len(rows), last.out_features)
        for piece, result in zip(rows.split(PIECE), out.split(PIECE), strict=True):
            hidden = linear(piece, value, value_bias).mul_(gelu(linear(piece, gate, gate_bias)))
            torch.addmm(last.bias, hidden, last.weight.T, out=result)
        return out.reshape(*hidden_states.shape[:-1], -1)


class SubpixelUpsample(Upsample2D):  # type: ignore[misc]
    """Nearest-neighbor upsampling by 2 and a 3x3 convolution, as 2x2 convolutions before the upsampling.

    Each of the four pixels that a pixel becomes depends on 2x2 pixels of the smaller map: the weights of rows and
    columns that fall on the same one are summed. It takes 4/9 of the arithmetic.
    """

    folded: Tensor

    def fold(self) -> None:
        """Sums the weights; call it once they are final."""
        halves = []
        for rows in _summed(self.conv.weight.float(), 2):
            halves += _summed(rows, 3)
        weight = torch.cat(halves).to(self.conv.weight.dtype)  # (4 * out, in, 2, 2)
        self.register_buffer("folded", weight.contiguous(memory_format=torch.channels_last), persistent=False)

    def forward(self, hidden_states: Tensor, output_size: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """(B, C, h, w) to (B, C', 2 h, 2 w), in channels-last memory."""
        height, width = hidden_states.shape[-2:]
        if output_size is not None and tuple(output_size) != (2 * height, 2 * width):
            return super().forward(hidden_states, output_size, *args, **kwargs)
        bias = None if self.conv.bias is None else self.conv.bias.repeat(4)
        parts: Any = conv2d(hidden_states, self.folded, bias, padding=1)
        parts = parts.unflatten(1, (2, 2, -1))  # rows and columns of the pixels that a pixel becomes
        shape = (len(parts), self.out_channels, 2 * height, 2 * width)
        out = torch.empty(shape, dtype=parts.dtype, memory_format=torch.channels_last)
        for y in (0, 1):
            for x in (0, 1):
                out[:, :, y::2, x::2] = parts[:, y, x, :, y : y + height, x : x + width]
        return out


def _summed(weight: Tensor, dim: int) -> list[Tensor]:
    """Of three taps along `dim` the two of the even pixels, and the two of the odd ones."""
    first, middle, last = weight.unbind(dim)
    return [torch.stack([first, middle + last], dim), torch.stack([first + middle, last], dim)]


def adapt(pipeline: Any) -> None:
    """Gives the layers of the UNet and of the VAE's decoder their forms for a CPU."""
    pipeline.vae.decoder.to(memory_format=torch.channels_last)
    for network in (pipeline.unet, pipeline.vae.decoder):
        for module in network.modules():
            _adapt(module)


def _adapt(module: Any) -> None:
    if type(module) is FeedForward and type(module.net[0]) is GEGLU and module.net[2].bias is not None:
        module.__class__ = PiecewiseFeedForward
    elif type(module) is Upsample2D and module.name == "conv" and _doubles(module):
        module.__class__ = SubpixelUpsample
        module.fold()


def _doubles(module: Any) -> bool:
    conv = module.conv
    plain = module.interpolate and module.norm is None and isinstance(conv, nn.Conv2d)
    return plain and conv.kernel_size == (3, 3) and conv.padding == (1, 1)
