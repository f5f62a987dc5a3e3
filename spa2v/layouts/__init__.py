"""Layouts in the formats of other programs: `read_any`, `write_any`, and `compare`.

A format is a `LayoutFormat`, a pair of plain functions with a description.
"""

from spa2v.layouts.compare import LayoutDifference, ObjectDifference, compare
from spa2v.layouts.convert import format_names, format_targets, get_format, read_any, write_any
from spa2v.layouts.formats import LayoutFormat, losses
from spa2v.layouts.raster import PixelTrack, Raster, Sampling, layout_of, tracks_of

__all__ = [
    "LayoutDifference",
    "LayoutFormat",
    "ObjectDifference",
    "PixelTrack",
    "Raster",
    "Sampling",
    "compare",
    "format_names",
    "format_targets",
    "get_format",
    "layout_of",
    "losses",
    "read_any",
    "tracks_of",
    "write_any",
]
