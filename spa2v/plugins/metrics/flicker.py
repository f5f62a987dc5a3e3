"""Flicker: what changes between frames that motion does not explain, and how boxes tremble. Lower is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spa2v.core.runtime import Run
from spa2v.core.types import KeyFrame, MetricInfo, Score, ScoredClip
from spa2v.dsp.boxes import Floats
from spa2v.plugins.metrics.flow import flow_between, gray, listed, opencv
from spa2v.plugins.metrics.track_iou import Tracks

Flow = NDArray[np.float32]


def warp_errors(frames: NDArray[np.uint8]) -> Floats:
    """Mean absolute difference of each frame and the next one carried back along the flow, (T - 1,) in 0..1.

    As the warping error of Lai et al. 2018: pixels whose forward and backward flow disagree (covered or uncovered) do
    not count; a pair without any other pixel is NaN.

    Args:
        frames: uint8 RGB (T, H, W, 3).
    """
    if len(frames) < 2:
        return np.zeros(0)
    return np.array([_warp_error(a, b) for a, b in pairwise(gray(frames))])


def _warp_error(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    forward, backward = flow_between(first, second), flow_between(second, first)
    back_there = _carried(backward, forward)
    miss = ((forward + back_there) ** 2).sum(axis=2)
    tolerance = 0.01 * ((forward**2).sum(axis=2) + (back_there**2).sum(axis=2)) + 0.5
    valid = (miss <= tolerance) & _inside(forward)
    gap = np.abs(first.astype(np.float64) - _carried(second.astype(np.float32), forward)) / 255.0
    return float(gap[valid].mean()) if valid.any() else float("nan")


def _targets(flow: Flow) -> tuple[Flow, Flow]:
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x + flow[..., 0], y + flow[..., 1]


def _carried(image: Flow, flow: Flow) -> Flow:
    """The image as seen from where the flow starts, bilinear."""
    cv2 = opencv()
    return cv2.remap(image, *_targets(flow), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _inside(flow: Flow) -> NDArray[np.bool_]:
    height, width = flow.shape[:2]
    x, y = _targets(flow)
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def brightness_flicker(frames: NDArray[np.uint8]) -> float:
    """Mean size of the second difference of the mean brightness, 0..1 a frame squared; 0 for steady light and fades."""
    if len(frames) < 3:
        return 0.0
    light = frames.reshape(len(frames), -1).mean(axis=1, dtype=np.float64) / 255.0
    return float(np.abs(np.diff(light, 2)).mean())


def box_jitter(frames: Sequence[KeyFrame]) -> float:
    """Mean size of the second difference of box edges, in parts of the frame; 0 for things that stand or move evenly.

    Only where a thing is present in three frames in a row; 0 when nothing is.
    """
    boxes = Tracks.of_frames(frames).boxes
    if boxes.shape[0] == 0 or boxes.shape[1] < 3:
        return 0.0
    there = np.asarray((boxes != 0).any(axis=2))
    three = there[:, :-2] & there[:, 1:-1] & there[:, 2:]
    bends = np.abs(np.diff(boxes, 2, axis=1)).mean(axis=2)
    return float(bends[three].mean()) if three.any() else 0.0


class Flicker:
    """Mean warping error of a video, with brightness flicker beside it and, where there is a layout, box jitter."""

    reads = ("video",)
    values = {"flicker": MetricInfo("Flicker", higher=False, digits=4)}

    def score(self, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Score]]:
        """0..1, lower is better; `details` has the error of each pair of frames."""
        return [{"flicker": _one(clip)} for clip in clips]


def _one(clip: ScoredClip) -> Score:
    frames = clip.video.frames
    errors = warp_errors(frames)
    valid = errors[np.isfinite(errors)]
    details: dict[str, object] = {"pairs": listed(valid), "brightness": brightness_flicker(frames)}
    if clip.has("layout"):
        details["box_jitter"] = box_jitter(clip.layout_frames)
    if len(valid) == 0:
        return Score(None, ("no_comparable_frames",), ("No two neighboring frames could be compared.",), details)
    skipped = len(errors) - len(valid)
    reasons = (f"{skipped} of {len(errors)} pairs of frames share no traceable pixel.",) if skipped else ()
    return Score(float(valid.mean()), ("pairs_skipped",) * bool(skipped), reasons, details)
