"""The component `storyboard`: the layout as an animatic, to judge a plan before rendering on a GPU. Needs no weights.

A backdrop, the boxes with names and trajectories, the captions, and a strip with the measured azimuth and the planned
positions. Frames are drawn at three times their size and reduced.
"""

from __future__ import annotations

import numpy as np

from spa2v import ConfigError, GeneratedVideo, KeyFrame, Run, VideoSceneLayout
from spa2v.core.types import count_for
from spa2v.plugins.motion_backbones.storyboard.panel import Panel, draw_empty_plan
from spa2v.plugins.motion_backbones.storyboard.scene import draw_backdrop, draw_objects, draw_trails
from spa2v.plugins.motion_backbones.storyboard.sheet import LINE, Color, Pencil, Sheet, identity_colors
from spa2v.plugins.motion_backbones.storyboard.strip import Strip

SIDES, FRAMES, FPS = (128, 4096), (1, 4096), (0.1, 60.0)


class Storyboard:
    """Draws layouts.

    Args:
        width, height: of a frame in pixels, 128 to 4096. Below 400 pixels in width the captions shrink to one line.
        frames: how many frames span the clip, 1 to 4096, or "auto": `fps` a second, at least 16.
        fps: frames a second where `frames` is "auto", 0.1 to 60.

    Raises:
        ConfigError: an option is out of range.
    """

    def __init__(self, width: int = 512, height: int = 320, frames: int | str = 16, fps: float = 4.0) -> None:
        for name, value, (low, high) in (
            ("width", width, SIDES),
            ("height", height, SIDES),
            ("frames", 16 if frames == "auto" else frames, FRAMES),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ConfigError(f"storyboard: {name} is {value!r}", f"expected a whole number from {low} to {high}")
        if isinstance(fps, bool) or not isinstance(fps, (int, float)) or not FPS[0] <= fps <= FPS[1]:
            raise ConfigError(f"storyboard: fps is {fps!r}", f"expected a number from {FPS[0]} to {FPS[1]}")
        self.width, self.height, self.frames, self.fps = width, height, frames, fps

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        """Draws the layout. With `run.cues` the strip shows level and azimuth, else only the positions of the boxes."""
        sheet = Sheet.of(self.width, self.height)
        count = count_for(self.frames, layout.duration_s, self.fps, FRAMES[1])
        frames = layout.frames(count)
        colors = identity_colors(list(layout.names))
        panel, strip = Panel(sheet, layout, colors), Strip(sheet, layout, run.cues)
        base = Pencil.blank(self.width, self.height)
        draw_backdrop(base, sheet.stage, layout)
        panel.draw(base)
        strip.draw(base, frames, colors)
        drawn = np.empty((count, self.height, self.width, 3), dtype=np.uint8)
        with run.progress("storyboard", count) as done:
            for index in range(count):
                pencil = base.copy()
                _draw_stage(pencil, sheet, layout, frames, index, colors)
                panel.moment(pencil, frames[index], index, count)
                strip.playhead(pencil, frames[index].time_s)
                drawn[index] = np.asarray(pencil.finished())
                done(1)
        return GeneratedVideo(drawn, count / layout.duration_s)


def _draw_stage(
    pencil: Pencil,
    sheet: Sheet,
    layout: VideoSceneLayout,
    frames: tuple[KeyFrame, ...],
    now: int,
    colors: dict[str, Color],
) -> None:
    draw_trails(pencil, sheet.stage, frames, now, colors)
    draw_objects(pencil, sheet.stage, frames[now], colors, sheet.text_size(9.0))
    if not layout.names:
        draw_empty_plan(pencil, sheet, layout)
    pencil.box(sheet.stage, None, LINE, 0.75)
