"""`GeneratedVideo`: frames and their rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import ContractError
from spa2v.core.types.display import Displayed


@dataclass(frozen=True, eq=False)
class GeneratedVideo(Displayed):
    """The frames that a backbone drew.

    Args:
        frames: uint8 RGB, shape (F, H, W, 3), F >= 1.
        fps: frames a second, fractional; 16 frames over a clip of d seconds have fps = 16 / d.
    """

    frames: NDArray[np.uint8]
    fps: float

    def __post_init__(self) -> None:
        if not isinstance(frames := self.frames, np.ndarray):
            raise ContractError(f"GeneratedVideo.frames is a {type(frames).__name__}", "expected an array: np.stack")
        if frames.ndim != 4 or frames.shape[3] != 3 or frames.shape[0] == 0 or min(frames.shape[1:3]) < 2:
            raise ContractError(f"GeneratedVideo.frames has shape {frames.shape}", "expected (F, H, W, 3)")
        if frames.dtype != np.uint8:
            raise ContractError(f"GeneratedVideo.frames has type {frames.dtype}", "expected uint8 RGB")
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise ContractError(f"GeneratedVideo.fps is {self.fps!r}", "expected a positive number")

    @property
    def duration_s(self) -> float:
        return float(len(self.frames) / self.fps)
