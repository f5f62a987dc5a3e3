"""What a layout says of each object, in a few words and numbers."""

from __future__ import annotations

import numpy as np

from spa2v.core.types import Box, VideoSceneLayout, frame_times

FRAMES = 64
BARS = "▁▂▃▄▅▆▇█"
PATH_CELLS = 16


def object_rows(layout: VideoSceneLayout) -> list[tuple[str, str, str, str, str, str]]:
    """Of each object: id, name, when it is seen, its first and last center and size, and a drawing of its path.

    The path is the horizontal place over the clip: low bars are left, high bars right, blanks are times without it.
    """
    times = frame_times(layout.duration_s, FRAMES)
    rows = []
    for object_id, name in layout.names.items():
        boxes = layout.boxes(object_id, times)
        there = [box for box in boxes if box is not None]
        when = [float(time) for time, box in zip(times, boxes, strict=True) if box is not None]
        spans = (
            f"{when[0]:.2f}-{min(when[-1] + layout.duration_s / FRAMES, layout.duration_s):.2f}" if when else "never"
        )
        ends = (there[0], there[-1]) if there else ()
        centers = " -> ".join(f"{box.center[0]:.2f},{box.center[1]:.2f}" for box in ends)
        sizes = " -> ".join(f"{box.x2 - box.x1:.2f}x{box.y2 - box.y1:.2f}" for box in ends)
        rows.append((object_id, name, spans, centers, sizes, path_text(boxes)))
    return rows


def path_text(boxes: list[Box | None]) -> str:
    """The horizontal place of a box over time, in `PATH_CELLS` characters."""
    chosen = [boxes[int(place)] for place in np.linspace(0, len(boxes) - 1, PATH_CELLS)]
    return "".join(" " if box is None else BARS[min(7, int(box.center[0] * 8))] for box in chosen)
