"""A loudspeaker on a stand, in meters, standing on y = 0 and facing the camera: what is drawn for any other sound."""

from __future__ import annotations

import numpy as np

from spa2v.world.drawing.look import EBONY, WOOD, Look
from spa2v.world.drawing.mesh import Color, Floats, MeshBuilder, ellipse, limb, shade
from spa2v.world.drawing.outlines import rect_between
from spa2v.world.drawing.parts import Figure, Motion, Part, box_footprint

CABINETS: tuple[Color, ...] = (EBONY, (60, 62, 68), (150, 154, 160), WOOD[0], WOOD[1], (232, 230, 224))
CONE: Color = (34, 34, 38)


def loudspeaker(seed: int) -> Figure:
    """A box with a woofer that pulses and a tweeter, on a tripod or a pole."""
    look = Look(seed)
    cabinet = look.pick(CABINETS)
    half, low, high = look.between(0.24, 0.3), look.between(0.68, 0.8), look.between(1.5, 1.65)
    ring = look.pick(((176, 180, 186), (214, 168, 60), (90, 92, 98)))
    builder, cone = MeshBuilder(), MeshBuilder()
    builder.flat(limb((0.0, low), (0.0, 0.05), 0.07), CONE, 0)
    if look.between(0, 1) < 0.5:
        for x in (-0.34, 0.34):
            builder.flat(limb((0.0, 0.36), (x, 0.03), 0.045), CONE, 0)
    else:
        builder.flat(rect_between(-0.3, 0.3, 0.0, 0.06), CONE, 0)
    builder.box((-half, low, -0.18), (half, high, 0.24), cabinet, 1)
    front = -0.185
    builder.flat(rect_between(-half, half, low, high), shade(cabinet, 1.12), 2, front)
    builder.flat(rect_between(-half + 0.03, half - 0.03, low + 0.03, high - 0.03), shade(cabinet, 0.92), 3, front)
    woofer, tweeter = (0.0, low + 0.31), (0.0, high - 0.17)
    for center, radius in ((woofer, 0.21), (tweeter, 0.1)):
        builder.flat(ellipse(*center, radius + 0.025, radius + 0.025, 20), ring, 4, front)
        builder.flat(ellipse(*center, radius, radius, 20), CONE, 5, front)
    builder.flat(ellipse(*tweeter, 0.045, 0.045, 12), shade(ring, 0.9), 6, front)
    cone.flat(ellipse(0, 0, 0.15, 0.15, 18), (66, 68, 74), 6, front)
    cone.flat(ellipse(0, 0, 0.065, 0.065, 14), (132, 134, 140), 7, front)
    pulse = _pulsing(woofer, look.between(2.0, 4.0), look.between(0, 1))
    return Figure([Part(builder.build()), Part(cone.build(), pulse)], box_footprint(0.34, 0.22))


def _pulsing(center: tuple[float, float], rate_hz: float, phase: float) -> Motion:
    """Grows and shrinks about a center, as a cone that moves towards the camera and back."""

    def motion(time_s: float, way_m: float) -> tuple[Floats, Floats]:
        size = 1.0 + 0.14 * float(np.sin(2 * np.pi * (rate_hz * time_s + phase)))
        return np.diag([size, size, 1.0]), np.array([*center, 0.0])

    return motion
