"""Layouts on a grid of pixels and frames, which most formats count in, and back."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import LayoutError, counted
from spa2v.core.types import Box, KeyFrame, SceneObject, VideoSceneLayout, frame_times, keyframe_times
from spa2v.core.types.layout import DEFAULT_FRAMES, MAX_KEYFRAMES, MAX_NAME

MAX_SIDE_PX = 16_384
MAX_FRAMES = 100_000
MAX_BOXES = 4_000_000
TOLERANCE_PX = 0.01  # formats print two decimals; what bends less than that is a straight path
Pixels = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels, origin at the top left corner of the frame."""


@dataclass(frozen=True)
class Sampling:
    """What the user asks of a raster; None leaves it to the file or the format.

    Args:
        width, height: of a frame, in pixels.
        frames: how many frames span the clip.
        fps: frames a second; an alternative to `frames`.
        duration_s: of the clip, for files that do not hold it.
    """

    width: int | None = None
    height: int | None = None
    frames: int | None = None
    fps: float | None = None
    duration_s: float | None = None

    def __post_init__(self) -> None:
        for name, limit in (("width", MAX_SIDE_PX), ("height", MAX_SIDE_PX), ("frames", MAX_FRAMES)):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= limit:
                raise LayoutError(f"{name}: {value}", f"expected 1 to {limit}")
        for name in ("fps", "duration_s"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise LayoutError(f"{name}: {value}", "expected a number above 0")

    def over(self, other: Sampling) -> Sampling:
        """These values, and those of `other` where there are none."""
        pairs = {name: getattr(self, name) or getattr(other, name) for name in ("width", "height", "duration_s")}
        timed = self if self.frames or self.fps else other
        return Sampling(**pairs, frames=timed.frames, fps=timed.fps)


@dataclass(frozen=True)
class Raster:
    """A grid of pixels and frames over one clip.

    Args:
        width, height: of a frame, in pixels.
        duration_s: of the clip.
        frames: how many.
        to_last: the frames run from the first to the last key frame of a plan (`keyframe_times`), as in formats that
            list key frames; else they span the clip (`frame_times`), as the frames of a video do.
    """

    width: int
    height: int
    duration_s: float
    frames: int
    to_last: bool = False

    @property
    def fps(self) -> float:
        return self.frames / self.duration_s

    @property
    def times_s(self) -> NDArray[np.float64]:
        """When each frame is shown, in seconds, shape (frames,)."""
        if self.to_last:
            return keyframe_times(self.duration_s, self.frames)
        return frame_times(self.duration_s, self.frames)

    @property
    def scale(self) -> NDArray[np.float64]:
        """Pixels in the unit square, for a box: (width, height, width, height)."""
        return np.array([self.width, self.height, self.width, self.height], dtype=np.float64)


@dataclass(frozen=True)
class PixelTrack:
    """One object on a raster: its number (from 1), its name, and frame number (from 0) to box."""

    number: int
    name: str
    boxes: Mapping[int, Pixels] = field(default_factory=dict)


def raster_for(layout: VideoSceneLayout, wanted: Sampling, to_last: bool = False) -> Raster:
    """The raster on which a layout is written.

    Raises:
        LayoutError: more frames than `MAX_FRAMES`.
    """
    frames = wanted.frames or (round(wanted.fps * layout.duration_s) if wanted.fps else 0)
    frames = max(1, frames) if wanted.frames or wanted.fps else max(DEFAULT_FRAMES, len(layout.keyframes))
    if frames > MAX_FRAMES:
        raise LayoutError(f"{frames} frames are too many", f"the limit is {MAX_FRAMES}; give --frames or a lower --fps")
    return Raster(wanted.width or 512, wanted.height or 320, layout.duration_s, frames, to_last)


def raster_read(wanted: Sampling, frames: int, what: str) -> Raster:
    """The raster of a file that was read: `wanted` holds what the user or the file says.

    Raises:
        LayoutError: neither says how large a frame or how long the clip is; or there are too many frames.
    """
    if not 1 <= frames <= MAX_FRAMES:
        raise LayoutError(f"{what}: {frames} frames", f"expected 1 to {MAX_FRAMES}")
    if wanted.width is None or wanted.height is None:
        raise LayoutError(f"{what} does not say how large its frames are", "give it: --size WIDTHxHEIGHT")
    duration = wanted.duration_s or (frames / wanted.fps if wanted.fps else None)
    if duration is None:
        raise LayoutError(f"{what} does not say how long the clip is", "give --duration SECONDS or --fps RATE")
    return Raster(wanted.width, wanted.height, duration, frames)


def tracks_of(layout: VideoSceneLayout, raster: Raster) -> list[PixelTrack]:
    """Every object with its boxes at the frames of the raster, in the order of first appearance."""
    boxes: dict[str, dict[int, Pixels]] = {object_id: {} for object_id in layout.names}
    if len(boxes) * raster.frames > MAX_BOXES:
        raise LayoutError(f"{len(boxes)} objects in {raster.frames} frames are too many boxes", "give fewer --frames")
    scale = raster.scale
    for number, time_s in enumerate(raster.times_s):
        for item in layout.at(float(time_s)).objects:
            x1, y1, x2, y2 = (float(value) for value in np.asarray(item.box) * scale)
            boxes[item.id][number] = (x1, y1, x2, y2)
    return [
        PixelTrack(number, layout.names[object_id], found)
        for number, (object_id, found) in enumerate(boxes.items(), start=1)
    ]


def layout_of(
    tracks: Sequence[PixelTrack], raster: Raster, remarks: list[str], caption: str = "", reasoning: str = ""
) -> VideoSceneLayout:
    """A layout from boxes on a raster.

    Frames in which everything moves on in a straight line do not become key frames. Boxes are clipped at the edges.

    Args:
        tracks: each with at most one box a frame.
        remarks: what could not be kept is added here.
    """
    if len(tracks) * raster.frames > MAX_BOXES:
        raise LayoutError(f"{len(tracks)} objects in {raster.frames} frames are too many", f"the limit is {MAX_BOXES}")
    grid = np.full((raster.frames, len(tracks), 4), np.nan)
    for place, track in enumerate(tracks):
        for number, box in track.boxes.items():
            if not 0 <= number < raster.frames:
                raise LayoutError(f"object {track.number} has a box in frame {number} of {raster.frames}")
            grid[number, place] = box
    grid = _clipped(grid / raster.scale, remarks)
    ids = _ids(track.name for track in tracks)
    chosen = _key_frames(grid, np.asarray(TOLERANCE_PX / raster.scale.max()), remarks, raster)
    times = raster.times_s
    frames = tuple(
        KeyFrame(
            float(times[number]),
            "",
            tuple(
                SceneObject(ids[place], tracks[place].name[:MAX_NAME], Box(*map(float, grid[number, place])))
                for place in range(len(tracks))
                if not np.isnan(grid[number, place, 0])
            ),
        )
        for number in chosen
    )
    return VideoSceneLayout(raster.duration_s, caption, frames, reasoning)


def _clipped(grid: NDArray[np.float64], remarks: list[str]) -> NDArray[np.float64]:
    """Boxes inside the frame; those without area become NaN."""
    there = ~np.isnan(grid[..., 0])
    inside = np.clip(grid, 0.0, 1.0)
    with np.errstate(invalid="ignore"):
        outside = there & (np.abs(inside - grid).max(-1) > 1e-6)
        empty = there & ((inside[..., 2] - inside[..., 0] <= 1e-9) | (inside[..., 3] - inside[..., 1] <= 1e-9))
    if (outside & ~empty).any():
        remarks.append(f"{int((outside & ~empty).sum())} boxes reach past the frame and were clipped")
    if empty.any():
        remarks.append(f"{counted(int(empty.sum()), 'box', 'boxes')} without area inside the frame, left out")
    inside[empty] = np.nan
    return inside


def _ids(names: Iterable[str]) -> list[str]:
    """An id for each object, its name and a number, as planners give them: car_0, car_1."""
    counts: dict[str, int] = {}
    ids = []
    for name in names:
        stem = re.sub(r"\W+", "_", name.lower()).strip("_")[: MAX_NAME - 8] or "object"
        ids.append(f"{stem}_{counts.get(stem, 0)}")
        counts[stem] = counts.get(stem, 0) + 1
    return ids


def _key_frames(
    grid: NDArray[np.float64], tolerance: NDArray[np.float64], remarks: list[str], raster: Raster
) -> list[int]:
    """The frames that are needed so that all others lie on straight lines between them."""
    count = len(grid)
    flat = grid.reshape(count, -1)
    there = ~np.isnan(flat)
    changes = np.flatnonzero((there[1:] != there[:-1]).any(axis=1))
    fixed = sorted({0, count - 1, *changes.tolist(), *(changes + 1).tolist()})
    bend = float(tolerance)
    while True:
        chosen = _bends(flat, fixed, bend)
        if len(chosen) <= MAX_KEYFRAMES:
            break
        if len(fixed) > MAX_KEYFRAMES:
            raise LayoutError(
                f"objects come and go in {len(changes)} frames", f"a layout holds at most {MAX_KEYFRAMES} key frames"
            )
        bend *= 2
    if bend > tolerance:
        error = bend * float(raster.scale.max())
        remarks.append(f"paths were simplified to {counted(len(chosen), 'key frame')}, at most {error:.2g} pixels off")
    return chosen


def _bends(flat: NDArray[np.float64], fixed: list[int], bend: float) -> list[int]:
    """Ramer-Douglas-Peucker on all coordinates at once, between the frames that must stay."""
    chosen = set(fixed)
    spans = list(pairwise(fixed))
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        part = np.linspace(0.0, 1.0, last - first + 1)[1:-1, None]
        straight = flat[first] + (flat[last] - flat[first]) * part
        off = np.nan_to_num(np.abs(flat[first + 1 : last] - straight)).max(axis=1, initial=0.0)
        worst = int(off.argmax())
        if off[worst] > bend:
            middle = first + 1 + worst
            chosen.add(middle)
            spans += [(first, middle), (middle, last)]
            if len(chosen) > MAX_KEYFRAMES:
                break
    return sorted(chosen)
