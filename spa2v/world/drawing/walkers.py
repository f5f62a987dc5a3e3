"""A person as a solid in meters, facing +x, feet on y = 0, who walks with swinging legs and arms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spa2v.world.drawing.look import Look
from spa2v.world.drawing.mesh import Color, Floats, Mesh, MeshBuilder, shade
from spa2v.world.drawing.parts import Figure, Motion, Part, disc_footprint
from spa2v.world.drawing.solids import X, ball, disc, folding, jointed, striding, swaying, tube

TORSO, HEAD, LEGS, ARMS, HAIR = 0, 1, 2, 4, 6  # groups; legs and arms have one for each side


@dataclass(frozen=True)
class Build:
    """Heights and half widths of a body.

    Args:
        hip, knee, shoulder, head: heights of the joints and of the middle of the head.
        size: half the height of the head.
        width: half the distance of the shoulders.
        leg, arm: radii.
        stride_m: way of two steps.
    """

    hip: float
    knee: float
    shoulder: float
    head: float
    size: float
    width: float
    leg: float
    arm: float
    stride_m: float


WOMAN = Build(0.86, 0.47, 1.34, 1.6, 0.145, 0.18, 0.075, 0.045, 1.35)
MAN = Build(0.9, 0.5, 1.42, 1.65, 0.145, 0.23, 0.095, 0.055, 1.5)
CHILD = Build(0.48, 0.26, 0.78, 1.01, 0.17, 0.14, 0.06, 0.042, 0.8)


@dataclass(frozen=True)
class Clothes:
    """Colors of skin, hair, upper body, lower body and shoes; the hair is "short", "long", "tails" or under a "cap"."""

    skin: Color
    hair: Color
    top: Color
    bottom: Color
    shoes: Color
    hair_style: str = "short"
    has_skirt: bool = False
    long_sleeves: bool = True
    bare_legs: bool = False


def walker(look: Look, build: Build, clothes: Clothes, moving: bool) -> Figure:
    """A person of a build in clothes; walks or stands, sings either way."""
    torso = MeshBuilder(TORSO)
    _torso(torso, build, clothes)
    phase = look.between(0, 1)
    head, mouth = MeshBuilder(HEAD), MeshBuilder(HEAD)
    _head(head, build, clothes)
    _hair(head, build, clothes)
    face = (0.735 * build.size, build.head - 0.52 * build.size, 0.0)
    disc(mouth, (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), 0.24 * build.size, (120, 30, 36), 5, 0.2 * build.size)
    nod = swaying(1, (0.0, build.head, 0.0), 0.12, look.between(0.3, 0.6), phase)
    parts = [
        Part(torso.build()),
        Part(head.build(), nod),
        Part(mouth.build(), _singing(face, look.between(1.6, 3.0), nod)),
    ]
    if clothes.hair_style == "long":
        parts.append(Part(_locks(build, clothes), nod))
    for side in (0, 1):
        parts += _leg(build, clothes, side, phase, moving)
        parts += _arm(build, clothes, side, phase, moving)
    return Figure(parts, disc_footprint(0.9 * build.width, 0.9 * build.width))


def _torso(builder: MeshBuilder, build: Build, clothes: Clothes) -> None:
    hip, top, w = build.hip, build.shoulder, build.width
    waist = hip + 0.3 * (top - hip)
    rows = [
        (0.0, hip - 0.06, 0.5 * w, 0.62 * w),
        (0.0, hip + 0.02, 0.6 * w, 0.78 * w),
        (0.0, waist, 0.52 * w, 0.7 * w),
        (0.0, top - 0.12, 0.62 * w, 0.95 * w),
        (0.0, top + 0.01, 0.5 * w, 0.98 * w),
        (0.0, top + 0.06, 0.3 * w, 0.45 * w),
    ]
    tube(builder, rows[2:], clothes.top, layer=2)
    if clothes.has_skirt:
        hem = build.knee - 0.02
        skirt = [
            (0.0, hem, 1.25 * w, 1.35 * w),
            (0.0, (hem + hip) / 2, 0.95 * w, 1.05 * w),
            (0.0, waist, 0.53 * w, 0.7 * w),
        ]
        tube(builder, skirt, clothes.bottom, layer=1)
    else:
        tube(builder, rows[:3], clothes.bottom, layer=1)
    tube(
        builder,
        [(0.0, top, 0.26 * w, 0.26 * w), (0.01, build.head - 0.5 * build.size, 0.24 * w, 0.25 * w)],
        clothes.skin,
        layer=3,
    )


def _head(builder: MeshBuilder, build: Build, clothes: Clothes) -> None:
    y, r = build.head, build.size
    skin, hair = clothes.skin, clothes.hair

    def paint(center: Floats) -> Color:
        x, height = float(center[0]) / r, (float(center[1]) - y) / r
        return skin if height < 0.5 and (x > 0.1 or height < -0.5) else hair

    ball(builder, (0.0, y, 0.0), (0.84 * r, r, 0.78 * r), paint, sides=14, rings=9)
    nose = [(0.7, 0.08, 0.06, 0.06), (0.94, -0.14, 0.1, 0.1), (0.74, -0.24, 0.05, 0.05)]
    tube(builder, [(x * r, y + up * r, a * r, b * r) for x, up, a, b in nose], shade(skin, 0.92), sides=6)
    for sign in (-1.0, 1.0):
        disc(
            builder, (0.72 * r, y + 0.1 * r, 0.3 * r * sign), (0.9, 0.0, 0.4 * sign), 0.1 * r, (30, 24, 26), 4, 0.14 * r
        )
        if clothes.hair_style != "long":
            ball(builder, (0.0, y - 0.05 * r, 0.8 * r * sign), (0.14 * r, 0.2 * r, 0.08 * r), shade(skin, 0.9), 6, 3)
        if clothes.hair_style == "tails":
            place, out = (-0.35 * r, y + 0.35 * r, 1.0 * r * sign), (0.3 * r, 0.5 * r, 0.26 * r)
            ball(builder, (-0.3 * r, y + 0.5 * r, 0.82 * r * sign), (0.12 * r, 0.12 * r, 0.14 * r), clothes.top, 6, 3)
            ball(builder, (place[0], y, place[2]), out, hair, 8, 5)


def _hair(builder: MeshBuilder, build: Build, clothes: Clothes) -> None:
    """Hair on the back of the head, or a cap over it."""
    nape = [(-0.34, -0.5, 0.42, 0.55), (-0.34, 0.0, 0.62, 0.84), (-0.2, 0.5, 0.72, 0.82)]
    if clothes.hair_style == "cap":
        brim = [(0.3, 0.52, 0.1, 0.5), (0.95, 0.48, 0.07, 0.62), (1.35, 0.4, 0.05, 0.4)]
        dome = [(-0.02, 0.42, 0.92, 0.88), (-0.02, 0.75, 0.82, 0.76), (0.0, 1.1, 0.45, 0.4), (0.0, 1.18, 0.1, 0.1)]
        bodies = [(nape, clothes.hair, 1), (brim, clothes.top, 2), (dome, clothes.top, 2)]
    else:
        bodies = [([*nape, (-0.08, 0.88, 0.64, 0.58), (0.0, 1.1, 0.3, 0.28)], clothes.hair, 1)]
    for rows, color, layer in bodies:
        _scaled_tube(builder, build, rows, color, layer)


def _locks(build: Build, clothes: Clothes) -> Mesh:
    """Long hair behind neck and shoulders: a group, which is nearer than the neck from behind alone."""
    builder = MeshBuilder(HAIR)
    rows = [(-0.62, -2.0, 0.22, 0.7), (-0.6, -1.3, 0.34, 0.98), (-0.5, -0.6, 0.5, 0.98), (-0.36, 0.0, 0.62, 0.84)]
    _scaled_tube(builder, build, rows, clothes.hair, 6)
    return builder.build()


def _scaled_tube(
    builder: MeshBuilder, build: Build, rows: Sequence[tuple[float, ...]], color: Color, layer: int
) -> None:
    """A tube whose spine and radii are in parts of half the height of the head, from the middle of the head."""
    r = build.size
    spine = [(x * r, build.head + y * r, across * r, side * r) for x, y, across, side in rows]
    tube(builder, spine, color, sides=12, layer=layer)


def _singing(place: tuple[float, float, float], rate_hz: float, head: Motion) -> Motion:
    """A mouth that opens and closes, on a head that turns."""

    def motion(time_s: float, way_m: float) -> tuple[Floats, Floats]:
        rotation, shift = head(time_s, way_m)
        gape = 0.3 + 0.7 * abs(float(np.sin(np.pi * rate_hz * time_s)))
        return rotation @ np.diag([1.0, gape, 1.0]), rotation @ np.asarray(place) + shift

    return motion


def _leg(build: Build, clothes: Clothes, side: int, phase: float, moving: bool) -> list[Part]:
    group = TORSO if clothes.has_skirt else LEGS + side  # below the cloth of a skirt, which lies in a higher layer
    upper, lower = MeshBuilder(group), MeshBuilder(group)
    z, r = (0.45 if side else -0.45) * build.width, build.leg
    cloth = clothes.skin if clothes.has_skirt or clothes.bare_legs else clothes.bottom
    hip, knee, ankle = (0.0, build.hip, 0.0), (0.0, build.knee, 0.0), 0.07 * build.hip / 0.86
    thigh = clothes.skin if clothes.has_skirt else clothes.bottom
    tube(upper, [(0.0, build.hip, r, r), (0.0, build.knee, 0.78 * r, 0.78 * r)], thigh, z, X, 8, 0)
    tube(lower, [(0.0, build.knee, 0.78 * r, 0.78 * r), (0.0, ankle, 0.55 * r, 0.55 * r)], cloth, z, X, 8, 0)
    shoe = [
        (-0.8 * r, 0.5 * ankle, 0.5 * ankle, 0.55 * r),
        (0.3 * r, 0.6 * ankle, 0.6 * ankle, 0.6 * r),
        (1.9 * r, 0.35 * ankle, 0.35 * ankle, 0.5 * r),
    ]
    tube(lower, shoe, clothes.shoes, z, sides=8, layer=0)
    if not moving:
        return [Part(upper.build()), Part(lower.build())]
    turn = phase + 0.5 * side
    swing = striding(hip, 0.45, build.stride_m, turn)
    return [
        Part(upper.build(), swing),
        Part(lower.build(), jointed(swing, knee, folding(0.8, build.stride_m, turn))),
    ]


def _arm(build: Build, clothes: Clothes, side: int, phase: float, moving: bool) -> list[Part]:
    upper, lower = MeshBuilder(ARMS + side), MeshBuilder(ARMS + side)
    z, r = (1.02 if side else -1.02) * build.width, build.arm
    length = 0.48 * (build.shoulder - build.knee) * 0.78
    top, elbow, hand = build.shoulder - 0.02, build.shoulder - length, build.shoulder - 1.9 * length
    sleeve = clothes.top
    tube(
        upper,
        [(0.0, top + 0.03, 0.6 * r, 0.6 * r), (0.0, top - 0.03, 1.12 * r, 1.1 * r), (0.0, elbow, r, r)],
        sleeve,
        z,
        X,
        8,
    )
    lower_color = sleeve if clothes.long_sleeves else clothes.skin
    tube(lower, [(0.0, elbow, r, r), (0.0, hand + 0.05, 0.75 * r, 0.75 * r)], lower_color, z, X, 8)
    ball(lower, (0.0, hand, z), (0.95 * r, 1.2 * r, 0.8 * r), clothes.skin, 6, 4)
    pivot, joint = (0.0, top, 0.0), (0.0, elbow, 0.0)
    turn, stride = phase + 0.5 * (1 - side), build.stride_m
    swing = striding(pivot, 0.45, stride, turn) if moving else swaying(2, pivot, 0.08, 0.5, phase + 0.5 * side)

    return [Part(upper.build(), swing), Part(lower.build(), jointed(swing, joint, lambda way_m: 0.35))]
