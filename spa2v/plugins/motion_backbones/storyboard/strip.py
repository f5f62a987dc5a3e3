"""The strip under the stage: level and position over time, with a playhead.

The measured azimuth is a dark line, paler where its confidence is low; the planned positions (the centers of the boxes)
are lines in the colors of their objects. Their scales differ; compare direction and shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spa2v import KeyFrame, SpatialCues, Track, VideoSceneLayout
from spa2v.plugins.motion_backbones.storyboard.sheet import CARD, INK, LINE, MUTED, Area, Color, Pencil, Sheet

_LEVEL, _LEVEL_LINE = (150, 168, 184, 120), (92, 116, 138)
_POINTS = 240
_MIN_SPAN_DB, _MAX_SPAN_DB = 12.0, 48.0
_MIN_AZIMUTH_DEG = 15.0
Points = list[tuple[float, float]]


class Strip:
    """The strip of one storyboard: `draw` draws the static part, `playhead` the moving one."""

    def __init__(self, sheet: Sheet, layout: VideoSceneLayout, cues: SpatialCues | None) -> None:
        self._sheet, self._layout = sheet, layout
        tracks = {} if cues is None else cues.tracks
        self._level, self._azimuth = tracks.get("level"), tracks.get("azimuth")
        self._size = max(7.0, 7.6 * sheet.unit)
        area, pad = sheet.strip, 4 * sheet.unit
        gutter = max(36.0, 48 * sheet.unit)
        inner = Area(area.x + gutter, area.y + pad, area.w - gutter - 2 * pad, area.h - 2 * pad)
        share = 0.0 if self._level is None else 0.42
        self._upper = Area(inner.x, inner.y, inner.w, inner.h * share)
        self._lower = Area(inner.x, inner.y + inner.h * share + (pad if share else 0), inner.w, 0)
        self._lower = self._lower._replace(h=inner.bottom - self._lower.y)

    def draw(self, pencil: Pencil, frames: Sequence[KeyFrame], colors: dict[str, Color]) -> None:
        pencil.box(self._sheet.strip, CARD, LINE, 0.75, 4 * self._sheet.unit)
        for time_s in _ticks(self._layout.duration_s):
            x = self._x(time_s)
            pencil.path([(x, self._sheet.strip.y + 2), (x, self._sheet.strip.bottom - 2)], (*LINE, 150), 0.5)
        if self._level is not None:
            self._draw_level(pencil, self._level)
        self._draw_position(pencil, frames, colors)

    def _x(self, time_s: float) -> float:
        return self._lower.x + self._lower.w * min(1.0, max(0.0, time_s / self._layout.duration_s))

    def _times(self) -> NDArray[np.float64]:
        return np.linspace(0.0, self._layout.duration_s, _POINTS)

    def _draw_level(self, pencil: Pencil, track: Track) -> None:
        row, times = self._upper, self._times()
        values = track.at(times)
        top = float(values.max()) + 1.0
        span = min(_MAX_SPAN_DB, max(_MIN_SPAN_DB, top - float(values.min())))
        heights = np.clip((values - top + span) / span, 0, 1) * row.h
        line = [(self._x(float(t)), row.bottom - float(h)) for t, h in zip(times, heights, strict=True)]
        pencil.shape([(row.x, row.bottom), *line, (row.right, row.bottom)], _LEVEL)
        pencil.path(line, _LEVEL_LINE, 1.0)
        self._gutter(pencil, row, "level", f"{values.max():.0f} dB")

    def _gutter(self, pencil: Pencil, row: Area, name: str, detail: str) -> None:
        x, size = self._sheet.strip.x + 4 * self._sheet.unit, self._size
        limit = row.x - x - 2
        if row.h >= 2.2 * size:
            pencil.text(x, row.y + row.h / 2 - 0.1 * size, name, size, INK, limit, "ls")
            pencil.text(x, row.y + row.h / 2 + 0.95 * size, detail, size * 0.92, MUTED, limit, "ls")
        else:
            pencil.text(x, row.y + row.h / 2, name, size, INK, limit, "lm")

    def _draw_position(self, pencil: Pencil, frames: Sequence[KeyFrame], colors: dict[str, Color]) -> None:
        row = self._lower
        middle = row.y + row.h / 2
        pencil.path([(row.x, middle), (row.right, middle)], (*LINE, 255), 0.75)
        if self._azimuth is not None:
            self._draw_azimuth(pencil, self._azimuth)
        step_s = self._layout.duration_s / len(frames)
        for item, color in colors.items():
            for part in _runs(frames, item):
                points = [(self._x(frames[i].time_s), row.y + row.h * x) for i, x in part]
                points.append((self._x(frames[part[-1][0]].time_s + step_s), points[-1][1]))
                pencil.path(points, (*color, 235), 1.3)
        pencil.text(row.x - 2, row.y, "L", self._size * 0.9, MUTED, anchor="rt")
        pencil.text(row.x - 2, row.bottom, "R", self._size * 0.9, MUTED, anchor="rb")
        self._gutter(pencil, row, "place", "boxes" if self._azimuth is None else "+ heard")

    def _draw_azimuth(self, pencil: Pencil, track: Track) -> None:
        row, times = self._lower, self._times()
        values, sure = track.at(times), track.confidence_at(times)
        reach = 1.1 * float(np.abs(values[sure > 0.2]).max(initial=0.0))
        reach = min(95.0, max(_MIN_AZIMUTH_DEG, reach))
        ys = row.y + row.h * (0.5 + 0.5 * np.clip(values / reach, -1, 1))
        points = [(self._x(float(t)), float(y)) for t, y in zip(times, ys, strict=True)]
        for (start, end), confidence in zip(pairwise(points), sure, strict=False):
            pencil.path([start, end], (*INK, round(25 + 200 * float(confidence))), 1.0)

    def playhead(self, pencil: Pencil, time_s: float) -> None:
        """The line that marks the time of the frame."""
        area, x = self._sheet.strip, self._x(time_s)
        pencil.path([(x, area.y + 1.5), (x, area.bottom - 1.5)], (*INK, 220), 1.0)
        pencil.dot(x, area.y + 2.5, 2.2, INK)


def _runs(frames: Sequence[KeyFrame], item: str) -> list[list[tuple[int, float]]]:
    """Frame index and horizontal center of one object, in pieces without gaps."""
    runs: list[list[tuple[int, float]]] = []
    for index, frame in enumerate(frames):
        found = frame.get(item)
        if found is None:
            continue
        if not runs or runs[-1][-1][0] != index - 1:
            runs.append([])
        runs[-1].append((index, found.box.center[0]))
    return runs


def _ticks(duration_s: float) -> list[float]:
    """Round times inside the clip, ten at most."""
    step = 10.0 ** np.floor(np.log10(duration_s))
    step = next(step * part for part in (0.1, 0.2, 0.5, 1.0, 2.0) if duration_s / (step * part) <= 10)
    return [float(time) for time in np.arange(step, duration_s, step)]
