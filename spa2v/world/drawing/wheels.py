"""Wheels that turn."""

from __future__ import annotations

import numpy as np

from spa2v.world.drawing.look import RIM, TIRE
from spa2v.world.drawing.mesh import Color, Floats, MeshBuilder, ellipse
from spa2v.world.drawing.parts import Part, rolling

LAYER = 6


def wheel(
    x: float, radius: float, z: float, width: float, rim: Color = RIM, spokes: int = 5, group: int = 0
) -> list[Part]:
    """The two wheels of an axle at x: tires that stand still as shapes, and spokes that turn.

    Args:
        x: of the axle; it lies `radius` above the ground.
        z: half the distance of the outer sides.
        width: of a tire.
        rim: color of the rims.
        spokes: how many.
        group: the body that the axle belongs to.
    """
    builder, turning = MeshBuilder(group), MeshBuilder(group)
    _tires(builder, x, radius, z, width, rim)
    _spokes(turning, x, radius, z, spokes)
    return [Part(builder.build()), Part(turning.build(), rolling(radius, (x, radius)))]


def open_wheel(x: float, radius: float, rim: Color, spokes: int = 8, width: float = 0.05) -> list[Part]:
    """A narrow wheel in the middle of its vehicle that one can see through, as of a bicycle."""
    builder, turning = MeshBuilder(), MeshBuilder()
    for outer, inner, color, z in ((1.0, 0.84, TIRE, width / 2), (0.86, 0.78, rim, width / 2 + 0.005)):
        rings = [ellipse(x, radius, radius * part, radius * part, 20) for part in (outer, inner)]
        rings = [np.concatenate([ring, ring[:1]]) for ring in rings]
        builder.side(np.concatenate([rings[0], rings[1][::-1]]), color, z, 1)
    _tread(builder, ellipse(x, radius, radius, radius, 20), -width / 2, width / 2)
    _spokes(turning, x, radius * 1.3, width / 2, spokes, color=(150, 154, 160), y=radius)
    return [Part(builder.build()), Part(turning.build(), rolling(radius, (x, radius)))]


def _tires(builder: MeshBuilder, x: float, radius: float, z: float, width: float, rim: Color) -> None:
    ring = ellipse(x, radius, radius, radius, 18)
    for sign in (-1.0, 1.0):
        _tread(builder, ring, sign * (z - width), sign * z)
        inner = np.column_stack([ring, np.full(len(ring), sign * (z - width))])
        builder.face(inner, TIRE, 0)
    builder.side(ring, TIRE, z, LAYER)
    builder.side(ellipse(x, radius, radius * 0.62, radius * 0.62, 14), rim, z + 0.004, LAYER + 1)
    builder.side(ellipse(x, radius, radius * 0.14, radius * 0.14, 8), TIRE, z + 0.012, LAYER + 3)


def _tread(builder: MeshBuilder, ring: Floats, inner: float, outer: float) -> None:
    center = ring.mean(axis=0)
    for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        direction = (a + b) / 2 - center
        direction /= np.linalg.norm(direction)
        corners = [(*a, inner), (*a, outer), (*b, outer), (*b, inner)]
        builder.face(corners, TIRE, 0, (float(direction[0]), float(direction[1]), 0.0))


def _spokes(
    builder: MeshBuilder,
    x: float,
    radius: float,
    z: float,
    count: int,
    color: Color = (84, 88, 96),
    y: float | None = None,
) -> None:
    for angle in np.arange(count) * 2 * np.pi / count:
        along = np.array([np.cos(angle), np.sin(angle)])
        across = np.array([-along[1], along[0]]) * radius * 0.07
        tip = along * radius * 0.6
        bar = np.array([x, radius if y is None else y]) + np.array([-across, tip - across, tip + across, across])
        builder.side(bar, color, z + 0.008, LAYER + 2)
