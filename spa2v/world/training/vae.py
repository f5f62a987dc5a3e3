"""The first stage: an `AutoencoderKL` between pictures and latents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spa2v.core.runtime import Run
from spa2v.world.training.pictures import Pool
from spa2v.world.training.sheets import to_bytes, write_grid

KL_WEIGHT, EDGE_WEIGHT, COLOR_WEIGHT, CROP = 1e-5, 0.5, 3.0, 64
DECODER_NOISE = 0.05


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
    return vae


class VAEStage:
    """Learns to encode and decode single pictures.

    Args:
        vae: the network.
        pool: of pictures.
    """

    name = "vae"

    def __init__(self, vae: nn.Module, pool: Pool) -> None:
        self.vae: Any = vae
        self.pixels = pool.pixels.reshape(-1, *pool.pixels.shape[2:])

    def trained(self) -> nn.Module:
        return self.vae

    def loss(self, step: int, batch: int, run: Run) -> Tensor:
        """Error of the pixels (see `_error`), and a light pull of the latents to unit variance."""
        rng = run.rng(f"vae/{step}")
        pictures = to_signed(crops(self.pixels[rng.integers(len(self.pixels), size=batch)], rng)).to(run.device)
        posterior = self.vae.encode(pictures).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=run.torch_generator(f"vae/{step}"))
        seen = self.vae.decode(posterior.mean + posterior.std * noise.to(run.device)).sample
        return _error(seen, pictures) + KL_WEIGHT * _kl(posterior)

    def sheet(self, path: Path, run: Run) -> None:
        """Pictures over their reconstructions."""
        _write_sheet(path, self.vae, self.pixels, run)


class DecoderStage:
    """Goes on with the decoder alone, while the latents stay as they are: the base need not wait for it.

    Args:
        vae: its encoder is frozen.
        pool: of pictures.
        latents: of the pool, scaled, (clips, frames, C, h, w).
    """

    name = "decoder"

    def __init__(self, vae: Any, pool: Pool, latents: Tensor) -> None:
        self.vae = vae
        self.vae.decoder.requires_grad_(True)
        self.pixels = pool.pixels.reshape(-1, *pool.pixels.shape[2:])
        self.latents = latents.flatten(0, 1)

    def trained(self) -> nn.Module:
        return self.vae.decoder

    def loss(self, step: int, batch: int, run: Run) -> Tensor:
        """Error of pixels and of their differences, from latents with a little noise."""
        rng = run.rng(f"decoder/{step}")
        picks = rng.integers(len(self.pixels), size=batch)
        pictures = to_signed(self.pixels[picks]).to(run.device)
        latents = self.latents[torch.from_numpy(picks)].float() / self.vae.config.scaling_factor
        noise = torch.randn(latents.shape, generator=run.torch_generator(f"decoder/{step}"))
        seen = self.vae.decode((latents + DECODER_NOISE * noise).to(run.device)).sample
        return _error(seen, pictures)

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


def crops(pixels: np.ndarray[Any, Any], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """A square of each picture, at a place drawn for each: more steps for the same number of pixels."""
    side = min(CROP, *pixels.shape[1:3])
    tops, lefts = (rng.integers(0, size - side + 1, len(pixels)) for size in pixels.shape[1:3])
    return np.stack([one[y : y + side, x : x + side] for one, y, x in zip(pixels, tops, lefts, strict=True)])


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


def _kl(posterior: Any) -> Tensor:
    """Mean divergence of a latent from a unit normal, in nats."""
    return 0.5 * (posterior.mean**2 + posterior.var - 1.0 - posterior.logvar).mean()


@torch.no_grad()
def set_scaling(vae: Any, pixels: np.ndarray[Any, Any], device: torch.device) -> float:
    """Measures the spread of the latents of some pictures and sets `scaling_factor` so that it becomes 1."""
    means = [vae.encode(to_signed(chunk).to(device)).latent_dist.mean for chunk in np.array_split(pixels, 16)]
    factor = float(1.0 / torch.cat(means).std())
    vae.register_to_config(scaling_factor=factor)
    return factor


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
