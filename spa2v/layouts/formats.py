"""`LayoutFormat`: a pair of plain functions, and what the format can hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from spa2v.core.errors import counted
from spa2v.core.types import VideoSceneLayout
from spa2v.layouts.raster import MAX_FRAMES, Raster, Sampling

Read = Callable[[Path, Sampling], tuple[VideoSceneLayout, Sequence[str]]]
Write = Callable[[VideoSceneLayout, Path, Raster], Sequence[str]]


@dataclass(frozen=True)
class LayoutFormat:
    """A way to write a layout for another program, and to read what that program wrote.

    Args:
        summary: one line for `spa2v layout formats`.
        suffixes: of its files, the first one by default; "" for a folder.
        write: writes a layout on a raster; returns remarks for the user, beyond what `holds` implies.
        read: reads a file into a layout and remarks; None where the way back is lost.
        recognizes: whether a file of one of the suffixes is of this format.
        holds: which parts of a layout survive, of "caption", "captions", "reasoning", "scenario", "attributes",
            "notes", "ids", "names", "boxes", "beyond", "duration", "times".
        defaults: of the raster, where the user asks for nothing else.
        to_last: see `Raster`.
    """

    summary: str
    suffixes: tuple[str, ...]
    write: Write
    read: Read | None = None
    recognizes: Callable[[Path], bool] = lambda path: True
    holds: frozenset[str] = frozenset({"names", "boxes"})
    defaults: Sampling = field(default_factory=Sampling)
    to_last: bool = False


def losses(layout: VideoSceneLayout, form: LayoutFormat, raster: Raster) -> list[str]:
    """What of this layout the format cannot hold, each as a phrase."""
    captions = sum(bool(frame.caption) for frame in layout.keyframes)
    reaching = any(any(item.beyond) for frame in layout.keyframes for item in frame.objects)
    parts = {
        "caption": "the caption" if layout.caption else "",
        "captions": f"{captions} captions of key frames" if captions else "",
        "reasoning": "the reasoning" if layout.reasoning else "",
        "scenario": "the scenario" if layout.scenario else "",
        "attributes": counted(len(layout.attributes), "attribute") if layout.attributes else "",
        "notes": counted(len(layout.notes), "note") if layout.notes else "",
        "names": "the names of the objects" if layout.names else "",
        "boxes": "the sizes of the boxes" if layout.names else "",
        "beyond": "how far objects reach beyond the frame" if reaching else "",
        "ids": "the ids of the objects (they are numbered)" if layout.names else "",
        "duration": f"the duration, {layout.duration_s:g} s",
        "times": _between(layout, raster),
    }
    return [text for key, text in parts.items() if text and key not in form.holds]


def _between(layout: VideoSceneLayout, raster: Raster) -> str:
    """A phrase about key frames that no frame of the raster shows."""
    times = np.array([frame.time_s for frame in layout.keyframes])
    off = int((np.abs(times[:, None] - raster.times_s[None]).min(axis=1) > 1e-6 * raster.duration_s).sum())
    if not off:
        return ""
    enough = _frames_for(times / layout.duration_s)
    return f"{off} of {counted(len(times), 'key frame')} between two frames" + (
        f" (--frames {enough} holds them)" if enough else ""
    )


def _frames_for(parts: np.ndarray[tuple[int], np.dtype[np.float64]]) -> int | None:
    """The least number of frames that show all key frames, at the given parts of the clip; None above 1000."""
    for count in range(1, min(MAX_FRAMES, 1000) + 1):
        if np.abs(parts * count - np.round(parts * count)).max() < 1e-6 * count and round(parts.max() * count) < count:
            return count
    return None
