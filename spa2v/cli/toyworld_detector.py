"""ToyWorld's own detector in the form that the metrics ask for; only the command line may join the two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from spa2v.core.runtime import Run
    from spa2v.evaluation.detectors.base import Detections

OVERLAP = 0.5


class ToyWorldDetector:
    """Boxes of ToyWorld's things.

    Args:
        weights: a safetensors file; None for the weights that come with spa2v.
    """

    def __init__(self, weights: str | None = None) -> None:
        self.weights = weights
        self._network: Any = None

    @property
    def name(self) -> str:
        return f"toyworld {Path(self.weights).name if self.weights else 'bundled'}"

    def detect(self, frames: NDArray[np.uint8], labels: Sequence[str], run: Run) -> Detections:
        """Detections of each frame; things that were not asked for are left out.

        Raises:
            WeightsError: the weights are missing or do not fit.
        """
        from spa2v.evaluation.detectors.base import tidy
        from spa2v.world.detector import WEIGHTS, Detector

        if self._network is None:
            self._network = Detector(Path(self.weights) if self.weights else WEIGHTS)
        found = self._network.detect(frames)
        return tuple(
            tidy([(item.name, item.score, item.box) for item in frame if item.name in labels], OVERLAP, None)
            for frame in found
        )
