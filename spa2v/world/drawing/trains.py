"""A train: an engine in front of two coaches, in meters, driving towards +x, wheels on y = 0."""

from __future__ import annotations

from spa2v.world.drawing.look import DARK_GLASS, GLASS, PAINT, TRAIN_PAINT, Look
from spa2v.world.drawing.mesh import Color, MeshBuilder, ellipse, shade
from spa2v.world.drawing.outlines import block, rect
from spa2v.world.drawing.parts import Figure, Part, box_footprint
from spa2v.world.drawing.vehicles import HEADLIGHT, TAILLIGHT
from spa2v.world.drawing.wheels import wheel


def train(seed: int) -> Figure:
    """An engine in front of two coaches."""
    look = Look(seed)
    paint = PAINT[look.pick(TRAIN_PAINT)]
    band: Color = look.pick([(245, 240, 225), (250, 205, 70), (60, 64, 76)])
    builder = MeshBuilder()
    for group, start in enumerate((-11.6, -4.0)):
        builder.group = group
        _coach(builder, start, paint, band)
    builder.group = 0
    _tail(builder)
    builder.group = 2
    _engine(builder, 3.6, paint, band)
    parts = [Part(builder.build())]
    for index, x in enumerate((-10.6, -6.0, -3.0, 1.6, 4.7, 9.4)):
        parts += wheel(x, 0.42, 1.1, 0.12, rim=(140, 144, 150), spokes=4, group=index // 2)
    return Figure(parts, box_footprint(11.3, 1.4))


def _coach(builder: MeshBuilder, x: float, paint: Color, band: Color) -> None:
    builder.box((x + 0.2, 0.45, -1.0), (x + 7.2, 0.75, 1.0), (54, 56, 62), 0)
    builder.prism([(x, 0.7), (x + 7.3, 0.7), (x + 7.3, 3.2), (x + 6.9, 3.5), (x + 0.4, 3.5), (x, 3.2)], 1.35, paint, 1)
    builder.side(block(x, 1.25, 7.3, 0.25), band, 1.352, 3)
    builder.side([(x, 3.1), (x + 7.3, 3.1), (x + 6.9, 3.5), (x + 0.4, 3.5)], (150, 154, 160), 1.352, 3)
    for index in range(5):
        builder.side(block(x + 0.75 + index * 1.2, 1.85, 0.9, 0.85), DARK_GLASS, 1.354, 4)
        builder.side(block(x + 0.75 + index * 1.2, 1.85, 0.9, 0.2), shade(GLASS, 0.8), 1.356, 5)
    builder.box((x + 7.3, 0.75, -0.6), (x + 7.6, 1.0, 0.6), (40, 40, 44), 1)


def _tail(builder: MeshBuilder) -> None:
    """The rear of the last coach, as a receding train shows it."""
    builder.front(rect(0, 2.2, 0.45, 0.9), (60, 66, 76), -11.61, 4)
    for z in (-1.0, 1.0):
        builder.front(rect(z, 1.05, 0.14, 0.12), TAILLIGHT, -11.62, 5)
        builder.front(rect(0.85 * z, 2.5, 0.28, 0.4), DARK_GLASS, -11.61, 4)


def _engine(builder: MeshBuilder, x: float, paint: Color, band: Color) -> None:
    builder.box((x + 0.2, 0.45, -1.0), (x + 7.4, 0.75, 1.0), (54, 56, 62), 0)
    nose = [(x, 0.7), (x + 7.4, 0.7), (x + 7.6, 1.7), (x + 6.6, 3.35), (x + 6.2, 3.6), (x + 0.3, 3.6), (x, 3.3)]
    builder.prism(nose, 1.38, paint, 1)
    low, high = (x + 7.45, 1.95), (x + 6.75, 3.1)
    for z1, z2 in ((-1.2, -0.06), (0.06, 1.2)):
        builder.face([(*low, z1), (*low, z2), (*high, z2), (*high, z1)], DARK_GLASS, 3, (0.85, 0.52, 0.0))
    builder.side(block(x, 1.25, 7.45, 0.25), band, 1.382, 3)
    builder.side([(x + 5.7, 2.1), (x + 6.9, 2.1), (x + 6.35, 3.0), (x + 5.7, 3.05)], DARK_GLASS, 1.384, 4)
    for index in range(4):
        for row in range(4):
            builder.side(block(x + 0.6 + index * 1.2, 1.75 + row * 0.28, 0.9, 0.12), shade(paint, 0.55), 1.384, 4)
    builder.side(block(x, 3.35, 6.2, 0.25), (130, 134, 140), 1.384, 4)
    builder.front(rect(0, 1.35, 1.3, 0.22), band, x + 7.62, 4)
    builder.front(rect(0, 0.82, 1.2, 0.12), (40, 40, 44), x + 7.62, 4)
    for z in (-0.85, 0.85):
        builder.front(ellipse(z, 1.35, 0.2, 0.17, 12), HEADLIGHT, x + 7.64, 5)
