"""Initial noise: drawn on the CPU for each video alone, rearranged by FreeNoise, refined by FreeInit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, fft

from spa2v.core.errors import ConfigError

FILTERS = ("butterworth", "gaussian", "ideal")


def draw(shape: Sequence[int], generators: Sequence[torch.Generator]) -> Tensor:
    """Noise of one video for each generator, (V, *shape), float32 on the CPU: the same whatever device and batch."""
    return torch.stack([torch.randn(tuple(shape), generator=generator) for generator in generators])


def rearrange(noise: Tensor, context: int, stride: int, generators: Sequence[torch.Generator]) -> Tensor:
    """Noise of a long video from that of its first window (FreeNoise, Qiu et al., 2023).

    Beyond the first `context` frames, each run of `stride` frames holds the noise of `stride` frames one window before,
    in a new order: far frames stay correlated.

    Args:
        noise: (V, C, F, h, w).
    """
    frames = noise.shape[2]
    made = noise.clone()
    for video, generator in zip(made, generators, strict=True):
        for start in range(context, frames, stride):
            count = min(stride, frames - start)
            source = start - context + torch.randperm(stride, generator=generator)[:count]
            video[:, start : start + count] = video[:, source].clone()
    return made


@dataclass(frozen=True)
class FreeInit:
    """Settings of FreeInit (Wu et al., 2023): sample several times, each time keeping the low frequencies of the last.

    Args:
        iterations: passes in all.
        filter: "butterworth", "gaussian" or "ideal".
        order: of the Butterworth filter.
        spatial_stop, temporal_stop: stop frequencies, 0..1.
    """

    iterations: int = 3
    filter: str = "butterworth"
    order: int = 4
    spatial_stop: float = 0.25
    temporal_stop: float = 0.25

    def __post_init__(self) -> None:
        if self.filter not in FILTERS:
            raise ConfigError(f"free_init.filter: {self.filter!r}", f"expected one of: {', '.join(FILTERS)}")
        if self.iterations < 1 or not (0 < self.spatial_stop <= 1 and 0 < self.temporal_stop <= 1):
            raise ConfigError("free_init: expected iterations of at least 1 and stop frequencies above 0, at most 1")


def low_pass(shape: tuple[int, int, int], settings: FreeInit) -> Tensor:
    """The filter's gain over (frames, height, width), frequency 0 in the middle."""
    axes = [2 * torch.arange(n, dtype=torch.float64) / n - 1 for n in shape]
    t, y, x = torch.meshgrid(*axes, indexing="ij")
    t = t * (settings.spatial_stop / settings.temporal_stop)
    stop = settings.spatial_stop
    square = t**2 + y**2 + x**2
    if settings.filter == "ideal":
        return (square <= stop**2).float()
    if settings.filter == "gaussian":
        return torch.exp(-square / (2 * stop**2)).float()
    return (1 / (1 + (square / stop**2) ** settings.order)).float()


def refine(noised: Tensor, fresh: Tensor, settings: FreeInit) -> Tensor:
    """Low frequencies of `noised` (the last result, noised again) with the high ones of `fresh`; (V, C, F, h, w)."""
    axes = (-3, -2, -1)
    gain = low_pass((noised.shape[2], noised.shape[3], noised.shape[4]), settings).to(noised.device)
    kept, new = (fft.fftshift(fft.fftn(x.float(), dim=axes), dim=axes) for x in (noised, fresh))
    mixed = fft.ifftshift(kept * gain + new * (1 - gain), dim=axes)
    return fft.ifftn(mixed, dim=axes).real
