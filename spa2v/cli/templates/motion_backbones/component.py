"""Draws every thing of a layout as a soft spot of its own color."""

from __future__ import annotations

import colorsys
import zlib

import numpy as np
from numpy.typing import NDArray
from spa2v import Box, GeneratedVideo, KeyFrame, Run, VideoSceneLayout


class TemplateName:
    """Draws spots, one a thing, with the size and shape of its box; later things cover earlier ones.

    Args:
        width, height: of a frame in pixels, 16 to 4096.
        frames: of a video; they span the whole clip.
        background: gray level, 0 to 255.

    Raises:
        ValueError: a number is out of range.
    """

    def __init__(self, width: int = 512, height: int = 320, frames: int = 16, background: int = 24) -> None:
        for name, value in (("width", width), ("height", height)):
            if not 16 <= value <= 4096:
                raise ValueError(f"{name}: {value!r} is not in 16..4096")
        if not 1 <= frames <= 1024:
            raise ValueError(f"frames: {frames!r} is not in 1..1024")
        self.width, self.height, self.frames, self.background = width, height, frames, background

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        """The frames; nothing is random."""
        pictures = [self._picture(scene) for scene in layout.frames(self.frames)]
        return GeneratedVideo(np.stack(pictures), self.frames / layout.duration_s)

    def _picture(self, scene: KeyFrame) -> NDArray[np.uint8]:
        picture = np.full((self.height, self.width, 3), float(self.background))
        for item in scene.objects:
            cover = self._spot(item.box)[..., None]
            picture = picture * (1 - cover) + np.array(color(item.id)) * cover
        return np.round(picture).astype(np.uint8)

    def _spot(self, box: Box) -> NDArray[np.float64]:
        """How much a spot covers each pixel, 1 in its middle to 0 at the edge of its box; shape (height, width)."""
        x, y = (np.arange(self.width) + 0.5) / self.width, (np.arange(self.height) + 0.5) / self.height
        across, down = (x - box.center[0]) / (box.x2 - box.x1), (y - box.center[1]) / (box.y2 - box.y1)
        return np.clip(1 - 4 * (across[None] ** 2 + down[:, None] ** 2), 0, 1)


def color(thing: str) -> tuple[float, float, float]:
    """A bright color for an id, the same in every frame and every run; red, green, blue in 0..255."""
    red, green, blue = colorsys.hsv_to_rgb(zlib.crc32(thing.encode()) % 360 / 360, 0.7, 1.0)
    return 255 * red, 255 * green, 255 * blue
