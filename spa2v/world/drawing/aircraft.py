"""Airplane and helicopter, in meters, flying towards +x; y = 0 is their lowest point."""

from __future__ import annotations

import numpy as np

from spa2v.world.drawing.hulls import ball, loft, rounds, slab, tube
from spa2v.world.drawing.look import AIRPLANE_PAINT, DARK_GLASS, GLASS, HELICOPTER_PAINT, PAINT, TIRE, Look
from spa2v.world.drawing.mesh import Color, MeshBuilder, shade
from spa2v.world.drawing.outlines import block
from spa2v.world.drawing.parts import Figure, Part, box_footprint, spinning

DARK: Color = (52, 54, 60)
MARKS: tuple[Color, ...] = ((198, 36, 40), (38, 84, 178), (34, 128, 76), (240, 190, 30), (232, 112, 28))


def airplane(seed: int) -> Figure:
    """An airliner with jets under swept wings, or a propeller plane with a high wing."""
    look = Look(seed)
    paint = PAINT[look.pick(AIRPLANE_PAINT)]
    mark = look.pick([color for color in MARKS if color != paint])
    return _airliner(look, paint, mark) if look.between(0, 1) < 0.6 else _propeller_plane(look, paint, mark)


def _airliner(look: Look, paint: Color, mark: Color) -> Figure:
    length, y = look.between(6.2, 7.4), 1.5
    builder = MeshBuilder(1)
    noses = [(0.0, 0.08), (-0.25, 0.45), (-0.8, 0.78), (-1.7, 0.95)]
    body = [(length + x, y - 0.15 * (0.95 - r), r, r) for x, r in noses]
    body += [(-0.4 * length, y, 0.95, 0.95), (-0.75 * length, y + 0.25, 0.68, 0.6), (-length, y + 0.55, 0.22, 0.15)]
    belly, flank, top = shade(paint, 0.8), paint, shade(paint, 1.05)
    strips = [flank, top, top, top, flank, flank, belly, belly, belly, flank]
    loft(builder, rounds(body, 10, -18.0), strips)
    for x in np.arange(-0.4 * length, length - 2.0, 0.55):
        builder.side(block(float(x), y + 0.12, 0.3, 0.3), DARK_GLASS, 0.95, 3)
    builder.side(
        [(-0.55 * length, y - 0.22), (length - 1.6, y - 0.22), (length - 1.6, y - 0.02), (-0.55 * length, y - 0.02)],
        mark,
        0.93,
        3,
    )
    for side in (-1.0, 1.0):
        glass = [(length - 0.75, y + 0.2, side * 0.7), (length - 0.25, y + 0.16, side * 0.36)]
        glass += [(length - 0.32, y + 0.42, side * 0.24), (length - 0.85, y + 0.5, side * 0.56)]
        builder.face(glass, DARK_GLASS, 3, (0.6, 0.3, side * 0.74))
    glass = [(length - 0.24, y + 0.16, -0.34), (length - 0.24, y + 0.16, 0.34)]
    builder.face(
        [*glass, (length - 0.36, y + 0.42, 0.24), (length - 0.36, y + 0.42, -0.24)], DARK_GLASS, 3, (0.9, 0.42, 0.0)
    )
    fin = [(-length - 0.2, y + 0.6), (-0.7 * length, y + 0.7), (-length + 0.1, y + 2.9), (-length - 0.6, y + 2.9)]
    builder.prism(fin, 0.1, mark, 1)
    for side in (-1.0, 1.0):
        tail = [(-0.78 * length, 0.4), (-length, 2.5), (-length - 0.5, 2.5), (-length - 0.1, 0.2)]
        slab(builder, [(x, side * z) for x, z in tail], [y + 0.5, y + 0.8, y + 0.8, y + 0.5], 0.1, shade(paint, 0.92))
    for side in (-1, 1):
        builder.group = 1 + side
        wing = [(2.2, 0.7), (-1.9, 6.6), (-2.8, 6.6), (-1.6, 0.7)]
        slab(builder, [(x, side * z) for x, z in wing], [y - 0.5, y + 0.4, y + 0.4, y - 0.5], 0.16, (196, 200, 206))
        _jet(builder, 1.2, y - 0.85, side * 2.3)
    return Figure([Part(builder.build())], box_footprint(length, 1.2))


def _jet(builder: MeshBuilder, x: float, y: float, z: float) -> None:
    """An engine under a wing: a shell with a dark opening at each end."""
    shell = rounds([(x + 0.9, y, 0.4, 0.4), (x, y, 0.46, 0.46), (x - 1.2, y, 0.28, 0.28)], 8)
    shell[:, :, 2] += z
    loft(builder, shell, (214, 216, 220), 3)
    for ring, color, sign in ((shell[0], (34, 36, 42), 1.0), (shell[-1], DARK, -1.0)):
        middle = ring.mean(axis=0)
        builder.face(middle + 0.86 * (ring - middle), color, 4, (sign, 0.0, 0.0))


def _propeller_plane(look: Look, paint: Color, mark: Color) -> Figure:
    builder, y, span = MeshBuilder(1), 1.25, look.between(4.8, 5.6)
    body = [(3.5, y, 0.35, 0.3), (3.2, y, 0.48, 0.46), (1.9, y + 0.02, 0.56, 0.56), (1.2, y + 0.2, 0.78, 0.6)]
    body += [(-0.9, y + 0.2, 0.76, 0.58), (-2.2, y + 0.12, 0.42, 0.36), (-4.2, y + 0.25, 0.16, 0.1)]
    loft(builder, rounds(body, 8, 22.5), paint)
    builder.face(rounds([body[0]], 8)[0], shade(paint, 0.7), 1, (1.0, 0.0, 0.0))
    builder.side([(-3.6, y), (3.2, y - 0.1), (3.2, y + 0.1), (-3.8, y + 0.2)], mark, 0.6, 3)
    builder.side([(-0.8, y + 0.3), (1.2, y + 0.3), (0.9, y + 0.8), (-0.7, y + 0.8)], DARK_GLASS, 0.6, 3)
    builder.side(block(0.1, y + 0.3, 0.12, 0.5), paint, 0.61, 4)
    screen = [(1.75, y + 0.42, -0.42), (1.75, y + 0.42, 0.42), (1.1, y + 0.94, 0.4), (1.1, y + 0.94, -0.4)]
    builder.face(screen, DARK_GLASS, 3, (0.62, 0.78, 0.0))
    builder.prism([(-4.3, y + 0.2), (-3.2, y + 0.25), (-3.9, y + 1.6), (-4.5, y + 1.6)], 0.07, mark)
    for side in (-1.0, 1.0):
        tail = [(-3.4, 0.1), (-3.7, 1.7), (-4.3, 1.7), (-4.3, 0.1)]
        slab(builder, [(x, side * z) for x, z in tail], y + 0.3, 0.08, paint)
        tube(builder, (0.6, 0.75, side * 0.4), (0.7, 0.28, side * 1.15), 0.06, color=shade(paint, 0.7), count=4)
        tube(builder, (0.7, 0.28, side * 1.08), (0.7, 0.28, side * 1.28), 0.28, color=TIRE, count=10)
    tube(builder, (2.8, 0.8, 0.0), (2.9, 0.22, 0.0), 0.06, color=DARK, count=4)
    tube(builder, (2.9, 0.22, -0.08), (2.9, 0.22, 0.08), 0.22, color=TIRE, count=10)
    for side in (-1, 1):
        builder.group = 1 + side
        wing = [(1.3, 0.0), (1.3, 0.6 * span), (1.1, span), (-0.1, span), (-0.35, 0.6 * span), (-0.35, 0.0)]
        slab(builder, [(x, side * z) for x, z in wing], y + 1.05, 0.16, paint, 3)
        slab(
            builder,
            [(1.12, side * 0.86 * span), (1.1, side * span), (-0.1, side * span), (-0.2, side * 0.86 * span)],
            y + 1.05,
            0.18,
            mark,
            4,
        )
        tube(
            builder,
            (0.6, y - 0.2, side * 0.5),
            (0.5, y + 0.95, side * 0.5 * span),
            0.05,
            color=shade(paint, 0.75),
            count=4,
        )
    blades = MeshBuilder(1)
    ball(blades, (3.6, y, 0.0), (0.3, 0.2, 0.2), mark, 5, rows=3)
    blades.box((3.6, y - 1.05, -0.1), (3.66, y + 1.05, 0.1), DARK, 5)
    return Figure(
        [Part(builder.build()), Part(blades.build(), spinning(0, look.between(1.1, 2.3), (3.6, y, 0.0)))],
        box_footprint(4.0, 1.0),
    )


def helicopter(seed: int) -> Figure:
    """A helicopter with a glass nose on skids; both rotors turn."""
    look = Look(seed)
    paint = PAINT[look.pick(HELICOPTER_PAINT)]
    mark = look.pick(((240, 240, 236), (40, 44, 60), (250, 200, 60)) if paint != PAINT["white"] else MARKS[:2])
    y, tail = 1.5, -look.between(5.0, 5.8)
    builder = MeshBuilder(1)
    body = [
        (2.5, y - 0.25, 0.1, 0.1),
        (2.2, y - 0.2, 0.5, 0.48),
        (1.5, y - 0.02, 0.88, 0.78),
        (0.5, y + 0.08, 1.0, 0.85),
    ]
    body += [
        (-0.8, y + 0.1, 0.95, 0.8),
        (-1.7, y + 0.3, 0.5, 0.45),
        (-2.3, y + 0.42, 0.26, 0.24),
        (tail, y + 0.6, 0.13, 0.12),
    ]
    rings = rounds(body, 10, -18.0)
    glass = [GLASS, GLASS, shade(GLASS, 1.1), GLASS, GLASS, DARK_GLASS, paint, paint, paint, DARK_GLASS]
    loft(builder, rings[:3], glass)
    loft(builder, rings[2:], paint)
    for side in (-1.0, 1.0):
        tube(builder, (2.35, y - 0.1, side * 0.01), (1.5, y + 0.88, side * 0.02), 0.05, color=paint, count=4, layer=3)
    builder.side([(0.75, y + 0.02), (1.45, y + 0.02), (1.2, y + 0.62), (0.75, y + 0.66)], DARK_GLASS, 0.84, 3)
    builder.side(block(-0.55, y + 0.05, 1.1, 0.6), DARK_GLASS, 0.86, 3)
    builder.side([(-1.5, y - 0.32), (1.7, y - 0.32), (1.6, y - 0.12), (-1.6, y - 0.12)], mark, 0.84, 3)
    builder.box((-1.0, y + 0.95, -0.4), (0.7, y + 1.3, 0.4), shade(paint, 0.85), 2)
    tube(builder, (0.0, y + 1.2, 0.0), (0.0, y + 1.75, 0.0), 0.1, color=DARK, layer=2)
    builder.prism(
        [(tail - 0.1, y + 0.5), (tail + 0.7, y + 0.55), (tail + 0.1, y + 1.6), (tail - 0.45, y + 1.6)], 0.07, mark
    )
    builder.side(
        [(tail + 1.2, y + 0.42), (tail + 1.7, y + 0.4), (tail + 1.7, y + 0.7), (tail + 1.2, y + 0.72)], mark, 0.2, 3
    )
    slab(builder, [(tail + 0.5, -0.9), (tail + 1.1, -0.9), (tail + 1.1, 0.9), (tail + 0.5, 0.9)], y + 0.55, 0.08, paint)
    for side in (-1.0, 1.0):
        tube(builder, (-1.5, 0.08, side * 0.95), (1.9, 0.08, side * 0.95), 0.08, color=DARK, count=4)
        tube(builder, (1.9, 0.08, side * 0.95), (2.3, 0.28, side * 0.95), 0.08, color=DARK, count=4)
        for x in (-0.8, 0.9):
            tube(builder, (x, y - 0.7, side * 0.5), (x, 0.08, side * 0.95), 0.06, color=DARK, count=4)
    rotor, small = MeshBuilder(2), MeshBuilder(1)
    reach, blades = look.between(4.2, 4.8), int(look.pick((2, 3, 4)))
    for angle in np.arange(blades) * 2 * np.pi / blades:
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        slab(rotor, np.array([(0.0, -0.17), (reach, -0.17), (reach, 0.17), (0.0, 0.17)]) @ turn, y + 1.78, 0.1, DARK, 4)
    ball(rotor, (0.0, y + 1.78, 0.0), (0.25, 0.12, 0.25), DARK, 4, rows=2)
    hub = (tail - 0.2, y + 1.1)
    for across, up in ((0.8, 0.08), (0.08, 0.8)):
        small.box((hub[0] - across, hub[1] - up, -0.03), (hub[0] + across, hub[1] + up, 0.03), DARK, 5)
    spin = look.between(0.8, 1.4)
    parts = [Part(builder.build()), Part(rotor.build(), spinning(1, spin, (0.0, 0.0, 0.0)))]
    parts.append(Part(small.build(), spinning(2, 2.3 * spin, (*hub, 0.0))))
    return Figure(parts, box_footprint(3.0, 1.1))
