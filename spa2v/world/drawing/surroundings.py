"""The background of a scene: streets and railways are here. Drawn once, since the camera is static."""

from __future__ import annotations

import numpy as np

from spa2v.world.drawing.canvas import Canvas
from spa2v.world.drawing.landscapes import FAR_M, LEAVES, draw_lake, draw_meadow, draw_open_sky, draw_tree, open_land
from spa2v.world.drawing.look import Look
from spa2v.world.drawing.mesh import Color, shade
from spa2v.world.drawing.painter import NEAR_M, Painter, upright_rect
from spa2v.world.drawing.projection import View
from spa2v.world.drawing.rooms import draw_room
from spa2v.world.scene import OpenPlace, Room

ASPHALT: tuple[Color, ...] = ((92, 94, 100), (80, 82, 88), (104, 102, 102))
SCENES = {"meadow": draw_meadow, "water": draw_lake, "sky": draw_open_sky}


def draw_place(place: Room | OpenPlace, canvas: Canvas, view: View) -> None:
    """Draws the surroundings of a scene onto an empty canvas."""
    painter = Painter(canvas, view)
    if isinstance(place, Room):
        draw_room(painter, place)
    elif place.scenery in SCENES:
        SCENES[place.scenery](painter, place)
    elif place.along:
        _along(painter, place)
    else:
        _across(painter, place)


def _buildings(painter: Painter, look: Look, z: float, left: float, right: float) -> None:
    x = left
    while x < right:
        width, height = look.between(7, 16), look.between(6, 20)
        color = look.pick(((168, 150, 138), (150, 158, 168), (186, 174, 154), (160, 128, 116), (134, 146, 150)))
        painter.upright(upright_rect(x, x + width, 0.0, height), z, color)
        painter.upright(upright_rect(x + width * 0.86, x + width, 0.0, height), z, shade(color, 0.85))
        for row in np.arange(1.4, height - 1.6, 2.6):
            for column in np.arange(1.0, width - 1.6, 2.2):
                painter.upright(upright_rect(x + column, x + column + 1.1, row, row + 1.5), z, shade(color, 0.62))
        x += width + look.pick((0.0, 0.0, 4.0))


def _across(painter: Painter, street: OpenPlace) -> None:
    look = Look(street.look)
    open_land(painter, look)
    if look.between(0, 1) < 0.6:
        _buildings(painter, look, street.far_m + 14.0, -60.0, 60.0)
    for x in np.arange(-44, 45, 11) + look.between(-4, 4):
        if look.between(0, 1) < 0.6:
            color = look.pick(LEAVES)
            draw_tree(painter, float(x), street.far_m + 5.0, look.between(0.9, 1.5), color)
    if street.scenery == "rails":
        _rails_across(painter, street)
    else:
        _road_across(painter, street, look)


def _road_across(painter: Painter, street: OpenPlace, look: Look) -> None:
    asphalt, wide = look.pick(ASPHALT), 120.0
    curb = (176, 174, 168)
    painter.ground(-wide, wide, street.far_m, street.far_m + 2.2, curb)
    painter.ground(-wide, wide, NEAR_M, street.near_m, shade(curb, 0.95))
    for x in np.arange(-12, 12, 1.5):
        painter.ground(float(x), float(x) + 0.04, NEAR_M, street.near_m - 0.3, shade(curb, 0.82))
    painter.ground(-wide, wide, street.near_m - 0.3, street.near_m, shade(curb, 0.75))
    painter.ground(-wide, wide, street.near_m, street.far_m, asphalt)
    painter.ground(-wide, wide, street.near_m + 0.25, street.near_m + 0.4, (226, 226, 220))
    painter.ground(-wide, wide, street.far_m - 0.4, street.far_m - 0.25, (226, 226, 220))
    middle = (street.near_m + street.far_m) / 2
    for x in np.arange(-60, 60, 5.0):
        painter.ground(float(x), float(x) + 2.6, middle - 0.1, middle + 0.1, (232, 230, 214))


def _rails_across(painter: Painter, street: OpenPlace) -> None:
    wide, middle = 120.0, (street.near_m + street.far_m) / 2
    painter.ground(-wide, wide, middle - 2.2, middle + 2.2, (128, 122, 116))
    for x in np.arange(-60, 60, 0.9):
        painter.ground(float(x), float(x) + 0.35, middle - 1.5, middle + 1.5, (92, 72, 58))
    for z in (middle - 0.8, middle + 0.8):
        painter.ground(-wide, wide, z - 0.09, z + 0.09, (190, 192, 198), 0.08)


def _along(painter: Painter, street: OpenPlace) -> None:
    look = Look(street.look)
    open_land(painter, look)
    if look.between(0, 1) < 0.7:
        _buildings(painter, look, 130.0, -150.0, 150.0)
    if street.scenery == "rails":
        _rails_along(painter, street)
    else:
        _road_along(painter, street, look)
    spots = np.arange(90, 11, -11.0)
    for z in spots:
        for x in (street.near_m - look.between(3.5, 6.0), street.far_m + look.between(3.5, 6.0)):
            if look.between(0, 1) < 0.65:
                draw_tree(
                    painter, float(x), float(z), look.between(0.9, 1.5), look.pick(((66, 112, 58), (84, 124, 62)))
                )


def _road_along(painter: Painter, street: OpenPlace, look: Look) -> None:
    asphalt, curb = look.pick(ASPHALT), (176, 174, 168)
    left, right = street.near_m, street.far_m
    painter.ground(left - 2.0, left, NEAR_M, FAR_M, curb)
    painter.ground(right, right + 2.0, NEAR_M, FAR_M, curb)
    painter.ground(left, right, NEAR_M, FAR_M, asphalt)
    for x in (left + 0.25, right - 0.4):
        painter.ground(x, x + 0.15, NEAR_M, FAR_M, (226, 226, 220))
    middle = (left + right) / 2
    for z in np.arange(2, 160, 6.0):
        painter.ground(middle - 0.09, middle + 0.09, float(z), float(z) + 3.0, (232, 230, 214))


def _rails_along(painter: Painter, street: OpenPlace) -> None:
    middle = (street.near_m + street.far_m) / 2
    painter.ground(middle - 2.4, middle + 2.4, NEAR_M, FAR_M, (128, 122, 116))
    for z in np.arange(1.2, 90, 0.9):
        painter.ground(middle - 1.5, middle + 1.5, float(z), float(z) + 0.35, (92, 72, 58))
    for x in (middle - 0.8, middle + 0.8):
        painter.ground(x - 0.07, x + 0.07, NEAR_M, FAR_M, (190, 192, 198), 0.08)
