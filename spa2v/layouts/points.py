"""Center points of the boxes, for models that follow point tracks.

As Wan-Move reads them (Chu et al. 2025, arXiv:2512.08765): `NAME.npy` holds x and y in pixels, float32, shape
(1, frames, objects, 2), and `NAME_visibility.npy` beside it whether the point is seen, bool, (1, frames, objects).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spa2v.core.media.files import atomic_path
from spa2v.core.types import VideoSceneLayout
from spa2v.layouts.formats import LayoutFormat
from spa2v.layouts.raster import Raster, Sampling, tracks_of


def write_points(layout: VideoSceneLayout, path: Path, raster: Raster) -> Sequence[str]:
    """Two arrays; a point that is not seen stays where it was seen last, or will be seen first."""
    tracks = tracks_of(layout, raster)
    points = np.zeros((1, raster.frames, len(tracks), 2), dtype=np.float32)
    seen = np.zeros(points.shape[:3], dtype=bool)
    for place, track in enumerate(tracks):
        there = sorted(track.boxes)
        boxes = np.array([track.boxes[frame] for frame in there]).reshape(-1, 4)
        if there:
            frames = np.arange(raster.frames)
            last = np.clip(np.searchsorted(there, frames, side="right") - 1, 0, None)
            points[0, :, place] = (boxes[last, :2] + boxes[last, 2:]) / 2
            seen[0, there, place] = True
    for name, array in ((path, points), (path.with_name(f"{path.stem}_visibility.npy"), seen)):
        with atomic_path(name) as temporary:
            np.save(temporary, array, allow_pickle=False)
    return ()


POINTS = LayoutFormat(
    "Center points of the boxes, two npy files as Wan-Move reads them (81 frames by default).",
    (".npy",),
    write_points,
    holds=frozenset(),
    defaults=Sampling(832, 480, frames=81),
)
