"""A supersampled picture that knows which thing each sample belongs to.

Samples have four bands: red, green, blue and the number of the thing (0 is the background). Drawing a polygon writes
color and number at once, so the visible part of a thing is what nobody painted over.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from spa2v.world.drawing.mesh import Color


def samples_for(width: int) -> int:
    """Samples per pixel along each axis: four up to 400 pixels of width, three above."""
    return 4 if width <= 400 else 3


class Canvas:
    """A picture of width x height pixels with `samples` x `samples` samples in each.

    Args:
        width, height: of the finished picture, in pixels.
        samples: per pixel along each axis.
    """

    def __init__(self, width: int, height: int, samples: int) -> None:
        self.width, self.height, self.samples = width, height, samples
        self.image = Image.new("RGBX", (width * samples, height * samples))
        self._draw = ImageDraw.Draw(self.image)

    def copy(self) -> Canvas:
        """A canvas with the same picture."""
        other = object.__new__(Canvas)
        other.width, other.height, other.samples = self.width, self.height, self.samples
        other.image = self.image.copy()
        other._draw = ImageDraw.Draw(other.image)
        return other

    def polygon(self, points: NDArray[np.float64], color: Color, number: int = 0) -> None:
        """Fills a polygon; points of shape (k, 2) in pixels of the finished picture."""
        self._draw.polygon((points * self.samples).ravel().tolist(), fill=(*color, number))

    def line(self, points: NDArray[np.float64], color: Color, width: float, number: int = 0) -> None:
        """A line of `width` pixels of the finished picture, at least one sample wide."""
        flat = (points * self.samples).ravel().tolist()
        self._draw.line(flat, fill=(*color, number), width=max(1, round(width * self.samples)))

    def shadow(self, points: NDArray[np.float64], strength: float) -> None:
        """Darkens the background inside a polygon. To be called before any thing is drawn."""
        scaled = points * self.samples
        limits = (self.image.width, self.image.height)
        low = np.clip(np.floor(scaled.min(axis=0)), 0, limits).astype(int)
        high = np.clip(np.ceil(scaled.max(axis=0)) + 1, 0, limits).astype(int)
        if (high <= low).any():
            return
        mask = Image.new("L", (int(high[0] - low[0]), int(high[1] - low[1])))
        ImageDraw.Draw(mask).polygon((scaled - low).ravel().tolist(), fill=round(255 * strength))
        self.image.paste((8, 8, 16, 0), (int(low[0]), int(low[1])), mask)

    def fill(self, pixels: NDArray[np.uint8]) -> None:
        """Replaces the picture by an array of samples (height, width, 3), number 0."""
        rgbx = np.zeros((self.image.height, self.image.width, 4), np.uint8)
        rgbx[..., :3] = pixels
        self.image = Image.frombytes("RGBX", self.image.size, rgbx.tobytes())
        self._draw = ImageDraw.Draw(self.image)

    def pixels(self) -> NDArray[np.uint8]:
        """The finished picture, shape (height, width, 3): the mean of the samples of each pixel."""
        return np.asarray(self.image.reduce(self.samples))[..., :3]

    def numbers(self) -> NDArray[np.uint8]:
        """The number of the thing at each sample, shape (height * samples, width * samples)."""
        return np.asarray(self.image.getchannel(3))

    def extents(self, numbers: Sequence[int]) -> dict[int, tuple[float, float, float, float]]:
        """x1, y1, x2, y2 in pixels of what is visible of each number; a number that is hidden is left out."""
        band = self.image.getchannel(3)
        found = {}
        for number in numbers:
            table = [0] * 256
            table[number] = 255
            if box := band.point(table).getbbox():
                found[number] = tuple(value / self.samples for value in box)
        return found  # type: ignore[return-value]
