"""A church bell that swings in a turret or under a beam, in meters, standing on y = 0 and facing the camera."""

from __future__ import annotations

import numpy as np

from spa2v.world.drawing.look import WOOD, Look
from spa2v.world.drawing.mesh import Color, Floats, MeshBuilder, ellipse, limb, shade
from spa2v.world.drawing.outlines import rect_between
from spa2v.world.drawing.parts import Figure, Part, box_footprint, swinging

BRONZE: tuple[Color, ...] = ((206, 152, 54), (184, 116, 52), (222, 178, 84), (112, 146, 120))
STONE: tuple[Color, ...] = ((188, 178, 160), (172, 150, 134), (206, 202, 194))
ROOF: tuple[Color, ...] = ((160, 62, 44), (74, 86, 104), (92, 124, 104))
IRON: Color = (44, 42, 44)
# Half of a bell's outline, (x, y) below its pivot: crown, shoulder, waist, lip.
PROFILE = ((0.1, -0.12), (0.24, -0.17), (0.31, -0.32), (0.34, -0.6), (0.42, -0.86), (0.58, -1.06), (0.6, -1.13))


def bell(seed: int) -> Figure:
    """A bell with its clapper, both swinging."""
    look = Look(seed)
    bronze, pivot = look.pick(BRONZE), (0.0, 2.52)
    size = look.between(0.95, 1.15)
    still, swung, clapper = MeshBuilder(), MeshBuilder(), MeshBuilder()
    if look.between(0, 1) < 0.6:
        _turret(still, look)
    else:
        _beam(still, look)
    _body(swung, bronze, size, pivot)
    clapper.flat(limb(pivot, (0.0, pivot[1] - 1.12 * size), 0.05), IRON, 4)
    clapper.flat(ellipse(0.0, pivot[1] - 1.2 * size, 0.11, 0.12, 12), IRON, 7)
    rate, phase = look.between(0.45, 0.7), look.between(0, 1)
    parts = [Part(still.build()), Part(swung.build(), swinging(pivot, 0.34, rate, phase))]
    parts.append(Part(clapper.build(), swinging(pivot, 0.42, rate, phase - 0.06)))
    return Figure(parts, box_footprint(1.2, 0.5))


def _body(builder: MeshBuilder, bronze: Color, size: float, pivot: tuple[float, float]) -> None:
    half = np.array(PROFILE) * size

    def across(low: float, high: float, left: float, right: float) -> Floats:
        """The part of the outline between two heights and two shares of its half width."""
        heights = np.linspace(low, high, 7) * size
        widths = np.interp(-heights, -half[:, 1], half[:, 0])
        right_side = np.column_stack([right * widths, heights])
        return np.concatenate([right_side, np.column_stack([left * widths, heights])[::-1]]) + pivot

    builder.flat(rect_between(-0.07, 0.07, pivot[1] - 0.16, pivot[1] + 0.05), IRON, 4)
    builder.flat(np.concatenate([half, half[::-1] * (-1, 1)]) + pivot, bronze, 5)
    builder.flat(ellipse(0.0, pivot[1] - 1.13 * size, 0.6 * size, 0.06, 18), shade(bronze, 0.45), 5)
    builder.flat(across(-1.1, -0.17, 0.5, 1.0), shade(bronze, 0.74), 6)
    builder.flat(across(-1.06, -0.2, -0.62, -0.34), shade(bronze, 1.28), 6)
    for y in (-0.27, -0.36, -0.88):
        builder.flat(across(y - 0.035, y, -1.0, 1.0), shade(bronze, 0.6), 7)
    builder.flat(across(-1.13, -1.05, -1.0, 1.0), shade(bronze, 0.86), 7)


def _turret(builder: MeshBuilder, look: Look) -> None:
    """Two pillars on a low wall under a pointed roof, dark inside."""
    stone, roof = look.pick(STONE), look.pick(ROOF)
    builder.flat(rect_between(-0.9, 0.9, 0.9, 2.75), (50, 46, 52), 0)
    builder.flat(rect_between(-1.2, 1.2, 0.0, 1.0), stone, 1)
    builder.flat(rect_between(-1.28, 1.28, 0.96, 1.08), shade(stone, 1.1), 2)
    for row in range(4):
        builder.flat(rect_between(-1.2, 1.2, 0.24 * row, 0.24 * row + 0.02), shade(stone, 0.78), 2)
        for x in np.arange(-1.0 + 0.25 * (row % 2), 1.1, 0.5):
            builder.flat(rect_between(x, x + 0.02, 0.24 * row, 0.24 * row + 0.24), shade(stone, 0.78), 2)
    for x in (-1.2, 0.9):
        builder.flat(rect_between(x, x + 0.3, 1.08, 2.7), stone, 1)
        builder.flat(rect_between(x + 0.2, x + 0.3, 1.08, 2.7), shade(stone, 0.84), 2)
    builder.flat([(-0.95, 2.72), (0.95, 2.72), (0.9, 2.4), (0.55, 2.62), (-0.55, 2.62), (-0.9, 2.4)], stone, 2)
    builder.flat(rect_between(-0.9, 0.9, 2.5, 2.62), WOOD[2], 3)
    builder.flat([(-1.45, 2.68), (1.45, 2.68), (0.0, 3.75)], roof, 8)
    builder.flat([(0.3, 2.68), (1.45, 2.68), (0.0, 3.75)], shade(roof, 0.8), 8)
    builder.flat(rect_between(-1.45, 1.45, 2.64, 2.72), shade(roof, 0.6), 8)
    builder.flat(rect_between(-0.03, 0.03, 3.7, 4.15), IRON, 8)
    builder.flat(rect_between(-0.15, 0.15, 3.94, 4.0), IRON, 8)


def _beam(builder: MeshBuilder, look: Look) -> None:
    """A wooden beam on two braced posts."""
    wood = look.pick(WOOD)
    for side in (-1.0, 1.0):
        builder.flat(limb((side * 1.0, 2.6), (side * 1.1, 0.0), 0.18), wood, 1)
        builder.flat(limb((side * 1.02, 1.9), (side * 0.55, 2.6), 0.11), shade(wood, 0.8), 0)
        builder.flat(limb((side * 1.06, 0.9), (side * 1.42, 0.02), 0.13), shade(wood, 0.8), 0)
    builder.flat(rect_between(-1.35, 1.35, 2.5, 2.72), wood, 3)
    builder.flat(rect_between(-1.35, 1.35, 2.5, 2.56), shade(wood, 0.75), 3)
    builder.flat([(-1.5, 2.7), (1.5, 2.7), (1.1, 3.05), (-1.1, 3.05)], look.pick(ROOF), 3)
