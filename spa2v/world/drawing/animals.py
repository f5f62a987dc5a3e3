"""Dog, cat, horse, cow and sheep: solids in meters that walk towards +x, feet on y = 0."""

from __future__ import annotations

import math

from spa2v.world.drawing.look import Look
from spa2v.world.drawing.mesh import Color, Floats, MeshBuilder, shade
from spa2v.world.drawing.parts import Figure, box_footprint
from spa2v.world.drawing.quadrupeds import (
    BODY,
    HEAD,
    NOSE,
    TAIL,
    WHITE,
    Legs,
    assemble,
    eyes,
    pupils,
    spots,
    walk,
)
from spa2v.world.drawing.solids import Paint, X, ball, disc, tube


def dog(seed: int, moving: bool = False) -> Figure:
    """A dog with hanging ears, a long snout, a raised tail and a collar."""
    look = Look(seed)
    coat: Color = look.pick(((142, 88, 46), (212, 160, 84), (62, 56, 54), (228, 220, 204), (176, 112, 60)))
    ear = shade(coat, look.pick((0.6, 0.7)))
    collar: Color = look.pick(((210, 40, 44), (40, 90, 190), (240, 180, 40)))
    paint: Paint = coat
    if look.between(0, 1) < 0.5:
        spot = ear if sum(coat) > 450 else WHITE
        paint = spots(look, coat, spot, ((-0.2, 0.5, 0.15), (0.12, 0.42, 0.12), (0.33, 0.42, 0.1)))
    body, head, tail = (MeshBuilder(group) for group in (BODY, HEAD, TAIL))
    tube(
        body,
        [
            (-0.42, 0.52, 0.03, 0.03),
            (-0.38, 0.52, 0.09, 0.09),
            (-0.28, 0.51, 0.125, 0.115),
            (-0.1, 0.51, 0.11, 0.105),
            (0.12, 0.49, 0.135, 0.115),
            (0.28, 0.49, 0.15, 0.125),
            (0.37, 0.51, 0.11, 0.095),
            (0.41, 0.52, 0.04, 0.04),
        ],
        paint,
    )
    tube(head, [(0.26, 0.53, 0.11, 0.09), (0.36, 0.64, 0.095, 0.085), (0.4, 0.76, 0.08, 0.075)], coat)
    tube(head, [(0.335, 0.645, 0.1, 0.09), (0.36, 0.68, 0.098, 0.088)], collar, layer=2)
    tube(
        head,
        [
            (0.32, 0.79, 0.03, 0.03),
            (0.35, 0.8, 0.09, 0.09),
            (0.43, 0.81, 0.105, 0.105),
            (0.5, 0.79, 0.085, 0.085),
            (0.55, 0.76, 0.06, 0.058),
            (0.67, 0.74, 0.048, 0.046),
            (0.7, 0.74, 0.02, 0.02),
        ],
        coat,
    )
    ball(head, (0.695, 0.765, 0.0), (0.03, 0.028, 0.034), NOSE, layer=2)
    disc(head, (0.69, 0.71, 0.0), (1.0, -0.25, 0.0), 0.03, (214, 92, 100), 2, 0.035)
    eyes(head, 0.535, 0.83, 0.07, 0.022)
    for sign in (-1.0, 1.0):
        tube(
            head,
            [(0.4, 0.9, 0.03, 0.02), (0.4, 0.84, 0.055, 0.03), (0.41, 0.72, 0.06, 0.026), (0.415, 0.66, 0.02, 0.015)],
            ear,
            z=[0.07 * sign, 0.115 * sign, 0.13 * sign, 0.125 * sign],
            sides=6,
        )
    tube(
        tail,
        [
            (-0.37, 0.57, 0.035, 0.035),
            (-0.48, 0.66, 0.035, 0.035),
            (-0.54, 0.78, 0.03, 0.03),
            (-0.52, 0.88, 0.012, 0.012),
        ],
        paint,
    )
    legs = walk(Legs((-0.29, 0.27), 0.085, 0.42, 0.22, (0.075, 0.045, 0.036), 0.9, shade(coat, 0.9)), coat, moving)
    wag = (1, 0.5, 2.2)
    return assemble(look, moving, legs, body, head, tail, (0.33, 0.6), (-0.37, 0.57), wag, box_footprint(0.45, 0.12))


def cat(seed: int, moving: bool = False) -> Figure:
    """A cat with pointed ears, whiskers, a striped or plain coat and a long thin tail in a curve."""
    look = Look(seed)
    coat: Color = look.pick(((226, 140, 60), (128, 128, 130), (44, 42, 46), (240, 236, 228), (160, 132, 104)))
    stripes = look.between(0, 1) < 0.6 and 200 < sum(coat) < 600
    chest = WHITE if look.between(0, 1) < 0.5 else shade(coat, 1.1)

    def paint(center: Floats) -> Color:
        return shade(coat, 0.66) if stripes and center[0] * 14 % 1 < 0.4 and center[1] > 0.22 else coat

    body, head, tail = (MeshBuilder(group) for group in (BODY, HEAD, TAIL))
    xs = [-0.25 + 0.0357 * index for index in range(15)]
    heights = [0.03, 0.07, 0.085, 0.088, 0.086, 0.083, 0.08, 0.079, 0.079, 0.08, 0.081, 0.08, 0.075, 0.06, 0.03]
    tube(body, [(x, 0.27, h, 0.88 * h) for x, h in zip(xs, heights, strict=True)], paint)
    tube(head, [(0.18, 0.29, 0.065, 0.06), (0.28, 0.36, 0.06, 0.06)], chest)
    ball(head, (0.3, 0.41, 0.0), (0.1, 0.092, 0.105), coat, sides=12, rings=7)
    ball(head, (0.375, 0.385, 0.0), (0.045, 0.035, 0.05), chest, layer=2)
    disc(head, (0.42, 0.4, 0.0), (1.0, 0.2, 0.0), 0.016, (220, 120, 130), 4, 0.012)
    eye: Color = look.pick(((150, 200, 70), (240, 190, 50), (90, 170, 220)))
    eyes(head, 0.372, 0.435, 0.055, 0.026, eye)
    for sign in (-1.0, 1.0):
        disc(head, (0.378, 0.435, 0.056 * sign), (0.75, 0.15, sign * 0.75), 0.009, (20, 20, 20), 4, 0.024)
        tube(
            head, [(0.3, 0.47, 0.03, 0.05), (0.295, 0.57, 0.004, 0.006)], coat, z=[0.058 * sign, 0.082 * sign], sides=8
        )
        for y in (0.375, 0.395):
            tips = [(0.4, y, 0.03 * sign), (0.38, y + 0.01, 0.15 * sign), (0.385, y, 0.03 * sign)]
            head.face(tips, (250, 250, 250), 4)
    tube(
        tail,
        [
            (-0.23, 0.3, 0.026, 0.026),
            (-0.33, 0.34, 0.024, 0.024),
            (-0.38, 0.43, 0.022, 0.022),
            (-0.37, 0.53, 0.022, 0.022),
            (-0.42, 0.61, 0.022, 0.022),
            (-0.48, 0.62, 0.016, 0.016),
        ],
        paint if stripes else coat,
        sides=8,
    )
    legs = walk(Legs((-0.18, 0.17), 0.05, 0.22, 0.12, (0.05, 0.03, 0.025), 0.5, chest), coat, moving)
    wag = (0, 0.3, 0.7)
    return assemble(look, moving, legs, body, head, tail, (0.2, 0.3), (-0.23, 0.3), wag, box_footprint(0.28, 0.08))


def horse(seed: int, moving: bool = False) -> Figure:
    """A horse with a long neck, mane and tail."""
    look = Look(seed)
    coat, mane = look.pick(
        (
            ((134, 78, 42), (36, 26, 24)),
            ((176, 110, 60), (236, 214, 170)),
            ((52, 46, 46), (24, 22, 24)),
            ((232, 228, 220), (206, 200, 190)),
            ((150, 148, 150), (84, 82, 88)),
        )
    )
    body, head, tail = (MeshBuilder(group) for group in (BODY, HEAD, TAIL))
    tube(
        body,
        [
            (-0.85, 1.24, 0.06, 0.06),
            (-0.78, 1.24, 0.24, 0.2),
            (-0.55, 1.24, 0.31, 0.27),
            (-0.2, 1.2, 0.28, 0.27),
            (0.2, 1.18, 0.29, 0.27),
            (0.5, 1.22, 0.3, 0.24),
            (0.68, 1.26, 0.22, 0.17),
            (0.76, 1.28, 0.06, 0.05),
        ],
        coat,
        sides=12,
    )
    tube(
        head,
        [(0.46, 1.3, 0.27, 0.15), (0.72, 1.56, 0.19, 0.12), (0.9, 1.82, 0.14, 0.1), (0.96, 1.98, 0.1, 0.085)],
        coat,
    )
    tube(
        head,
        [
            (0.88, 2.05, 0.03, 0.03),
            (0.93, 2.02, 0.12, 0.1),
            (1.05, 1.92, 0.125, 0.105),
            (1.2, 1.76, 0.095, 0.085),
            (1.32, 1.62, 0.085, 0.075),
            (1.37, 1.57, 0.04, 0.05),
        ],
        coat,
    )
    tube(
        head,
        [(1.27, 1.68, 0.092, 0.08), (1.345, 1.59, 0.075, 0.07), (1.38, 1.56, 0.03, 0.04)],
        shade(coat, 0.55),
        layer=2,
    )
    if look.between(0, 1) < 0.6:
        disc(head, (1.16, 1.885, 0.0), (0.7, 0.6, 0.0), 0.035, WHITE, 3, 0.16)
    eyes(head, 1.05, 1.96, 0.1, 0.03)
    for sign in (-1.0, 1.0):
        tube(
            head,
            [(0.93, 2.06, 0.04, 0.035), (0.95, 2.16, 0.035, 0.03), (0.97, 2.24, 0.005, 0.005)],
            coat,
            0.065 * sign,
            sides=6,
        )
    tube(
        head,
        [
            (0.99, 2.1, 0.05, 0.04),
            (0.86, 2.02, 0.09, 0.05),
            (0.72, 1.8, 0.1, 0.06),
            (0.5, 1.56, 0.09, 0.05),
            (0.4, 1.46, 0.03, 0.03),
        ],
        mane,
        sides=8,
        layer=2,
    )
    tube(
        tail,
        [
            (-0.76, 1.42, 0.06, 0.05),
            (-0.92, 1.34, 0.075, 0.06),
            (-1.02, 1.05, 0.1, 0.08),
            (-1.04, 0.75, 0.09, 0.08),
            (-1.0, 0.55, 0.02, 0.02),
        ],
        mane,
        sides=8,
    )
    legs = walk(Legs((-0.6, 0.52), 0.18, 1.05, 0.56, (0.16, 0.075, 0.055), 2.3, (40, 36, 36)), coat, moving)
    wag = (0, 0.12, 0.8)
    return assemble(look, moving, legs, body, head, tail, (0.5, 1.3), (-0.78, 1.42), wag, box_footprint(0.95, 0.28))


def cow(seed: int, moving: bool = False) -> Figure:
    """A cow in patches or brown, with horns, a pink muzzle and an udder."""
    look = Look(seed)
    kind = look.pick(("black", "black", "red", "brown"))
    base, spot = {
        "black": (WHITE, (38, 36, 38)),
        "red": (WHITE, (142, 74, 42)),
        "brown": ((150, 92, 54), (128, 74, 42)),
    }[kind]
    places = [
        (x, y, r)
        for x, y, r in ((-0.8, 1.2, 0.27), (-0.25, 1.0, 0.28), (0.15, 1.25, 0.2), (0.55, 1.0, 0.32))
        for _ in "ab"
    ]
    body, head, tail = (MeshBuilder(group) for group in (BODY, HEAD, TAIL))
    profile = ((-0.98, 0.12), (-0.94, 0.27), (-0.8, 0.34), (0.55, 0.36), (0.72, 0.32), (0.82, 0.22), (0.86, 0.08))
    rows = [profile[0], profile[1], *((x / 10, 0.34 + 0.015 * (x + 8) / 7) for x in range(-8, 6)), *profile[3:]]
    tube(body, [(x, 1.03, r, 0.88 * r) for x, r in rows], spots(look, base, spot, places), sides=16)
    dark = spot if kind != "brown" else base
    tube(head, [(0.66, 1.12, 0.25, 0.18), (0.9, 1.24, 0.17, 0.14), (1.02, 1.3, 0.13, 0.12)], dark)
    tube(
        head,
        [
            (0.95, 1.42, 0.05, 0.06),
            (1.0, 1.4, 0.14, 0.14),
            (1.12, 1.32, 0.14, 0.13),
            (1.26, 1.18, 0.11, 0.105),
            (1.33, 1.1, 0.1, 0.1),
        ],
        dark,
    )
    tube(
        head,
        [(1.29, 1.15, 0.105, 0.112), (1.37, 1.06, 0.105, 0.115), (1.42, 1.01, 0.06, 0.08)],
        (226, 168, 160),
        layer=2,
    )
    for sign in (-1.0, 1.0):
        disc(head, (1.43, 1.06, 0.05 * sign), (0.9, 0.2, 0.15 * sign), 0.02, (120, 70, 70), 4)
    if kind != "brown":
        disc(head, (1.21, 1.3, 0.0), (0.7, 0.65, 0.0), 0.06, WHITE, 3, 0.15)
    eyes(head, 1.12, 1.37, 0.125, 0.032, (24, 20, 22) if kind == "brown" else (250, 250, 250))
    if kind != "brown":
        pupils(head, 1.13, 1.37, 0.13, 0.018)
    for sign in (-1.0, 1.0):
        tube(
            head,
            [(1.0, 1.38, 0.03, 0.04), (0.98, 1.38, 0.055, 0.05), (0.97, 1.34, 0.012, 0.02)],
            dark,
            [0.12 * sign, 0.22 * sign, 0.34 * sign],
            X,
            6,
        )
        horn = [(1.0, 1.5, 0.035, 0.035), (1.02, 1.58, 0.03, 0.03), (1.05, 1.7, 0.006, 0.006)]
        tube(head, horn, (232, 218, 184), [0.08 * sign, 0.2 * sign, 0.19 * sign], X, 6)
    ball(body, (-0.5, 0.66, 0.0), (0.2, 0.15, 0.16), (236, 170, 168))
    tube(tail, [(-0.95, 1.28, 0.035, 0.035), (-1.06, 1.2, 0.03, 0.03), (-1.08, 0.75, 0.025, 0.025)], base, sides=6)
    ball(tail, (-1.08, 0.66, 0.0), (0.06, 0.13, 0.06), spot, layer=2)
    legs = walk(Legs((-0.72, 0.58), 0.2, 0.8, 0.42, (0.15, 0.09, 0.075), 1.7, (60, 52, 48)), base, moving)
    wag = (0, 0.25, 0.6)
    return assemble(look, moving, legs, body, head, tail, (0.72, 1.2), (-0.95, 1.28), wag, box_footprint(1.0, 0.32))


def sheep(seed: int, moving: bool = False) -> Figure:
    """A sheep: a ball of curly wool on thin legs, with a dark or pale face."""
    look = Look(seed)
    wool: Color = look.pick(((240, 236, 224), (226, 218, 200), (248, 246, 240)))
    skin: Color = look.pick(((46, 42, 42), (62, 54, 50), (90, 74, 62)))
    body, head, tail = (MeshBuilder(group) for group in (BODY, HEAD, TAIL))
    tube(
        body,
        [
            (-0.5, 0.66, 0.1, 0.1),
            (-0.42, 0.66, 0.24, 0.22),
            (0.0, 0.66, 0.29, 0.26),
            (0.36, 0.67, 0.26, 0.23),
            (0.46, 0.68, 0.1, 0.1),
        ],
        wool,
    )
    for ring, (x, radius) in enumerate(((-0.4, 0.2), (-0.18, 0.26), (0.07, 0.27), (0.32, 0.23))):
        _curls(body, look, wool, x, radius, ring)
    tube(head, [(0.32, 0.74, 0.17, 0.15), (0.48, 0.86, 0.13, 0.12), (0.5, 0.92, 0.06, 0.06)], wool)
    tube(
        head,
        [
            (0.45, 0.96, 0.04, 0.04),
            (0.48, 0.95, 0.09, 0.08),
            (0.58, 0.88, 0.085, 0.075),
            (0.67, 0.79, 0.06, 0.055),
            (0.7, 0.76, 0.03, 0.03),
        ],
        skin,
    )
    for x, y, z in ((0.46, 1.0, 0.0), (0.47, 0.98, 0.06), (0.47, 0.98, -0.06)):
        ball(head, (x, y, z), (0.065, 0.055, 0.06), wool, layer=2)
    eyes(head, 0.575, 0.925, 0.07, 0.024, (244, 236, 190))
    pupils(head, 0.583, 0.925, 0.074, 0.012)
    for sign in (-1.0, 1.0):
        tube(
            head,
            [(0.47, 0.94, 0.02, 0.03), (0.46, 0.93, 0.03, 0.045), (0.45, 0.88, 0.008, 0.01)],
            skin,
            [0.06 * sign, 0.14 * sign, 0.21 * sign],
            X,
            6,
        )
    ball(tail, (-0.52, 0.68, 0.0), (0.06, 0.1, 0.07), shade(wool, 0.94))
    legs = walk(Legs((-0.28, 0.26), 0.12, 0.46, 0.25, (0.07, 0.042, 0.036), 0.9, (30, 28, 28)), skin, moving)
    wag = (0, 0.4, 1.5)
    return assemble(look, moving, legs, body, head, tail, (0.36, 0.76), (-0.48, 0.74), wag, box_footprint(0.5, 0.26))


def _curls(builder: MeshBuilder, look: Look, wool: Color, x: float, radius: float, ring: int) -> None:
    """A ring of tufts around the body, of slightly different brightness."""
    for step in range(7):
        angle = (step + 0.5 * (ring % 2)) * 0.8976
        place = (x + look.between(-0.02, 0.02), 0.67 + radius * math.cos(angle), 0.9 * radius * math.sin(angle))
        ball(builder, place, (0.12, 0.1, 0.1), shade(wool, look.between(0.9, 1.03)), sides=6, rings=4)
