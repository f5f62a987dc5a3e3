"""What stands behind the things: a room, a street, a railway. Drawn once a scene, since the camera stands still."""

from __future__ import annotations

import numpy as np

from spa2v.world.drawing.canvas import Canvas
from spa2v.world.drawing.look import Look
from spa2v.world.drawing.mesh import Color, Floats, ellipse, shade
from spa2v.world.drawing.projection import View
from spa2v.world.scene import Room, Street

FAR_M, NEAR_M = 400.0, 0.8
WALLS: tuple[Color, ...] = ((214, 204, 188), (196, 208, 214), (208, 216, 198), (222, 206, 206), (200, 196, 212))
FLOORS: tuple[Color, ...] = ((150, 106, 66), (120, 84, 56), (172, 136, 96), (132, 128, 128))
SKIES: tuple[tuple[Color, Color], ...] = (
    ((92, 150, 218), (206, 228, 244)),
    ((120, 160, 204), (228, 230, 226)),
    ((110, 140, 190), (246, 214, 178)),
    ((150, 168, 188), (214, 220, 224)),
)
GRASS: tuple[Color, ...] = ((96, 142, 72), (112, 150, 84), (138, 148, 92))
ASPHALT: tuple[Color, ...] = ((92, 94, 100), (80, 82, 88), (104, 102, 102))


class Painter:
    """Polygons of the scene's space on a canvas."""

    def __init__(self, canvas: Canvas, view: View) -> None:
        self.canvas, self.view = canvas, view

    def quad(self, corners: list[tuple[float, float, float]], color: Color) -> None:
        self.canvas.polygon(self.view.project(np.asarray(corners, dtype=np.float64)), color)

    def ground(self, x1: float, x2: float, z1: float, z2: float, color: Color, y: float = 0.0) -> None:
        self.quad([(x1, y, z1), (x2, y, z1), (x2, y, z2), (x1, y, z2)], color)

    def upright(self, points: Floats, z: float, color: Color) -> None:
        """A flat outline (x, y) standing at depth z."""
        corners = np.column_stack([points, np.full(len(points), z)])
        self.canvas.polygon(self.view.project(corners), color)

    def gradient(self, top: Color, bottom: Color, low: float, high: float) -> None:
        """Fills the picture with a vertical gradient between two heights, in parts of the picture."""
        rows = (np.arange(self.canvas.image.height) + 0.5) / self.canvas.image.height
        part = np.clip((rows - low) / max(high - low, 1e-6), 0, 1)[:, None]
        column = np.asarray(top) * (1 - part) + np.asarray(bottom) * part
        shape = (self.canvas.image.height, self.canvas.image.width, 3)
        self.canvas.fill(np.broadcast_to(column[:, None, :].round().astype(np.uint8), shape))


def draw_place(place: Room | Street, canvas: Canvas, view: View) -> None:
    """Draws the surroundings of a scene onto an empty canvas."""
    painter = Painter(canvas, view)
    if isinstance(place, Room):
        _room(painter, place)
    elif place.along:
        _along(painter, place)
    else:
        _across(painter, place)


def _room(painter: Painter, room: Room) -> None:
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
    painter.upright(_rect(left, right, 0.0, 0.12), back, shade(wall, 0.6))
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
    painter.upright(_rect(x - 0.08, x + 1.68, 0.92, 2.38), z, (244, 242, 236))
    painter.upright(_rect(x, x + 1.6, 1.0, 2.3), z, sky)
    painter.upright(_rect(x, x + 1.6, 1.0, 1.3), z, shade(sky, 0.82))
    painter.upright(_rect(x + 0.77, x + 0.83, 1.0, 2.3), z, (244, 242, 236))
    painter.upright(_rect(x, x + 1.6, 1.62, 1.68), z, (244, 242, 236))
    curtain = look.pick(((176, 92, 84), (96, 120, 150), (150, 140, 100)))
    for side in (x - 0.3, x + 1.5):
        painter.upright(_rect(side, side + 0.4, 0.8, 2.5), z, curtain)
        painter.upright(_rect(side + 0.12, side + 0.2, 0.8, 2.5), z, shade(curtain, 0.8))


def _picture(painter: Painter, x: float, z: float, look: Look) -> None:
    width = look.between(0.6, 1.0)
    paint = look.pick(((120, 150, 120), (150, 130, 170), (190, 160, 110)))
    painter.upright(_rect(x, x + width, 1.45, 2.15), z, (86, 60, 40))
    painter.upright(_rect(x + 0.06, x + width - 0.06, 1.51, 2.09), z, paint)
    painter.upright(_rect(x + 0.06, x + width - 0.06, 1.51, 1.7), z, shade(paint, 0.75))


def _rug(painter: Painter, look: Look) -> None:
    color = look.pick(((146, 60, 58), (70, 90, 120), (150, 130, 90)))
    x, z = look.between(-0.4, 0.4), look.between(2.9, 3.4)
    painter.ground(x - 1.6, x + 1.6, z - 0.9, z + 0.9, color)
    painter.ground(x - 1.45, x + 1.45, z - 0.75, z + 0.75, shade(color, 1.25))
    painter.ground(x - 1.35, x + 1.35, z - 0.66, z + 0.66, color)


def _open_land(painter: Painter, look: Look) -> None:
    """Sky, clouds, a skyline and grass up to the horizon."""
    top, bottom = look.pick(SKIES)
    horizon = painter.view.camera.horizon
    painter.gradient(top, bottom, 0.0, horizon)
    for _ in range(4):
        x, y, size = look.between(-240, 240), look.between(60, 150), look.between(16, 34)
        for dx, dy, part in ((-0.9, 0.0, 0.6), (0.0, 0.25, 1.0), (0.9, 0.05, 0.7)):
            outline = ellipse(x + dx * size, y + dy * size, size * part * 1.3, size * part * 0.5, 18)
            painter.upright(outline, FAR_M, shade(bottom, 1.06))
    grass = look.pick(GRASS)
    painter.ground(-FAR_M * 3, FAR_M * 3, NEAR_M, FAR_M, grass)
    painter.ground(-FAR_M * 3, FAR_M * 3, 45.0, FAR_M, shade(grass, 1.1))


def _buildings(painter: Painter, look: Look, z: float, left: float, right: float) -> None:
    x = left
    while x < right:
        width, height = look.between(7, 16), look.between(6, 20)
        color = look.pick(((168, 150, 138), (150, 158, 168), (186, 174, 154), (160, 128, 116), (134, 146, 150)))
        painter.upright(_rect(x, x + width, 0.0, height), z, color)
        painter.upright(_rect(x + width * 0.86, x + width, 0.0, height), z, shade(color, 0.85))
        for row in np.arange(1.4, height - 1.6, 2.6):
            for column in np.arange(1.0, width - 1.6, 2.2):
                painter.upright(_rect(x + column, x + column + 1.1, row, row + 1.5), z, shade(color, 0.62))
        x += width + look.pick((0.0, 0.0, 4.0))


def _tree(painter: Painter, x: float, z: float, size: float, color: Color) -> None:
    painter.upright(_rect(x - 0.14 * size, x + 0.14 * size, 0.0, 1.8 * size), z, (92, 68, 48))
    for dx, dy, part in ((-0.7, 2.2, 0.85), (0.7, 2.3, 0.85), (0.0, 3.0, 1.05)):
        painter.upright(ellipse(x + dx * size, dy * size, part * size, part * size, 16), z, color)
    painter.upright(ellipse(x - 0.3 * size, 3.2 * size, 0.6 * size, 0.55 * size, 14), z, shade(color, 1.14))


def _across(painter: Painter, street: Street) -> None:
    look = Look(street.look)
    _open_land(painter, look)
    if look.between(0, 1) < 0.6:
        _buildings(painter, look, street.far_m + 14.0, -60.0, 60.0)
    for x in np.arange(-44, 45, 11) + look.between(-4, 4):
        if look.between(0, 1) < 0.6:
            color = look.pick(((66, 112, 58), (84, 124, 62), (56, 100, 66)))
            _tree(painter, float(x), street.far_m + 5.0, look.between(0.9, 1.5), color)
    if street.rails:
        _rails_across(painter, street)
    else:
        _road_across(painter, street, look)


def _road_across(painter: Painter, street: Street, look: Look) -> None:
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


def _rails_across(painter: Painter, street: Street) -> None:
    wide, middle = 120.0, (street.near_m + street.far_m) / 2
    painter.ground(-wide, wide, middle - 2.2, middle + 2.2, (128, 122, 116))
    for x in np.arange(-60, 60, 0.9):
        painter.ground(float(x), float(x) + 0.35, middle - 1.5, middle + 1.5, (92, 72, 58))
    for z in (middle - 0.8, middle + 0.8):
        painter.ground(-wide, wide, z - 0.09, z + 0.09, (190, 192, 198), 0.08)


def _along(painter: Painter, street: Street) -> None:
    look = Look(street.look)
    _open_land(painter, look)
    if look.between(0, 1) < 0.7:
        _buildings(painter, look, 130.0, -150.0, 150.0)
    if street.rails:
        _rails_along(painter, street)
    else:
        _road_along(painter, street, look)
    spots = np.arange(90, 11, -11.0)
    for z in spots:
        for x in (street.near_m - look.between(3.5, 6.0), street.far_m + look.between(3.5, 6.0)):
            if look.between(0, 1) < 0.65:
                _tree(painter, float(x), float(z), look.between(0.9, 1.5), look.pick(((66, 112, 58), (84, 124, 62))))


def _road_along(painter: Painter, street: Street, look: Look) -> None:
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


def _rails_along(painter: Painter, street: Street) -> None:
    middle = (street.near_m + street.far_m) / 2
    painter.ground(middle - 2.4, middle + 2.4, NEAR_M, FAR_M, (128, 122, 116))
    for z in np.arange(1.2, 90, 0.9):
        painter.ground(middle - 1.5, middle + 1.5, float(z), float(z) + 0.35, (92, 72, 58))
    for x in (middle - 0.8, middle + 0.8):
        painter.ground(x - 0.07, x + 0.07, NEAR_M, FAR_M, (190, 192, 198), 0.08)


def _rect(x1: float, x2: float, y1: float, y2: float) -> Floats:
    return np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
