"""The stage of the storyboard: a backdrop, and the objects of the layout in front of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PIL import Image

from spa2v import Box, KeyFrame, VideoSceneLayout
from spa2v.plugins.motion_backbones.storyboard.pictograms import draw_pictogram
from spa2v.plugins.motion_backbones.storyboard.sheet import SUPERSAMPLE, Area, Color, Pencil
from spa2v.plugins.motion_backbones.storyboard.text import printable

ROOM_HORIZON, STUDIO_HORIZON = 0.66, 0.6
Points = list[tuple[float, float]]


def draw_backdrop(pencil: Pencil, stage: Area, layout: VideoSceneLayout) -> None:
    """Outdoors for translational scenes, a room for stationary ones, a bare studio for unknown ones."""
    place = pencil.copy()
    if layout.scenario == "translational":
        _outdoors(place, stage, _ground(layout), bool({"approaching", "receding"} & set(layout.attributes.values())))
    elif layout.scenario == "stationary":
        _room(place, stage)
    else:
        _studio(place, stage)
    corners = [round(value * SUPERSAMPLE) for value in (stage.x, stage.y, stage.right, stage.bottom)]
    pencil.image.paste(place.image.crop((corners[0], corners[1], corners[2], corners[3])), (corners[0], corners[1]))


def _gradient(pencil: Pencil, area: Area, top: Color, bottom: Color) -> None:
    s = SUPERSAMPLE
    x, y, right, low = (round(value * s) for value in (area.x, area.y, area.right, area.bottom))
    ramp = np.linspace(top, bottom, max(1, low - y)).round().astype(np.uint8)[:, None]
    pencil.image.paste(Image.fromarray(np.repeat(ramp, max(1, right - x), axis=1)), (x, y))


def _part(stage: Area, x1: float, y1: float, x2: float, y2: float) -> Area:
    return Area(stage.x + x1 * stage.w, stage.y + y1 * stage.h, (x2 - x1) * stage.w, (y2 - y1) * stage.h)


def _at(stage: Area, points: Sequence[tuple[float, float]]) -> Points:
    return [(stage.x + x * stage.w, stage.y + y * stage.h) for x, y in points]


def _hill(height: float, base: float, waves: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    xs = np.linspace(0, 1, 60)
    top = base - height * sum(0.5 + 0.5 * np.sin(2 * np.pi * f * xs + p) for f, p in waves) / len(waves)
    return [(0.0, base), *zip(xs.tolist(), np.asarray(top).tolist(), strict=True), (1.0, base)]


def _ground(layout: VideoSceneLayout) -> float:
    """The height of the ground, 0..1 of the frame: the median of the lower edges of the boxes."""
    lower = [item.box.y2 for frame in layout.keyframes for item in frame.objects]
    return float(np.clip(np.median(lower), 0.5, 0.9)) if lower else 0.8


def _outdoors(pencil: Pencil, stage: Area, ground: float, deep: bool) -> None:
    horizon = 0.5 if deep else min(0.5, ground - 0.14)
    _gradient(pencil, _part(stage, 0, 0, 1, horizon), (190, 214, 232), (246, 240, 226))
    pencil.dot(stage.x + 0.8 * stage.w, stage.y + 0.15 * stage.h, 0.055 * stage.h, (255, 250, 232, 235))
    pencil.shape(_at(stage, _hill(0.2, horizon, [(0.8, 0.4), (1.7, 2.0)])), (186, 203, 199))
    pencil.shape(_at(stage, _hill(0.11, horizon, [(1.3, 3.0), (2.6, 0.7)])), (163, 187, 172))
    _gradient(pencil, _part(stage, 0, horizon, 1, 1), (190, 204, 166), (160, 181, 138))
    road, edge = (205, 201, 193), (231, 227, 217)
    if deep:
        pencil.shape(_at(stage, [(0.485, horizon), (0.515, horizon), (0.93, 1), (0.07, 1)]), edge)
        pencil.shape(_at(stage, [(0.487, horizon), (0.513, horizon), (0.9, 1), (0.1, 1)]), road)
        return
    pencil.box(_part(stage, 0, ground - 0.09, 1, ground + 0.1), edge)
    pencil.box(_part(stage, 0, ground - 0.08, 1, ground + 0.09), road)
    for dash in range(9):
        pencil.box(_part(stage, dash / 8 - 0.03, ground, dash / 8 + 0.03, ground + 0.01), edge)


def _room(pencil: Pencil, stage: Area) -> None:
    horizon = ROOM_HORIZON
    _gradient(pencil, _part(stage, 0, 0, 1, horizon), (238, 231, 221), (229, 219, 205))
    _gradient(pencil, _part(stage, 0, horizon, 1, 1), (204, 179, 148), (221, 200, 172))
    for plank in np.linspace(-1.2, 2.2, 18):
        pencil.path(_at(stage, [(0.5 + (plank - 0.5) * 0.6, horizon), (float(plank), 1.0)]), (180, 153, 121, 110), 0.6)
    pencil.box(_part(stage, 0, horizon - 0.03, 1, horizon), (248, 244, 237))
    pencil.path(_at(stage, [(0, horizon), (1, horizon)]), (172, 148, 120), 0.7)
    window = _part(stage, 0.62, 0.1, 0.86, 0.44)
    pencil.box(Area(window.x - 3, window.y - 3, window.w + 6, window.h + 6), (250, 247, 241))
    _gradient(pencil, window, (196, 218, 232), (228, 234, 230))
    pencil.box(_part(stage, 0.737, 0.1, 0.743, 0.44), (250, 247, 241))
    pencil.box(_part(stage, 0.62, 0.265, 0.86, 0.275), (250, 247, 241))
    frame = _part(stage, 0.16, 0.14, 0.33, 0.36)
    pencil.box(frame, (214, 204, 190), (250, 247, 241), 2)
    pencil.shape(
        _at(stage, [(0.175, 0.335), (0.225, 0.23), (0.26, 0.29), (0.285, 0.25), (0.315, 0.335)]), (190, 180, 166)
    )


def _studio(pencil: Pencil, stage: Area) -> None:
    horizon = STUDIO_HORIZON
    _gradient(pencil, _part(stage, 0, 0, 1, horizon), (228, 230, 233), (240, 241, 242))
    _gradient(pencil, _part(stage, 0, horizon, 1, 1), (214, 217, 221), (229, 231, 234))
    for x in np.linspace(-1.5, 2.5, 17):
        pencil.path(_at(stage, [(0.5 + (x - 0.5) * 0.35, horizon), (float(x), 1.0)]), (198, 202, 208), 0.6)
    for depth in (0.05, 0.13, 0.26, 0.46, 0.74):
        y = horizon + (1 - horizon) * depth
        pencil.path(_at(stage, [(0, y), (1, y)]), (198, 202, 208), 0.6)


def draw_trails(pencil: Pencil, stage: Area, frames: Sequence[KeyFrame], now: int, colors: dict[str, Color]) -> None:
    """The past trajectory of each object as a line that fades backwards, the future one as dots."""
    for item, color in colors.items():
        centers = [(i, found.box.center) for i, frame in enumerate(frames) if (found := frame.get(item))]
        if not _moves([center for _, center in centers]):
            continue
        for (i, start), (_, end) in pairwise(centers):
            if i + 1 <= now:
                alpha = round(40 + 170 * (1 - (now - i - 1) / max(1, len(frames))))
                pencil.path(_at(stage, [start, end]), (*color, alpha), 1.6)
        for i, (x, y) in centers:
            if i > now:
                pencil.dot(stage.x + x * stage.w, stage.y + y * stage.h, 1.3, (*color, 120))


def _moves(centers: Sequence[tuple[float, float]]) -> bool:
    if len(centers) < 2:
        return False
    spread = np.ptp(np.array(centers), axis=0)
    return bool(math.hypot(*spread) > 0.02)


def draw_objects(pencil: Pencil, stage: Area, frame: KeyFrame, colors: dict[str, Color], size: float) -> None:
    """The boxes with their names, the farther ones first: lower in the frame is nearer."""
    ordered = sorted(frame.objects, key=lambda item: item.box.y2)
    for item in ordered:
        _object(pencil, _part(stage, *item.box), item.box, colors[item.id])
        draw_pictogram(pencil, _part(stage, *item.box), item.name, colors[item.id])
    for item in ordered:
        name = printable(item.name, 60) or printable(item.id, 60) or "thing"
        _label(pencil, stage, _part(stage, *item.box), name, colors[item.id], size)


def _object(pencil: Pencil, area: Area, box: Box, color: Color) -> None:
    if box.y2 > 0.45:
        pencil.dot(
            area.x + area.w / 2, area.bottom, area.w * 0.5, (30, 30, 30, 46), squash=min(0.12, 8 / max(area.w, 1))
        )
    radius = min(5.0, area.w / 6, area.h / 6)
    pencil.box(area, (*color, 92), (*color, 255), 1.5, radius)
    inner = Area(area.x + 1.5, area.y + 1.5, max(0.0, area.w - 3), max(0.0, area.h - 3))
    if min(inner.w, inner.h) > 4:
        pencil.box(inner, None, (255, 255, 255, 130), 0.5, radius)


def _label(pencil: Pencil, stage: Area, area: Area, name: str, color: Color, size: float) -> None:
    """A chip with the name on top of the box, inside where there is no room above, always on the stage."""
    pad, height = 0.35 * size, 1.45 * size
    face = pencil.font(size)
    wide = min(float(face.getlength(name)) / SUPERSAMPLE + 2 * pad, max(area.w, 0.24 * stage.w))
    x = min(max(area.x, stage.x + 2), stage.right - 2 - wide)
    y = area.y - height - 1 if area.y - height - 1 >= stage.y + 2 else area.y + 2
    y = min(max(y, stage.y + 2), stage.bottom - 2 - height)
    pencil.box(Area(x, y, wide, height), (*color, 255), None, 1, 0.3 * size)
    dark = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 150
    ink = (25, 28, 33) if dark else (255, 255, 255)
    pencil.text(x + pad, y + height / 2, name, size, ink, wide - 2 * pad + 0.01, anchor="lm")
