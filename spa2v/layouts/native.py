"""The layout file itself, so that `convert` reads and writes it like any other format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spa2v.core.errors import LayoutError
from spa2v.core.media.files import read_layout, write_text
from spa2v.core.types import VideoSceneLayout
from spa2v.layouts.formats import LayoutFormat
from spa2v.layouts.parsing import read_object
from spa2v.layouts.raster import Raster, Sampling


def _write(layout: VideoSceneLayout, path: Path, raster: Raster) -> Sequence[str]:
    write_text(path, layout.dumps())
    return ()


def _read(path: Path, wanted: Sampling) -> tuple[VideoSceneLayout, Sequence[str]]:
    return read_layout(path), ()


def _is_layout(path: Path) -> bool:
    try:
        return "keyframes" in read_object(path)
    except LayoutError:
        return False


LAYOUT = LayoutFormat(
    "The layout file of spa2v, which holds everything.",
    (".json",),
    _write,
    _read,
    _is_layout,
    frozenset(
        {
            *("caption", "captions", "reasoning", "scenario", "attributes", "notes"),
            *("ids", "names", "boxes", "beyond", "duration", "times"),
        }
    ),
)
