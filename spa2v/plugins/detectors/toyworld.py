"""The detector of ToyWorld's classes that comes with spa2v."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spa2v.core.runtime import Run
from spa2v.core.types.scores import Detections
from spa2v.plugins.detectors.tidying import tidy

if TYPE_CHECKING:
    from spa2v.world.detector import Detector

OVERLAP = 0.5


class ToyWorldDetector:
    """Boxes of objects of ToyWorld's classes.

    Args:
        weights: a safetensors file; None for the weights that come with spa2v.
    """

    def __init__(self, weights: str | None = None) -> None:
        self.source = weights
        self._network: Detector | None = None

    @property
    def name(self) -> str:
        return f"toyworld {Path(self.source).name if self.source else 'bundled'}"

    def detect(self, frames: NDArray[np.uint8], labels: Sequence[str], run: Run) -> Detections:
        """Detections of each frame; classes other than `labels` are left out, and labels that are no class named.

        Raises:
            WeightsError: the weights are missing or do not fit.
        """
        from spa2v.world.detector import WEIGHTS, Detector

        if self._network is None:
            self._network = Detector(Path(self.source) if self.source else WEIGHTS)
        if unknown := sorted({*labels} - {*self._network.names}):
            run.notice(f"the detector toyworld cannot find {', '.join(map(repr, unknown))}: no class of its weights")
        return tuple(
            tidy([(item.name, item.score, item.box) for item in frame if item.name in labels], OVERLAP, None)
            for frame in self._network.detect(frames)
        )
