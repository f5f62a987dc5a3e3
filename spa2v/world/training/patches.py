"""The encoder in closed form: principal components of 4 x 4 patches, written into the weights of an `AutoencoderKL`.

A trained encoder spends most of a small budget on brightness before it finds color. The components are optimal among
linear encoders from the first step on, so that only the decoder has to learn, and the denoiser need not wait for it.
The network computes them exactly: its residual branches are zero, every channel comes with its negative (so that norms
have no mean to take out, and silu(x) - silu(-x) = x), and two constant channels keep the norm's gain the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spa2v.core.media.files import atomic_path

FACTOR, CONSTANT, SURE = 4, 20.0, -20.0
COLOR_SCALE, WHITENING, MOST_PICTURES = 1.5, 0.5, 1000


@dataclass(frozen=True, eq=False)
class Components:
    """A linear map of patches.

    Args:
        weights: (C, 4, 4, 3), rows, columns, colors of -1..1.
        offsets: (C,).
        spread: standard deviation of all latents together.
    """

    weights: NDArray[np.float64]
    offsets: NDArray[np.float64]
    spread: float = 1.0

    def write(self, path: Path) -> None:
        """Keeps the map in a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as target, open(target, "wb") as file:
            np.savez(file, weights=self.weights, offsets=self.offsets, spread=np.float64(self.spread))

    @classmethod
    def read(cls, path: Path) -> Components:
        """The map in a file."""
        with np.load(path, allow_pickle=False) as data:
            return cls(data["weights"], data["offsets"], float(data["spread"]))

    def latents(self, pixels: NDArray[np.uint8]) -> Tensor:
        """uint8 (B, H, W, 3) to float32 (B, C, H / 4, W / 4)."""
        b, h, w, _ = pixels.shape
        patches = pixels.reshape(b, h // FACTOR, FACTOR, w // FACTOR, FACTOR, 3).transpose(0, 1, 3, 2, 4, 5)
        flat = patches.reshape(b, h // FACTOR, w // FACTOR, -1).astype(np.float32) / 127.5 - 1.0
        mapped = flat @ self.weights.reshape(len(self.weights), -1).T.astype(np.float32)
        return torch.from_numpy((mapped + self.offsets.astype(np.float32)).transpose(0, 3, 1, 2)).contiguous()


def principal_components(pixels: NDArray[np.uint8], count: int) -> Components:
    """The strongest components of the patches of some pictures (B, H, W, 3), strongest first, partly whitened.

    Differences of color count `COLOR_SCALE` times as much as those of brightness.
    """
    chosen = pixels[:MOST_PICTURES]
    b, h, w, _ = chosen.shape
    patches = chosen.reshape(b, h // FACTOR, FACTOR, w // FACTOR, FACTOR, 3).transpose(0, 1, 3, 2, 4, 5)
    flat = patches.reshape(-1, 3).astype(np.float64) / 127.5 - 1.0
    mixing = np.eye(3) * COLOR_SCALE + (1 - COLOR_SCALE) * np.ones((3, 3)) / 3  # keeps brightness, scales color
    weighted = (flat @ mixing).reshape(-1, FACTOR * FACTOR * 3)
    mean = weighted.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((weighted - mean).T))
    strongest = vectors[:, ::-1][:, :count] / np.sqrt(values[::-1][:count]) ** WHITENING  # (48, C)
    strongest = strongest * np.sign(strongest.sum(axis=0) + 1e-12)
    weights = (strongest.T.reshape(count, -1, 3) @ mixing).reshape(count, FACTOR, FACTOR, 3)
    made = Components(weights, -(mean @ strongest))
    return replace(made, spread=float(made.latents(chosen).std()))


@torch.no_grad()
def write_encoder(vae: Any, components: Components) -> None:
    """Makes the encoder of a VAE with three levels, one resnet each, compute the components.

    Its norms must have one group and its residual branches must be zero (see `make_vae`).
    """
    count = len(components.weights)
    encoder: Any = vae.encoder
    first, second, third = encoder.down_blocks
    rest: list[Any] = [encoder.conv_in, first.downsamplers[0].conv, second.downsamplers[0].conv]
    rest += [second.resnets[0].conv_shortcut, third.resnets[0].conv_shortcut, encoder.conv_out, vae.quant_conv]
    for layer in rest:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    for color in range(3):
        encoder.conv_in.weight[color, color, 1, 1] = 1.0
    for color in range(3):  # a 2 x 2 patch into channels: row, column, color
        for y in range(2):
            for x in range(2):
                first.downsamplers[0].conv.weight[6 * y + 3 * x + color, color, y, x] = 1.0
    for channel in range(12):
        second.resnets[0].conv_shortcut.weight[channel, channel, 0, 0] = 1.0
    _write_components(second.downsamplers[0].conv, components)
    last = third.resnets[0].conv_shortcut
    width = last.weight.shape[0]
    for channel in range(count):
        last.weight[channel, channel, 0, 0], last.weight[count + channel, channel, 0, 0] = 1.0, -1.0
    last.bias[width - 2], last.bias[width - 1] = CONSTANT, -CONSTANT
    gain = CONSTANT * (2.0 / width) ** 0.5  # what the norm divides by, but for the picture's own small part
    for channel in range(count):
        encoder.conv_out.weight[channel, channel, 1, 1] = gain
        encoder.conv_out.weight[channel, count + channel, 1, 1] = -gain
    encoder.conv_out.bias[count:] = SURE  # the logarithm of the variance
    for channel in range(2 * count):
        vae.quant_conv.weight[channel, channel, 0, 0] = 1.0


def _write_components(layer: nn.Conv2d, components: Components) -> None:
    """The second halving: from the channels of 2 x 2 patches to components of 4 x 4 patches."""
    weights = torch.from_numpy(components.weights).to(layer.weight)
    for y in range(FACTOR):
        for x in range(FACTOR):
            for color in range(3):
                channel = 6 * (y % 2) + 3 * (x % 2) + color
                layer.weight[: len(weights), channel, y // 2, x // 2] = weights[:, y, x, color]
    assert layer.bias is not None
    layer.bias[: len(weights)] = torch.from_numpy(components.offsets).to(layer.bias)
