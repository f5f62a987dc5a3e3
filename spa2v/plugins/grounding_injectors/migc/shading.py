"""The shading aggregation controller of MIGC, and the gates inside it. Names and shapes as in `migc_attention`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spa2v.plugins.grounding_injectors.migc.sizes import ModuleSizes


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
    """Convolutional block attention (Woo et al., ECCV 2018): a gate over channels, then one over cells."""

    def __init__(self, channels: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.ChannelGate = _ChannelGate(channels, hidden)
        self.SpatialGate = _SpatialGate(kernel)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, N, C) to the same; N = H x W of `size`."""
        return self.SpatialGate(self.ChannelGate(x), size)


class ShadingController(nn.Module):
    """Shading aggregation controller: decides, cell by cell, how much of each phase to take.

    Phases of a row are the whole picture, its things, and the template of layout attention. A slot without a thing
    holds the map of the null phase (all zeros in, mask 0), which takes part in the gates but not in the softmax.
    """

    def __init__(self, sizes: ModuleSizes) -> None:
        super().__init__()
        self.slots = sizes.slots - 2
        self.conv1 = nn.Conv2d(sizes.channels + 1, sizes.channels, 1)
        self.cbam1 = CBAM(sizes.channels, sizes.reduced, sizes.kernel)
        self.conv2 = nn.Conv2d(sizes.channels, 1, 1)
        self.cbam2 = CBAM(sizes.slots, sizes.slot_hidden, sizes.slot_kernel)

    def maps(self, x: Tensor, mask: Tensor, size: tuple[int, int]) -> Tensor:
        """One map for each phase: x (B, N, C) and mask (B, N) to (B, N). The 1x1 convolutions run as products."""
        weight = self.conv1.weight.flatten(1)  # (C, C+1), the last column meets the mask
        mixed = nn.functional.linear(x, weight[:, :-1], self.conv1.bias)
        mixed = self.cbam1.ChannelGate(torch.addcmul(mixed, mask[..., None], weight[:, -1]))
        # a cell's gate is one number, so it may come after the convolution to one channel
        map_of = (mixed @ self.conv2.weight.flatten(1).T).squeeze(-1)
        return map_of * self.cbam1.SpatialGate.gate(mixed, size) + self.conv2.bias

    def null_map(self, size: tuple[int, int]) -> Tensor:
        """The map of the null phase, (N,). Depends on the weights and the size only."""
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
        """Adds up the phases.

        Args:
            x: (R, K+2, N, C): whole picture, things, template.
            mask: (R, K+2, N), the mask of each phase.
            present: bool (R, K), which things are there.
            slots: int64 (K,), the slot of each thing.
            null_map: (N,), of `null_map`.
            size: (H, W).
            scale: (R, K) factors of the things' maps, or None.

        Returns:
            The sum (R, N, C) and the weights (R, K+2, N).
        """
        rows, phases = mask.shape[:2]
        maps = self.maps(x.flatten(0, 1), mask.flatten(0, 1), size).reshape(rows, phases, -1)
        middle = null_map.expand(rows, self.slots, -1).clone()
        middle[:, slots] = maps[:, 1:-1]
        stacked = torch.cat([maps[:, :1], middle, maps[:, -1:]], dim=1)  # (R, slots + 2, N)
        gated = self.cbam2(stacked.transpose(1, 2), size).transpose(1, 2)
        things = gated[:, 1:-1][:, slots]
        if scale is not None:
            things = things * scale[..., None]
        things = things.masked_fill(~present[..., None], -torch.inf)
        logits = torch.cat([gated[:, :1], things, gated[:, -1:]], dim=1)
        weights = logits.float().softmax(dim=1).to(x.dtype)
        return _weighted(x, weights), weights


def _weighted(x: Tensor, weights: Tensor) -> Tensor:
    """The sum over phases of x (R, P, N, C) by weights (R, P, N), without a copy of all phases: (R, N, C)."""
    first, *rest = range(x.shape[1])
    total = weights[:, first, :, None] * x[:, first]
    for phase in rest:
        total = torch.addcmul(total, weights[:, phase, :, None], x[:, phase])
    return total
