"""Features of ToyWorld's detector: its deepest features of each frame, and how they change."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.runtime import Run
from spa2v.world.detector import WEIGHTS, WIDTHS, Detector, sized


class ToyWorldFeatures:
    """Mean over the frames of the detector's deepest features, and mean absolute change from frame to frame.

    Args:
        weights: a safetensors file of the detector; None for the weights that come with spa2v.

    Distances by it say something about ToyWorld alone and are no FVD of the literature.
    """

    def __init__(self, weights: str | None = None) -> None:
        self.source = Path(weights) if weights else WEIGHTS
        self._network: Any = None

    @property
    def name(self) -> str:
        return f"toyworld detector features ({2 * WIDTHS[-1]}), {self.source.name}"

    def features(self, videos: Iterable[NDArray[np.uint8]], run: Run) -> NDArray[np.float64]:
        """(n, 256) features of n videos, each uint8 RGB (T, H, W, 3).

        Raises:
            WeightsError: the weights are missing or do not fit.
        """
        if self._network is None:
            self._network = Detector(self.source).network
        return np.stack([self._of(video) for video in videos])

    def _of(self, video: NDArray[np.uint8]) -> NDArray[np.float64]:
        import torch

        x = torch.from_numpy(sized(video)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        with torch.inference_mode():
            for layer in self._network.down:
                x = layer(x)
            deep = x.mean(dim=(2, 3))  # (T, C)
            change = deep.diff(dim=0).abs().mean(dim=0) if len(deep) > 1 else torch.zeros_like(deep[0])
            return torch.cat([deep.mean(dim=0), change]).double().numpy()
