"""The dict of boxes of LLM-grounded Video Diffusion (Lian et al. 2024, arXiv:2309.17444), as JSON.

Six frames by default, `Frame 1` to `Frame 6`, each a list of `{"id", "name", "box"}` with the box as [x, y, width,
height] in pixels of 512 x 512; `Prompt` and `Background keyword` beside them. The frames run from the first to the last
one of the video. The authors' `parsed_layout_to_condition` takes the dict as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spa2v.core.errors import LayoutError
from spa2v.core.media.files import write_json
from spa2v.core.types import VideoSceneLayout
from spa2v.core.types.layout import MAX_CAPTION
from spa2v.layouts.formats import LayoutFormat
from spa2v.layouts.parsing import entries_of, items_of, name_of, number, read_object, whole
from spa2v.layouts.raster import (
    MAX_FRAMES,
    Pixels,
    PixelTrack,
    Raster,
    Sampling,
    layout_of,
    raster_read,
    tracks_of,
)

SIDE_PX = 512
FPS = 2.0  # "six frames, with two frames per second", in the authors' prompt
_FRAME = re.compile(r"Frame (\d{1,6})")


def write_lvd(layout: VideoSceneLayout, path: Path, raster: Raster) -> Sequence[str]:
    """The dict; the keyword of the background is left empty, which adds nothing to the prompt."""
    data: dict[str, Any] = {"Prompt": layout.caption}
    tracks = tracks_of(layout, raster)
    for frame in range(raster.frames):
        data[f"Frame {frame + 1}"] = [
            {"id": track.number - 1, "name": track.name, "box": _sides(track.boxes[frame])}
            for track in tracks
            if frame in track.boxes
        ]
    data["Background keyword"] = ""
    write_json(path, data)
    return () if (raster.width, raster.height) == (SIDE_PX, SIDE_PX) else ("the authors' code expects 512x512",)


def _sides(box: Pixels) -> list[float]:
    x1, y1, x2, y2 = box
    return [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)]


def read_lvd(path: Path, wanted: Sampling) -> tuple[VideoSceneLayout, Sequence[str]]:
    """The dict; without a given duration, at two frames a second."""
    data = read_object(path)
    numbers = sorted(int(match[1]) for key in data if (match := _FRAME.fullmatch(key)))
    if not numbers or numbers != list(range(1, len(numbers) + 1)) or len(numbers) > MAX_FRAMES:
        raise LayoutError(f"{str(path)!r} is no dict of boxes", 'expected the keys "Frame 1", "Frame 2", ...')
    boxes: dict[int, dict[int, Pixels]] = {}
    names: dict[int, str] = {}
    for frame in numbers:
        for place, item in enumerate(entries_of(data[f"Frame {frame}"], f"Frame {frame}")):
            where = f"Frame {frame}[{place}]"
            track = whole(item.get("id"), f"{where}.id")
            names.setdefault(track, name_of(item.get("name", item.get("keyword")), f"{where}.name"))
            sides = items_of(item.get("box"), f"{where}.box")
            if len(sides) != 4:
                raise LayoutError(f"{where}.box: {len(sides)} numbers", "expected [x, y, width, height]")
            x, y, width, height = (number(value, f"{where}.box") for value in sides)
            boxes.setdefault(track, {})[frame - 1] = (x, y, x + width, y + height)
    remarks: list[str] = []
    if wanted.duration_s is None and wanted.fps is None:
        remarks.append(f"the file does not say how long the clip is; {FPS:g} frames a second are assumed")
    said = Sampling(SIDE_PX, SIDE_PX, fps=FPS)
    found = raster_read(wanted.over(said), len(numbers), repr(str(path)))
    raster = Raster(found.width, found.height, found.duration_s, found.frames, to_last=True)
    tracks = [PixelTrack(place, names[track], boxes[track]) for place, track in enumerate(boxes, start=1)]
    prompt = data.get("Prompt")
    caption = prompt[:MAX_CAPTION] if isinstance(prompt, str) else ""
    return layout_of(tracks, raster, remarks, caption), remarks


def _is_lvd(path: Path) -> bool:
    try:
        return "Frame 1" in read_object(path)
    except LayoutError:
        return False


LVD = LayoutFormat(
    "The dict of boxes of LLM-grounded Video Diffusion, JSON.",
    (".json",),
    write_lvd,
    read_lvd,
    _is_lvd,
    frozenset({"names", "boxes", "caption"}),
    Sampling(SIDE_PX, SIDE_PX, frames=6),
    to_last=True,
)
