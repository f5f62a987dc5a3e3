"""A thing as it is drawn: meshes, some of which turn, swing or slide over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from spa2v.world.drawing.mesh import Floats, Mesh

Motion = Callable[[float, float], tuple[Floats, Floats]]
"""From the time in seconds and the way traveled in meters to a rotation (3, 3) and a shift (3,)."""


@dataclass(frozen=True, eq=False)
class Part:
    """A mesh with an optional motion in the axes of its thing."""

    mesh: Mesh
    motion: Motion | None = None

    def points_at(self, time_s: float, way_m: float) -> Floats:
        if self.motion is None:
            return self.mesh.points
        rotation, shift = self.motion(time_s, way_m)
        return self.mesh.points @ rotation.T + shift

    def normals_at(self, time_s: float, way_m: float) -> Floats:
        if self.motion is None:
            return self.mesh.normals
        return self.mesh.normals @ self.motion(time_s, way_m)[0].T


@dataclass(frozen=True, eq=False)
class Figure:
    """A drawable thing in its own axes.

    Args:
        parts: drawn together, sorted by layer and depth.
        footprint: shape (k, 3), the outline of its shadow on the ground.
    """

    parts: Sequence[Part]
    footprint: Floats


def turn_in_plane(angle: float, pivot: Sequence[float]) -> tuple[Floats, Floats]:
    """Rotation about the z axis by `angle` radians, counterclockwise, about a pivot (x, y)."""
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    center = np.array([pivot[0], pivot[1], 0.0])
    return rotation, center - rotation @ center


def rolling(radius: float, pivot: Sequence[float]) -> Motion:
    """A wheel that rolls on the ground: it turns by way / radius."""
    return lambda time_s, way_m: turn_in_plane(-way_m / radius, pivot)


def swinging(pivot: Sequence[float], amplitude: float, rate_hz: float, phase: float = 0.0) -> Motion:
    """A swing of `amplitude` radians about a pivot."""
    return lambda time_s, way_m: turn_in_plane(amplitude * float(np.sin(2 * np.pi * (rate_hz * time_s + phase))), pivot)


def sliding(direction: Sequence[float], rate_hz: float, phase: float = 0.0) -> Motion:
    """To and fro along `direction`, in meters."""
    way = np.array([direction[0], direction[1], 0.0])
    return lambda time_s, way_m: (np.eye(3), way * np.sin(2 * np.pi * (rate_hz * time_s + phase)))


def spinning(axis: int, rate_hz: float, pivot: Sequence[float]) -> Motion:
    """Steady turns about the x (0), y (1) or z (2) axis through a pivot (x, y, z), as of a propeller."""
    center = np.asarray(pivot, dtype=np.float64)

    def motion(time_s: float, way_m: float) -> tuple[Floats, Floats]:
        cos, sin = np.cos(2 * np.pi * rate_hz * time_s), np.sin(2 * np.pi * rate_hz * time_s)
        rotation = np.eye(3)
        first, second = (axis + 1) % 3, (axis + 2) % 3
        rotation[first, first] = rotation[second, second] = cos
        rotation[first, second], rotation[second, first] = -sin, sin
        return rotation, center - rotation @ center

    return motion


def alternating(shift: Sequence[float], rate_hz: float, phase: float = 0.0) -> Motion:
    """Jumps between its place and one `shift` (x, y, z) away, as the light of a beacon that changes sides."""
    away = np.asarray(shift, dtype=np.float64)
    return lambda time_s, way_m: (np.eye(3), away * (int(np.floor(2 * (rate_hz * time_s + phase))) % 2))


def disc_footprint(radius_x: float, radius_z: float, count: int = 14) -> Floats:
    """An ellipse on the ground, shape (count, 3)."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([radius_x * np.cos(angles), np.zeros(count), radius_z * np.sin(angles)], axis=1)


def box_footprint(half_length: float, half_width: float) -> Floats:
    """A rectangle on the ground, shape (4, 3)."""
    l, w = half_length, half_width  # noqa: E741
    return np.array([(-l, 0.0, -w), (l, 0.0, -w), (l, 0.0, w), (-l, 0.0, w)])
