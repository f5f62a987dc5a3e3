"""Land, water and sky: what lies behind streets and railways, and meadows, lakes and the open sky themselves."""

from __future__ import annotations

import numpy as np

from spa2v.world.drawing.look import Look
from spa2v.world.drawing.mesh import Color, ellipse, shade
from spa2v.world.drawing.painter import NEAR_M, Painter, upright_rect
from spa2v.world.scene import OpenPlace

FAR_M = 400.0
SKIES: tuple[tuple[Color, Color], ...] = (
    ((92, 150, 218), (206, 228, 244)),
    ((120, 160, 204), (228, 230, 226)),
    ((110, 140, 190), (246, 214, 178)),
    ((150, 168, 188), (214, 220, 224)),
)
GRASS: tuple[Color, ...] = ((96, 142, 72), (112, 150, 84), (138, 148, 92))
LEAVES: tuple[Color, ...] = ((66, 112, 58), (84, 124, 62), (56, 100, 66))
WATER: tuple[Color, ...] = ((58, 112, 156), (70, 128, 150), (84, 124, 168))
FLOWERS: tuple[Color, ...] = ((238, 220, 90), (240, 238, 230), (206, 120, 150))
WIDE_M = 120.0


def open_land(painter: Painter, look: Look) -> None:
    """Sky, clouds and grass up to the horizon."""
    draw_sky(painter, look)
    grass = look.pick(GRASS)
    painter.ground(-FAR_M * 3, FAR_M * 3, NEAR_M, FAR_M, grass)
    painter.ground(-FAR_M * 3, FAR_M * 3, 45.0, FAR_M, shade(grass, 1.1))


def draw_sky(painter: Painter, look: Look) -> None:
    """A gradient with clouds."""
    top, bottom = look.pick(SKIES)
    painter.gradient(top, bottom, 0.0, painter.view.camera.horizon)
    for _ in range(4):
        x, y, size = look.between(-240, 240), look.between(60, 150), look.between(16, 34)
        for dx, dy, part in ((-0.9, 0.0, 0.6), (0.0, 0.25, 1.0), (0.9, 0.05, 0.7)):
            outline = ellipse(x + dx * size, y + dy * size, size * part * 1.3, size * part * 0.5, 18)
            painter.upright(outline, FAR_M, shade(bottom, 1.06))


def draw_tree(painter: Painter, x: float, z: float, size: float, color: Color) -> None:
    """A broad-leaved tree, about four meters high at size 1."""
    painter.upright(upright_rect(x - 0.14 * size, x + 0.14 * size, 0.0, 1.8 * size), z, (92, 68, 48))
    for dx, dy, part in ((-0.7, 2.2, 0.85), (0.7, 2.3, 0.85), (0.0, 3.0, 1.05)):
        painter.upright(ellipse(x + dx * size, dy * size, part * size, part * size, 16), z, color)
    painter.upright(ellipse(x - 0.3 * size, 3.2 * size, 0.6 * size, 0.55 * size, 14), z, shade(color, 1.14))


def draw_meadow(painter: Painter, place: OpenPlace) -> None:
    """Grass with flowers, hills, trees, a fence and a path."""
    look = Look(place.look)
    _grassland(painter, look, 30.0)
    path = (184, 164, 124)
    if place.along:
        painter.ground(place.near_m, place.far_m, NEAR_M, 160.0, path)
    else:
        painter.ground(-WIDE_M, WIDE_M, place.near_m, place.far_m, path)
    if look.between(0, 1) < 0.6:
        _fence(painter, (0.0 if place.along else place.far_m) + look.between(14, 22))
    for x in np.arange(-50, 51, 12.5) + look.between(-5, 5):
        z = look.between(26, 44)
        if look.between(0, 1) < 0.55 and not (place.along and abs(x) < 6):
            draw_tree(painter, float(x), z, look.between(1.0, 1.7), look.pick(LEAVES))
    _flowers(painter, look, place)


def _grassland(painter: Painter, look: Look, paler_from_m: float) -> None:
    """Sky, hills and grass."""
    draw_sky(painter, look)
    grass = look.pick(GRASS)
    _hills(painter, look, shade(grass, 0.86))
    painter.ground(-FAR_M * 3, FAR_M * 3, NEAR_M, FAR_M, grass)
    painter.ground(-FAR_M * 3, FAR_M * 3, paler_from_m, FAR_M, shade(grass, 1.08))


def _hills(painter: Painter, look: Look, color: Color) -> None:
    for x in (-260.0, 0.0, 260.0):
        middle, height = x + look.between(-90, 90), look.between(14, 40)
        painter.upright(ellipse(middle, -4.0, look.between(160, 260), height + 4.0, 28, 0, 180), FAR_M, color)


def _fence(painter: Painter, z: float) -> None:
    wood = (150, 122, 92)
    for y in (0.5, 1.0):
        painter.upright(upright_rect(-WIDE_M, WIDE_M, y, y + 0.12), z, wood)
    for x in np.arange(-40, 41, 2.5):
        painter.upright(upright_rect(float(x), float(x) + 0.16, 0.0, 1.25), z, shade(wood, 0.85))


def _flowers(painter: Painter, look: Look, place: OpenPlace) -> None:
    """Dots and tufts on the grass, none on the path."""
    color = look.pick(FLOWERS)
    for _ in range(36):
        z, column, size = look.between(2.2, 16.0), look.between(-0.7, 0.7), look.between(0.03, 0.06)
        x = column * z
        if place.near_m - 0.2 < (x if place.along else z) < place.far_m + 0.2:
            continue
        painter.ground(x - size, x + size, z - size, z + size, color, 0.02)


def draw_lake(painter: Painter, place: OpenPlace) -> None:
    """Water with waves up to a far shore."""
    look = Look(place.look)
    draw_sky(painter, look)
    color = look.pick(WATER)
    shore = shade(look.pick(GRASS), 0.8)
    _hills(painter, look, shade(shore, 1.1))
    painter.ground(-FAR_M * 3, FAR_M * 3, 150.0, FAR_M, shore)
    for near, far, part in ((NEAR_M, 14.0, 0.92), (14.0, 45.0, 1.0), (45.0, 150.0, 1.14)):
        painter.ground(-FAR_M * 3, FAR_M * 3, near, far, shade(color, part))
    for x in np.arange(-140, 141, 28.0) + look.between(-10, 10):
        if look.between(0, 1) < 0.6:
            draw_tree(painter, float(x), 155.0, look.between(2.0, 3.4), look.pick(LEAVES))
    for _ in range(60):
        z = float(np.exp(look.between(np.log(3.0), np.log(90.0))))
        x, length = look.between(-0.8, 0.8) * z, look.between(0.03, 0.1) * z
        painter.ground(x, x + length, z, z + 0.016 * z, shade(color, look.pick((1.22, 0.86))), 0.0)


def draw_open_sky(painter: Painter, place: OpenPlace) -> None:
    """Much sky over low hills."""
    look = Look(place.look)
    _grassland(painter, look, 60.0)
    for x in np.arange(-60, 61, 15.0) + look.between(-6, 6):
        if look.between(0, 1) < 0.5:
            draw_tree(painter, float(x), look.between(50, 70), look.between(1.0, 1.6), look.pick(LEAVES))
