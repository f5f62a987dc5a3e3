"""Projection to boxes: a level pinhole camera, objects of known size, at the distance that the level implies."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from spa2v.core.types import Box, Track
from spa2v.core.types.layout import Beyond
from spa2v.plugins.layout_planners.stereo_rules.motion import DISTANCE_DB, Motion, ObjectCues
from spa2v.plugins.layout_planners.stereo_rules.priors import ObjectClass
from spa2v.plugins.layout_planners.stereo_rules.trends import Array, block_means

ASPECT = 512 / 320
CAMERA_M = 1.4  # height of the camera; the horizon is in the middle of the picture
MIN_CROSSING = 0.6  # of the width: an object that crosses does so in the picture, however weak the cue
MAX_GROWTH = 8.0  # of the depth, from the farthest to the nearest key frame
MIN_GROWTH = 1.9  # a little over sqrt(3), so that an approach is one by the box
NEAREST_PART = 0.6  # of the height or width: the largest an approaching object gets
MIN_SIDE, MAX_SIDE = 0.03, 0.98
MIN_VISIBLE = 0.2  # of the width of a box: the least that shows of an object at the edge
GONE = 0.5  # of the frame's width past its edge: an object heard farther out is not in the picture
MIN_SPAN = 0.02  # of the width: with less the azimuth has no shape to follow, and the trajectory is straight
SURE_DRIFT = 0.3  # lateral movement from which an approaching or receding object also drifts sideways
POINTS = 80  # of a trajectory before it is sampled at the key frames


@dataclass(frozen=True)
class Camera:
    """A pinhole camera at the position of the listener, `CAMERA_M` above the ground.

    Args:
        field_of_view_deg: horizontal; half of it to the left of the middle. 65 degrees is the main camera of a phone
            and a lens of 28 mm.
    """

    field_of_view_deg: float = 65.0

    @property
    def _tangent(self) -> float:
        return math.tan(math.radians(self.field_of_view_deg) / 2)

    def x(self, azimuth_deg: Array | float) -> Array:
        """Part of the width for an azimuth; an odd function around the middle."""
        angle = np.radians(np.clip(azimuth_deg, -80.0, 80.0))
        return np.asarray(0.5 + np.tan(angle) / (2 * self._tangent))

    def size(self, cls: ObjectClass, depth_m: float, front: bool) -> tuple[float, float]:
        """Width and height in parts of the frame."""
        wide = cls.width_m if front else cls.length_m
        scale = 1.0 / (2 * self._tangent * depth_m)
        return wide * scale, cls.height_m * scale * ASPECT

    def bottom(self, cls: ObjectClass, depth_m: float) -> float:
        """Lower edge in parts of the height, from the top."""
        return 0.5 + (CAMERA_M - cls.base_m) * ASPECT / (2 * self._tangent * depth_m)


def trajectory(
    cues: ObjectCues, motion: Motion, cls: ObjectClass, times_s: Array, duration_s: float, camera: Camera
) -> list[tuple[Box, Beyond] | None]:
    """The boxes of one object at the key frames, and how far it reaches beyond the frame; None where it is out of it.

    Trajectories are scaled over the whole clip, not over the key frames, which end a frame early: so they reverse with
    time.

    Args:
        cues, motion, cls: what was measured of the object, what it does, and its class.
        times_s: of the key frames, shape (N,).
        duration_s: of the clip.
        camera: the projection.
    """
    if not motion.moves:
        still = _inside(float(camera.x(motion.azimuth_deg)), *_shape(cls, cls.distance_m, camera, front=False))
        return [(still, Beyond())] * len(times_s)
    front = motion.attribute in ("approaching", "receding")
    depth = (_radial_depths if front else _lateral_depths)(cues, motion, cls, times_s, duration_s, camera)
    x = (_drift if front else _crossing)(cues, motion, times_s, duration_s, camera)
    shapes = [_shape(cls, meters, camera, front) for meters in depth]
    boxes = [_visible(center, *shape) for center, shape in zip(x, shapes, strict=True)]
    inside = ((_inside(center, *shape), Beyond()) for center, shape in zip(x, shapes, strict=True))
    return boxes if any(boxes) else list(inside)


def _shape(cls: ObjectClass, depth_m: float, camera: Camera, front: bool) -> tuple[float, float, float]:
    """Width, height and top edge, kept inside the frame."""
    width, height = (min(max(side, MIN_SIDE), MAX_SIDE) for side in camera.size(cls, depth_m, front))
    top = min(max(camera.bottom(cls, depth_m) - height, 0.0), 1.0 - height)
    return width, height, top


def _inside(x: float, width: float, height: float, top: float) -> Box:
    """A whole box as near to x as the frame allows, exactly mirrored for a mirrored x."""
    offset = min(max(x - 0.5, width / 2 - 0.5), 0.5 - width / 2)
    return _box(offset - width / 2, offset + width / 2, top, height)


def _visible(x: float, width: float, height: float, top: float) -> tuple[Box, Beyond] | None:
    """A box in the frame, and what is beyond; None a frame's width beside the middle, or where too little shows.

    What is heard past the edge slides out slower than it is heard: half of it shows at the edge, a fifth far out.
    """
    past = abs(x - 0.5) - 0.5
    if past > GONE:
        return None
    if past > 0:
        x = 0.5 + math.copysign(0.5 + (0.5 - MIN_VISIBLE) * width * past / GONE, x - 0.5)
    low, high = x - 0.5 - width / 2, x - 0.5 + width / 2
    left, right = max(low, -0.5), min(high, 0.5)
    beyond = Beyond(left=left - low, right=high - right)
    return (_box(left, right, top, height), beyond) if right - left >= 0.99 * MIN_VISIBLE * width else None


def _box(left: float, right: float, top: float, height: float) -> Box:
    """From offsets around the middle of the width; rounded, so that no edge slips past the frame."""
    left, right = (min(max(edge, -0.5), 0.5) for edge in (left, right))
    return Box(0.5 + left, top, 0.5 + right, min(top + height, 1.0))


def _smooth_trend(track: Track, direction: float, weighted: bool = True) -> tuple[Array, Array]:
    """Times and values of the closest monotone curve through a track, smoothed, in at most `POINTS` points."""
    count = min(POINTS, len(track.values))
    times, _ = block_means(Track(track.times_s, track.times_s, "s"), count)
    values, weights = block_means(track, count)
    known = weights > 0
    if known.any():
        values, weights = np.interp(times, times[known], values[known]), np.maximum(weights / weights.max(), 1e-3)
    else:
        values, weights = np.zeros(count), np.ones(count)
    curve = isotonic_regression(values, weights=weights if weighted else None, increasing=direction > 0).x
    return times, _moving_mean(curve, count // 8)


def _moving_mean(values: Array, size: int) -> Array:
    """With ends mirrored around the end point: a rising sequence stays so, and it is symmetric in time."""
    half = min(size // 2, len(values) - 1)
    if half < 1:
        return values
    padded = np.pad(values, half, mode="reflect", reflect_type="odd")
    return np.convolve(padded, np.full(2 * half + 1, 1.0 / (2 * half + 1)), mode="valid")


def _crossing(cues: ObjectCues, motion: Motion, times_s: Array, duration_s: float, camera: Camera) -> Array:
    """Center of the box in parts of the width, shape (N,), for an object that moves sideways."""
    direction = 1.0 if motion.attribute == "left_to_right" else -1.0
    straight = 0.5 + direction * MIN_CROSSING * (times_s / duration_s - 0.5)
    if "azimuth" not in cues.tracks:
        return straight
    times, azimuth = _smooth_trend(cues.tracks["azimuth"], direction)
    offset = camera.x(azimuth) - 0.5
    span = abs(float(offset[-1] - offset[0]))
    if span < MIN_SPAN:
        return straight
    stretch = max(1.0, MIN_CROSSING / span)
    middle = float(offset[0] + offset[-1]) / 2
    return np.asarray(0.5 + middle / stretch + (np.interp(times_s, times, offset) - middle) * stretch)


def _drift(cues: ObjectCues, motion: Motion, times_s: Array, duration_s: float, camera: Camera) -> Array:
    """Center of the box in parts of the width, shape (N,), for an approaching or receding object."""
    if "azimuth" not in cues.tracks or abs(motion.lateral) < SURE_DRIFT:
        still = float(camera.x(motion.azimuth_deg)) - 0.5
        return np.full(len(times_s), 0.5 + min(max(still, -0.4), 0.4))
    times, azimuth = _smooth_trend(cues.tracks["azimuth"], motion.lateral)
    return np.asarray(0.5 + np.clip(camera.x(np.interp(times_s, times, azimuth)) - 0.5, -0.45, 0.45))


def _lateral_depths(
    cues: ObjectCues, motion: Motion, cls: ObjectClass, times_s: Array, duration_s: float, camera: Camera
) -> Array:
    """Distance along the view in m, shape (N,), for an object that moves sideways: halved for each 6 dB of rise."""
    change = motion.depth_change_db if abs(motion.depth_change_db) >= 1.5 else 0.0
    change = float(np.clip(change, -0.9 * DISTANCE_DB, 0.9 * DISTANCE_DB))
    return cls.distance_m * 10.0 ** (-change * (times_s / duration_s - 0.5) / 20.0)


def _radial_depths(
    cues: ObjectCues, motion: Motion, cls: ObjectClass, times_s: Array, duration_s: float, camera: Camera
) -> Array:
    """Distance along the view in m, shape (N,), for an approaching or receding object: halved for each 6 dB of rise."""
    direction = 1.0 if motion.attribute == "approaching" else -1.0
    times = np.array([0.0, duration_s])
    rise_db = direction * times / duration_s
    if "level" in cues.tracks:
        level_times, level = _smooth_trend(cues.tracks["level"], direction, weighted=False)
        if np.ptp(level) >= 1.0:
            times, rise_db = level_times, level
    wanted = 20.0 * math.log10(min(max(10 ** (float(np.ptp(rise_db)) / 20), MIN_GROWTH), MAX_GROWTH))
    rise_db = (rise_db - rise_db.max()) * (wanted / np.ptp(rise_db))
    nearest = max(camera.size(cls, 1.0, front=True)) / NEAREST_PART
    return nearest * 10.0 ** (-np.interp(times_s, times, rise_db) / 20.0)
