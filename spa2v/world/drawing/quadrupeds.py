"""What the four-legged animals share: legs that walk, eyes, patches of color, a nodding head and a swinging tail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spa2v.world.drawing.look import Look
from spa2v.world.drawing.mesh import Color, Floats, MeshBuilder
from spa2v.world.drawing.parts import Figure, Part
from spa2v.world.drawing.solids import Paint, X, disc, folding, jointed, striding, swaying, tube

NOSE: Color = (34, 28, 30)
WHITE: Color = (236, 234, 228)
BODY, HEAD, TAIL, LEGS = 0, 1, 2, 3  # groups; each leg has one more


@dataclass(frozen=True)
class Legs:
    """Four legs of two joints.

    Args:
        x: of the hind and of the fore legs.
        z: half their distance.
        hip, knee: heights of the joints.
        radii: at hip, knee and foot.
        stride_m: way of a full cycle.
        hoof: color of the foot.
    """

    x: tuple[float, float]
    z: float
    hip: float
    knee: float
    radii: tuple[float, float, float]
    stride_m: float
    hoof: Color


def walk(shape: Legs, paint: Paint, moving: bool) -> list[Part]:
    """Diagonal pairs swing together, as in a trot."""
    parts, amplitude = [], 0.5
    for index, (x, sign) in enumerate((x, sign) for x in shape.x for sign in (-1.0, 1.0)):
        phase = 0.1 if (x > 0) == (sign > 0) else 0.6
        upper, lower = MeshBuilder(LEGS + index), MeshBuilder(LEGS + index)
        z, (wide, middle, thin) = sign * shape.z, shape.radii
        hip, knee = (x, shape.hip, 0.0), (x, shape.knee, 0.0)
        top = (x, shape.hip + wide, 0.4 * wide, 0.4 * wide)
        tube(upper, [top, (x, shape.hip + 0.4 * wide, wide, wide), (x, shape.knee, middle, middle)], paint, z, X, 8)
        foot = shape.radii[2] * 1.5
        tube(lower, [(x, shape.knee, middle, middle), (x, foot, thin, thin)], paint, z, X, 8)
        tube(lower, [(x, foot, thin * 1.1, thin * 1.1), (x + 0.3 * foot, 0.0, foot, thin * 1.3)], shape.hoof, z, X, 8)
        if moving:
            swing = striding(hip, amplitude, shape.stride_m, phase)
            fold = jointed(swing, knee, folding(0.9, shape.stride_m, phase))
            parts += [Part(upper.build(), swing), Part(lower.build(), fold)]
        else:
            parts += [Part(upper.build()), Part(lower.build())]
    return parts


def eyes(builder: MeshBuilder, x: float, y: float, z: float, radius: float, color: Color = NOSE) -> None:
    """A pair of eyes that show from the front and from the side."""
    for sign in (-1.0, 1.0):
        disc(builder, (x, y, sign * z), (0.75, 0.15, sign * 0.75), radius, color, 3)


def spots(
    look: Look, base: Color, spot: Color, places: Sequence[tuple[float, float, float]]
) -> Callable[[Floats], Color]:
    """Patches around random places (x, y, radius) on either side of a body."""
    first = look.pick((-1.0, 1.0))
    drawn = [
        (x + look.between(-0.1, 0.1), y, first * (-1.0) ** index, r * look.between(0.8, 1.2))
        for index, (x, y, r) in enumerate(places)
    ]

    def paint(center: Floats) -> Color:
        x, y, z = center.tolist()
        near = any((x - px) ** 2 + (y - py) ** 2 < r * r and side * z >= 0 for px, py, side, r in drawn)
        return spot if near else base

    return paint


def assemble(
    look: Look,
    moving: bool,
    legs: list[Part],
    body: MeshBuilder,
    head: MeshBuilder,
    tail: MeshBuilder,
    neck: tuple[float, float],
    root: tuple[float, float],
    wag: tuple[int, float, float],
    foot: Floats,
) -> Figure:
    """Puts the parts together; the head nods about `neck`, the tail swings about `root` by (axis, amplitude, rate)."""
    phase, rate = look.between(0, 1), look.between(0.35, 0.6)
    axis, amplitude, tail_rate = wag
    return Figure(
        [
            Part(body.build()),
            Part(head.build(), swaying(2, (*neck, 0.0), 0.05 if moving else 0.1, rate * (2 if moving else 1), phase)),
            Part(tail.build(), swaying(axis, (*root, 0.0), amplitude, tail_rate * look.between(0.8, 1.2), phase)),
            *legs,
        ],
        foot,
    )


def pupils(builder: MeshBuilder, x: float, y: float, z: float, radius: float) -> None:
    for sign in (-1.0, 1.0):
        disc(builder, (x, y, sign * z), (0.75, 0.15, sign * 0.75), radius, (16, 14, 16), 4)
