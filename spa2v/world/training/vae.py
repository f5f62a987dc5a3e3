"""The first stage: an `AutoencoderKL` between pictures and latents. Its encoder is frozen from the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spa2v.core.runtime import Run
from spa2v.world.training.pictures import Pool
from spa2v.world.training.sheets import to_bytes, write_grid

EDGE_WEIGHT, COLOR_WEIGHT, CROP, NOISE = 0.5, 1.0, 16, 0.05


def make_vae(widths: tuple[int, ...], latent_channels: int) -> Any:
    """An untrained VAE that halves a picture once less than it has widths.

    Norms take all channels as one group: narrow groups would take the mean color out of every picture. Residual
    branches start at zero.
    """
    from diffusers import AutoencoderKL
    from diffusers.models.resnet import ResnetBlock2D

    levels = len(widths)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=widths,
        layers_per_block=1,
        latent_channels=latent_channels,
        norm_num_groups=1,
        mid_block_add_attention=False,
        sample_size=128,
    )
    for block in vae.modules():
        if isinstance(block, ResnetBlock2D):
            nn.init.zeros_(block.conv2.weight)
            nn.init.zeros_(block.conv2.bias)
    nn.init.eye_(vae.post_quant_conv.weight[..., 0, 0])
    nn.init.zeros_(vae.post_quant_conv.bias)
    return vae


class VAEStage:
    """Learns to decode; the encoder is given (see `patches`), so the base need not wait for this stage.

    Args:
        vae: the network.
        pool: of pictures.
        latents: of the pool, scaled, (clips, frames, C, h, w).
    """

    name = "vae"

    def __init__(self, vae: Any, pool: Pool, latents: Tensor) -> None:
        self.vae = vae
        self.vae.decoder.requires_grad_(True)
        self.pixels = pool.pixels.reshape(-1, *pool.pixels.shape[2:])
        self.latents = latents.flatten(0, 1)

    def trained(self) -> nn.Module:
        return self.vae.decoder

    def loss(self, step: int, batch: int, run: Run) -> Tensor:
        """Error of pixels and of their differences, from latents with a little noise."""
        rng = run.rng(f"vae/{step}")
        pictures, latents = self._crops(rng.integers(len(self.pixels), size=batch), rng)
        noise = torch.randn(latents.shape, generator=run.torch_generator(f"vae/{step}"))
        noisy = (latents + NOISE * noise).to(run.device) / self.vae.config.scaling_factor
        return _error(self.vae.decode(noisy).sample, pictures.to(run.device))

    def _crops(self, picks: np.ndarray[Any, Any], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """A square of each picture and its latents: more steps for the same number of pixels."""
        factor = self.pixels.shape[1] // self.latents.shape[2]
        side = min(CROP, *self.latents.shape[2:])
        tops, lefts = (rng.integers(0, size - side + 1, len(picks)) for size in self.latents.shape[2:])
        places = list(zip(picks, tops * factor, lefts * factor, strict=True))
        pixels = [self.pixels[i, y : y + side * factor, x : x + side * factor] for i, y, x in places]
        cells = [self.latents[i, :, y : y + side, x : x + side] for i, y, x in zip(picks, tops, lefts, strict=True)]
        return to_signed(np.stack(pixels)), torch.stack(cells).float()

    def sheet(self, path: Path, run: Run) -> None:
        """Pictures over their reconstructions."""
        _write_sheet(path, self.vae, self.pixels, run)


def _write_sheet(path: Path, vae: Any, pixels: np.ndarray[Any, Any], run: Run) -> None:
    pictures = to_signed(pixels[run.rng("vae/sheet").integers(len(pixels), size=12)]).to(run.device)
    again = vae.decode(vae.encode(pictures).latent_dist.mean).sample
    write_grid(path, [to_bytes(pictures[:6]), to_bytes(again[:6]), to_bytes(pictures[6:]), to_bytes(again[6:])])


def to_signed(pixels: np.ndarray[Any, Any]) -> Tensor:
    """uint8 (B, H, W, 3) to float32 (B, 3, H, W) in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def _error(seen: Tensor, pictures: Tensor) -> Tensor:
    """Mean absolute error of pixels, of their colors without the brightness, and of differences between neighbors.

    Most of a picture is gray; without a weight of their own, colors are learned long after everything else.
    """
    d = seen - pictures
    color = (d - d.mean(dim=1, keepdim=True)).abs().mean()
    return d.abs().mean() + COLOR_WEIGHT * color + EDGE_WEIGHT * _edges(seen, pictures)


def _edges(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute error of the differences between neighbors, along both axes."""
    d = a - b
    return (d[..., 1:, :] - d[..., :-1, :]).abs().mean() + (d[..., :, 1:] - d[..., :, :-1]).abs().mean()


@torch.no_grad()
def encode_pool(vae: Any, pool: Pool, run: Run, chunk: int = 64) -> Tensor:
    """Scaled latents of a pool, float16 on the CPU, (clips, frames, channels, h, w)."""
    flat = pool.pixels.reshape(-1, *pool.pixels.shape[2:])
    parts = []
    with run.progress("encoding", len(flat)) as tick:
        for start in range(0, len(flat), chunk):
            posterior = vae.encode(to_signed(flat[start : start + chunk]).to(run.device)).latent_dist
            parts.append((posterior.mean * vae.config.scaling_factor).half().cpu())
            tick(len(parts[-1]))
    latents = torch.cat(parts)
    return latents.reshape(*pool.pixels.shape[:2], *latents.shape[1:])


@torch.no_grad()
def decode(vae: Any, latents: Tensor, chunk: int = 32) -> np.ndarray[Any, Any]:
    """Scaled latents (B, C, h, w) to uint8 pictures (B, H, W, 3)."""
    parts = [to_bytes(vae.decode(part / vae.config.scaling_factor).sample) for part in torch.split(latents, chunk)]
    return np.concatenate(parts)
