"""A room with a window, at times a picture and a rug."""

from __future__ import annotations

import numpy as np

from spa2v.world.drawing.look import Look
from spa2v.world.drawing.mesh import Color, shade
from spa2v.world.drawing.painter import NEAR_M, Painter, upright_rect
from spa2v.world.scene import Room

WALLS: tuple[Color, ...] = ((214, 204, 188), (196, 208, 214), (208, 216, 198), (222, 206, 206), (200, 196, 212))
FLOORS: tuple[Color, ...] = ((150, 106, 66), (120, 84, 56), (172, 136, 96), (132, 128, 128))


def draw_room(painter: Painter, room: Room) -> None:
    """Walls, floor, ceiling and what hangs and lies there."""
    look = Look(room.look)
    wall, floor = look.pick(WALLS), look.pick(FLOORS)
    left, right = -room.left_m, room.width_m - room.left_m
    back, top = room.back_z_m, room.height_m
    horizon = painter.view.camera.horizon
    painter.gradient(shade(wall, 1.04), shade(wall, 0.88), 0.0, horizon + 0.3)
    painter.ground(left, right, NEAR_M, back, floor)
    _planks(painter, left, right, back, floor)
    painter.quad([(left, 0, NEAR_M), (left, 0, back), (left, top, back), (left, top, NEAR_M)], shade(wall, 0.84))
    painter.quad([(right, 0, NEAR_M), (right, 0, back), (right, top, back), (right, top, NEAR_M)], shade(wall, 0.76))
    painter.quad([(left, top, NEAR_M), (right, top, NEAR_M), (right, top, back), (left, top, back)], shade(wall, 1.12))
    painter.upright(upright_rect(left, right, 0.0, 0.12), back, shade(wall, 0.6))
    window = look.between(left + 0.4, right - 2.1)
    _window(painter, window, back, look)
    picture = window - look.between(1.3, 1.6) if window > (left + right) / 2 - 0.8 else window + look.between(2.2, 2.5)
    if look.between(0, 1) < 0.7:
        _picture(painter, picture, back, look)
    if look.between(0, 1) < 0.6:
        _rug(painter, look)


def _planks(painter: Painter, left: float, right: float, back: float, floor: Color) -> None:
    for index, x in enumerate(np.arange(left, right, 0.5)):
        end = min(float(x) + 0.5, right)
        painter.ground(float(x), end, NEAR_M, back, shade(floor, (1.0, 0.93, 1.05, 0.96)[index % 4]))


def _window(painter: Painter, x: float, z: float, look: Look) -> None:
    sky = look.pick(((176, 212, 240), (214, 226, 236), (240, 206, 170)))
    painter.upright(upright_rect(x - 0.08, x + 1.68, 0.92, 2.38), z, (244, 242, 236))
    painter.upright(upright_rect(x, x + 1.6, 1.0, 2.3), z, sky)
    painter.upright(upright_rect(x, x + 1.6, 1.0, 1.3), z, shade(sky, 0.82))
    painter.upright(upright_rect(x + 0.77, x + 0.83, 1.0, 2.3), z, (244, 242, 236))
    painter.upright(upright_rect(x, x + 1.6, 1.62, 1.68), z, (244, 242, 236))
    curtain = look.pick(((176, 92, 84), (96, 120, 150), (150, 140, 100)))
    for side in (x - 0.3, x + 1.5):
        painter.upright(upright_rect(side, side + 0.4, 0.8, 2.5), z, curtain)
        painter.upright(upright_rect(side + 0.12, side + 0.2, 0.8, 2.5), z, shade(curtain, 0.8))


def _picture(painter: Painter, x: float, z: float, look: Look) -> None:
    width = look.between(0.6, 1.0)
    paint = look.pick(((120, 150, 120), (150, 130, 170), (190, 160, 110)))
    painter.upright(upright_rect(x, x + width, 1.45, 2.15), z, (86, 60, 40))
    painter.upright(upright_rect(x + 0.06, x + width - 0.06, 1.51, 2.09), z, paint)
    painter.upright(upright_rect(x + 0.06, x + width - 0.06, 1.51, 1.7), z, shade(paint, 0.75))


def _rug(painter: Painter, look: Look) -> None:
    color = look.pick(((146, 60, 58), (70, 90, 120), (150, 130, 90)))
    x, z = look.between(-0.4, 0.4), look.between(2.9, 3.4)
    painter.ground(x - 1.6, x + 1.6, z - 0.9, z + 0.9, color)
    painter.ground(x - 1.45, x + 1.45, z - 0.75, z + 0.75, shade(color, 1.25))
    painter.ground(x - 1.35, x + 1.35, z - 0.66, z + 0.66, color)
