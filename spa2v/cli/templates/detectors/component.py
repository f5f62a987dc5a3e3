"""The bright region of each frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from spa2v import Box, Detection, Run


class TemplateName:
    """Takes whatever is bright for an object of the first label: a place to put a network.

    Args:
        threshold: pixels whose mean is above this count, 0 to 255.
    """

    def __init__(self, threshold: int = 128) -> None:
        if not 0 <= threshold <= 255:
            raise ValueError(f"threshold: {threshold!r} is not in 0..255")
        self.threshold = threshold

    @property
    def name(self) -> str:
        """Results are kept and printed under this name: all that changes the boxes is in it."""
        return f"template_name, threshold {self.threshold}"

    def detect(self, frames: NDArray[np.uint8], labels: Sequence[str], run: Run) -> tuple[tuple[Detection, ...], ...]:
        """The detections of each of uint8 RGB frames (F, H, W, 3)."""
        return tuple(self._one(frame, labels) for frame in frames)

    def _one(self, frame: NDArray[np.uint8], labels: Sequence[str]) -> tuple[Detection, ...]:
        bright = frame.mean(axis=2) > self.threshold
        if not labels or not bright.any():
            return ()
        (height, width), (rows, columns) = bright.shape, np.nonzero(bright)
        low, high = (columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)
        box = Box(low[0] / width, low[1] / height, high[0] / width, high[1] / height)
        return (Detection(labels[0], float(frame[bright].mean() / 255), box),)
