"""The sheet of a storyboard frame: the areas of its parts, colors, drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image, ImageDraw

from spa2v.plugins.motion_backbones.storyboard.text import Font, cut, font

Color = tuple[int, int, int]
# Okabe and Ito's colors, distinguishable with any color vision; the most distinct first.
IDENTITY: tuple[Color, ...] = (
    (213, 94, 0),
    (0, 114, 178),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
    (94, 60, 153),
    (120, 120, 120),
)
PAPER, CARD, INK, MUTED, LINE = (247, 245, 240), (255, 254, 251), (38, 43, 51), (122, 126, 133), (222, 218, 208)
SUPERSAMPLE = 3


class Area(NamedTuple):
    """A rectangle in pixels of the finished frame."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        return self.x + self.w

    @property
    def bottom(self) -> float:
        return self.y + self.h


@dataclass(frozen=True)
class Sheet:
    """The areas of the parts. `stage` has the aspect ratio of the frame, so that boxes keep their proportions."""

    width: int
    height: int
    stage: Area
    panel: Area
    strip: Area
    line: Area | None
    unit: float

    @staticmethod
    def of(width: int, height: int) -> Sheet:
        """A side panel for wide frames, a caption line for small ones, text below the stage for tall ones."""
        unit = max(0.45, min(width / 512, height / 320))
        gap = 8 * unit
        strip_h = max(26.0, 0.225 * height) if width >= height else 0.15 * height
        if width < 1.2 * height:
            stage_w = min(width - 2 * gap, (0.62 * height) * width / height)
            stage = Area((width - stage_w) / 2, gap, stage_w, stage_w * height / width)
            strip = Area(gap, height - gap - strip_h, width - 2 * gap, strip_h)
            panel = Area(gap, stage.bottom + gap, width - 2 * gap, strip.y - stage.bottom - 2 * gap)
            return Sheet(width, height, stage, panel, strip, None, unit)
        small = width < 400
        line_h = 11.0 if small else 0.0
        stage_h = height - strip_h - 3 * gap - (line_h + gap / 2 if small else 0.0)
        stage = Area(gap, gap, stage_h * width / height, stage_h)
        panel = Area(stage.right + gap, gap, width - stage.right - 2 * gap, stage_h)
        strip = Area(gap, height - gap - strip_h, width - 2 * gap, strip_h)
        line = Area(gap, stage.bottom + gap / 2, width - 2 * gap, line_h) if small else None
        return Sheet(width, height, stage, panel, strip, line, unit)

    @property
    def small(self) -> bool:
        return self.line is not None

    def text_size(self, points: float) -> float:
        return max(7.5, points * self.unit)


class Pencil:
    """Draws on a picture `SUPERSAMPLE` times as large, in pixels of the finished frame; colors may carry an alpha."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self._draw = ImageDraw.Draw(image, "RGBA")

    @staticmethod
    def blank(width: int, height: int, color: Color = PAPER) -> Pencil:
        return Pencil(Image.new("RGB", (width * SUPERSAMPLE, height * SUPERSAMPLE), color))

    def copy(self) -> Pencil:
        return Pencil(self.image.copy())

    def finished(self) -> Image.Image:
        return self.image.reduce(SUPERSAMPLE)

    def box(
        self,
        area: Area,
        fill: tuple[int, ...] | None,
        line: tuple[int, ...] | None = None,
        w: float = 1,
        radius: float = 0,
    ) -> None:
        s = SUPERSAMPLE
        corners = (area.x * s, area.y * s, max(area.x, area.right) * s, max(area.y, area.bottom) * s)
        r = min(radius, area.w / 2, area.h / 2) * s
        self._draw.rounded_rectangle(corners, r, fill, line, max(1, round(w * s)) if line else 0)

    def path(self, points: list[tuple[float, float]], color: tuple[int, ...], w: float = 1) -> None:
        if len(points) > 1:
            scaled = [(x * SUPERSAMPLE, y * SUPERSAMPLE) for x, y in points]
            self._draw.line(scaled, color, max(1, round(w * SUPERSAMPLE)), joint="curve")

    def shape(self, points: list[tuple[float, float]], color: tuple[int, ...]) -> None:
        self._draw.polygon([(x * SUPERSAMPLE, y * SUPERSAMPLE) for x, y in points], color)

    def dot(self, x: float, y: float, r: float, color: tuple[int, ...], squash: float = 1.0) -> None:
        s = SUPERSAMPLE
        self._draw.ellipse(((x - r) * s, (y - r * squash) * s, (x + r) * s, (y + r * squash) * s), color)

    def font(self, size: float) -> Font:
        return font(size * SUPERSAMPLE)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        color: tuple[int, ...],
        limit: float | None = None,
        anchor: str = "la",
    ) -> float:
        """Writes one line, cut to `limit` pixels; returns its width. Anchors as in Pillow."""
        face = self.font(size)
        shown = text if limit is None else cut(text, face, limit * SUPERSAMPLE)
        if shown:
            self._draw.text((x * SUPERSAMPLE, y * SUPERSAMPLE), shown, color, face, anchor)
        return float(face.getlength(shown)) / SUPERSAMPLE


def identity_colors(ids: list[str]) -> dict[str, Color]:
    """A color for each id, in the order of first appearance."""
    return {item: IDENTITY[index % len(IDENTITY)] for index, item in enumerate(ids)}
