"""The first stage: an `AutoencoderKL` between pictures and latents."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from spa2v.core.runtime import Run
from spa2v.training.pictures import Pool
from spa2v.training.sheets import to_bytes, write_grid

EDGE_WEIGHT, COLOR_WEIGHT, KL_WEIGHT, NOISE = 1.0, 1.0, 3e-4, 0.1
MEASURED = 256


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
        sample_size=256,
    )
    for block in vae.modules():
        if isinstance(block, ResnetBlock2D):
            nn.init.zeros_(block.conv2.weight)
            nn.init.zeros_(block.conv2.bias)
    return vae


class Drawn(NamedTuple):
    """Pictures (B, 3, H, W) in -1..1, and noise for their latents (2, B, C, h, w)."""

    pictures: Tensor
    noise: Tensor


class VAEStage:
    """Learns to encode and decode.

    Args:
        vae: the network.
        pools: of pictures.
    """

    name = "vae"

    def __init__(self, vae: Any, pools: list[Pool]) -> None:
        self.vae = vae.requires_grad_(True)
        self.pixels = [pool.pixels.reshape(-1, *pool.pixels.shape[2:]) for pool in pools]
        self.factor = 2 ** (len(vae.config.block_out_channels) - 1)

    def trained(self) -> nn.Module:
        return self.vae

    def batch(self, step: int, size: int, run: Run) -> Drawn:
        """Pictures, half of them mirrored."""
        rng = run.rng(f"vae/{step}")
        chosen = np.stack([self._picture(int(i)) for i in rng.integers(sum(map(len, self.pixels)), size=size)])
        mirrored = rng.random(size) < 0.5
        chosen[mirrored] = chosen[mirrored][:, :, ::-1]
        height, width = chosen.shape[1] // self.factor, chosen.shape[2] // self.factor
        shape = (2, size, self.vae.config.latent_channels, height, width)
        return Drawn(to_signed(chosen), torch.randn(shape, generator=run.torch_generator(f"vae/{step}")))

    def _picture(self, index: int) -> np.ndarray[Any, Any]:
        for pixels in self.pixels:
            if index < len(pixels):
                return pixels[index]
            index -= len(pixels)
        raise IndexError(index)

    def loss(self, batch: Drawn, run: Run) -> Tensor:
        """Error of pixels, colors and edges through noisy latents, and the divergence from unit variance.

        Beside the posterior's own noise there is noise of a tenth of the latents' spread, as a denoiser leaves it.
        """
        pictures, noise = (part.to(run.device, non_blocking=True) for part in batch)
        posterior = self.vae.encode(pictures).latent_dist
        spread = posterior.mean.detach().std()
        latents = posterior.mean + posterior.std * noise[0] + NOISE * spread * noise[1]
        kl = 0.5 * (posterior.mean**2 + posterior.var - 1.0 - posterior.logvar).mean()
        return _error(self.vae.decode(latents).sample, pictures) + KL_WEIGHT * kl

    def sheet(self, path: Path, run: Run) -> None:
        """Pictures over their reconstructions."""
        picks = run.rng("vae/sheet").integers(len(self.pixels[0]), size=12)
        pictures = to_signed(self.pixels[0][np.sort(picks)]).to(run.device)
        again = self.vae.decode(self.vae.encode(pictures).latent_dist.mean).sample
        write_grid(path, [to_bytes(pictures[:6]), to_bytes(again[:6]), to_bytes(pictures[6:]), to_bytes(again[6:])])


def to_signed(pixels: np.ndarray[Any, Any], device: torch.device | str = "cpu") -> Tensor:
    """uint8 (B, H, W, 3) to float32 (B, 3, H, W) in -1..1."""
    return torch.from_numpy(np.array(pixels)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def _error(seen: Tensor, pictures: Tensor) -> Tensor:
    """Mean absolute error of pixels, of their colors without the brightness, and of differences between neighbors.

    Most of a picture is gray; without a weight of their own, colors are learned long after everything else. Edges count
    at three sizes.
    """
    d = seen.float() - pictures
    color = (d - d.mean(dim=1, keepdim=True)).abs().mean()
    edges = sum(_edges(avg_pool2d(d, size) if size > 1 else d) for size in (1, 2, 4))
    return d.abs().mean() + COLOR_WEIGHT * color + EDGE_WEIGHT / 3 * edges


def _edges(d: Tensor) -> Tensor:
    """Mean absolute difference between neighbors, along both axes."""
    return (d[..., 1:, :] - d[..., :-1, :]).abs().mean() + (d[..., :, 1:] - d[..., :, :-1]).abs().mean()


@torch.no_grad()
def spread_of(vae: Any, pool: Pool, run: Run) -> float:
    """Standard deviation of the latents of some pictures, all channels together."""
    pixels = pool.pixels.reshape(-1, *pool.pixels.shape[2:])[:MEASURED]
    parts = [vae.encode(to_signed(part, run.device)).latent_dist.mean for part in _chunks(pixels, 32)]
    return float(torch.cat(parts).float().std())


@torch.no_grad()
def encode_pool(vae: Any, pool: Pool, run: Run, chunk: int = 128) -> Tensor:
    """Scaled latents of a pool, float16 on the CPU, (clips, frames, channels, h, w)."""
    flat = pool.pixels.reshape(-1, *pool.pixels.shape[2:])
    parts = []
    with run.progress("encoding", len(flat)) as tick:
        for pixels in _chunks(flat, chunk):
            with run.accelerator.autocast():
                posterior = vae.encode(to_signed(pixels, run.device)).latent_dist
            parts.append((posterior.mean * vae.config.scaling_factor).half().cpu())
            tick(len(parts[-1]))
    latents = torch.cat(parts)
    return latents.reshape(*pool.pixels.shape[:2], *latents.shape[1:])


def _chunks(pixels: np.ndarray[Any, Any], size: int) -> list[np.ndarray[Any, Any]]:
    return [pixels[start : start + size] for start in range(0, len(pixels), size)]


@torch.no_grad()
def decode(vae: Any, latents: Tensor, chunk: int = 32) -> np.ndarray[Any, Any]:
    """Scaled latents (B, C, h, w) to uint8 pictures (B, H, W, 3)."""
    parts = [to_bytes(vae.decode(part / vae.config.scaling_factor).sample) for part in torch.split(latents, chunk)]
    return np.concatenate(parts)
