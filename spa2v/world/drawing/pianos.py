"""A grand piano and an upright piano, in meters, standing on y = 0 and facing the camera."""

from __future__ import annotations

import numpy as np

from spa2v.world.drawing.look import BRASS, EBONY, GOLD, WOOD, Look
from spa2v.world.drawing.mesh import Color, MeshBuilder, limb, shade
from spa2v.world.drawing.outlines import rect_between
from spa2v.world.drawing.parts import Figure, Part, box_footprint

IVORY: Color = (246, 244, 236)


def piano(seed: int) -> Figure:
    """A grand piano seen from the player's side of the room, or an upright piano."""
    look = Look(seed)
    color = look.pick((EBONY, EBONY, WOOD[2], (92, 40, 24)))
    return _grand(color) if look.between(0, 1) < 0.5 else _upright(color)


def _upright(color: Color) -> Figure:
    builder = MeshBuilder()
    light = shade(color, 1.5) if color == EBONY else shade(color, 1.25)
    builder.box((-0.76, 0.0, -0.1), (0.76, 1.28, 0.45), color, 1)
    builder.box((-0.8, 1.26, -0.14), (0.8, 1.33, 0.48), light, 2)
    builder.flat([(-0.62, 0.88), (0.62, 0.88), (0.62, 1.2), (-0.62, 1.2)], light, 3, -0.105)
    builder.flat([(-0.3, 0.92), (0.3, 0.92), (0.3, 1.17), (-0.3, 1.17)], (240, 236, 224), 4, -0.11)
    for y in (0.97, 1.02, 1.07, 1.12):
        builder.flat([(-0.26, y), (0.26, y), (0.26, y + 0.012), (-0.26, y + 0.012)], (120, 120, 120), 5, -0.11)
    builder.flat([(-0.66, 0.08), (0.66, 0.08), (0.66, 0.54), (-0.66, 0.54)], shade(light, 0.8), 3, -0.105)
    for x in (-0.72, 0.72):
        builder.box((x - 0.05, 0.0, -0.42), (x + 0.05, 0.66, -0.34), color, 5)
    builder.box((-0.76, 0.62, -0.45), (0.76, 0.72, -0.1), color, 5)
    _keys(builder, -0.7, 0.7, 0.725, -0.42, -0.12, 6)
    builder.flat(rect_between(-0.05, 0.05, 0.03, 0.07), BRASS, 6, -0.12)
    return Figure([Part(builder.build())], box_footprint(0.85, 0.5))


def _keys(builder: MeshBuilder, x1: float, x2: float, y: float, z1: float, z2: float, layer: int) -> None:
    """A keyboard lying at height y with its front at z1; the front edge shows as a white band."""
    count = 21
    width = (x2 - x1) / count
    top = [(x1, y, z1), (x2, y, z1), (x2, y + 0.02, z2), (x1, y + 0.02, z2)]
    builder.face(top, IVORY, layer)
    builder.flat(rect_between(x1, x2, y - 0.07, y), shade(IVORY, 0.9), layer, z1)
    for index in range(1, count):
        x = x1 + index * width
        builder.flat(rect_between(x - 0.004, x + 0.004, y - 0.07, y), (130, 128, 124), layer + 1, z1)
        if index % 7 not in (0, 3):
            a, b, front = x - width * 0.3, x + width * 0.3, z1 + (z2 - z1) * 0.35
            builder.face(
                [(a, y + 0.02, front), (b, y + 0.02, front), (b, y + 0.05, z2), (a, y + 0.05, z2)], EBONY, layer + 2
            )
            builder.flat(rect_between(a, b, y - 0.025, y + 0.03), EBONY, layer + 2, z1)


def _grand(color: Color) -> Figure:
    builder = MeshBuilder()
    light = (66, 62, 64) if color == EBONY else shade(color, 1.3)
    for x in (-0.72, 0.62):
        builder.flat([(x - 0.07, 0.66), (x + 0.07, 0.66), (x + 0.035, 0.0), (x - 0.035, 0.0)], shade(color, 0.8), 1)
    builder.flat([(0.02, 0.66), (0.12, 0.66), (0.09, 0.06), (0.05, 0.06)], shade(color, 0.8), 0)
    builder.flat([(-0.1, 0.1), (0.16, 0.1), (0.16, 0.06), (-0.1, 0.06)], BRASS, 0)
    lid = [
        (-0.86, 1.0),
        (0.82, 1.0),
        (0.98, 1.12),
        (0.98, 1.3),
        (0.72, 1.52),
        (0.3, 1.56),
        (0.0, 1.68),
        (-0.45, 1.74),
        (-0.8, 1.62),
    ]
    builder.flat(lid, color, 1)
    builder.flat(0.92 * np.asarray(lid) + (0.0, 0.09), light, 1)
    builder.flat([(-0.8, 1.0), (0.8, 1.0), (0.7, 1.12), (-0.72, 1.12)], GOLD, 2)
    for x in np.linspace(-0.66, 0.66, 16):
        builder.flat(rect_between(x, x + 0.012, 1.0, 1.12), (130, 96, 30), 3)
    builder.flat(limb((0.5, 1.0), (0.62, 1.42), 0.035), shade(light, 1.2), 3)
    builder.flat([(-0.9, 0.68), (0.9, 0.68), (0.94, 0.76), (0.94, 1.02), (-0.94, 1.02), (-0.94, 0.76)], color, 4)
    builder.flat([(-0.88, 0.94), (0.88, 0.94), (0.88, 0.99), (-0.88, 0.99)], light, 5)
    for x in (-0.9, 0.78):
        builder.flat(rect_between(x, x + 0.12, 0.68, 0.92), shade(light, 0.8), 5)
    _keys(builder, -0.76, 0.76, 0.84, -0.3, -0.04, 6)
    return Figure([Part(builder.build())], box_footprint(0.9, 0.45))
