"""From faces in a thing's own axes to colored polygons in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.world.drawing.mesh import Color, Floats
from spa2v.world.drawing.parts import Figure
from spa2v.world.scene import Camera, Thing

NEAR_M = 0.4
_LIGHT = np.array([-0.45, 0.75, -0.48])
LIGHT = _LIGHT / np.linalg.norm(_LIGHT)


@dataclass(frozen=True)
class View:
    """A camera with a picture of given size."""

    camera: Camera
    width: int
    height: int

    def project(self, points: Floats) -> Floats:
        """Places (N, 3) in meters, z above 0, to pixels (N, 2)."""
        scale = self.camera.focal * self.width / points[:, 2]
        x = self.width / 2 + points[:, 0] * scale
        y = self.height * self.camera.horizon + (self.camera.height_m - points[:, 1]) * scale
        return np.stack([x, y], axis=1)


def heading_matrix(heading_deg: float) -> Floats:
    """Rotation about the y axis: 90 turns the front (+x) to the camera (-z)."""
    angle = np.radians(heading_deg)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])


def in_world(points: Floats, thing: Thing, time_s: float) -> Floats:
    """Points of a thing's own axes as places in the scene, shape (N, 3)."""
    return points @ (heading_matrix(thing.heading_deg).T * thing.scale) + thing.path.at(time_s)


def faces(figure: Figure, thing: Thing, view: View, time_s: float) -> list[tuple[Floats, Color]]:
    """What to paint, in order: polygons (k, 2) in pixels with their shaded colors."""
    way = thing.path.speed_m_s * time_s / thing.scale
    points = np.concatenate([part.points_at(time_s, way) for part in figure.parts])
    normals = np.concatenate([part.normals_at(time_s, way) for part in figure.parts])
    starts, colors, layers, groups = _joined(figure)
    places = in_world(points, thing, time_s)
    normals = normals @ heading_matrix(thing.heading_deg).T
    counts = np.diff(starts)
    centers = np.add.reduceat(places, starts[:-1], axis=0) / counts[:, None]
    shown, lights = _facing(normals, centers, view)
    order = np.lexsort((-centers[:, 2], layers, _far_first(groups, centers[:, 2])))
    shaded = np.clip(colors * lights[:, None], 0, 255).astype(int).tolist()
    flat = view.project(np.column_stack([places[:, :2], np.maximum(places[:, 2], NEAR_M)]))
    near = np.minimum.reduceat(places[:, 2], starts[:-1]) < NEAR_M
    painted = []
    for index in order[shown[order]]:
        first, last = starts[index], starts[index + 1]
        polygon = _clipped(places[first:last], view) if near[index] else flat[first:last]
        if len(polygon) > 2:
            painted.append((polygon, tuple(shaded[index])))
    return painted


def _far_first(groups: NDArray[np.intp], depths: Floats) -> Floats:
    """For each face, how near its group is, in whole millimeters: groups side by side are painted by layer."""
    return -np.round(np.bincount(groups, depths) / np.maximum(np.bincount(groups), 1), 3)[groups]


def _joined(figure: Figure) -> tuple[NDArray[np.intp], Floats, NDArray[np.intp], NDArray[np.intp]]:
    meshes = [part.mesh for part in figure.parts]
    counts = np.concatenate([np.diff(mesh.starts) for mesh in meshes])
    starts = np.concatenate([[0], np.cumsum(counts)])
    colors, layers, groups = (
        np.concatenate([getattr(mesh, name) for mesh in meshes]) for name in ("colors", "layers", "groups")
    )
    return starts, colors, layers, groups


def _facing(normals: Floats, centers: Floats, view: View) -> tuple[NDArray[np.bool_], Floats]:
    """Which faces look at the camera, and how bright each is; faces without a normal always do, unshaded."""
    eye = np.array([0.0, view.camera.height_m, 0.0])
    two_sided = ~normals.any(axis=1)
    shown = two_sided | (np.einsum("ij,ij->i", normals, centers - eye) < 0)
    lights = 0.66 + 0.42 * np.maximum(normals @ LIGHT, 0.0)
    return shown, np.where(two_sided, 1.0, lights)


def _clipped(corners: Floats, view: View) -> Floats:
    """The part of a face in front of the near plane, projected (Sutherland-Hodgman on one plane)."""
    kept: list[Floats] = []
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if a[2] >= NEAR_M:
            kept.append(a)
        if (a[2] >= NEAR_M) != (b[2] >= NEAR_M):
            kept.append(a + (b - a) * (NEAR_M - a[2]) / (b[2] - a[2]))
    return view.project(np.array(kept)) if len(kept) > 2 else np.empty((0, 2))


def footprint(figure: Figure, thing: Thing, view: View, time_s: float) -> Floats:
    """The outline of the shadow in pixels, shape (k, 2)."""
    places = in_world(figure.footprint, thing, time_s)
    return _clipped(places, view)
