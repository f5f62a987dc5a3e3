"""Woman, man and child in meters, feet on y = 0: they walk towards +x, or sing or play an instrument facing the camera.

Who walks is a solid; a woman or a man who does not is a cut-out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spa2v.world.drawing.look import SKIN, Look
from spa2v.world.drawing.mesh import Color, Floats, Mesh, MeshBuilder, ellipse, limb, shade
from spa2v.world.drawing.parts import Figure, Motion, Part, disc_footprint, swinging
from spa2v.world.drawing.solids import facing_camera
from spa2v.world.drawing.walkers import CHILD, MAN, WOMAN, Clothes, walker

HAIR: tuple[Color, ...] = ((40, 28, 22), (96, 58, 28), (196, 150, 72), (130, 46, 26), (24, 24, 28))
DRESS: tuple[Color, ...] = ((206, 44, 92), (126, 52, 156), (220, 92, 60), (30, 140, 140), (226, 150, 180))
SHIRT: tuple[Color, ...] = ((52, 104, 170), (238, 238, 232), (62, 128, 84), (180, 60, 48), (90, 92, 104))
TROUSERS: tuple[Color, ...] = ((40, 48, 76), (58, 54, 50), (96, 84, 66), (34, 36, 42))
BRIGHT: tuple[Color, ...] = (
    (236, 60, 60),
    (250, 200, 40),
    (60, 150, 230),
    (90, 190, 80),
    (240, 120, 180),
    (250, 140, 40),
)
SHORTS: tuple[Color, ...] = ((40, 70, 150), (70, 60, 60), (40, 120, 110), (150, 60, 130))
Point = Sequence[float]

# Hands (left of the picture, right of the picture) for each thing that is held.
HANDS: dict[str | None, tuple[Point, Point]] = {
    None: ((-0.34, 0.86), (0.13, 1.3)),
    "guitar": ((-0.16, 0.98), (0.42, 1.22)),
    "violin": ((-0.34, 1.12), (0.38, 1.38)),
    "cello": ((-0.46, 0.58), (0.17, 1.14)),
    "saxophone": ((-0.08, 0.88), (0.1, 1.22)),
    "harp": ((-0.26, 1.16), (0.28, 1.02)),
    "drum": ((-0.36, 1.0), (0.36, 1.0)),
    "piano": ((-0.26, 0.98), (0.26, 0.98)),
}


def woman(seed: int, plays: str | None = None, moving: bool = False) -> Figure:
    """A woman in a dress, with long hair."""
    look = Look(seed)
    dress, skin, hair = look.pick(DRESS), look.pick(SKIN), look.pick(HAIR)
    if moving:
        clothes = Clothes(skin, hair, dress, shade(dress, 0.94), (60, 30, 40), "long", has_skirt=True)
        return walker(look, WOMAN, clothes, moving)
    builder = MeshBuilder()
    builder.flat(_hair_behind(), hair, 0)
    for x in (-0.09, 0.09):
        builder.flat(limb((x, 0.5), (x, 0.08), 0.1, 0.08), skin, 1)
        builder.flat(ellipse(x + (0.03 if x > 0 else -0.03), 0.05, 0.09, 0.05, 10), (60, 30, 40), 1)
    builder.flat([(-0.12, 1.0), (0.12, 1.0), (0.25, 0.62), (0.33, 0.34), (-0.33, 0.34), (-0.25, 0.62)], dress, 2)
    builder.flat([(0.02, 0.98), (0.12, 1.0), (0.25, 0.62), (0.33, 0.34), (0.12, 0.34)], shade(dress, 0.82), 2)
    builder.flat([(-0.19, 1.38), (0.19, 1.38), (0.16, 1.16), (0.13, 0.99), (-0.13, 0.99), (-0.16, 1.16)], dress, 2)
    builder.flat([(-0.13, 1.02), (0.13, 1.02), (0.125, 0.97), (-0.125, 0.97)], shade(dress, 0.6), 3)
    builder.flat([(-0.07, 1.38), (0.07, 1.38), (0.0, 1.27)], skin, 3)
    _head(builder, skin)
    builder.flat(_fringe(), hair, 5)
    return _person(builder, look, skin, sleeve=dress, plays=plays, width=0.075)


def man(seed: int, plays: str | None = None, moving: bool = False) -> Figure:
    """A man in a shirt and trousers, with short hair."""
    look = Look(seed)
    shirt, skin, hair = look.pick(SHIRT), look.pick(SKIN), look.pick(HAIR)
    trousers = look.pick(TROUSERS)
    if moving:
        return walker(look, MAN, Clothes(skin, hair, shirt, trousers, (34, 28, 26)), moving)
    builder = MeshBuilder()
    for x in (-0.11, 0.11):
        builder.flat(limb((x * 0.9, 0.9), (x * 1.15, 0.1), 0.19, 0.13), trousers, 1)
        builder.flat(ellipse(x * 1.4, 0.05, 0.11, 0.05, 10), (34, 28, 26), 1)
    builder.flat(
        [
            (-0.1, 1.46),
            (0.1, 1.46),
            (0.25, 1.38),
            (0.27, 1.3),
            (0.21, 0.86),
            (-0.21, 0.86),
            (-0.27, 1.3),
            (-0.25, 1.38),
        ],
        shirt,
        2,
    )
    builder.flat([(0.08, 1.46), (0.25, 1.38), (0.27, 1.3), (0.21, 0.86), (0.09, 0.86)], shade(shirt, 0.86), 2)
    for y in (0.95, 1.08, 1.21):
        builder.flat(ellipse(0, y, 0.012, 0.012, 6), shade(shirt, 0.6), 3)
    builder.flat([(-0.08, 1.44), (0.08, 1.44), (0.0, 1.3)], skin, 3)
    builder.flat([(-0.21, 0.9), (0.21, 0.9), (0.21, 0.85), (-0.21, 0.85)], (36, 28, 24), 3)
    _head(builder, skin, jaw=1.12)
    builder.flat(ellipse(0, 1.66, 0.135, 0.12, 12, 5, 175), hair, 5)
    builder.flat([(-0.135, 1.67), (-0.135, 1.58), (-0.11, 1.67)], hair, 5)
    builder.flat([(0.135, 1.67), (0.135, 1.58), (0.11, 1.67)], hair, 5)
    if look.between(0, 1) < 0.35:
        builder.flat(ellipse(0, 1.5, 0.1, 0.07, 10, 180, 360), hair, 4)
    return _person(builder, look, skin, sleeve=shirt, plays=plays, width=0.095)


def child(seed: int, moving: bool = False) -> Figure:
    """A child with a large head and short limbs, in bright clothes; one who does not walk faces the camera."""
    look = Look(seed)
    top, skin, hair, style = look.pick(BRIGHT), look.pick(SKIN), look.pick(HAIR), look.pick(("short", "tails", "cap"))
    bottom, shoes = look.pick(SHORTS), look.pick(((236, 236, 236), (220, 50, 50), (50, 60, 80)))
    clothes = Clothes(skin, hair, top, bottom, shoes, style, style == "tails", long_sleeves=False, bare_legs=True)
    figure = walker(look, CHILD, clothes, moving)
    return figure if moving else facing_camera(figure)


def _head(builder: MeshBuilder, skin: Color, jaw: float = 1.0) -> None:
    builder.flat([(-0.05, 1.5), (0.05, 1.5), (0.06, 1.36), (-0.06, 1.36)], shade(skin, 0.86), 3)
    builder.flat(ellipse(0, 1.6, 0.115 * jaw, 0.15, 16), skin, 4)
    for x in (-0.045, 0.045):
        builder.flat(ellipse(x, 1.625, 0.016, 0.02, 8), (36, 26, 24), 5)
    builder.flat([(-0.012, 1.6), (0.014, 1.6), (0.018, 1.565), (-0.016, 1.565)], shade(skin, 0.82), 5)


def _hair_behind() -> list[tuple[float, float]]:
    return [(-0.15, 1.72), (0, 1.79), (0.15, 1.72), (0.2, 1.5), (0.19, 1.26), (-0.19, 1.26), (-0.2, 1.5)]


def _fringe() -> list[tuple[float, float]]:
    return [
        (-0.13, 1.56),
        (-0.14, 1.68),
        (-0.08, 1.77),
        (0, 1.79),
        (0.08, 1.77),
        (0.14, 1.68),
        (0.13, 1.56),
        (0.1, 1.68),
        (-0.02, 1.71),
        (-0.1, 1.67),
    ]


def _person(builder: MeshBuilder, look: Look, skin: Color, sleeve: Color, plays: str | None, width: float) -> Figure:
    phase = look.between(0, 1)
    rate = look.between(1.2, 2.4)
    parts = [Part(builder.build()), Part(_mouth(), _opening(rate * 1.3, phase))]
    left, right = HANDS[plays]
    shoulder = 0.2 if width < 0.09 else 0.24
    swing = 0.05 if plays is None else 0.11
    for side, hand in ((-1, left), (1, right)):
        top = (side * shoulder, 1.35)
        arm = MeshBuilder()
        elbow = _elbow(top, hand, side)
        arm.flat(limb(top, elbow, width * 1.25, width), shade(sleeve, 0.92), 6)
        arm.flat(limb(elbow, hand, width, width * 0.75), skin, 6)
        arm.flat(ellipse(hand[0], hand[1], 0.05, 0.05, 10), skin, 6)
        if plays is None and side > 0:
            _microphone(arm, hand)
        parts.append(Part(arm.build(), swinging(top, swing, rate, phase + 0.25 * side)))
    return Figure(parts, disc_footprint(0.36, 0.16))


def _microphone(arm: MeshBuilder, hand: Point) -> None:
    x, y = hand
    arm.flat(limb((x + 0.03, y - 0.1), (x - 0.04, y + 0.1), 0.04), (40, 42, 48), 5)
    arm.flat(ellipse(x - 0.06, y + 0.13, 0.05, 0.05, 10), (130, 134, 142), 5)


def _elbow(shoulder: Point, hand: Point, side: int) -> tuple[float, float]:
    """A joint that bends outwards and down between shoulder and hand."""
    return (shoulder[0] + hand[0]) / 2 + side * 0.12, (shoulder[1] + hand[1]) / 2 - 0.09


def _mouth() -> Mesh:
    builder = MeshBuilder()
    builder.flat(ellipse(0, 0, 0.035, 0.03, 10), (120, 30, 36), 5)
    return builder.build()


def _opening(rate_hz: float, phase: float) -> Motion:
    def motion(time_s: float, way_m: float) -> tuple[Floats, Floats]:
        gape = 0.35 + 0.65 * abs(float(np.sin(np.pi * (rate_hz * time_s + phase))))
        return np.diag([1.0, gape, 1.0]), np.array([0.0, 1.525, 0.0])

    return motion
