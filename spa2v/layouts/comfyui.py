"""Boxes a frame as JSON for ComfyUI: a list of frames, each a list of bounding boxes.

A box is ComfyUI's `BOUNDING_BOX`, `{"x", "y", "width", "height"}` in whole pixels
(https://docs.comfy.org/built-in-nodes/PrimitiveBoundingBox), with the name and number of its object as `label` and
`id`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spa2v.core.media.files import write_json
from spa2v.core.types import VideoSceneLayout
from spa2v.layouts.formats import LayoutFormat
from spa2v.layouts.raster import Pixels, Raster, tracks_of


def write_comfyui(layout: VideoSceneLayout, path: Path, raster: Raster) -> Sequence[str]:
    """The list of frames."""
    tracks = tracks_of(layout, raster)
    frames = [
        [
            _box(track.boxes[frame]) | {"label": track.name, "id": track.number}
            for track in tracks
            if frame in track.boxes
        ]
        for frame in range(raster.frames)
    ]
    write_json(path, frames)
    return ()


def _box(box: Pixels) -> dict[str, int]:
    x1, y1, x2, y2 = (round(value) for value in box)
    return {"x": x1, "y": y1, "width": max(1, x2 - x1), "height": max(1, y2 - y1)}


COMFYUI = LayoutFormat(
    "Boxes a frame in whole pixels, JSON for ComfyUI.",
    (".json",),
    write_comfyui,
    recognizes=lambda path: False,  # it is written alone
)
