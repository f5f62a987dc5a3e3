"""Rounded bodies: tubes along a spine, balls, discs on their surface; and the motions of legs, heads and wings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from spa2v.world.drawing.hulls import Paint, loft, painted
from spa2v.world.drawing.mesh import Color, Floats, MeshBuilder
from spa2v.world.drawing.parts import Figure, Motion, Part

X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def tube(
    builder: MeshBuilder,
    spine: ArrayLike,
    paint: Paint,
    z: float | Sequence[float] = 0.0,
    side: Sequence[float] = Z,
    sides: int = 10,
    layer: int = 1,
) -> None:
    """A closed body of elliptical cross-sections along a spine.

    Args:
        builder: receives the faces.
        spine: shape (k, 4): x, y, the radius across the spine and `side`, the radius along `side`.
        paint: of the faces.
        z: of the spine, one number or one for each of its points.
        side: unit vector across the spine.
        sides: corners of a cross-section.
        layer: of all faces.
    """
    rows = np.asarray(spine, dtype=np.float64)
    centers = np.column_stack([rows[:, :2], np.broadcast_to(z, len(rows))])
    along = np.gradient(centers, axis=0)
    up = np.cross(np.asarray(side), along)
    up /= np.maximum(np.linalg.norm(up, axis=1), 1e-9)[:, None]
    angles = (np.arange(sides) + 0.5) * 2 * np.pi / sides
    rings = (
        centers[:, None]
        + np.cos(angles)[:, None] * (rows[:, 2, None] * up)[:, None]
        + np.sin(angles)[:, None] * np.asarray(side) * rows[:, 3, None, None]
    )
    loft(builder, rings, paint, layer)
    for corners, out in ((rings[0], centers[0] - centers[1]), (rings[-1], centers[-1] - centers[-2])):
        normal = np.cross(corners[sides // 2] - corners[0], corners[3 * sides // 4] - corners[sides // 4])
        x, y, z_out = (normal * np.sign(normal @ out) / max(float(np.linalg.norm(normal)), 1e-12)).tolist()
        builder.face(corners, painted(paint, corners), layer, (x, y, z_out))


def ball(
    builder: MeshBuilder,
    center: Sequence[float],
    radii: Sequence[float],
    paint: Paint,
    sides: int = 8,
    rings: int = 5,
    layer: int = 1,
) -> None:
    """An ellipsoid with radii along x, y and z."""
    (x, y, z), (rx, ry, rz) = center, radii
    turns = np.linspace(0.12, 0.88, rings) * np.pi
    spine = [(x, y - ry * np.cos(turn), rx * np.sin(turn), rz * np.sin(turn)) for turn in turns]
    tube(builder, spine, paint, z, sides=sides, layer=layer)


def disc(
    builder: MeshBuilder,
    center: Sequence[float],
    normal: Sequence[float],
    radius: float,
    color: Color,
    layer: int,
    height: float | None = None,
) -> None:
    """A disc on a surface, such as an eye, seen from the side of its normal; `height` is its upright radius."""
    out = np.asarray(normal, dtype=np.float64) / np.linalg.norm(normal)
    right = np.cross(Y, out)
    right /= np.linalg.norm(right)
    up = np.cross(out, right)
    turns = np.arange(10)[:, None] * 2 * np.pi / 10
    corners = np.asarray(center) + radius * np.cos(turns) * right + (height or radius) * np.sin(turns) * up
    x, y, z = out.tolist()
    builder.face(corners, color, layer, (x, y, z))


def turn_about(axis: int, angle: float, pivot: Sequence[float]) -> tuple[Floats, Floats]:
    """Rotation about the axis x (0), y (1) or z (2) by `angle` radians about a pivot (x, y, z)."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.eye(3)
    rotation[first, first] = rotation[second, second] = cos
    rotation[first, second], rotation[second, first] = -sin, sin
    return rotation, np.asarray(pivot) - rotation @ np.asarray(pivot)


def swaying(
    axis: int, pivot: Sequence[float], amplitude: float, rate_hz: float, phase: float, rest: float = 0
) -> Motion:
    """A slow swing of a head, a tail or a wing about an axis, around the angle `rest`, in radians."""
    return lambda time_s, way_m: turn_about(
        axis, rest + amplitude * float(np.sin(2 * np.pi * (rate_hz * time_s + phase))), pivot
    )


def striding(hip: Sequence[float], amplitude: float, stride_m: float, phase: float) -> Motion:
    """The upper part of a leg: one swing to and fro about the hip in each stride of `stride_m` meters."""
    return lambda time_s, way_m: turn_about(2, amplitude * np.sin(2 * np.pi * (way_m / stride_m + phase)), hip)


def jointed(upper: Motion, joint: Sequence[float], angle: Callable[[float], float]) -> Motion:
    """The lower part of a limb: it follows the upper part, and turns about the joint by an angle that the way gives."""

    def motion(time_s: float, way_m: float) -> tuple[Floats, Floats]:
        rotation, shift = upper(time_s, way_m)
        folded, moved = turn_about(2, angle(way_m), joint)
        return rotation @ folded, rotation @ moved + shift

    return motion


def folding(bend: float, stride_m: float, phase: float) -> Callable[[float], float]:
    """The angle of a knee: it folds back by up to `bend` radians while its leg swings forward."""
    return lambda way_m: -bend * max(0.0, float(np.cos(2 * np.pi * (way_m / stride_m + phase))))


def facing_camera(figure: Figure) -> Figure:
    """A figure that faces +x, turned to the camera."""
    turned = turn_about(1, np.pi / 2, (0.0, 0.0, 0.0))

    def motion_of(part: Part) -> Motion:
        def motion(time_s: float, way_m: float) -> tuple[Floats, Floats]:
            rotation, shift = part.motion(time_s, way_m) if part.motion else (np.eye(3), np.zeros(3))
            return turned[0] @ rotation, turned[0] @ shift

        return motion

    return Figure([Part(part.mesh, motion_of(part)) for part in figure.parts], figure.footprint @ turned[0].T)
