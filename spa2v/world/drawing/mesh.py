"""Faces in three dimensions, and a builder for them.

A mesh is made once for a thing, in its own axes: x forward (or to the right for flat things), y up from the ground,
z away from the camera when the heading is 0. Faces carry their own normals, so that winding does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Color = tuple[int, int, int]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Mesh:
    """Polygons that share one array of points.

    Args:
        points: shape (N, 3), the corners of all faces, face after face.
        starts: shape (F + 1,), where each face begins in `points`.
        colors: shape (F, 3), 0..255.
        normals: shape (F, 3), unit length outwards, or zero for a face that is seen from both sides and not shaded.
        layers: shape (F,), the order of painting in a group; within a layer the farther face comes first.
        groups: shape (F,), bodies that stand one behind the other, such as coaches; the farther one comes first.
    """

    points: Floats
    starts: NDArray[np.intp]
    colors: Floats
    normals: Floats
    layers: NDArray[np.intp]
    groups: NDArray[np.intp]


def shade(color: Color, factor: float) -> Color:
    """A color made lighter (factor above 1) or darker."""
    r, g, b = (min(255, max(0, round(channel * factor))) for channel in color)
    return r, g, b


def ellipse(
    cx: float, cy: float, rx: float, ry: float, count: int = 16, start: float = 0.0, end: float = 360.0
) -> Floats:
    """Points on an ellipse or an arc of it, angles in degrees counterclockwise from the right, shape (count, 2)."""
    full = abs(end - start) >= 360.0
    angles = np.radians(np.linspace(start, end, count, endpoint=not full))
    return np.stack([cx + rx * np.cos(angles), cy + ry * np.sin(angles)], axis=1)


def limb(a: Sequence[float], b: Sequence[float], width_a: float, width_b: float | None = None) -> Floats:
    """A tapered bar with rounded ends between two points of the plane, shape (10, 2)."""
    first, last = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    angle = np.arctan2(*(last - first)[::-1])
    turns = np.linspace(np.pi / 2, 3 * np.pi / 2, 5) + angle
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    end_width = width_a if width_b is None else width_b
    return np.concatenate([first + circle * width_a / 2, last - circle * end_width / 2])


class MeshBuilder:
    """Collects faces. Methods return nothing; `build` gives the mesh.

    Args:
        group: of the faces that follow; may be set anew at any time.
    """

    def __init__(self, group: int = 0) -> None:
        self.group = group
        self._groups: list[int] = []
        self._faces: list[Floats] = []
        self._colors: list[Color] = []
        self._normals: list[tuple[float, float, float]] = []
        self._layers: list[int] = []

    def face(
        self, points: ArrayLike, color: Color, layer: int = 1, normal: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ) -> None:
        """One polygon of shape (k, 3). Without a normal it is seen from both sides and not shaded."""
        self._faces.append(np.asarray(points, dtype=np.float64))
        self._colors.append(color)
        self._normals.append(normal)
        self._layers.append(layer)
        self._groups.append(self.group)

    def flat(self, points: ArrayLike, color: Color, layer: int = 1, z: float = 0.0) -> None:
        """A cut-out in the plane of the picture: points of shape (k, 2) at depth z."""
        plane = np.asarray(points, dtype=np.float64)
        self.face(np.column_stack([plane, np.full(len(plane), z)]), color, layer)

    def side(self, points: ArrayLike, color: Color, z: float, layer: int = 3) -> None:
        """Points of shape (k, 2) in the plane z and again in -z, each seen from outside only."""
        plane = np.asarray(points, dtype=np.float64)
        for sign in (-1.0, 1.0):
            self.face(np.column_stack([plane, np.full(len(plane), sign * z)]), color, layer, (0.0, 0.0, sign))

    def front(self, points: ArrayLike, color: Color, x: float, layer: int = 3) -> None:
        """Points (z, y) of shape (k, 2) in the plane x, seen from beyond it (from -x when x is negative)."""
        plane = np.asarray(points, dtype=np.float64)
        corners = np.column_stack([np.full(len(plane), x), plane[:, 1], plane[:, 0]])
        self.face(corners, color, layer, (1.0 if x > 0 else -1.0, 0.0, 0.0))

    def prism(
        self,
        profile: ArrayLike,
        half_width: float,
        color: Color,
        layer: int = 1,
        edges: dict[int, Color] | None = None,
        top: float | None = None,
    ) -> None:
        """An outline (x, y), counterclockwise, pulled out to z = -half_width..half_width.

        Args:
            profile: shape (k, 2).
            half_width: in meters.
            color: of the body; `edges` gives other colors for single edges, by the index of their first point.
            layer: of the edge strips; the two sides lie one above.
            top: half width at the highest point, for walls that lean inwards.
        """
        outline = np.asarray(profile, dtype=np.float64)
        low, high = outline[:, 1].min(), outline[:, 1].max()
        slope = 0.0 if top is None else (half_width - top) / max(high - low, 1e-6)
        widths = half_width - slope * (outline[:, 1] - low)
        lean = float(np.sin(np.arctan(slope)))
        for index in range(len(outline)):
            after = (index + 1) % len(outline)
            (x1, y1), (x2, y2) = outline[index], outline[after]
            w1, w2 = widths[index], widths[after]
            length = float(np.hypot(x2 - x1, y2 - y1)) or 1.0
            strip = [(x1, y1, -w1), (x1, y1, w1), (x2, y2, w2), (x2, y2, -w2)]
            normal = (float(y2 - y1) / length, float(x1 - x2) / length, 0.0)
            self.face(strip, (edges or {}).get(index, color), layer, normal)
        for sign in (-1.0, 1.0):
            corners = np.column_stack([outline, sign * widths])
            self.face(corners, color, layer + 1, (0.0, lean, sign * (1.0 - lean * lean) ** 0.5))

    def box(self, low: Sequence[float], high: Sequence[float], color: Color, layer: int = 1) -> None:
        """A box between two corners (x, y, z). All six faces lie in one layer."""
        (x1, y1, z1), (x2, y2, z2) = low, high
        for axis, (a, b) in enumerate(((x1, x2), (y1, y2), (z1, z2))):
            for sign, value in ((-1.0, a), (1.0, b)):
                normal = [0.0, 0.0, 0.0]
                normal[axis] = sign
                self.face(_box_side(low, high, axis, value), color, layer, (normal[0], normal[1], normal[2]))

    def build(self) -> Mesh:
        counts = [len(face) for face in self._faces]
        return Mesh(
            np.concatenate(self._faces),
            np.concatenate([[0], np.cumsum(counts)]),
            np.asarray(self._colors, dtype=np.float64),
            np.asarray(self._normals, dtype=np.float64),
            np.asarray(self._layers),
            np.asarray(self._groups),
        )


def _box_side(low: Sequence[float], high: Sequence[float], axis: int, value: float) -> Floats:
    first, second = (other for other in range(3) if other != axis)
    corners = np.empty((4, 3))
    corners[:, axis] = value
    corners[:, first] = [low[first], high[first], high[first], low[first]]
    corners[:, second] = [low[second], low[second], high[second], high[second]]
    return corners
