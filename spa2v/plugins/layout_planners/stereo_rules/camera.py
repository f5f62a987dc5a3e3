"""From a verdict to boxes: a camera that looks level, things of known size, at the distance that the sound implies."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spa2v.core.types import Box, Track
from spa2v.plugins.layout_planners.stereo_rules.motion import DISTANCE_DB, Heard, Verdict
from spa2v.plugins.layout_planners.stereo_rules.priors import ThingClass
from spa2v.plugins.layout_planners.stereo_rules.trends import Array, blocks, monotone, softened

ASPECT = 512 / 320
CAMERA_M = 1.4  # height of the camera; the horizon is in the middle of the picture
MIN_CROSSING = 0.6  # of the width: a thing that is heard to cross does so in the picture, however weak the cue
MAX_GROWTH = 8.0  # of the depth, from the farthest to the nearest key frame
MIN_GROWTH = 1.9  # a little over sqrt(3), so that an approach is one by the box
NEAREST_PART = 0.6  # of the height or width: the largest an approaching thing gets
MIN_SIDE, MAX_SIDE = 0.03, 0.98
MIN_VISIBLE = 0.2  # of the width of a box: the least that shows of a thing at the edge
GONE = 0.5  # of the frame's width past its edge: a thing heard farther out is not in the picture
MIN_HEARD = 0.02  # of the width: with less span the azimuth has no shape to follow, and the path is straight
SURE_DRIFT = 0.3  # lateral movement from which a thing that comes or goes also drifts
FINE = 80  # points of a path before it is read at the key frames


@dataclass(frozen=True, eq=False)
class Clock:
    """Times of the key frames in s, shape (N,), and the length of the clip."""

    times_s: Array
    duration_s: float

    @property
    def part(self) -> Array:
        """0 at the start of the clip, 1 at its end, shape (N,)."""
        return self.times_s / self.duration_s

    @property
    def whole(self) -> Array:
        return np.array([0.0, self.duration_s])


@dataclass(frozen=True)
class Camera:
    """How a place in front of the listener becomes a place in the picture.

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

    def size(self, thing: ThingClass, depth_m: float, front: bool) -> tuple[float, float]:
        """Width and height in parts of the frame."""
        wide = thing.width_m if front else thing.length_m
        scale = 1.0 / (2 * self._tangent * depth_m)
        return wide * scale, thing.height_m * scale * ASPECT

    def bottom(self, thing: ThingClass, depth_m: float) -> float:
        """Lower edge in parts of the height, from the top."""
        return 0.5 + (CAMERA_M - thing.base_m) * ASPECT / (2 * self._tangent * depth_m)


def path_of(
    heard: Heard, verdict: Verdict, thing: ThingClass, times_s: Array, duration_s: float, camera: Camera
) -> list[Box | None]:
    """The boxes of one thing at the key frames; None where it is out of the frame.

    Paths are scaled over the whole clip, not over the key frames, which end a frame early: so they reverse with time.
    """
    if not verdict.moves:
        return [_still(verdict, thing, camera)] * len(times_s)
    clock = Clock(times_s, duration_s)
    depth = _depths(heard, verdict, thing, clock, camera)
    front = verdict.attribute in ("approaching", "receding")
    x = _sideways(heard, verdict, clock, camera)
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
    """The part of a box inside the frame; None a frame's width beside the middle, or where too little shows.

    What is heard past the edge slides out slower than it is heard: half of it shows at the edge, a fifth far out.
    """
    past = abs(x - 0.5) - 0.5
    if past > GONE:
        return None
    if past > 0:
        x = 0.5 + math.copysign(0.5 + (0.5 - MIN_VISIBLE) * width * past / GONE, x - 0.5)
    left, right = max(x - 0.5 - width / 2, -0.5), min(x - 0.5 + width / 2, 0.5)
    return _box(left, right, top, height) if right - left >= 0.99 * MIN_VISIBLE * width else None


def _box(left: float, right: float, top: float, height: float) -> Box:
    """From offsets around the middle of the width; rounded, so that no edge slips past the frame."""
    left, right = (min(max(edge, -0.5), 0.5) for edge in (left, right))
    return Box(0.5 + left, top, 0.5 + right, min(top + height, 1.0))


def _fine(track: Track) -> tuple[Array, Array, Array]:
    """Times, values and weights of a track in at most `FINE` blocks, the values softened over an eighth."""
    count = min(FINE, len(track.values))
    times, _ = blocks(Track(track.times_s, track.times_s, "s"), count)
    values, weights = blocks(track, count)
    if weights.max() <= 0:
        return times, np.zeros(count), np.ones(count)
    known = weights > 0
    return times, np.interp(times, times[known], values[known]), np.maximum(weights / weights.max(), 1e-3)


def _path(track: Track, direction: float, weighted: bool = True) -> tuple[Array, Array]:
    """Times and values of the closest smooth one-way path through a track."""
    times, values, weights = _fine(track)
    one_way = monotone(values, weights if weighted else np.ones_like(weights), direction)
    return times, softened(one_way, len(values) // 8)


def _sideways(heard: Heard, verdict: Verdict, clock: Clock, camera: Camera) -> Array:
    """x of the middle of the box over the key frames."""
    if verdict.attribute in ("approaching", "receding"):
        return _drift(heard, verdict, clock, camera)
    direction = 1.0 if verdict.attribute == "left_to_right" else -1.0
    straight = 0.5 + direction * MIN_CROSSING * (clock.part - 0.5)
    if "azimuth" not in heard.tracks:
        return straight
    times, azimuth = _path(heard.tracks["azimuth"], direction)
    offset = camera.x(azimuth) - 0.5
    span = abs(float(offset[-1] - offset[0]))
    if span < MIN_HEARD:
        return straight
    stretch = max(1.0, MIN_CROSSING / span)
    middle = float(offset[0] + offset[-1]) / 2
    return np.asarray(0.5 + middle / stretch + (np.interp(clock.times_s, times, offset) - middle) * stretch)


def _drift(heard: Heard, verdict: Verdict, clock: Clock, camera: Camera) -> Array:
    """x of a thing that comes or goes: where it is heard, drifting only as far as the drift is sure."""
    still = float(camera.x(verdict.azimuth_deg)) - 0.5
    if "azimuth" not in heard.tracks or abs(verdict.lateral) < SURE_DRIFT:
        return np.full(len(clock.times_s), 0.5 + min(max(still, -0.4), 0.4))
    times, azimuth = _path(heard.tracks["azimuth"], verdict.lateral)
    return np.asarray(0.5 + np.clip(camera.x(np.interp(clock.times_s, times, azimuth)) - 0.5, -0.45, 0.45))


def _depths(heard: Heard, verdict: Verdict, thing: ThingClass, clock: Clock, camera: Camera) -> Array:
    """Distance along the view in m at the key frames: halved for each 6 dB of rise."""
    if verdict.attribute not in ("approaching", "receding"):
        change = verdict.nearing_db if abs(verdict.nearing_db) >= 1.5 else 0.0
        change = float(np.clip(change, -0.9 * DISTANCE_DB, 0.9 * DISTANCE_DB))
        return thing.distance_m * 10.0 ** (-change * (clock.part - 0.5) / 20.0)
    direction = 1.0 if verdict.attribute == "approaching" else -1.0
    times, rise_db = clock.whole, direction * clock.whole / clock.duration_s
    if "level" in heard.tracks:
        times_heard, level = _path(heard.tracks["level"], direction, weighted=False)
        if np.ptp(level) >= 1.0:
            times, rise_db = times_heard, level
    wanted = 20.0 * math.log10(min(max(10 ** (float(np.ptp(rise_db)) / 20), MIN_GROWTH), MAX_GROWTH))
    rise_db = (rise_db - rise_db.max()) * (wanted / np.ptp(rise_db))
    return _nearest(thing, camera) * 10.0 ** (-np.interp(clock.times_s, times, rise_db) / 20.0)


def _nearest(thing: ThingClass, camera: Camera) -> float:
    """The depth at which a thing fills `NEAREST_PART` of the frame."""
    width, height = camera.size(thing, 1.0, front=True)
    return max(width, height) / NEAREST_PART
