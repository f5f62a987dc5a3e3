"""Polygons of the space of a scene, on a canvas."""

from __future__ import annotations

import numpy as np

from spa2v.world.drawing.canvas import Canvas
from spa2v.world.drawing.mesh import Color, Floats
from spa2v.world.drawing.projection import View

NEAR_M = 0.8


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


def upright_rect(x1: float, x2: float, y1: float, y2: float) -> Floats:
    """A rectangle by its sides, shape (4, 2)."""
    return np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
