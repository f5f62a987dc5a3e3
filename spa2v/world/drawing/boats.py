"""A motor boat, in meters, sailing towards +x; y = 0 is the water."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from spa2v.world.drawing.hulls import ball, loft, slab, tube
from spa2v.world.drawing.look import BOAT_PAINT, DARK_GLASS, GLASS, PAINT, SKIN, WOOD, Look
from spa2v.world.drawing.mesh import Color, Floats, MeshBuilder, ellipse, shade
from spa2v.world.drawing.outlines import block, rect
from spa2v.world.drawing.parts import Figure, Part, box_footprint, swinging
from spa2v.world.drawing.people import SHIRT

FOAM: Color = (236, 244, 248)
WHITE: Color = (240, 240, 236)


def boat(seed: int) -> Figure:
    """A fishing boat with a wheelhouse and a mast, or an open launch with a helmsman and an outboard motor."""
    look = Look(seed)
    paint = PAINT[look.pick(BOAT_PAINT)]
    keel = look.pick(((168, 40, 36), (30, 50, 96), (36, 38, 44)))
    large = look.between(0, 1) < 0.6
    length = look.between(3.0, 3.6) if large else look.between(2.4, 2.8)
    builder = MeshBuilder()
    _hull(builder, length, 1.3 if large else 1.0, 1.1 if large else 0.8, paint, keel)
    if large:
        _wheelhouse(builder, look, WHITE if paint != PAINT["white"] else look.pick((WOOD[1], (60, 100, 160), WHITE)))
    else:
        _helm(builder, look, length)
    foam = MeshBuilder()
    _foam(foam, length, 1.15 if large else 0.9)
    sway = swinging((0.0, 0.0), 0.02, look.between(0.25, 0.5), look.between(0, 1))
    return Figure([Part(foam.build()), Part(builder.build(), sway)], box_footprint(length, 1.1))


def _sections(length: float, beam: float, depth: float) -> Floats:
    """Half-open cross-sections from the stern to the bow: rail, water line, water line, rail; shape (m, 6, 3)."""
    rows = (
        (-1.0, 0.86, 0.9),
        (-0.4, 1.0, 0.86),
        (0.2, 0.96, 0.92),
        (0.6, 0.7, 1.08),
        (0.85, 0.36, 1.26),
        (1.03, 0.02, 1.42),
    )
    rings = []
    for x, wide, high in rows:
        w, top, flare = beam * wide, depth * high, 0.6 if x > 0.5 else 0.84
        bow = 0.12 * length if x > 1 else 0.0
        half = [(0.0, flare * w, bow), (0.22 * depth, (flare + 0.05) * w, 0.8 * bow), (top, w, 0.0)]
        rings.append(
            [(x * length - back, y, z) for y, z, back in half[::-1]]
            + [(x * length - back, y, -z) for y, z, back in half]
        )
    return np.array(rings)


def _hull(builder: MeshBuilder, length: float, beam: float, depth: float, paint: Color, keel: Color) -> None:
    rings = _sections(length, beam, depth)
    strips = [paint, keel, keel, keel, paint]
    loft(builder, rings, strips, 2, closed=False)
    builder.face(rings[0], paint, 2, (-1.0, 0.0, 0.0))
    stern = rings[0][[1, 2, 3, 4]] + (-0.01, 0.0, 0.0)
    builder.face(stern, keel, 3, (-1.0, 0.0, 0.0))
    deck = np.concatenate([rings[:, 0], rings[::-1, 5]]) - (0.0, 0.12 * depth, 0.0)
    builder.face(deck, (196, 164, 118), 1)
    edge = shade(paint, 0.7) if paint != PAINT["white"] else (60, 90, 150)
    for a, b in pairwise(rings):
        for side in (0, 5):
            tube(builder, a[side], b[side], 0.06, color=edge, layer=3, count=4)


def _wheelhouse(builder: MeshBuilder, look: Look, paint: Color) -> None:
    x, top = look.between(-1.1, -0.5), look.between(2.5, 2.8)
    house = [(x - 0.8, 0.8), (x + 1.0, 0.8), (x + 0.8, top), (x - 0.75, top)]
    builder.prism(house, 0.78, paint, 4, top=0.7)
    builder.side([(x - 0.6, 1.75), (x + 0.02, 1.75), (x, 2.25), (x - 0.58, 2.25)], DARK_GLASS, 0.79, 6)
    builder.side([(x + 0.15, 1.75), (x + 0.8, 1.75), (x + 0.72, 2.25), (x + 0.15, 2.25)], GLASS, 0.79, 6)
    for z in (-0.36, 0.36):
        pane = [(z - 0.28, 1.75), (z + 0.28, 1.75), (z + 0.28, 2.25), (z - 0.28, 2.25)]
        builder.face([(x + 1.01, height, across) for across, height in pane], DARK_GLASS, 6, (1.0, 0.0, 0.0))
    builder.front(rect(0, 1.5, 0.3, 0.6), shade(paint, 0.6), x - 0.81, 6)
    builder.box(
        (x - 0.95, top, -0.85), (x + 1.05, top + 0.12, 0.85), shade(paint, 0.75) if paint != WHITE else (200, 70, 50), 7
    )
    for z in (-0.86, 0.86):
        builder.flat(ellipse(x - 1.4, 1.2, 0.3, 0.3, 14), (236, 104, 30), 5, z)
        builder.flat(ellipse(x - 1.4, 1.2, 0.14, 0.14, 10), WHITE, 5, z)
    tube(builder, (x + 0.2, top, 0.0), (x + 0.2, top + 1.5, 0.0), 0.05, color=(90, 70, 50), layer=8, count=4)
    tube(builder, (x + 0.2, top + 1.4, 0.0), (2.9, 1.5, 0.0), 0.02, color=(70, 70, 74), layer=8, count=4)
    flag = look.pick(((214, 40, 44), (40, 90, 180), (250, 200, 40)))
    builder.face(
        [
            (x + 0.15, top + 1.45, 0.0),
            (x - 0.6, top + 1.38, 0.1),
            (x - 0.6, top + 0.95, 0.1),
            (x + 0.15, top + 1.0, 0.0),
        ],
        flag,
        8,
    )
    if look.between(0, 1) < 0.6:
        tube(builder, (x - 0.45, top, 0.0), (x - 0.5, top + 0.75, 0.0), 0.2, color=(60, 62, 68), layer=8, count=8)
        tube(builder, (x - 0.48, top + 0.45, 0.0), (x - 0.49, top + 0.6, 0.0), 0.21, color=flag, layer=9, count=8)


def _helm(builder: MeshBuilder, look: Look, length: float) -> None:
    shirt, skin = look.pick(SHIRT), look.pick(SKIN)
    screen = [(0.75, 0.72, -0.75), (0.75, 0.72, 0.75), (0.4, 1.25, 0.62), (0.4, 1.25, -0.62)]
    builder.box((0.3, 0.5, -0.78), (1.0, 0.78, 0.78), shade(WOOD[0], 1.1), 4)
    builder.face(screen, GLASS, 5)
    builder.box((-0.75, 0.5, -0.7), (-0.5, 1.0, 0.7), (180, 60, 50), 4)
    builder.box((-0.45, 0.55, -0.24), (-0.15, 1.1, 0.24), shirt, 4)
    tube(builder, (-0.3, 0.9, 0.0), (-0.28, 1.4, 0.0), 0.24, 0.2, color=shirt, layer=4)
    ball(builder, (-0.25, 1.62, 0.0), (0.14, 0.17, 0.13), skin, 5)
    ball(
        builder,
        (-0.27, 1.67, 0.0),
        (0.16, 0.15, 0.15),
        look.pick((WHITE, (40, 28, 22), (200, 40, 40))),
        6,
        (10.0, 90.0),
        2,
    )
    for side in (-1.0, 1.0):
        tube(builder, (-0.28, 1.3, side * 0.22), (0.28, 1.0, side * 0.2), 0.07, color=shirt, layer=4, count=4)
    builder.box((-length - 0.45, 0.6, -0.22), (-length + 0.05, 1.15, 0.22), (44, 46, 54), 4)
    builder.box((-length - 0.3, 0.0, -0.1), (-length - 0.1, 0.6, 0.1), (120, 124, 132), 3)
    builder.side(block(-length - 0.42, 0.85, 0.42, 0.1), (214, 60, 50), 0.225, 5)


def _foam(builder: MeshBuilder, length: float, beam: float) -> None:
    """White water around the hull, thrown up at the bow and trailing behind the stern."""
    outline = [(1.0, 0.2), (0.5, 1.0), (-1.0, 1.1), (-1.35, 0.8), (-1.5, 0.0)]
    shape = [(x * length, z * beam) for x, z in outline] + [(x * length, -z * beam) for x, z in outline[::-1]]
    slab(builder, shape, 0.02, 0.04, FOAM, 0)
    for side in (-1.0, 1.0):
        crest = [(0.95, 0.0, 0.15), (0.86, 0.42, 0.3), (0.6, 0.22, 0.85), (0.35, 0.05, 1.05), (0.5, 0.0, 0.9)]
        builder.face([(x * length, y, side * z * beam) for x, y, z in crest], FOAM, 4, (0.4, 0.2, 0.89 * side))
