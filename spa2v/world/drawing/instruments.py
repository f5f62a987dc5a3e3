"""Piano, guitar, drum kit, violin and harp, in meters, standing on y = 0 and facing the camera."""

from __future__ import annotations

import numpy as np

from spa2v.world.drawing.look import WOOD, Look
from spa2v.world.drawing.mesh import Color, Floats, MeshBuilder, ellipse, limb, shade
from spa2v.world.drawing.parts import Figure, Part, box_footprint, disc_footprint, sliding, swinging

GOLD: Color = (214, 168, 60)
BRASS: Color = (226, 190, 84)
CHROME: Color = (206, 210, 216)
EBONY: Color = (30, 26, 26)
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
    builder.flat(_rect(-0.05, 0.05, 0.03, 0.07), BRASS, 6, -0.12)
    return Figure([Part(builder.build())], box_footprint(0.85, 0.5))


def _keys(builder: MeshBuilder, x1: float, x2: float, y: float, z1: float, z2: float, layer: int) -> None:
    """A keyboard lying at height y with its front at z1; the front edge shows as a white band."""
    count = 21
    width = (x2 - x1) / count
    top = [(x1, y, z1), (x2, y, z1), (x2, y + 0.02, z2), (x1, y + 0.02, z2)]
    builder.face(top, IVORY, layer)
    builder.flat(_rect(x1, x2, y - 0.07, y), shade(IVORY, 0.9), layer, z1)
    for index in range(1, count):
        x = x1 + index * width
        builder.flat(_rect(x - 0.004, x + 0.004, y - 0.07, y), (130, 128, 124), layer + 1, z1)
        if index % 7 not in (0, 3):
            a, b, front = x - width * 0.3, x + width * 0.3, z1 + (z2 - z1) * 0.35
            builder.face(
                [(a, y + 0.02, front), (b, y + 0.02, front), (b, y + 0.05, z2), (a, y + 0.05, z2)], EBONY, layer + 2
            )
            builder.flat(_rect(a, b, y - 0.025, y + 0.03), EBONY, layer + 2, z1)


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
        builder.flat(_rect(x, x + 0.012, 1.0, 1.12), (130, 96, 30), 3)
    builder.flat(limb((0.5, 1.0), (0.62, 1.42), 0.035), shade(light, 1.2), 3)
    builder.flat([(-0.9, 0.68), (0.9, 0.68), (0.94, 0.76), (0.94, 1.02), (-0.94, 1.02), (-0.94, 0.76)], color, 4)
    builder.flat([(-0.88, 0.94), (0.88, 0.94), (0.88, 0.99), (-0.88, 0.99)], light, 5)
    for x in (-0.9, 0.78):
        builder.flat(_rect(x, x + 0.12, 0.68, 0.92), shade(light, 0.8), 5)
    _keys(builder, -0.76, 0.76, 0.84, -0.3, -0.04, 6)
    return Figure([Part(builder.build())], box_footprint(0.9, 0.45))


def _rect(x1: float, x2: float, y1: float, y2: float) -> list[tuple[float, float]]:
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


def _body(low: float, high: float, lower: float, waist: float, upper: float, grow: float = 0.0) -> list[Floats]:
    """Three outlines whose union is a body with two bouts and a waist, between two heights.

    Args:
        low, high: of the body.
        lower, waist, upper: half widths.
        grow: margin added all around.
    """
    height = high - low
    bottom = ellipse(0, low + 0.29 * height, lower + grow, 0.29 * height + grow, 28)
    top = ellipse(0, high - 0.23 * height, upper + grow, 0.23 * height + grow, 28)
    middle = low + 0.56 * height
    rows = [(low + 0.36 * height, lower * 0.94), (middle - 0.05 * height, waist * 1.05), (middle, waist)]
    rows += [(middle + 0.05 * height, waist * 1.03), (high - 0.28 * height, upper * 0.97)]
    right = [(width + grow, y) for y, width in rows]
    return [bottom, np.array(right + [(-x, y) for x, y in right[::-1]]), top]


def _tilted(points: Floats, angle_deg: float, pivot: tuple[float, float]) -> Floats:
    angle = np.radians(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (np.asarray(points, dtype=np.float64) - pivot) @ turn.T + pivot


def guitar(seed: int, held: bool = False) -> Figure:
    """An acoustic guitar on a stand, or held across the body of a player."""
    look = Look(seed)
    top = look.pick(((222, 160, 84), (206, 120, 52), (188, 70, 40), (236, 190, 120)))
    tilt, pivot = (-66.0 if held else look.between(-30, -14)), (0.0, 0.5)
    builder = MeshBuilder()

    def put(points: Floats | list[tuple[float, float]], color: Color, layer: int) -> None:
        builder.flat(_tilted(np.asarray(points), tilt, pivot), color, layer)

    for x in () if held else (-0.22, 0.22):
        builder.flat(limb((0.0, 0.55), (x, 0.02), 0.03), (50, 52, 58), 0)
    for outline in _body(0.14, 0.8, 0.27, 0.165, 0.2, grow=0.014):
        put(outline, shade(top, 0.42), 1)
    for outline in _body(0.14, 0.8, 0.27, 0.165, 0.2):
        put(outline, top, 2)
    put(ellipse(0, 0.33, 0.2, 0.13, 20), shade(top, 1.07), 3)
    put(ellipse(0, 0.53, 0.095, 0.095, 16), (120, 70, 30), 4)
    put(ellipse(0, 0.53, 0.075, 0.075, 16), (34, 22, 16), 5)
    put(_rect(-0.11, 0.11, 0.27, 0.31), (70, 40, 22), 5)
    put(_rect(-0.035, 0.035, 0.6, 1.2), (74, 44, 26), 6)
    for y in np.linspace(0.7, 1.16, 8):
        put(_rect(-0.035, 0.035, y, y + 0.008), CHROME, 7)
    put([(-0.035, 1.2), (0.035, 1.2), (0.065, 1.26), (0.05, 1.4), (-0.05, 1.4), (-0.065, 1.26)], shade(top, 0.5), 6)
    for y in (1.27, 1.32, 1.37):
        put(_rect(-0.095, 0.095, y, y + 0.02), CHROME, 5)
    for x in (-0.018, 0.0, 0.018):
        put(_rect(x - 0.003, x + 0.003, 0.29, 1.24), (236, 232, 220), 8)
    return Figure([Part(builder.build())], disc_footprint(0.34, 0.18))


def violin(seed: int, held: bool = False) -> Figure:
    """A violin on a stand, or held up to a shoulder, with a moving bow. Larger than life, to be seen."""
    look = Look(seed)
    wood = look.pick(((168, 66, 26), (146, 50, 22), (190, 92, 36)))
    tilt, pivot = (-58.0 if held else look.between(6, 20)), (0.0, 0.7)
    builder = MeshBuilder()

    def put(points: Floats | list[tuple[float, float]], color: Color, layer: int) -> None:
        builder.flat(_tilted(np.asarray(points), tilt, pivot), color, layer)

    if not held:
        builder.flat(limb((0.0, 0.5), (0.0, 0.06), 0.035), (50, 52, 58), 0)
        builder.flat([(-0.2, 0.03), (0.2, 0.03), (0.0, 0.1)], (50, 52, 58), 0)
    for outline in _body(0.34, 0.9, 0.19, 0.1, 0.155, grow=0.012):
        put(outline, shade(wood, 0.42), 1)
    for y in (0.56, 0.72):
        put([(-0.17, y - 0.02), (0.17, y - 0.02), (0.17, y + 0.02), (-0.17, y + 0.02)], shade(wood, 0.6), 1)
    for outline in _body(0.34, 0.9, 0.19, 0.1, 0.155, grow=-0.01):
        put(outline, wood, 2)
    put(ellipse(-0.03, 0.48, 0.09, 0.1, 18), shade(wood, 1.22), 3)
    put(ellipse(-0.03, 0.78, 0.07, 0.07, 18), shade(wood, 1.22), 3)
    for x in (-0.085, 0.085):
        put([(x - 0.012, 0.54), (x + 0.012, 0.54), (x + 0.02, 0.7), (x - 0.004, 0.7)], EBONY, 4)
    put([(-0.03, 0.36), (0.03, 0.36), (0.022, 0.52), (-0.022, 0.52)], EBONY, 4)
    put(_rect(-0.06, 0.06, 0.585, 0.61), (222, 180, 110), 5)
    put([(-0.028, 0.68), (0.028, 0.68), (0.02, 1.2), (-0.02, 1.2)], EBONY, 5)
    put(ellipse(0, 1.25, 0.035, 0.06, 12), shade(wood, 0.7), 6)
    for y in (1.19, 1.22):
        put(_rect(-0.065, 0.065, y, y + 0.015), EBONY, 5)
    for x in (-0.012, 0.0, 0.012):
        put(_rect(x - 0.002, x + 0.002, 0.4, 1.18), (230, 226, 214), 7)
    bow = MeshBuilder()
    bow.flat(limb((-0.45, 0.52), (0.42, 0.78), 0.022), (96, 48, 24), 9)
    bow.flat(limb((-0.43, 0.49), (0.42, 0.745), 0.014), (244, 240, 228), 8)
    parts = [
        Part(builder.build()),
        Part(bow.build(), sliding((0.14, 0.042), look.between(0.8, 1.6), look.between(0, 1))),
    ]
    return Figure(parts, disc_footprint(0.26, 0.16))


def harp(seed: int) -> Figure:
    """A concert harp."""
    look = Look(seed)
    gold = look.pick((GOLD, (196, 132, 56), (230, 200, 120)))
    dark = shade(gold, 0.62)
    builder = MeshBuilder()
    builder.flat([(0.2, 0.0), (0.66, 0.0), (0.58, 0.16), (0.22, 0.16)], dark, 1)
    column = np.linspace(0.36, -0.46, 17)
    necks = np.interp(column, [-0.5, -0.3, 0.1, 0.45], [1.36, 1.36, 1.5, 1.68])
    boards = np.interp(column, [-0.5, 0.36], [1.28, 0.2])
    for x, low, high in zip(column, boards, necks, strict=True):
        builder.flat(_rect(x - 0.007, x + 0.007, low, high), (222, 214, 190), 2)
    builder.flat([(0.26, 0.1), (0.44, 0.1), (-0.5, 1.36), (-0.62, 1.32)], gold, 3)
    builder.flat([(0.26, 0.1), (0.32, 0.1), (-0.57, 1.34), (-0.62, 1.32)], dark, 4)
    neck = [(-0.62, 1.3), (-0.5, 1.24), (-0.3, 1.34), (-0.08, 1.36), (0.2, 1.5), (0.5, 1.64)]
    neck += [(0.52, 1.8), (0.24, 1.68), (-0.06, 1.52), (-0.32, 1.5), (-0.52, 1.46)]
    builder.flat(neck, gold, 5)
    builder.flat([(x, y + 0.03) for x, y in neck[:6]] + [(x, y) for x, y in neck[4:1:-1]], dark, 6)
    builder.flat(_rect(0.42, 0.55, 0.12, 1.72), gold, 5)
    builder.flat(_rect(0.44, 0.475, 0.14, 1.7), shade(gold, 1.25), 6)
    builder.flat(ellipse(0.485, 1.78, 0.1, 0.1, 14), gold, 7)
    builder.flat(ellipse(0.485, 1.8, 0.055, 0.06, 12), shade(gold, 1.2), 8)
    builder.flat(ellipse(0.485, 0.16, 0.11, 0.07, 14), dark, 7)
    return Figure([Part(builder.build())], disc_footprint(0.55, 0.22))


def drum(seed: int) -> Figure:
    """A drum kit: bass drum, snare, tom and two cymbals that shake, with sticks that beat."""
    look = Look(seed)
    shell = look.pick(((186, 30, 44), (32, 74, 160), (40, 40, 46), (220, 214, 200), (24, 120, 110)))
    builder = MeshBuilder()
    for x in (-0.72, 0.72):
        builder.flat(limb((x, 1.18), (x * 0.95, 0.06), 0.03), CHROME, 0)
        for foot in (-0.16, 0.16):
            builder.flat(limb((x * 0.95, 0.25), (x * 0.95 + foot, 0.02), 0.025), CHROME, 0)
    _cylinder(builder, -0.52, 0.5, 0.24, 0.22, shell, 1)
    _cylinder(builder, 0.54, 0.36, 0.25, 0.36, shell, 1)
    _cylinder(builder, -0.2, 0.84, 0.19, 0.22, shell, 2)
    _cylinder(builder, 0.22, 0.84, 0.19, 0.22, shell, 2)
    builder.flat(ellipse(0, 0.4, 0.4, 0.4, 24), shade(shell, 0.7), 3)
    builder.flat(ellipse(0, 0.4, 0.36, 0.36, 24), (238, 234, 224), 4)
    builder.flat(ellipse(0, 0.4, 0.17, 0.17, 18), shell, 5)
    builder.flat(ellipse(0, 0.4, 0.09, 0.09, 14), (238, 234, 224), 6)
    parts = [Part(builder.build())]
    rate = look.between(1.5, 2.8)
    for index, (x, y) in enumerate(((-0.72, 1.2), (0.72, 1.28))):
        cymbal = MeshBuilder()
        cymbal.flat(ellipse(x, y, 0.32, 0.055, 18), BRASS, 7)
        cymbal.flat(ellipse(x, y + 0.015, 0.1, 0.04, 12), shade(BRASS, 0.8), 8)
        parts.append(Part(cymbal.build(), swinging((x, y), 0.12, rate, index * 0.5)))
        stick = MeshBuilder()
        side = -1 if index == 0 else 1
        stick.flat(limb((side * 0.1, 1.32), (side * 0.4, 1.02), 0.028), (222, 184, 130), 9)
        parts.append(Part(stick.build(), swinging((side * 0.1, 1.32), 0.28, rate, index * 0.5)))
    return Figure(parts, disc_footprint(0.85, 0.32))


def _cylinder(builder: MeshBuilder, x: float, y: float, radius: float, height: float, color: Color, layer: int) -> None:
    """A standing drum seen a little from above."""
    flat = radius * 0.28
    low, high = y - height / 2, y + height / 2
    body = np.concatenate([ellipse(x, low, radius, flat, 10, 180, 360), [(x + radius, high), (x - radius, high)]])
    builder.flat(body, color, layer)
    builder.flat(
        [(x - radius, low), (x - radius * 0.55, low - flat * 0.8), (x - radius * 0.55, high), (x - radius, high)],
        shade(color, 1.3),
        layer,
    )
    builder.flat(ellipse(x, high, radius, flat, 16), CHROME, layer)
    builder.flat(ellipse(x, high, radius * 0.92, flat * 0.85, 16), (242, 240, 232), layer)
