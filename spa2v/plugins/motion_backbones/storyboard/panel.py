"""The text of the storyboard: captions, the objects and their movements, the clock."""

from __future__ import annotations

from spa2v import KeyFrame, VideoSceneLayout
from spa2v.plugins.motion_backbones.storyboard.sheet import (
    INK,
    MUTED,
    PAPER,
    SUPERSAMPLE,
    Area,
    Color,
    Pencil,
    Sheet,
)
from spa2v.plugins.motion_backbones.storyboard.text import caption, printable, wrap

_MAX_OBJECTS = 6


class Panel:
    """The panel of one storyboard: `draw` draws the static part, `moment` that of a frame."""

    def __init__(self, sheet: Sheet, layout: VideoSceneLayout, colors: dict[str, Color]) -> None:
        self._sheet, self._layout, self._colors = sheet, layout, colors
        self._size, self._head = sheet.text_size(10.2), sheet.text_size(7.4)
        self._leading = 1.28 * self._size
        self._moment_y = sheet.panel.y

    def draw(self, pencil: Pencil) -> None:
        """The caption of the video at the top, the objects at the bottom; the space between is for the moment."""
        area, top = self._sheet.panel, self._sheet.panel.y
        objects_h = self._draw_objects(pencil, area)
        if not self._sheet.small and area.h - objects_h > 4 * self._leading:
            lines = int((area.h - objects_h) / self._leading * 0.55)
            top = self._block(pencil, top, "VIDEO", caption(self._layout.caption), max(1, min(lines, 6)))
        self._moment_y = top
        self._moment_end = area.bottom - objects_h

    def _block(self, pencil: Pencil, y: float, head: str, text: str, lines: int) -> float:
        """A small heading over wrapped text; returns where the next block begins."""
        area = self._sheet.panel
        if not text or lines < 1:
            return y
        pencil.text(area.x, y, head, self._head, MUTED, area.w)
        y += 1.3 * self._head
        for line in wrap(text, pencil.font(self._size), area.w * SUPERSAMPLE, lines):
            pencil.text(area.x, y, line, self._size, INK)
            y += self._leading
        return y + 0.5 * self._size

    def _draw_objects(self, pencil: Pencil, area: Area) -> float:
        """Color, name and movement of each object, aligned to the bottom of the panel; returns the height."""
        names = self._layout.names
        room = max(0, min(_MAX_OBJECTS, int(area.h * (0.8 if self._sheet.small else 0.4) / self._leading) - 1))
        shown = list(names.items())[: room if len(names) <= room else max(0, room - 1)]
        more = [f"and {len(names) - len(shown)} more"] if len(names) > len(shown) else []
        height = (len(shown) + len(more)) * self._leading
        if not shown:
            return 0.0
        y, r = area.bottom - height, 0.3 * self._size
        for item, name in shown:
            pencil.dot(area.x + r, y + 0.62 * self._size, r, self._colors[item])
            self._object(pencil, area.x + 3.2 * r, y, area.right, item, name)
            y += self._leading
        for text in more:
            pencil.text(area.x + 3.2 * r, y, text, self._size, MUTED, area.w)
        pencil.text(area.x, area.bottom - height - 1.35 * self._head, "THINGS", self._head, MUTED, area.w)
        return height + 1.6 * self._head + 0.4 * self._size

    def _object(self, pencil: Pencil, x: float, y: float, right: float, item: str, name: str) -> None:
        shown = printable(name, 60) or printable(item, 60) or "thing"
        x += pencil.text(x, y, shown, self._size, INK, right - x)
        does = self._layout.attributes.get(item, "").replace("_", " ")
        if does and x + 4 * self._size < right:
            pencil.text(x + 0.5 * self._size, y, does, self._size, MUTED, right - x - 0.5 * self._size)

    def moment(self, pencil: Pencil, frame: KeyFrame, index: int, count: int) -> None:
        """The caption of a frame, and the clock on the stage."""
        text = caption(frame.caption)
        if self._sheet.line is not None:
            line = self._sheet.line
            shown = text or caption(self._layout.caption)
            pencil.text(line.x, line.y + line.h / 2, shown, self._size, INK, line.w, "lm")
        else:
            room = int((self._moment_end - self._moment_y - 1.3 * self._head) / self._leading)
            self._block(pencil, self._moment_y, "THIS MOMENT", text, min(6, room))
        self._clock(pencil, f"{frame.time_s:.2f} s", f"{index + 1}/{count}")

    def _clock(self, pencil: Pencil, time: str, place: str) -> None:
        stage, size = self._sheet.stage, self._head
        text = f"{time}   {place}"
        wide = pencil.font(size).getlength(text) / SUPERSAMPLE + 0.9 * size
        area = Area(stage.right - wide - 4, stage.bottom - 1.6 * size - 4, wide, 1.6 * size)
        pencil.box(area, (*INK, 165), None, 1, 0.35 * size)
        pencil.text(area.x + wide / 2, area.y + area.h / 2, text, size, PAPER, anchor="mm")


def draw_empty_plan(pencil: Pencil, sheet: Sheet, layout: VideoSceneLayout) -> None:
    """A note on the stage that the plan has no objects, with the reason if the plan has one."""
    reason = caption(layout.notes[0]) if layout.notes else ""
    size, stage = sheet.text_size(10.5), sheet.stage
    lines = ["The plan places nothing.", *wrap(reason, pencil.font(size), 0.8 * stage.w * SUPERSAMPLE, 2)]
    height = 1.35 * size * len(lines) + 1.2 * size
    wide = max(pencil.font(size).getlength(line) for line in lines) / SUPERSAMPLE + 2.4 * size
    card = Area(stage.x + (stage.w - wide) / 2, stage.y + (stage.h - height) / 2, wide, height)
    pencil.box(card, (*PAPER, 225), None, 1, 0.5 * size)
    for index, line in enumerate(lines):
        y = card.y + 0.6 * size + 1.35 * size * (index + 0.5)
        pencil.text(stage.x + stage.w / 2, y, line, size, INK if index == 0 else MUTED, anchor="mm")
