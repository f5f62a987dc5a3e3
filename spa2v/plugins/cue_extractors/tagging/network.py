"""The tagger's convolutional network in numpy: 3x3 convolutions as matrix products, for inference without torch.

Seven convolutions with batch normalization folded into them; a stage of stride 1 adds its input (He et al. 2016). The
head sees each frequency bin of the last map on its own, as the mean and the maximum over time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import WeightsError

Array32 = NDArray[np.float32]

STRIDES = (2, 2, 2, 1, 2, 1, 2)
FLOOR, CENTER, SCALE = 1e-3, 4.0, 2.5  # of the input: 60 dB below the loudest bin, then about zero mean and unit spread


@dataclass(frozen=True)
class Network:
    """Weights and biases of the convolutions, (9 * in, out) and (out,), and of the head, (4 * out, classes)."""

    kernels: tuple[Array32, ...]
    biases: tuple[Array32, ...]
    head: Array32
    head_bias: Array32

    @classmethod
    def read(cls, path: Path, classes: int) -> Network:
        """Reads an .npz file.

        Raises:
            WeightsError: no such file, not an archive of arrays, or shapes that do not belong together.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: np.asarray(file[name], dtype=np.float32) for name in file.files}
        except (OSError, ValueError, EOFError, KeyError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise WeightsError(f"the tagger's weights {str(path)!r} cannot be read", reason) from error
        return cls.of(arrays, classes, str(path))

    @classmethod
    def of(cls, arrays: Mapping[str, Array32], classes: int, source: str = "weights") -> Network:
        """Checks the shapes of named arrays.

        Raises:
            WeightsError: a part is missing or does not fit.
        """
        names = [f"kernel_{index}" for index in range(len(STRIDES))]
        wanted = [*names, *(name.replace("kernel", "bias") for name in names), "head", "head_bias"]
        if missing := [name for name in wanted if name not in arrays]:
            raise WeightsError(f"the tagger's weights {source!r} lack {missing[0]!r}")
        kernels = tuple(arrays[name] for name in names)
        biases = tuple(arrays[name.replace("kernel", "bias")] for name in names)
        channels = 1
        for kernel, bias in zip(kernels, biases, strict=True):
            if kernel.ndim != 2 or kernel.shape[0] != 9 * channels or bias.shape != kernel.shape[1:]:
                raise WeightsError(f"the tagger's weights {source!r} have a kernel of shape {kernel.shape}")
            channels = kernel.shape[1]
        if arrays["head"].shape != (4 * channels, classes) or arrays["head_bias"].shape != (classes,):
            raise WeightsError(
                f"the tagger's weights {source!r} have a head of shape {arrays['head'].shape}",
                f"expected {(4 * channels, classes)}: one column for each class of the vocabulary",
            )
        return cls(kernels, biases, arrays["head"], arrays["head_bias"])

    def scores(self, patches: Array32) -> Array32:
        """Scores 0..1 of mel magnitudes (N, 96, 64), (N, classes). The gain of a patch does not matter."""
        peak = np.maximum(patches.max(axis=(1, 2), keepdims=True), 1e-12)
        maps = ((np.log(patches / peak + FLOOR) + CENTER) / SCALE)[..., None]
        for kernel, bias, stride in zip(self.kernels, self.biases, STRIDES, strict=True):
            made = _convolved(maps, kernel, bias, stride)
            maps = made + maps if stride == 1 else made
        flat = maps.transpose(0, 3, 2, 1).reshape(len(maps), -1, maps.shape[1])  # (N, channels * frequency, time)
        features = np.concatenate([flat.mean(axis=2), flat.max(axis=2)], axis=1)
        return np.asarray(1.0 / (1.0 + np.exp(-(features @ self.head + self.head_bias))), dtype=np.float32)


def _convolved(maps: Array32, kernel: Array32, bias: Array32, stride: int) -> Array32:
    """A 3x3 convolution with padding 1 and ReLU of (N, H, W, C)."""
    count, height, width, channels = maps.shape
    padded = np.zeros((count, height + 2, width + 2, channels), dtype=np.float32)
    padded[:, 1:-1, 1:-1] = maps
    tall, wide = (height - 1) // stride + 1, (width - 1) // stride + 1
    columns = np.empty((count, tall, wide, 9, channels), dtype=np.float32)
    for place in range(9):
        row, column = divmod(place, 3)
        columns[:, :, :, place] = padded[
            :, row : row + stride * (tall - 1) + 1 : stride, column : column + stride * (wide - 1) + 1 : stride
        ]
    made = columns.reshape(-1, 9 * channels) @ kernel
    made += bias
    np.maximum(made, 0.0, out=made)
    return made.reshape(count, tall, wide, -1)
