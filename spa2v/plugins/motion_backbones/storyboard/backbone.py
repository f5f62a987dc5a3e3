"""The component `storyboard`: the layout as an animatic, to judge a plan before rendering on a GPU. Needs no weights.

A backdrop, the boxes with names and trajectories, the captions, and a strip with the measured azimuth and the planned
positions. Frames are drawn at three times their size and reduced.
"""

from __future__ import annotations

import numpy as np

from spa2v import ConfigError, GeneratedVideo, KeyFrame, Run, VideoSceneLayout
from spa2v.plugins.motion_backbones.storyboard.panel import Panel, draw_empty_plan
from spa2v.plugins.motion_backbones.storyboard.scene import draw_backdrop, draw_objects, draw_trails
from spa2v.plugins.motion_backbones.storyboard.sheet import LINE, Color, Pencil, Sheet, identity_colors
from spa2v.plugins.motion_backbones.storyboard.strip import Strip

SIDES, FRAMES = (128, 4096), (1, 4096)


class Storyboard:
    """Draws layouts.

    Args:
        width, height: of a frame in pixels, 128 to 4096. Below 400 pixels in width the captions shrink to one line.
        frames: number of frames over the clip, 1 to 4096.

    Raises:
        ConfigError: an option is out of range.
    """

    def __init__(self, width: int = 512, height: int = 320, frames: int = 16) -> None:
        for name, value, (low, high) in (
            ("width", width, SIDES),
            ("height", height, SIDES),
            ("frames", frames, FRAMES),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ConfigError(f"storyboard: {name} is {value!r}", f"expected a whole number from {low} to {high}")
        self.width, self.height, self.frames = width, height, frames

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        """Draws the layout. With `run.cues` the strip shows level and azimuth, else only the positions of the boxes."""
        sheet = Sheet.of(self.width, self.height)
        frames = layout.frames(self.frames)
        colors = identity_colors(list(layout.names))
        panel, strip = Panel(sheet, layout, colors), Strip(sheet, layout, run.cues)
        base = Pencil.blank(self.width, self.height)
        draw_backdrop(base, sheet.stage, layout)
        panel.draw(base)
        strip.draw(base, frames, colors)
        drawn = np.empty((self.frames, self.height, self.width, 3), dtype=np.uint8)
        with run.progress("storyboard", self.frames) as done:
            for index in range(self.frames):
                pencil = base.copy()
                _draw_stage(pencil, sheet, layout, frames, index, colors)
                panel.moment(pencil, frames[index], index, self.frames)
                strip.playhead(pencil, frames[index].time_s)
                drawn[index] = np.asarray(pencil.finished())
                done(1)
        return GeneratedVideo(drawn, self.frames / layout.duration_s)


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
