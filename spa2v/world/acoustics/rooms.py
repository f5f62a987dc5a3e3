"""Echoes of a shoebox room by image sources (Allen and Berkley, 1979)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spa2v.world.scene import Room

Floats = NDArray[np.float64]
MAX_ORDER = 8


@lru_cache(maxsize=4)
def _lattice(max_order: int) -> NDArray[np.intp]:
    """All (i, j, k) with at most `max_order` reflections, shape (n, 3); i means |i| on that axis."""
    axis = np.arange(-max_order, max_order + 1)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    return grid[np.abs(grid).sum(axis=1) <= max_order]


def images(room: Room, source: Floats, side: float = 1.0, max_order: int = MAX_ORDER) -> tuple[Floats, Floats]:
    """Places of a source and its mirror images, and how much of the amplitude each keeps.

    Args:
        room: the walls.
        source: shape (3,), in the axes of the scene.
        side: -1 for a mirrored room.
        max_order: most reflections of one path.

    Returns:
        Places of shape (n, 3), gains of shape (n,).
    """
    left = room.left_m if side > 0 else room.width_m - room.left_m
    low = np.array([-left, 0.0, -room.behind_m])
    size = np.array([room.width_m, room.height_m, room.depth_m])
    order = _lattice(max_order)
    inside = source - low
    # An even number of reflections shifts the source, an odd one mirrors it.
    places = np.where(order % 2 == 0, order * size + inside, (order + 1) * size - inside) + low
    return places, room.reflection ** np.abs(order).sum(axis=1)
