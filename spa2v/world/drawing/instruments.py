"""Guitar, drum kit, violin, cello, saxophone and harp, in meters, standing on y = 0 and facing the camera."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from spa2v.world.drawing.look import BRASS, EBONY, GOLD, WOOD, Look
from spa2v.world.drawing.mesh import Color, Floats, MeshBuilder, ellipse, limb, shade
from spa2v.world.drawing.outlines import rect_between
from spa2v.world.drawing.parts import Figure, Part, disc_footprint, sliding, swinging

CHROME: Color = (206, 210, 216)


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
    put(rect_between(-0.11, 0.11, 0.27, 0.31), (70, 40, 22), 5)
    put(rect_between(-0.035, 0.035, 0.6, 1.2), (74, 44, 26), 6)
    for y in np.linspace(0.7, 1.16, 8):
        put(rect_between(-0.035, 0.035, y, y + 0.008), CHROME, 7)
    put([(-0.035, 1.2), (0.035, 1.2), (0.065, 1.26), (0.05, 1.4), (-0.05, 1.4), (-0.065, 1.26)], shade(top, 0.5), 6)
    for y in (1.27, 1.32, 1.37):
        put(rect_between(-0.095, 0.095, y, y + 0.02), CHROME, 5)
    for x in (-0.018, 0.0, 0.018):
        put(rect_between(x - 0.003, x + 0.003, 0.29, 1.24), (236, 232, 220), 8)
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
    put(rect_between(-0.06, 0.06, 0.585, 0.61), (222, 180, 110), 5)
    put([(-0.028, 0.68), (0.028, 0.68), (0.02, 1.2), (-0.02, 1.2)], EBONY, 5)
    put(ellipse(0, 1.25, 0.035, 0.06, 12), shade(wood, 0.7), 6)
    for y in (1.19, 1.22):
        put(rect_between(-0.065, 0.065, y, y + 0.015), EBONY, 5)
    for x in (-0.012, 0.0, 0.012):
        put(rect_between(x - 0.002, x + 0.002, 0.4, 1.18), (230, 226, 214), 7)
    bow = MeshBuilder()
    bow.flat(limb((-0.45, 0.52), (0.42, 0.78), 0.022), (96, 48, 24), 9)
    bow.flat(limb((-0.43, 0.49), (0.42, 0.745), 0.014), (244, 240, 228), 8)
    parts = [
        Part(builder.build()),
        Part(bow.build(), sliding((0.14, 0.042), look.between(0.8, 1.6), look.between(0, 1))),
    ]
    return Figure(parts, disc_footprint(0.26, 0.16))


def cello(seed: int, held: bool = False) -> Figure:
    """A cello that leans on a chair, or upright before its player, with a moving bow; its spike is on y = 0."""
    look = Look(seed)
    wood = look.pick(((176, 76, 30), (150, 58, 26), (198, 106, 44), (122, 48, 26)))
    tilt, pivot = (-9.0 if held else look.between(4, 10)), (0.0, 0.0)
    builder, bow = MeshBuilder(), MeshBuilder()

    def put(points: Floats | list[tuple[float, float]], color: Color, layer: int) -> None:
        builder.flat(_tilted(np.asarray(points), tilt, pivot), color, layer)

    if not held:
        _chair(builder, -0.34, look.pick(WOOD))
    put(limb((0.0, 0.2), (0.0, 0.0), 0.03, 0.02), (60, 62, 68), 1)
    for outline in _body(0.16, 0.96, 0.29, 0.165, 0.225, grow=0.016):
        put(outline, shade(wood, 0.4), 2)
    for y in (0.5, 0.68):
        put(rect_between(-0.25, 0.25, y - 0.025, y + 0.025), shade(wood, 0.5), 2)
    for outline in _body(0.16, 0.96, 0.29, 0.165, 0.225, grow=-0.012):
        put(outline, wood, 3)
    put(ellipse(-0.06, 0.37, 0.13, 0.14, 18), shade(wood, 1.2), 4)
    put(ellipse(-0.05, 0.8, 0.1, 0.09, 18), shade(wood, 1.2), 4)
    for x in (-0.12, 0.12):
        put([(x - 0.014, 0.44), (x + 0.014, 0.44), (x + 0.022, 0.66), (x - 0.006, 0.66)], EBONY, 5)
    put([(-0.045, 0.19), (0.045, 0.19), (0.03, 0.4), (-0.03, 0.4)], EBONY, 5)
    put(rect_between(-0.085, 0.085, 0.5, 0.53), (222, 180, 110), 6)
    put([(-0.036, 0.66), (0.036, 0.66), (0.024, 1.34), (-0.024, 1.34)], EBONY, 6)
    put(ellipse(0, 1.41, 0.05, 0.08, 14), shade(wood, 0.7), 7)
    for y in (1.34, 1.39):
        put(rect_between(-0.1, 0.1, y, y + 0.02), EBONY, 6)
    for x in (-0.018, 0.0, 0.018):
        put(rect_between(x - 0.003, x + 0.003, 0.36, 1.32), (230, 226, 214), 8)
    bow.flat(limb((-0.55, 0.56), (0.36, 0.63), 0.028), (96, 48, 24), 10)
    bow.flat(limb((-0.53, 0.525), (0.36, 0.595), 0.018), (244, 240, 228), 9)
    slide = sliding((0.16, 0.013), look.between(0.5, 1.1), look.between(0, 1))
    return Figure([Part(builder.build()), Part(bow.build(), slide)], disc_footprint(0.36, 0.2))


def _chair(builder: MeshBuilder, x: float, wood: Color) -> None:
    """A chair from the front, its middle at x."""
    for side in (-0.22, 0.22):
        builder.flat(rect_between(x + side - 0.025, x + side + 0.025, 0.0, 0.95), shade(wood, 0.8), 0)
    for y in (0.62, 0.8):
        builder.flat(rect_between(x - 0.22, x + 0.22, y, y + 0.1), wood, 0)
    builder.flat(rect_between(x - 0.26, x + 0.26, 0.42, 0.5), shade(wood, 1.2), 1)


def saxophone(seed: int, held: bool = False) -> Figure:
    """A saxophone on a stand, or hung before its player with the mouthpiece at x = 0. Larger than life."""
    look = Look(seed)
    metal = look.pick((GOLD, BRASS, (206, 142, 44), (196, 200, 208)))
    tilt, pivot = (-22.0 if held else look.between(-8, 0)), (-0.4, 1.12)
    shift = np.array([0.4, 0.0]) if held else np.array([0.06, 0.0])
    dark, light = shade(metal, 0.6), shade(metal, 1.22)
    builder = MeshBuilder()

    def put(points: Floats | list[tuple[float, float]], color: Color, layer: int) -> None:
        builder.flat(_tilted(np.asarray(points), tilt, pivot) + shift, color, layer)

    def pipe(places: list[tuple[float, float]], widths: list[float], color: Color, layer: int) -> None:
        for index, (a, b) in enumerate(pairwise(places)):
            put(limb(a, b, widths[index], widths[index + 1]), color, layer)

    if not held:
        for x in (-0.26, 0.3):
            builder.flat(limb((0.06, 0.34), (x, 0.0), 0.04), (50, 52, 58), 0)
        builder.flat(limb((0.06, 0.5), (0.06, 0.1), 0.05), (50, 52, 58), 0)
    path = [(-0.17, 1.06), (-0.1, 0.6), (-0.03, 0.26), (0.02, 0.15), (0.11, 0.1), (0.2, 0.15), (0.25, 0.27), (0.3, 0.5)]
    widths = [0.065, 0.095, 0.125, 0.135, 0.14, 0.145, 0.155, 0.19]
    pipe(path, [width + 0.03 for width in widths], dark, 1)
    pipe(path, widths, metal, 2)
    pipe([(x - 0.02, y) for x, y in path[:3]], [0.015, 0.02, 0.025], light, 3)
    put([(0.2, 0.48), (0.4, 0.44), (0.54, 0.68), (0.14, 0.74)], metal, 3)
    put([(0.34, 0.45), (0.4, 0.44), (0.54, 0.68), (0.42, 0.69)], light, 4)
    put(_tilted(ellipse(0.34, 0.71, 0.21, 0.06, 18), -8.0, (0.34, 0.71)), dark, 5)
    put(_tilted(ellipse(0.34, 0.715, 0.17, 0.04, 18), -8.0, (0.34, 0.715)), (62, 44, 22), 6)
    pipe([(-0.17, 1.06), (-0.2, 1.15), (-0.27, 1.18), (-0.35, 1.15)], [0.06, 0.055, 0.05, 0.045], metal, 4)
    put(limb((-0.33, 1.16), (-0.42, 1.1), 0.055, 0.045), EBONY, 5)
    for part in np.linspace(0.12, 0.9, 7):
        x, y = -0.15 + 0.13 * part, 0.98 - 0.7 * part
        put(ellipse(x + 0.015, y, 0.036, 0.036, 10), dark, 6)
        put(ellipse(x + 0.015, y, 0.024, 0.024, 10), (244, 240, 226), 7)
    put(limb((-0.06, 0.92), (0.06, 0.34), 0.02), light, 5)
    put(limb((0.16, 0.3), (0.22, 0.5), 0.02), light, 5)
    return Figure([Part(builder.build())], disc_footprint(0.3, 0.16))


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
        builder.flat(rect_between(x - 0.007, x + 0.007, low, high), (222, 214, 190), 2)
    builder.flat([(0.26, 0.1), (0.44, 0.1), (-0.5, 1.36), (-0.62, 1.32)], gold, 3)
    builder.flat([(0.26, 0.1), (0.32, 0.1), (-0.57, 1.34), (-0.62, 1.32)], dark, 4)
    neck = [(-0.62, 1.3), (-0.5, 1.24), (-0.3, 1.34), (-0.08, 1.36), (0.2, 1.5), (0.5, 1.64)]
    neck += [(0.52, 1.8), (0.24, 1.68), (-0.06, 1.52), (-0.32, 1.5), (-0.52, 1.46)]
    builder.flat(neck, gold, 5)
    builder.flat([(x, y + 0.03) for x, y in neck[:6]] + [(x, y) for x, y in neck[4:1:-1]], dark, 6)
    builder.flat(rect_between(0.42, 0.55, 0.12, 1.72), gold, 5)
    builder.flat(rect_between(0.44, 0.475, 0.14, 1.7), shade(gold, 1.25), 6)
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
