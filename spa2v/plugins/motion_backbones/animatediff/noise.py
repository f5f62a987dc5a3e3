"""Initial noise: drawn on the CPU for each video alone, rearranged (FreeNoise), refined (FreeInit)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, fft

from spa2v.plugins.motion_backbones.animatediff.options import FreeInit


def draw(shape: Sequence[int], generators: Sequence[torch.Generator]) -> Tensor:
    """Noise of one video for each generator, (V, *shape), float32 on the CPU: the same on any device, in any batch."""
    return torch.stack([torch.randn(tuple(shape), generator=generator) for generator in generators])


def rearrange(noise: Tensor, context: int, stride: int, generators: Sequence[torch.Generator]) -> Tensor:
    """Noise of a long video from that of its first window (FreeNoise, Qiu et al., 2023).

    Beyond the first `context` frames, each run of `stride` frames has the noise of the `stride` frames one window
    before, shuffled, so that distant frames stay correlated.

    Args:
        noise: (V, C, F, h, w).
    """
    frames = noise.shape[2]
    rearranged = noise.clone()
    for video, generator in zip(rearranged, generators, strict=True):
        for start in range(context, frames, stride):
            count = min(stride, frames - start)
            source = start - context + torch.randperm(stride, generator=generator)[:count]
            video[:, start : start + count] = video[:, source].clone()
    return rearranged


def low_pass(shape: tuple[int, int, int], settings: FreeInit) -> Tensor:
    """The filter's gain over (frames, height, width), frequency 0 in the middle.

    The ideal filter passes squared distances up to twice the stop frequency, as in FreeInit's published code.
    """
    axes = [2 * torch.arange(n, dtype=torch.float64) / n - 1 for n in shape]
    t, y, x = torch.meshgrid(*axes, indexing="ij")
    t = t * (settings.spatial_stop / settings.temporal_stop)
    stop = settings.spatial_stop
    square = t**2 + y**2 + x**2
    if settings.filter == "ideal":
        return (square <= 2 * stop).float()
    if settings.filter == "gaussian":
        return torch.exp(-square / (2 * stop**2)).float()
    return (1 / (1 + (square / stop**2) ** settings.order)).float()


def refine(noised: Tensor, fresh: Tensor, settings: FreeInit) -> Tensor:
    """The low frequencies of `noised` (the last result, noised again), the high ones of `fresh`; (V, C, F, h, w)."""
    axes = (-3, -2, -1)
    gain = low_pass((noised.shape[2], noised.shape[3], noised.shape[4]), settings).to(noised.device)
    kept, new = (fft.fftshift(fft.fftn(x.float(), dim=axes), dim=axes) for x in (noised, fresh))
    mixed = fft.ifftshift(kept * gain + new * (1 - gain), dim=axes)
    return fft.ifftn(mixed, dim=axes).real
