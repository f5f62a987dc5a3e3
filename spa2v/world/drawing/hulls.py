"""Round bodies made of flat faces: hulls, tubes, balls and wings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from spa2v.world.drawing.mesh import Color, Floats, MeshBuilder

Point3 = Sequence[float]
Paint = Color | Callable[[Floats], Color]
"""A color, or a color by the middle (x, y, z) of a face."""


def loft(
    builder: MeshBuilder, rings: ArrayLike, colors: Paint | list[Color], layer: int = 1, closed: bool = True
) -> None:
    """A skin over cross-sections, its faces seen from outside.

    Args:
        builder: what the faces are added to.
        rings: shape (m, k, 3), m sections of k corresponding points.
        colors: one for all or by place, or one for each of the k strips (k - 1 when open) along the body.
        layer: of all faces.
        closed: whether the last point of a section is joined to its first.
    """
    sections = np.asarray(rings, dtype=np.float64)
    around = np.roll(sections, -1, axis=1)
    if not closed:
        sections, around = sections[:, :-1], around[:, :-1]
    quads = np.stack([sections[:-1], around[:-1], around[1:], sections[1:]], axis=2)  # (m - 1, strips, 4, 3)
    middles = np.asarray(rings, dtype=np.float64).mean(axis=1)
    inside = (middles[:-1] + middles[1:])[:, None] / 2
    normals = np.cross(quads[:, :, 2] - quads[:, :, 0], quads[:, :, 3] - quads[:, :, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9)
    outside = np.einsum("ijk,ijk->ij", normals, quads.mean(axis=2) - inside) >= 0
    normals *= np.where(outside, 1.0, -1.0)[:, :, None]
    for corners, directions in zip(quads, normals.tolist(), strict=True):
        for index, (x, y, z) in enumerate(directions):
            paint = colors[index] if isinstance(colors, list) else painted(colors, corners[index])
            builder.face(corners[index], paint, layer, (x, y, z))


def painted(paint: Paint, corners: Floats) -> Color:
    """The color of a face with these corners (k, 3)."""
    return paint(corners.mean(axis=0)) if callable(paint) else paint


def rounds(sections: ArrayLike, count: int = 10, start: float = 0.0) -> Floats:
    """Elliptic cross-sections of a body that lies along x.

    Args:
        sections: shape (m, 4), rows of x, y of the middle, half height, half width.
        count: points of a section.
        start: angle of the first point in degrees, from +z upwards.

    Returns:
        shape (m, count, 3), for `loft`.
    """
    angles = np.radians(start + np.arange(count) * 360.0 / count)
    x, y, high, wide = np.asarray(sections, dtype=np.float64).T[:, :, None]
    return np.stack(np.broadcast_arrays(x, y + high * np.sin(angles), wide * np.cos(angles)), axis=2)


def tube(
    builder: MeshBuilder,
    a: Point3,
    b: Point3,
    radius: float,
    end_radius: float | None = None,
    *,
    color: Color,
    layer: int = 1,
    count: int = 6,
) -> None:
    """A tapered bar from a to b, closed at both ends."""
    first, last = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    along = (last - first) / np.linalg.norm(last - first)
    across = np.cross(along, (0.0, 0.0, 1.0) if abs(along[2]) < 0.9 else (0.0, 1.0, 0.0))
    across /= np.linalg.norm(across)
    angles = np.arange(count) * 2 * np.pi / count
    circle = np.outer(np.cos(angles), across) + np.outer(np.sin(angles), np.cross(along, across))
    ends = first + circle * radius, last + circle * (radius if end_radius is None else end_radius)
    loft(builder, ends, color, layer)
    for points, sign in zip(ends, (-1.0, 1.0), strict=True):
        x, y, z = (sign * along).tolist()
        builder.face(points, color, layer, (x, y, z))


def ball(
    builder: MeshBuilder,
    center: Point3,
    radii: Point3,
    color: Color,
    layer: int = 1,
    span: tuple[float, float] = (-90.0, 90.0),
    rows: int = 4,
) -> None:
    """An ellipsoid with upright axis, or the zone of it between two latitudes in degrees."""
    latitudes = np.radians(np.linspace(*span, rows + 1))[:, None]
    angles = np.arange(8) * np.pi / 4
    points = np.broadcast_arrays(
        np.cos(latitudes) * np.cos(angles), np.sin(latitudes), np.cos(latitudes) * np.sin(angles)
    )
    loft(builder, np.asarray(center) + np.asarray(radii) * np.stack(points, axis=2), color, layer)


def slab(
    builder: MeshBuilder, outline: ArrayLike, heights: ArrayLike, thickness: float, color: Color, layer: int = 1
) -> None:
    """A thin plate such as a wing.

    Args:
        builder: what the faces are added to.
        outline: shape (k, 2), corners (x, z).
        heights: of the corners' middle, shape (k,) or a number.
        thickness: in meters.
        color: of all faces.
        layer: of all faces.
    """
    plane = np.asarray(outline, dtype=np.float64)
    middle = np.column_stack([plane[:, 0], np.broadcast_to(heights, len(plane)), plane[:, 1]])
    lift = np.array([0.0, thickness / 2, 0.0])
    loft(builder, [middle - lift, middle + lift], color, layer)
    builder.face(middle + lift, color, layer, (0.0, 1.0, 0.0))
    builder.face(middle - lift, color, layer, (0.0, -1.0, 0.0))
