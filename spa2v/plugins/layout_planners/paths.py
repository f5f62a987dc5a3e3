"""From a verdict to boxes: a camera that looks level, things of known size, at the distance that the sound implies."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spa2v.core.types import Box, Track
from spa2v.plugins.layout_planners.class_priors import ThingClass
from spa2v.plugins.layout_planners.movement import DISTANCE_DB, Heard, Verdict
from spa2v.plugins.layout_planners.track_trends import Array, blocks, monotone, softened

ASPECT = 512 / 320
CAMERA_M = 1.4  # height of the camera; the horizon is in the middle of the picture
MIN_CROSSING = 0.6  # of the width: a thing that is heard to cross does so in the picture, however weak the cue
MAX_GROWTH = 8.0  # of the depth, from the farthest to the nearest key frame
MIN_GROWTH = 1.9  # a little over sqrt(3), so that an approach is one by the box
NEAREST_PART = 0.6  # of the height or width: the largest an approaching thing gets
MIN_SIDE, MAX_SIDE = 0.03, 0.98
MIN_VISIBLE = 0.2  # of the width of a box: with less inside the frame the thing is gone
FINE = 80  # points of a path before it is read at the key frames


@dataclass(frozen=True)
class Camera:
    """How a place in front of the listener becomes a place in the picture.

    Args:
        field_of_view_deg: horizontal; half of it to the left of the middle.
    """

    field_of_view_deg: float = 90.0

    @property
    def _tangent(self) -> float:
        return math.tan(math.radians(self.field_of_view_deg) / 2)

    def x(self, azimuth_deg: Array | float) -> Array:
        """Part of the width for an azimuth; an odd function around the middle."""
        angle = np.radians(np.clip(azimuth_deg, -80.0, 80.0))
        return np.asarray(0.5 + np.tan(angle) / (2 * self._tangent))

    def size(self, thing: ThingClass, depth_m: float, front: bool) -> tuple[float, float]:
        """Width and height in parts of the frame."""
        wide = thing.width_m if front else thing.length_m
        scale = 1.0 / (2 * self._tangent * depth_m)
        return wide * scale, thing.height_m * scale * ASPECT

    def bottom(self, thing: ThingClass, depth_m: float) -> float:
        """Lower edge in parts of the height, from the top."""
        return 0.5 + (CAMERA_M - thing.base_m) * ASPECT / (2 * self._tangent * depth_m)


def path_of(heard: Heard, verdict: Verdict, thing: ThingClass, times_s: Array, camera: Camera) -> list[Box | None]:
    """The boxes of one thing at the key frames; None where it is out of the frame."""
    if not verdict.moves:
        return [_still(verdict, thing, camera)] * len(times_s)
    depth = _depths(heard, verdict, thing, times_s, camera)
    front = verdict.attribute in ("approaching", "receding")
    x = _sideways(heard, verdict, times_s, camera)
    found = [_visible(x[i], *_shape(thing, depth[i], camera, front)) for i in range(len(times_s))]
    return found if any(found) else [_inside(x[i], *_shape(thing, depth[i], camera, front)) for i in range(len(found))]


def _still(verdict: Verdict, thing: ThingClass, camera: Camera) -> Box:
    return _inside(float(camera.x(verdict.azimuth_deg)), *_shape(thing, thing.distance_m, camera, front=False))


def _shape(thing: ThingClass, depth_m: float, camera: Camera, front: bool) -> tuple[float, float, float]:
    """Width, height and top edge, kept inside the frame."""
    width, height = (min(max(side, MIN_SIDE), MAX_SIDE) for side in camera.size(thing, depth_m, front))
    top = min(max(camera.bottom(thing, depth_m) - height, 0.0), 1.0 - height)
    return width, height, top


def _inside(x: float, width: float, height: float, top: float) -> Box:
    """A whole box as near to x as the frame allows, exactly mirrored for a mirrored x."""
    offset = min(max(x - 0.5, width / 2 - 0.5), 0.5 - width / 2)
    return _box(offset - width / 2, offset + width / 2, top, height)


def _visible(x: float, width: float, height: float, top: float) -> Box | None:
    left, right = max(x - 0.5 - width / 2, -0.5), min(x - 0.5 + width / 2, 0.5)
    return _box(left, right, top, height) if right - left >= MIN_VISIBLE * width else None


def _box(left: float, right: float, top: float, height: float) -> Box:
    """From offsets around the middle of the width; rounded, so that no edge slips past the frame."""
    left, right = (min(max(edge, -0.5), 0.5) for edge in (left, right))
    return Box(0.5 + left, top, 0.5 + right, min(top + height, 1.0))


def _fine(track: Track, times_s: Array) -> tuple[Array, Array, Array]:
    """Times, values and weights of a track in at most `FINE` blocks, the values softened over an eighth."""
    count = min(FINE, len(track.values))
    times, _ = blocks(Track(track.times_s, track.times_s, "s"), count)
    values, weights = blocks(track, count)
    if weights.max() <= 0:
        return times, np.zeros(count), np.ones(count)
    known = weights > 0
    return times, np.interp(times, times[known], values[known]), np.maximum(weights / weights.max(), 1e-3)


def _sideways(heard: Heard, verdict: Verdict, times_s: Array, camera: Camera) -> Array:
    """x of the middle of the box over the key frames."""
    if verdict.attribute in ("approaching", "receding"):
        return _drift(heard, verdict, times_s, camera)
    direction = 1.0 if verdict.attribute == "left_to_right" else -1.0
    straight = 0.5 + direction * MIN_CROSSING / 2 * (2 * _part(heard, times_s) - 1)
    if "azimuth" not in heard.tracks:
        return straight
    times, azimuth, weights = _fine(heard.tracks["azimuth"], times_s)
    rising = softened(monotone(azimuth, weights, direction), len(azimuth) // 8)
    offset = camera.x(np.interp(times_s, times, rising)) - 0.5
    low, high = sorted((float(offset[0]), float(offset[-1])))
    span = high - low
    if span < 0.02:
        return straight
    stretch = max(1.0, MIN_CROSSING / span)
    middle = (low + high) / 2
    return np.asarray(0.5 + middle / stretch + (offset - middle) * stretch)


def _part(heard: Heard, times_s: Array) -> Array:
    """Times as parts of the span of the key frames, 0..1."""
    return (times_s - times_s[0]) / max(float(times_s[-1] - times_s[0]), 1e-9)


def _drift(heard: Heard, verdict: Verdict, times_s: Array, camera: Camera) -> Array:
    """x of a thing that comes or goes: where it is heard, drifting only as far as the drift is sure."""
    still = float(camera.x(verdict.azimuth_deg)) - 0.5
    if "azimuth" not in heard.tracks or abs(verdict.lateral) < 0.3:
        return np.full(len(times_s), 0.5 + min(max(still, -0.4), 0.4))
    times, azimuth, weights = _fine(heard.tracks["azimuth"], times_s)
    moving = softened(monotone(azimuth, weights, verdict.lateral), len(azimuth) // 8)
    return np.asarray(0.5 + np.clip(camera.x(np.interp(times_s, times, moving)) - 0.5, -0.45, 0.45))


def _depths(heard: Heard, verdict: Verdict, thing: ThingClass, times_s: Array, camera: Camera) -> Array:
    """Distance along the view in m at the key frames: halved for each 6 dB of rise."""
    nearing = verdict.attribute == "approaching"
    if verdict.attribute not in ("approaching", "receding"):
        change = float(np.clip(verdict.nearing_db, -DISTANCE_DB * 0.9, DISTANCE_DB * 0.9))
        if abs(verdict.nearing_db) < 1.5:
            change = 0.0
        return thing.distance_m * 10.0 ** (-change * (_part(heard, times_s) - 0.5) / 20.0)
    rise_db = _level_path(heard, 1.0 if nearing else -1.0, times_s)
    wanted = math.log10(min(max(10 ** (np.ptp(rise_db) / 20), MIN_GROWTH), MAX_GROWTH)) * 20
    if np.ptp(rise_db) < 1.0:
        rise_db = (1 if nearing else -1) * _part(heard, times_s) * wanted
    rise_db = (rise_db - rise_db.max()) * (wanted / np.ptp(rise_db))
    return _nearest(thing, camera) * 10.0 ** (-rise_db / 20.0)


def _level_path(heard: Heard, direction: float, times_s: Array) -> Array:
    if "level" not in heard.tracks:
        return np.zeros(len(times_s))
    times, level, weights = _fine(heard.tracks["level"], times_s)
    return np.interp(times_s, times, softened(monotone(level, np.ones_like(weights), direction), len(level) // 8))


def _nearest(thing: ThingClass, camera: Camera) -> float:
    """The depth at which a thing fills `NEAREST_PART` of the frame."""
    width, height = camera.size(thing, 1.0, front=True)
    return max(width, height) / NEAREST_PART
