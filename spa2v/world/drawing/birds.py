"""A bird in meters that flies or looks towards +x: flapping wings in the air, folded ones and legs when it sits."""

from __future__ import annotations

from dataclasses import dataclass

from spa2v.world.drawing.look import Look
from spa2v.world.drawing.mesh import Color, Floats, MeshBuilder, shade
from spa2v.world.drawing.parts import Figure, Part, disc_footprint
from spa2v.world.drawing.solids import X, ball, disc, swaying, tube

BODY, HEAD, TAIL, LEFT, RIGHT = 0, 1, 2, 3, 4  # groups
LEG: Color = (196, 120, 70)


@dataclass(frozen=True)
class Plumage:
    """Colors of the back, the breast, the wings, the tips of wings and tail, and the beak."""

    back: Color
    breast: Color
    wing: Color
    tip: Color
    beak: Color


PLUMAGE = (
    Plumage((236, 236, 238), (246, 246, 246), (226, 228, 234), (70, 74, 82), (240, 180, 60)),  # gull
    Plumage((150, 156, 170), (176, 170, 182), (168, 174, 186), (70, 74, 88), (90, 80, 84)),  # pigeon
    Plumage((36, 36, 42), (46, 46, 54), (30, 30, 36), (18, 18, 22), (60, 60, 64)),  # crow
    Plumage((214, 44, 40), (226, 60, 44), (40, 90, 190), (244, 200, 50), (60, 56, 56)),  # parrot
    Plumage((60, 120, 196), (232, 150, 84), (50, 104, 180), (36, 60, 110), (70, 66, 66)),  # bluebird
    Plumage((140, 100, 64), (222, 204, 176), (124, 84, 52), (70, 48, 34), (226, 160, 60)),  # sparrow
)


def bird(seed: int, moving: bool = False) -> Figure:
    """A bird as long as a crow or a gull: in flight when it moves, else perched."""
    look = Look(seed)
    coat = look.pick(PLUMAGE)
    return _flying(look, coat) if moving else _perched(look, coat)


def _head(builder: MeshBuilder, coat: Plumage, x: float, y: float) -> None:
    ball(builder, (x, y, 0.0), (0.075, 0.068, 0.066), coat.back, sides=10, rings=6)
    beak = [(x + 0.05, y - 0.005, 0.03, 0.03), (x + 0.09, y - 0.01, 0.022, 0.02), (x + 0.145, y - 0.025, 0.004, 0.004)]
    tube(builder, beak, coat.beak, sides=6, layer=2)
    for sign in (-1.0, 1.0):
        place, out = (x + 0.045, y + 0.02, 0.052 * sign), (0.6, 0.1, 0.8 * sign)
        disc(builder, place, out, 0.02, (250, 244, 210), 3)
        disc(builder, place, out, 0.012, (18, 16, 18), 4)


def _flying(look: Look, coat: Plumage) -> Figure:
    body, head, tail = (MeshBuilder(group) for group in (BODY, HEAD, TAIL))
    middle = 0.4
    spine = ((-0.26, 0.03, 0.03), (-0.14, 0.08, 0.075), (0.0, 0.1, 0.095), (0.12, 0.09, 0.085), (0.22, 0.05, 0.05))

    def paint(center: Floats) -> Color:
        return coat.breast if center[1] < middle - 0.01 else coat.back

    tube(body, [(x, middle, r, w) for x, r, w in spine], paint)
    _head(head, coat, 0.26, middle + 0.05)
    for first, color, layer in ((-0.18, coat.wing, 1), (-0.4, coat.tip, 2)):
        width = 0.03 - 0.3 * (first + 0.18)
        tube(tail, [(first, middle, 0.02, width), (-0.5, middle - 0.05, 0.014, 0.12)], color, sides=6, layer=layer)
    parts = [Part(body.build()), Part(head.build()), Part(tail.build())]
    rate, phase = look.between(1.6, 2.6), look.between(0, 1)
    for sign, group in ((1.0, LEFT), (-1.0, RIGHT)):
        parts += _wing(coat, sign, group, middle + 0.06, rate, phase)
    return Figure(parts, disc_footprint(0.3, 0.3))


def _wing(coat: Plumage, sign: float, group: int, y: float, rate: float, phase: float) -> list[Part]:
    """An inner half that beats about the shoulder, and an outer half that follows a little later."""
    builder = MeshBuilder(group)
    inner = [(0.16, 0.04), (0.2, 0.26), (0.13, 0.5), (-0.14, 0.46), (-0.16, 0.24), (-0.14, 0.04)]
    outer = [(0.14, 0.48), (0.06, 0.66), (-0.12, 0.74), (-0.16, 0.62), (-0.15, 0.46)]
    cover = [(0.16, 0.04), (0.2, 0.26), (0.13, 0.5), (0.03, 0.48), (0.06, 0.25), (0.04, 0.04)]
    for outline, color, layer in ((inner, coat.wing, 1), (outer, coat.tip, 1), (cover, shade(coat.wing, 0.86), 2)):
        lift = [0.3 * x + 0.16 * max(0.0, z - 0.26) for x, z in outline]
        builder.face([(x, y + up, sign * z) for (x, z), up in zip(outline, lift, strict=True)], color, layer)
    motion = swaying(0, (0.0, y, sign * 0.04), -sign * 0.65, rate, phase, -sign * 0.25)
    return [Part(builder.build(), motion)]


def _perched(look: Look, coat: Plumage) -> Figure:
    body, head, tail = (MeshBuilder(group) for group in (BODY, HEAD, TAIL))

    def paint(center: Floats) -> Color:
        return coat.breast if center[0] > -0.9 * (center[1] - 0.2) + 0.02 else coat.back

    spine = [
        (-0.2, 0.1, 0.03, 0.04),
        (-0.12, 0.15, 0.09, 0.09),
        (0.0, 0.21, 0.11, 0.105),
        (0.08, 0.29, 0.085, 0.085),
        (0.11, 0.36, 0.055, 0.055),
    ]
    tube(body, spine, paint)
    for sign in (-1.0, 1.0):
        wing = [(0.03, 0.3), (-0.05, 0.3), (-0.2, 0.16), (-0.33, 0.06), (-0.12, 0.1), (0.03, 0.19)]
        tip = [(-0.17, 0.16), (-0.34, 0.05), (-0.14, 0.1)]
        for outline, color, layer in ((wing, coat.wing, 2), (tip, coat.tip, 3)):
            corners = [(x, y, sign * (0.1 + 0.12 * min(0.0, x))) for x, y in outline]
            body.face(corners, color, layer, (0.0, 0.0, sign))
        leg = [(0.0, 0.13, 0.012, 0.012), (0.02, 0.02, 0.01, 0.01), (0.03, 0.0, 0.03, 0.02)]
        tube(body, leg, LEG, sign * 0.045, X, 6, layer=0)
    tube(tail, [(-0.17, 0.12, 0.02, 0.05), (-0.4, 0.04, 0.012, 0.06)], coat.tip, sides=6)
    _head(head, coat, 0.13, 0.4)
    nod = swaying(2, (0.1, 0.35, 0.0), 0.14, look.between(0.6, 1.1), look.between(0, 1))
    flick = swaying(2, (-0.17, 0.12, 0.0), 0.1, look.between(0.8, 1.4), look.between(0, 1))
    return Figure([Part(body.build()), Part(head.build(), nod), Part(tail.build(), flick)], disc_footprint(0.2, 0.1))
