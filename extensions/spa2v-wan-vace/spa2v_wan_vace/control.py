"""A layout as VACE was trained to see one: outlines of boxes on white, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from spa2v import Box, KeyFrame, VideoSceneLayout, keyframe_times

Color = tuple[int, int, int]
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def scenes(layout: VideoSceneLayout, frames: int, model_frames: int) -> list[KeyFrame]:
    """The boxes at each frame that the model draws, from the first to the last of `frames` frames."""
    return [layout.at(float(time)) for time in keyframe_times(layout.duration_s, model_frames, frames)]


def picks(frames: int, model_frames: int) -> NDArray[np.intp]:
    """Which of the model's frames is nearest in time to each of `frames` frames."""
    return np.round(np.linspace(0, model_frames - 1, frames)).astype(np.intp)


def pick_error_s(duration_s: float, frames: int, model_frames: int) -> float:
    """By how much the worst of the picked frames is off its time, in seconds; 0 where they meet exactly."""
    times = keyframe_times(duration_s, model_frames, frames)
    wanted = keyframe_times(duration_s, frames, frames)
    return float(np.abs(times[picks(frames, model_frames)] - wanted).max())


def control_video(
    moments: Sequence[KeyFrame], width: int, height: int, line_px: int, colors: Mapping[str, Color]
) -> list[Image.Image]:
    """The control frames.

    Args:
        moments: the scene of each frame.
        width, height: in pixels.
        line_px: thickness of an outline; it lies inside its box.
        colors: of things by name; the others are black.
    """
    return [_frame(moment, width, height, line_px, colors) for moment in moments]


def _frame(moment: KeyFrame, width: int, height: int, line_px: int, colors: Mapping[str, Color]) -> Image.Image:
    frame = Image.new("RGB", (width, height), WHITE)
    pencil = ImageDraw.Draw(frame)
    for item in moment.objects:
        left, top, right, bottom = pixels(item.box, width, height)
        pencil.rectangle((left, top, right - 1, bottom - 1), outline=colors.get(item.name, BLACK), width=line_px)
    return frame


def pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom edge of a box in pixels, at least one pixel apart."""
    left, top = min(round(box.x1 * width), width - 1), min(round(box.y1 * height), height - 1)
    return left, top, max(round(box.x2 * width), left + 1), max(round(box.y2 * height), top + 1)


def everywhere(count: int, width: int, height: int) -> list[Image.Image]:
    """Masks that leave every pixel of every frame to the model."""
    return [Image.new("L", (width, height), 255)] * count
