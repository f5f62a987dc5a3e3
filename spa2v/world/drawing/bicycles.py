"""A bicycle with a rider who pedals, in meters, driving towards +x, wheels on y = 0."""

from __future__ import annotations

import numpy as np

from spa2v.world.drawing.hulls import ball, tube
from spa2v.world.drawing.look import BICYCLE_PAINT, PAINT, SKIN, Look
from spa2v.world.drawing.mesh import Color, Floats, MeshBuilder, shade
from spa2v.world.drawing.parts import Figure, Motion, Part, box_footprint, turn_in_plane
from spa2v.world.drawing.people import HAIR, SHIRT, TROUSERS
from spa2v.world.drawing.vehicles import HEADLIGHT, TAILLIGHT
from spa2v.world.drawing.wheels import open_wheel

CRANK, HIP, LEG_M = np.array([-0.06, 0.3]), np.array([-0.2, 1.02]), 0.46
CRANK_M, WAY_PER_TURN_M = 0.16, 4.4


def bicycle(seed: int) -> Figure:
    """A bicycle and its rider, with a helmet or without."""
    look = Look(seed)
    paint = PAINT[look.pick(BICYCLE_PAINT)]
    shirt, skin, trousers = look.pick((*SHIRT, (232, 196, 40), (206, 44, 92))), look.pick(SKIN), look.pick(TROUSERS)
    helmet, radius = look.pick((None, paint, (236, 236, 232))), look.between(0.34, 0.38)
    builder = MeshBuilder()
    _frame(builder, paint, radius)
    _rider(builder, shirt, skin, helmet or look.pick(HAIR), helmet is not None)
    parts = [Part(builder.build())]
    for x in (-0.56, 0.6):
        parts += open_wheel(x, radius, look.pick(((196, 200, 206), (60, 62, 68))))
    for side in (-1.0, 1.0):
        parts += _leg(side, trousers)
    return Figure(parts, box_footprint(0.9, 0.25))


def _frame(builder: MeshBuilder, paint: Color, radius: float) -> None:
    rear, front, seat, head = (-0.56, radius, 0.0), (0.6, radius, 0.0), (-0.24, 0.86, 0.0), (0.4, 0.88, 0.0)
    crank, dark = (*CRANK, 0.0), (40, 42, 48)
    for a, b in ((crank, seat), (seat, head), (crank, head), (rear, crank), (rear, seat), (front, head)):
        tube(builder, a, b, 0.028, color=paint, count=4)
    tube(builder, seat, (-0.25, 0.96, 0.0), 0.02, color=dark, count=4)
    builder.box((-0.4, 0.94, -0.07), (-0.1, 1.0, 0.07), dark)
    tube(builder, head, (0.36, 1.06, 0.0), 0.025, color=dark, count=4)
    tube(builder, (0.4, 1.06, -0.3), (0.4, 1.06, 0.3), 0.022, color=dark, count=4)
    builder.box((0.46, 0.92, -0.06), (0.54, 1.04, 0.06), HEADLIGHT)
    builder.box((-0.48, 0.8, -0.05), (-0.42, 0.9, 0.05), TAILLIGHT)


def _rider(builder: MeshBuilder, shirt: Color, skin: Color, top: Color, helmet: bool) -> None:
    tube(builder, (*HIP, 0.0), (0.1, 1.46, 0.0), 0.15, 0.17, color=shirt)
    tube(builder, (0.1, 1.44, -0.2), (0.1, 1.44, 0.2), 0.08, color=shirt, count=4)
    tube(builder, (0.1, 1.46, 0.0), (0.17, 1.62, 0.0), 0.06, color=shade(skin, 0.86), count=4)
    ball(builder, (0.2, 1.7, 0.0), (0.12, 0.15, 0.11), skin)
    reach = 0.15 if helmet else 0.135
    ball(builder, (0.18, 1.73, 0.0), (reach, 0.14, reach), top, span=(0.0 if helmet else 5.0, 90.0), rows=2)
    if not helmet:
        ball(builder, (0.15, 1.68, 0.0), (0.1, 0.12, 0.12), top, rows=2)
    for side in (-1.0, 1.0):
        elbow = (0.26, 1.2, side * 0.27)
        tube(builder, (0.1, 1.44, side * 0.2), elbow, 0.06, 0.05, color=shade(shirt, 0.92), count=4)
        tube(builder, elbow, (0.42, 1.07, side * 0.26), 0.045, color=skin, count=4)


def _leg(side: float, color: Color) -> list[Part]:
    """Thigh and shin of one leg; the foot goes round with its pedal."""
    thigh, shin, crank = MeshBuilder(), MeshBuilder(), MeshBuilder()
    tube(thigh, (0.0, 0.0, side * 0.1), (LEG_M, 0.0, side * 0.11), 0.095, 0.07, color=color)
    tube(shin, (0.0, 0.0, side * 0.11), (LEG_M, 0.0, side * 0.12), 0.07, 0.045, color=shade(color, 0.9))
    shin.box((LEG_M - 0.05, -0.04, side * 0.12 - 0.05), (LEG_M + 0.04, 0.16, side * 0.12 + 0.05), (236, 236, 230))
    tube(crank, (0.0, 0.0, side * 0.07), (CRANK_M, 0.0, side * 0.07), 0.02, color=(70, 72, 78), count=4)
    return [Part(mesh.build(), _pedaling(side, bone)) for bone, mesh in enumerate((thigh, shin, crank))]


def _pedaling(side: float, bone: int) -> Motion:
    """Where thigh (0), shin (1) and crank (2) lie: the knee is where two circles of a leg's length meet."""

    def motion(time_s: float, way_m: float) -> tuple[Floats, Floats]:
        angle = -2 * np.pi * way_m / WAY_PER_TURN_M + (0.0 if side > 0 else np.pi) + 0.6
        if bone == 2:
            return _laid(angle, CRANK)
        ankle = CRANK + CRANK_M * np.array([np.cos(angle), np.sin(angle)]) + (-0.03, 0.08)
        span = ankle - HIP
        reach = min(float(np.hypot(*span)), 1.999 * LEG_M)
        ahead = np.arctan2(span[1], span[0]) + np.arccos(reach / (2 * LEG_M))
        knee = HIP + LEG_M * np.array([np.cos(ahead), np.sin(ahead)])
        return _laid(ahead, HIP) if bone == 0 else _laid(float(np.arctan2(*(ankle - knee)[::-1])), knee)

    return motion


def _laid(angle: float, start: Floats) -> tuple[Floats, Floats]:
    return turn_in_plane(angle, (0.0, 0.0))[0], np.array([start[0], start[1], 0.0])
