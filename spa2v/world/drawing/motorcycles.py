"""A motorcycle with its rider, in meters, driving towards +x, wheels on y = 0."""

from __future__ import annotations

from spa2v.world.drawing.look import DARK_GLASS, MOTORCYCLE_PAINT, PAINT, TIRE, Look
from spa2v.world.drawing.mesh import Color, MeshBuilder, ellipse, limb, shade
from spa2v.world.drawing.outlines import rect
from spa2v.world.drawing.parts import Figure, Part, box_footprint
from spa2v.world.drawing.vehicles import HEADLIGHT, STEEL, TAILLIGHT
from spa2v.world.drawing.wheels import wheel


def motorcycle(seed: int) -> Figure:
    """A motorcycle with a helmeted rider."""
    look = Look(seed)
    paint = PAINT[look.pick(MOTORCYCLE_PAINT)]
    jacket: Color = look.pick([(40, 42, 50), (90, 30, 30), (40, 60, 110)])
    builder = MeshBuilder()
    builder.prism(limb((0.75, 0.33), (0.42, 0.98), 0.09), 0.09, STEEL, 2)
    builder.prism([(-0.35, 0.3), (0.4, 0.28), (0.45, 0.62), (-0.3, 0.66)], 0.17, (74, 78, 86), 2)
    builder.side(ellipse(0.05, 0.45, 0.16, 0.16, 12), STEEL, 0.175, 4)
    builder.prism([(-0.1, 0.68), (0.46, 0.7), (0.4, 0.95), (0.08, 0.98), (-0.12, 0.84)], 0.16, paint, 4)
    builder.prism([(-0.95, 0.86), (-0.75, 0.72), (-0.1, 0.7), (-0.08, 0.82), (-0.5, 0.82)], 0.14, shade(paint, 0.75), 4)
    builder.prism(limb((-0.15, 0.28), (-0.95, 0.36), 0.11), 0.2, (176, 180, 186), 4)
    builder.prism([(0.42, 0.86), (0.62, 0.84), (0.6, 1.12), (0.44, 1.14)], 0.15, paint, 4)
    builder.front(limb((-0.42, 1.06), (0.42, 1.06), 0.06), STEEL, 0.62, 12)
    builder.front([(-0.2, 0.72), (0.2, 0.72), (0.26, 1.0), (0.14, 1.22), (-0.14, 1.22), (-0.26, 1.0)], paint, 0.63, 13)
    builder.front([(-0.14, 1.08), (0.14, 1.08), (0.1, 1.22), (-0.1, 1.22)], DARK_GLASS, 0.64, 14)
    builder.front(ellipse(0, 0.93, 0.13, 0.12, 14), HEADLIGHT, 0.64, 14)
    builder.front(rect(0, 0.8, 0.13, 0.06), TAILLIGHT, -0.97, 14)
    builder.front(limb((0, 0.72), (0, 0.3), 0.12), TIRE, 0.9, 14)
    builder.front(limb((0, 0.66), (0, 0.3), 0.16), TIRE, -0.98, 13)
    builder.prism(limb((-0.3, 0.86), (0.12, 0.6), 0.2, 0.15), 0.22, (44, 50, 74), 6)
    builder.prism(limb((0.12, 0.6), (-0.08, 0.26), 0.15, 0.12), 0.21, (44, 50, 74), 6)
    builder.prism(limb((-0.32, 0.9), (0.04, 1.38), 0.34, 0.3), 0.22, jacket, 8)
    builder.prism(limb((0.04, 1.34), (0.42, 1.08), 0.13, 0.1), 0.27, shade(jacket, 1.25), 10)
    builder.prism(ellipse(0.14, 1.62, 0.17, 0.18, 14), 0.13, paint, 10)
    builder.side([(0.1, 1.58), (0.29, 1.56), (0.3, 1.68), (0.14, 1.7)], (30, 34, 44), 0.135, 12)
    builder.front([(-0.11, 1.56), (0.11, 1.56), (0.11, 1.7), (-0.11, 1.7)], (30, 34, 44), 0.31, 12)
    parts = [Part(builder.build())]
    for x in (0.75, -0.72):
        parts += wheel(x, 0.33, 0.07, 0.14, rim=(150, 154, 160), spokes=7)
    return Figure(parts, box_footprint(1.05, 0.3))
