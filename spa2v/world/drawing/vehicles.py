"""Car, bus and truck, in meters, driving towards +x, wheels on y = 0."""

from __future__ import annotations

from collections.abc import Mapping

from spa2v.world.drawing.look import (
    BUS_PAINT,
    CAR_PAINT,
    DARK_GLASS,
    GLASS,
    PAINT,
    TRUCK_PAINT,
    Look,
)
from spa2v.world.drawing.mesh import Color, Floats, MeshBuilder, ellipse, shade
from spa2v.world.drawing.outlines import block, rect
from spa2v.world.drawing.parts import Figure, Part, box_footprint
from spa2v.world.drawing.wheels import wheel

HEADLIGHT: Color = (255, 244, 190)
TAILLIGHT: Color = (214, 24, 30)
STEEL: Color = (120, 124, 132)
ARCH: Color = (24, 24, 28)

Outline = list[tuple[float, float]]
Shape = tuple[Outline, Outline, list[Outline]]

# Outlines (x, y) of car bodies: (lower body, cabin, side windows), the front at +x.
SEDAN: Shape = (
    [(-2.15, 0.28), (2.1, 0.28), (2.15, 0.6), (1.98, 0.8), (0.95, 0.93), (-1.75, 0.97), (-2.15, 0.88)],
    [(-1.65, 0.95), (0.98, 0.92), (0.3, 1.43), (-1.05, 1.45)],
    [
        [(-1.32, 0.98), (-0.42, 0.98), (-0.42, 1.37), (-0.98, 1.37)],
        [(-0.32, 0.98), (0.72, 0.97), (0.22, 1.36), (-0.32, 1.37)],
    ],
)
HATCH: Shape = (
    [(-1.85, 0.28), (1.9, 0.28), (1.95, 0.62), (1.8, 0.85), (0.95, 0.98), (-1.8, 1.0), (-1.9, 0.8)],
    [(-1.82, 0.98), (1.0, 0.96), (0.35, 1.5), (-1.45, 1.52)],
    [
        [(-1.6, 1.02), (-0.45, 1.02), (-0.45, 1.44), (-1.36, 1.44)],
        [(-0.35, 1.02), (0.74, 1.0), (0.26, 1.43), (-0.35, 1.44)],
    ],
)
SUV: Shape = (
    [(-2.2, 0.38), (2.15, 0.38), (2.2, 0.75), (2.1, 1.0), (1.05, 1.1), (-2.15, 1.12)],
    [(-2.1, 1.1), (1.12, 1.08), (0.5, 1.72), (-1.95, 1.74)],
    [
        [(-1.86, 1.14), (-0.5, 1.14), (-0.5, 1.64), (-1.78, 1.64)],
        [(-0.4, 1.14), (0.84, 1.12), (0.4, 1.63), (-0.4, 1.64)],
    ],
)


def car(seed: int) -> Figure:
    """A sedan, hatchback or sport utility car."""
    look = Look(seed)
    paint = PAINT[look.pick(CAR_PAINT)]
    return passenger_car(look, paint, look.pick((SEDAN, HATCH, SUV)), MeshBuilder())


def passenger_car(look: Look, paint: Color, shape: Shape, builder: MeshBuilder) -> Figure:
    """A car with one of the outlines; the builder may hold what it carries."""
    body, cabin, windows = shape
    half, radius = 0.9, look.between(0.33, 0.37)
    builder.prism(body, half, paint, layer=1)
    builder.prism(cabin, 0.82, paint, layer=3, edges={1: GLASS, 3: GLASS}, top=0.62)
    for window in windows:
        builder.side(window, DARK_GLASS, 0.79, layer=5)
        builder.side([window[0], window[1], _between(window[1], window[2], 0.3)], GLASS, 0.795, layer=5)
    _car_details(builder, body, half, paint)
    axles = (body[1][0] - 0.78, body[0][0] + 0.78)
    for x in axles:
        builder.side(ellipse(x, radius, radius * 1.2, radius * 1.25, 12), ARCH, half + 0.002, layer=5)
    parts = [Part(builder.build())]
    for x in axles:
        parts += wheel(x, radius, half + 0.01, 0.2)
    return Figure(parts, box_footprint(2.15, 0.95))


def _car_details(builder: MeshBuilder, body: Outline, half: float, paint: Color) -> None:
    nose, tail = max(x for x, _ in body), min(x for x, _ in body)
    low = body[0][1]
    builder.side(
        [(tail + 0.2, low + 0.02), (nose - 0.2, low + 0.02), (nose - 0.2, low + 0.1), (tail + 0.2, low + 0.1)],
        shade(paint, 0.55),
        half + 0.001,
        4,
    )
    builder.side(
        [(-0.38, low + 0.12), (-0.34, low + 0.12), (-0.34, low + 0.62), (-0.38, low + 0.62)],
        shade(paint, 0.6),
        half + 0.001,
        4,
    )
    builder.side(
        [(-0.28, low + 0.5), (-0.08, low + 0.5), (-0.08, low + 0.54), (-0.28, low + 0.54)],
        shade(paint, 0.5),
        half + 0.001,
        4,
    )
    for side in (-1, 1):
        builder.front(rect(side * 0.62, low + 0.34, 0.18, 0.09), HEADLIGHT, nose + 0.01, 4)
        builder.front(rect(side * 0.64, low + 0.46, 0.16, 0.09), TAILLIGHT, tail - 0.01, 4)
        builder.front(rect(side * 0.62, low + 0.12, 0.1, 0.05), (250, 180, 60), nose + 0.01, 4)
    builder.front(rect(0, low + 0.24, 0.36, 0.1), (34, 36, 42), nose + 0.01, 4)
    builder.front(rect(0, low + 0.22, 0.26, 0.07), (240, 240, 230), tail - 0.01, 4)
    builder.front(rect(0, low + 0.06, 0.84, 0.06), shade(paint, 0.45), nose + 0.01, 4)
    builder.front(rect(0, low + 0.06, 0.84, 0.06), shade(paint, 0.45), tail - 0.01, 4)
    for x, color in ((nose - 0.12, HEADLIGHT), (tail + 0.12, TAILLIGHT)):
        builder.side(
            [(x - 0.11, low + 0.36), (x + 0.11, low + 0.36), (x + 0.08, low + 0.48), (x - 0.1, low + 0.48)],
            color,
            half + 0.003,
            5,
        )


def bus(seed: int) -> Figure:
    """A city bus with a row of large windows."""
    look = Look(seed)
    paint = PAINT[look.pick(BUS_PAINT)]
    stripe = look.pick([(245, 245, 240), (40, 44, 60), (250, 214, 90)])
    builder = MeshBuilder()
    builder.prism(
        [(-5.0, 0.35), (4.9, 0.35), (5.0, 1.2), (4.9, 3.05), (4.7, 3.15), (-4.9, 3.15), (-5.0, 3.0)], 1.25, paint
    )
    builder.side([(-4.95, 0.95), (4.95, 0.95), (4.95, 1.15), (-4.95, 1.15)], stripe, 1.251, 3)
    for index in range(7):
        x = -4.65 + index * 1.2
        builder.side(block(x, 1.5, 1.05, 1.1), DARK_GLASS, 1.253, 4)
        builder.side([(x + 0.1, 1.5), (x + 0.45, 1.5), (x + 0.95, 2.6), (x + 0.6, 2.6)], shade(GLASS, 0.8), 1.255, 4)
    builder.side(block(3.8, 0.5, 0.95, 2.2), (70, 78, 90), 1.253, 4)
    builder.side(block(3.87, 0.6, 0.37, 2.0), GLASS, 1.255, 5)
    builder.side(block(4.31, 0.6, 0.37, 2.0), GLASS, 1.255, 5)
    builder.front(rect(0, 2.0, 1.12, 0.62), DARK_GLASS, 5.01, 3)
    builder.front([(-0.9, 1.4), (-0.3, 1.4), (0.3, 2.6), (-0.3, 2.6)], shade(GLASS, 0.85), 5.02, 4)
    builder.front(rect(0, 2.83, 0.85, 0.14), (30, 30, 30), 5.02, 4)
    builder.front(rect(0, 2.83, 0.6, 0.07), (255, 190, 40), 5.03, 5)
    builder.front(rect(0, 2.2, 1.0, 0.45), DARK_GLASS, -5.01, 3)
    builder.front(rect(0, 0.75, 0.9, 0.2), shade(paint, 0.6), -5.01, 3)
    pair_of_lights(builder, 0.95, 0.7, 0.16, 5.02, -5.02)
    builder.front(rect(0, 0.48, 1.22, 0.1), (50, 52, 58), 5.02, 4)
    return on_wheels(builder, {3.0: 0, -3.1: 0}, 0.5, 1.26, 0.3, box_footprint(5.0, 1.3))


def truck(seed: int) -> Figure:
    """A cab with a tall cargo box behind it."""
    look = Look(seed)
    paint = PAINT[look.pick(TRUCK_PAINT)]
    cargo = look.pick([(236, 236, 232), (206, 210, 214), (222, 204, 170)])
    builder = MeshBuilder()
    builder.box((-4.2, 0.6, -0.9), (4.0, 0.9, 0.9), STEEL, 0)
    builder.prism([(-4.3, 0.95), (1.5, 0.95), (1.5, 3.6), (-4.3, 3.6)], 1.25, cargo, 1)
    builder.side(block(-4.3, 0.95, 5.8, 0.14), shade(cargo, 0.6), 1.252, 3)
    for x in (-3.1, -1.9, -0.7, 0.5):
        builder.side(block(x, 1.1, 0.05, 2.45), shade(cargo, 0.82), 1.252, 3)
    builder.side([(-3.6, 1.9), (0.6, 1.9), (0.9, 2.5), (-3.3, 2.5)], paint, 1.254, 4)
    builder.front([(-0.03, 1.0), (0.03, 1.0), (0.03, 3.55), (-0.03, 3.55)], shade(cargo, 0.6), -4.31, 3)
    builder.group = 1
    cab = [(1.7, 0.5), (4.2, 0.5), (4.25, 1.5), (3.95, 2.75), (1.7, 2.85)]
    builder.prism(cab, 1.18, paint, 3, edges={2: DARK_GLASS})
    builder.side([(2.6, 1.6), (3.95, 1.6), (3.75, 2.55), (2.6, 2.6)], DARK_GLASS, 1.184, 5)
    builder.side([(2.9, 1.6), (3.2, 1.6), (3.5, 2.55), (3.2, 2.55)], GLASS, 1.186, 5)
    builder.side(block(2.4, 0.6, 0.05, 2.1), shade(paint, 0.6), 1.184, 5)
    builder.front(rect(0, 1.05, 0.8, 0.3), (40, 42, 48), 4.26, 5)
    builder.front(rect(0, 0.62, 1.16, 0.12), STEEL, 4.27, 5)
    pair_of_lights(builder, 0.92, 0.82, 0.13, 4.28, -4.32, 5)
    return on_wheels(builder, {3.2: 1, -1.9: 0, -3.1: 0}, 0.52, 1.22, 0.34, box_footprint(4.3, 1.3))


def on_wheels(
    builder: MeshBuilder, axles: Mapping[float, int], radius: float, half: float, width: float, foot: Floats
) -> Figure:
    """A vehicle with an axle at each x, given with the body that it belongs to."""
    for x, group in axles.items():
        builder.group = group
        builder.side(ellipse(x, radius, radius * 1.15, radius * 1.2, 14), ARCH, half - 0.001, layer=5)
    parts = [Part(builder.build())]
    for x, group in axles.items():
        parts += wheel(x, radius, half + 0.01, width, group=group)
    return Figure(parts, foot)


def pair_of_lights(
    builder: MeshBuilder, z: float, y: float, size: float, front: float, rear: float, layer: int = 4
) -> None:
    """Headlights at x = front and taillights at x = rear, at -z and z."""
    for side in (-z, z):
        builder.front(rect(side, y, size * 1.3, size), HEADLIGHT, front, layer)
        builder.front(rect(side, y, size, size * 1.2), TAILLIGHT, rear, layer)


def _between(a: tuple[float, float], b: tuple[float, float], part: float) -> tuple[float, float]:
    return a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part
