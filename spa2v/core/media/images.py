"""A video as one picture (a contact sheet) or as an animated GIF, through Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import GeneratedVideo

if TYPE_CHECKING:
    from PIL import Image

GIF_MAX_FPS = 50.0  # viewers slow down what changes faster than every 20 ms
GIF_MAX_S = 655.0  # Pillow joins equal frames, and a delay has 16 bits of hundredths
_PAPER, _INK = (250, 249, 246), (96, 100, 108)


def contact_sheet(
    video: GeneratedVideo, columns: int = 4, max_frames: int = 16, cell_width: int | None = None, times: bool = True
) -> Image.Image:
    """The frames in reading order on one sheet.

    Args:
        columns: at most this many in a row.
        max_frames: of a longer video, this many frames, evenly spread from the first to the last.
        cell_width: width of a frame on the sheet in pixels; None keeps the frames as they are.
        times: whether each frame's time stands under it.
    """
    from PIL import Image, ImageDraw, ImageFont

    chosen = _spread(len(video.frames), max_frames)
    height, width = video.frames.shape[1:3]
    size = (width, height) if cell_width is None else (cell_width, max(1, round(height * cell_width / width)))
    columns = max(1, min(columns, len(chosen)))
    gap = max(4, size[0] // 48)
    text = max(9, size[0] // 30) if times else 0
    step = (size[0] + gap, size[1] + gap + (text * 3 // 2 if times else 0))
    rows = -(-len(chosen) // columns)
    sheet = Image.new("RGB", (columns * step[0] + gap, rows * step[1] + gap), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(max(text, 1))
    for place, index in enumerate(chosen):
        x, y = gap + place % columns * step[0], gap + place // columns * step[1]
        cell = Image.fromarray(video.frames[index])
        sheet.paste(cell if cell.size == size else cell.resize(size, Image.Resampling.LANCZOS), (x, y))
        if times:
            draw.text((x, y + size[1] + text // 4), f"{index / video.fps:.2f} s", _INK, font)
    return sheet


def _spread(count: int, most: int) -> list[int]:
    if count <= most:
        return list(range(count))
    return [round(float(index)) for index in np.linspace(0, count - 1, max(1, most))]


def write_gif(path: Path, video: GeneratedVideo) -> None:
    """Encodes an endless GIF. Its clock counts hundredths of a second; rounding never adds up over the frames."""
    from PIL import Image

    chosen, delays_cs = gif_timing(len(video.frames), video.fps)
    palette = _palette(video.frames)
    images = [
        Image.fromarray(video.frames[index]).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        for index in chosen
    ]
    durations = [10 * delay for delay in delays_cs]
    images[0].save(path, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0, disposal=1)


def gif_timing(count: int, fps: float) -> tuple[list[int], list[int]]:
    """Which frames to show and how long each, in hundredths of a second, 2 or more."""
    shown = count if fps <= GIF_MAX_FPS else max(1, int(count / fps * GIF_MAX_FPS))
    ends = np.round(np.arange(shown + 1) * (100.0 * count / fps / shown)).astype(np.int64)
    chosen = (np.arange(shown) * count) // shown
    return chosen.tolist(), np.maximum(np.diff(ends), 2).tolist()


def _palette(frames: NDArray[np.uint8]) -> Image.Image:
    """One palette for all frames, so that colors do not flicker."""
    from PIL import Image

    sample = np.concatenate([frames[index][::2, ::2] for index in _spread(len(frames), 8)])
    return Image.fromarray(np.ascontiguousarray(sample)).quantize(256, method=Image.Quantize.MEDIANCUT)
