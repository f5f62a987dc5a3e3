"""The tagger's network in torch, and its weights with batch normalization folded in for the network in numpy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from spa2v.plugins.cue_extractors.tagging.network import STRIDES

CHANNELS = (24, 40, 80, 80, 160, 160, 256)
TEACHER_CLASSES = 521
DROPOUT = 0.25


class TaggerNet(nn.Module):
    """Seven convolutions with batch normalization; two heads, for the vocabulary and for the teacher's classes."""

    def __init__(self, classes: int, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        before = (1, *channels[:-1])
        self.kernels = nn.ModuleList(
            nn.Conv2d(one, other, 3, stride, 1, bias=False)
            for one, other, stride in zip(before, channels, STRIDES, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(count) for count in channels)
        self.head = nn.Linear(4 * channels[-1], classes)
        self.teacher_head = nn.Linear(4 * channels[-1], TEACHER_CLASSES)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of both heads for inputs (N, 96, 64)."""
        maps = inputs[:, None]
        for kernel, norm, stride in zip(self.kernels, self.norms, STRIDES, strict=True):
            made = F.relu(norm(kernel(maps)))
            maps = made + maps if stride == 1 else made
        features = torch.cat([maps.mean(dim=2).flatten(1), maps.amax(dim=2).flatten(1)], dim=1)
        kept = self.dropout(features)
        return self.head(kept), self.teacher_head(kept)


def arrays(state: Mapping[str, Tensor], epsilon: float = 1e-5) -> dict[str, NDArray[np.floating]]:
    """The arrays of `tagger.npz`: kernels (9 * in, out) and head in half precision, biases in single precision."""
    made: dict[str, NDArray[np.floating]] = {}
    for index in range(len(STRIDES)):
        norm = {name: state[f"norms.{index}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")}
        gain = norm["weight"] / torch.sqrt(norm["running_var"] + epsilon)
        kernel = state[f"kernels.{index}.weight"] * gain[:, None, None, None]
        made[f"kernel_{index}"] = kernel.permute(2, 3, 1, 0).reshape(-1, kernel.shape[0]).numpy().astype(np.float16)
        made[f"bias_{index}"] = (norm["bias"] - norm["running_mean"] * gain).numpy().astype(np.float32)
    made["head"] = state["head.weight"].T.numpy().astype(np.float16)
    made["head_bias"] = state["head.bias"].numpy().astype(np.float32)
    return made
