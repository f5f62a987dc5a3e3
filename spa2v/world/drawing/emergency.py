"""Police car, ambulance and fire engine, in meters, driving towards +x, wheels on y = 0. Their beacons flash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spa2v.world.drawing.look import DARK_GLASS, GLASS, Look
from spa2v.world.drawing.mesh import Color, MeshBuilder, shade
from spa2v.world.drawing.outlines import block, rect
from spa2v.world.drawing.parts import Figure, Part, alternating, box_footprint
from spa2v.world.drawing.vehicles import SEDAN, STEEL, SUV, on_wheels, pair_of_lights, passenger_car

RED: Color = (226, 24, 32)
BLUE: Color = (24, 74, 226)
GLOW: Color = (196, 226, 255)
WHITE: Color = (238, 238, 236)
FIRE_RED: tuple[Color, ...] = ((206, 26, 28), (186, 20, 30), (224, 52, 30))


def _beacon(x: float, y: float, half: float, colors: tuple[Color, Color], rate_hz: float, group: int = 0) -> list[Part]:
    """A bar of lamps across a roof, left and right in two colors; a bright lamp changes sides."""
    bar, flash = MeshBuilder(group), MeshBuilder(group)
    bar.box((x - 0.2, y, -half), (x + 0.2, y + 0.06, half), (50, 52, 58), 10)
    for color, low, high in ((colors[0], -half, -0.12), (WHITE, -0.12, 0.12), (colors[1], 0.12, half)):
        bar.box((x - 0.19, y + 0.05, low), (x + 0.19, y + 0.26, high), color, 11)
    flash.box((x - 0.21, y + 0.1, -0.85 * half), (x + 0.21, y + 0.29, -0.45 * half), GLOW, 12)
    return [Part(bar.build()), Part(flash.build(), alternating((0.0, 0.0, 1.3 * half), rate_hz))]


def _checks(
    builder: MeshBuilder, first: float, last: float, y: float, z: float, colors: Sequence[Color], layer: int
) -> None:
    """Two rows of checks along the sides."""
    count = max(2, round((last - first) / 0.5))
    width = (last - first) / count
    for row in range(2):
        for index in range(count):
            color = colors[(index + row) % 2]
            builder.side(block(first + index * width, y + 0.19 * row, width, 0.19), color, z, layer)


def police_car(seed: int) -> Figure:
    """A patrol car: black with white doors, or white with checks or a stripe."""
    look = Look(seed)
    livery = look.pick(("doors", "checks", "stripe"))
    shape = look.pick((SEDAN, SUV))
    low, roof = shape[0][0][1], max(y for _, y in shape[1])
    builder = MeshBuilder()
    stripe = look.pick(((24, 64, 168), (20, 110, 70)))
    if livery == "doors":
        builder.side(block(-1.1, low + 0.06, 1.85, 0.62), WHITE, 0.903, 4)
        builder.side(block(-0.45, low + 0.3, 0.6, 0.16), (30, 60, 150), 0.906, 5)
    elif livery == "checks":
        _checks(builder, -1.9, 1.7, low + 0.22, 0.903, ((20, 60, 170), (244, 224, 40)), 4)
    else:
        builder.side(block(-2.0, low + 0.2, 4.0, 0.26), stripe, 0.903, 4)
        builder.side(block(-2.0, low + 0.14, 4.0, 0.05), (240, 200, 40), 0.903, 4)
    nose, tail = max(x for x, _ in shape[0]), min(x for x, _ in shape[0])
    band = (244, 224, 40) if livery == "checks" else WHITE if livery == "doors" else stripe
    builder.front(rect(0, low + 0.36, 0.4, 0.06), band, tail - 0.011, 5)
    builder.box((nose, low - 0.02, -0.4), (nose + 0.12, low + 0.4, 0.4), (36, 38, 44), 6)
    paint = (34, 36, 42) if livery == "doors" else WHITE
    car = passenger_car(look, paint, shape, builder)
    colors = look.pick(((RED, BLUE), (BLUE, BLUE)))
    return replace(car, parts=[*car.parts, *_beacon(-0.35, roof - 0.02, 0.62, colors, look.between(1.2, 2.4))])


def ambulance(seed: int) -> Figure:
    """A tall white or yellow van with a short hood, a stripe or checks, and a cross."""
    look = Look(seed)
    paint = look.pick((WHITE, WHITE, (244, 222, 60)))
    marks = look.pick((((220, 32, 36), (220, 32, 36)), ((236, 96, 24), (236, 96, 24)), ((24, 128, 70), (248, 232, 70))))
    cross = look.pick(((214, 24, 34), (24, 74, 190)))
    builder, half = MeshBuilder(), 1.05
    profile = [(-3.0, 0.4), (2.75, 0.4), (2.85, 0.95), (2.15, 1.3), (1.4, 2.25), (1.0, 2.7), (-3.0, 2.7)]
    builder.prism(profile, half, paint, 1, edges={3: DARK_GLASS})
    builder.side([(0.75, 1.35), (1.95, 1.35), (1.4, 2.1), (0.75, 2.15)], DARK_GLASS, half + 0.004, 4)
    builder.side([(1.0, 1.35), (1.25, 1.35), (1.45, 2.05), (1.2, 2.1)], GLASS, half + 0.006, 5)
    builder.side(block(-2.85, 1.75, 0.9, 0.55), DARK_GLASS, half + 0.004, 4)
    _checks(builder, -2.95, 2.6, 0.72, half + 0.004, marks, 4)
    _cross(builder, half + 0.006, cross)
    for z in (-0.52, 0.52):
        builder.front(rect(z, 2.0, 0.42, 0.34), DARK_GLASS, -3.01, 4)
        builder.front(rect(z, 0.92, 0.48, 0.2), marks[0], -3.01, 4)
    builder.front(rect(0, 1.5, 0.025, 1.0), shade(paint, 0.6), -3.02, 5)
    for shape in (rect(0.52, 1.4, 0.22, 0.075), rect(0.52, 1.4, 0.075, 0.22)):
        builder.front(shape, cross, -3.02, 5)
    builder.front(rect(0, 0.85, 0.5, 0.1), (40, 42, 48), 2.86, 4)
    builder.front(rect(0, 0.5, 1.02, 0.08), (70, 72, 78), 2.86, 4)
    hood = [(2.72, 1.06, -0.7), (2.72, 1.06, 0.7), (2.42, 1.2, 0.7), (2.42, 1.2, -0.7)]
    builder.face(hood, marks[0], 4, (0.45, 0.89, 0.0))
    pair_of_lights(builder, 0.8, 0.78, 0.13, 2.87, -3.03, 5)
    van = on_wheels(builder, {1.95: 0, -1.9: 0}, 0.4, half + 0.01, 0.25, box_footprint(2.95, 1.1))
    colors = look.pick(((BLUE, BLUE), (RED, RED), (RED, BLUE)))
    rate = look.between(1.2, 2.4)
    return replace(
        van, parts=[*van.parts, *_beacon(0.6, 2.68, 0.9, colors, rate), *_beacon(-2.7, 2.68, 0.7, colors, rate)]
    )


def _cross(builder: MeshBuilder, z: float, color: Color) -> None:
    builder.side(rect(-0.8, 1.85, 0.55, 0.55), WHITE, z, 4)
    for shape in (rect(-0.8, 1.85, 0.48, 0.16), rect(-0.8, 1.85, 0.16, 0.48)):
        builder.side(shape, color, z + 0.002, 5)


def fire_engine(seed: int) -> Figure:
    """A red engine with a crew cab, steel shutters along the body and a ladder on top."""
    look = Look(seed)
    paint, stripe = look.pick(FIRE_RED), look.pick((WHITE, (250, 222, 60)))
    half, builder = 1.2, MeshBuilder()
    builder.box((-4.1, 0.45, -1.0), (4.2, 0.75, 1.0), (50, 52, 58), 0)
    builder.prism([(-4.1, 0.6), (1.0, 0.6), (1.0, 2.7), (-4.1, 2.7)], half, paint, 1)
    for index in range(3):
        x = -3.95 + 1.62 * index
        builder.side(
            block(x, 1.05 if index != 1 else 1.25, 1.45, 1.4 if index != 1 else 1.2), (176, 180, 186), half + 0.004, 4
        )
        for row in range(5):
            builder.side(block(x, 1.3 + 0.22 * row, 1.45, 0.05), (130, 134, 142), half + 0.006, 5)
    _ladder(builder, -4.3, 2.2, 2.8)
    cab = [(1.1, 0.5), (4.15, 0.5), (4.25, 1.4), (4.23, 1.65), (4.14, 2.48), (4.08, 2.8), (1.1, 2.85)]
    builder.group = 1
    builder.prism(cab, half, paint, 3, edges={3: DARK_GLASS})
    for x in (1.3, 2.75):
        builder.side([(x, 1.55), (x + 1.2, 1.55), (x + 1.15, 2.5), (x, 2.5)], DARK_GLASS, half + 0.004, 5)
        builder.side([(x + 0.3, 1.55), (x + 0.55, 1.55), (x + 0.8, 2.5), (x + 0.55, 2.5)], GLASS, half + 0.006, 6)
        builder.side(block(x - 0.06, 0.7, 0.05, 1.9), shade(paint, 0.6), half + 0.004, 5)
    builder.side(block(1.1, 1.12, 3.12, 0.24), stripe, half + 0.005, 5)
    builder.front(rect(0, 1.12, 0.75, 0.22), STEEL, 4.26, 5)
    builder.front(rect(0, 0.62, 1.2, 0.16), WHITE, 4.27, 5)
    builder.front(rect(0, 1.46, 1.2, 0.07), stripe, 4.265, 5)
    builder.group = 0
    builder.side(block(-4.1, 0.78, 5.1, 0.2), stripe, half + 0.005, 4)
    builder.front(rect(0, 1.65, 0.62, 0.85), (176, 180, 186), -4.11, 4)
    for side in (-1, 1):
        for index in range(4):
            y = 0.75 + 0.48 * index
            chevron = [(0.68, y), (1.18, y - 0.1), (1.18, y + 0.14), (0.68, y + 0.24)]
            builder.front([(side * z, height) for z, height in chevron], stripe, -4.12, 5)
    pair_of_lights(builder, 0.98, 0.62, 0.12, 4.29, -4.14, 6)
    builder.group = 1
    pair_of_lights(builder, 0.98, 1.08, 0.14, 4.29, 4.28, 6)
    engine = on_wheels(builder, {2.9: 1, -2.5: 0}, 0.52, half + 0.01, 0.34, box_footprint(4.25, 1.3))
    colors = look.pick(((BLUE, BLUE), (RED, BLUE), (RED, RED)))
    return replace(engine, parts=[*engine.parts, *_beacon(3.6, 2.76, 1.05, colors, look.between(1.2, 2.4), 1)])


def _ladder(builder: MeshBuilder, first: float, last: float, y: float) -> None:
    """A ladder that lies along the roof, high enough to be seen from the side."""
    rail, rung = (184, 188, 196), (132, 136, 144)
    for x in (first + 0.6, last - 0.3):
        builder.box((x - 0.1, y - 0.15, -0.5), (x + 0.1, y + 0.1, 0.5), (60, 62, 68), 3)
    for z in (-0.5, 0.5):
        for low in (y + 0.1, y + 0.42):
            builder.box((first, low, z - 0.06), (last, low + 0.1, z + 0.06), rail, 7)
        for index in range(15):
            x = first + 0.05 + (last - first - 0.14) * index / 14
            builder.side(block(x, y + 0.15, 0.09, 0.3), rung, abs(z) + 0.02, 7)
    builder.box((first, y + 0.2, -0.5), (first + 0.08, y + 0.3, 0.5), rail, 7)
    builder.box((last - 0.08, y + 0.2, -0.5), (last, y + 0.3, 0.5), rail, 7)
