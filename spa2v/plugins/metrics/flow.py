"""Dense optical flow between neighboring frames (Farneback 2003, through OpenCV)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import MissingDependency
from spa2v.dsp.boxes import Floats

PYRAMID_SCALE, LEVELS, WINDOW, ITERATIONS, POLY_N, POLY_SIGMA = 0.5, 3, 15, 3, 5, 1.2


def opencv() -> Any:
    """The module cv2.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingDependency(
            "optical flow needs the package 'opencv-python-headless'", "pip install 'spa2v[metrics]'"
        ) from error
    return cv2


def gray(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 RGB frames (T, H, W, 3) as 8-bit gray (T, H, W)."""
    cv2 = opencv()
    return np.stack([cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in frames])


def flow_between(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Where each pixel of the first gray frame (H, W) goes, (H, W, 2) as x, y in pixels."""
    return opencv().calcOpticalFlowFarneback(
        first, second, None, PYRAMID_SCALE, LEVELS, WINDOW, ITERATIONS, POLY_N, POLY_SIGMA, 0
    )


def motion(frames: NDArray[np.uint8]) -> Floats:
    """Mean length of the flow at each of T frames, in pixels a frame; the first repeats the second.

    Args:
        frames: uint8 RGB (T, H, W, 3) at their decoded size. Fewer than two frames have no motion: zeros.
    """
    if len(frames) < 2:
        return np.zeros(len(frames))
    grays = gray(frames)
    flows = (flow_between(a, b) for a, b in pairwise(grays))
    steps = [float(np.hypot(flow[..., 0], flow[..., 1]).mean()) for flow in flows]
    return np.array([steps[0], *steps])


def listed(values: Floats) -> list[float]:
    """Numbers for the details of a score."""
    return [round(float(value), 6) for value in values]
