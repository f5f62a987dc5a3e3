"""Sample sheets: rows of pictures in one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from spa2v.core.media.files import atomic_path

SMALL, GAP = 200, 4
Boxes = Sequence[tuple[float, float, float, float]]


def to_bytes(pictures: Tensor) -> NDArray[np.uint8]:
    """float (B, 3, H, W) in -1..1 to uint8 (B, H, W, 3)."""
    scaled = ((pictures.detach().float() / 2 + 0.5).clamp(0, 1) * 255).round().byte()
    return scaled.cpu().permute(0, 2, 3, 1).contiguous().numpy()


def write_grid(path: Path, rows: Sequence[NDArray[np.uint8]], boxes: Sequence[Sequence[Boxes]] | None = None) -> None:
    """Writes rows of pictures (n, H, W, 3), small ones twice as large, with `boxes` (by row and picture)."""
    scale = 2 if rows[0].shape[2] < SMALL else 1
    height, width = rows[0].shape[1] * scale, rows[0].shape[2] * scale
    columns = max(len(row) for row in rows)
    sheet = Image.new("RGB", (columns * (width + GAP), len(rows) * (height + GAP)), (24, 24, 24))
    for r, row in enumerate(rows):
        for c, picture in enumerate(row):
            image = Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC)
            for box in boxes[r][c] if boxes else ():
                _outline(image, box)
            sheet.paste(image, (c * (width + GAP), r * (height + GAP)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as target:
        sheet.save(target, format="PNG")


def _outline(image: Image.Image, box: tuple[float, float, float, float]) -> None:
    scale = np.array([image.width, image.height] * 2) - np.array([0, 0, 1, 1])
    ImageDraw.Draw(image).rectangle((np.asarray(box) * scale).tolist(), outline=(255, 40, 40), width=1)
