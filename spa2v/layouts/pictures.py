"""Layouts as pictures: masks of the boxes (PNG or mp4), and the video of boxes that steers VACE."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import MediaError, counted
from spa2v.core.types import GeneratedVideo, VideoSceneLayout
from spa2v.layouts.formats import LayoutFormat
from spa2v.layouts.raster import Pixels, PixelTrack, Raster, Sampling, tracks_of

MAX_LABEL = 255
LINE_PX = 2
MAX_VIDEO_BYTES = 2 * 1024**3


def write_mask_pngs(layout: VideoSceneLayout, path: Path, raster: Raster) -> Sequence[str]:
    """A folder with `00000.png`, ...: palette pictures as in DAVIS (Pont-Tuset et al. 2017), 0 is the background and n
    the n-th object; where boxes overlap, the smaller one is in front."""
    from PIL import Image

    tracks = tracks_of(layout, raster)
    if len(tracks) > MAX_LABEL:
        raise MediaError(f"{len(tracks)} objects are too many for masks", f"a PNG holds {MAX_LABEL} labels")
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise MediaError(f"cannot write {str(path)!r}", "it is there already; give an empty folder or a new name")
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        temporary.mkdir(parents=True)
        for number, labels in enumerate(_label_maps(tracks, raster)):
            picture = Image.fromarray(labels, mode=None).convert("P")
            picture.putpalette(_davis_palette())
            picture.save(temporary / f"{number:05d}.png", optimize=True)
        if path.is_dir():
            path.rmdir()
        temporary.rename(path)
    except OSError as error:
        raise MediaError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return _overlaps(tracks, raster)


def write_mask_video(layout: VideoSceneLayout, path: Path, raster: Raster) -> Sequence[str]:
    """White where an object is, black elsewhere."""
    tracks = tracks_of(layout, raster)
    frames = (np.where(labels > 0, 255, 0).astype(np.uint8) for labels in _label_maps(tracks, raster))
    _write(path, ((np.repeat(frame[..., None], 3, axis=2)) for frame in frames), raster)
    return ("which object is where; all are white",) if len(tracks) > 1 else ()


def write_vace(layout: VideoSceneLayout, path: Path, raster: Raster) -> Sequence[str]:
    """Black outlines, two pixels wide, on white: what VACE's annotator `layout_bbox` draws (Jiang et al. 2025,
    arXiv:2503.07598), for any path and any number of objects."""
    tracks = tracks_of(layout, raster)

    def frames() -> Iterator[NDArray[np.uint8]]:
        for number in range(raster.frames):
            frame = np.full((raster.height, raster.width, 3), 255, dtype=np.uint8)
            for track in tracks:
                if number in track.boxes:
                    _outline(frame, track.boxes[number])
            yield frame

    _write(path, frames(), raster)
    return ()


def _write(path: Path, frames: Iterator[NDArray[np.uint8]], raster: Raster) -> None:
    from spa2v.core.media.video import write_video

    if 3 * raster.frames * raster.width * raster.height > MAX_VIDEO_BYTES:
        raise MediaError(
            f"{raster.frames} frames of {raster.width}x{raster.height} are too many", "give fewer --frames or a --size"
        )
    write_video(path, GeneratedVideo(np.stack(list(frames)), raster.fps))


def _area(box: Pixels) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _window(box: Pixels, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the pixels whose middle lies in the box; at least one."""
    x1, y1, x2, y2 = (round(value) for value in box)
    x1, y1 = min(x1, shape[1] - 1), min(y1, shape[0] - 1)
    return slice(y1, max(y2, y1 + 1)), slice(x1, max(x2, x1 + 1))


def _label_maps(tracks: Sequence[PixelTrack], raster: Raster) -> Iterator[NDArray[np.uint8]]:
    for number in range(raster.frames):
        labels = np.zeros((raster.height, raster.width), dtype=np.uint8)
        there = [(track.boxes[number], track.number) for track in tracks if number in track.boxes]
        for box, label in sorted(there, key=lambda item: -_area(item[0])):
            labels[_window(box, labels.shape)] = label
        yield labels


def _overlaps(tracks: Sequence[PixelTrack], raster: Raster) -> tuple[str, ...]:
    count = sum(_crossing([t.boxes[number] for t in tracks if number in t.boxes]) for number in range(raster.frames))
    return (f"which pixels two boxes share ({counted(count, 'frame')}; the smaller box has them)",) if count else ()


def _crossing(boxes: Sequence[Pixels]) -> bool:
    return any(
        min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])
        for place, a in enumerate(boxes)
        for b in boxes[:place]
    )


def _outline(frame: NDArray[np.uint8], box: Pixels) -> None:
    rows, columns = _window(box, frame.shape)
    for inner in (slice(rows.start, rows.start + LINE_PX), slice(max(0, rows.stop - LINE_PX), rows.stop)):
        frame[inner, columns] = 0
    for inner in (slice(columns.start, columns.start + LINE_PX), slice(max(0, columns.stop - LINE_PX), columns.stop)):
        frame[rows, inner] = 0


def _davis_palette() -> list[int]:
    """The color map of PASCAL VOC, which DAVIS uses: bit k of a label goes to bit 7 - k // 3 of channel k % 3."""
    colors = []
    for label in range(256):
        channels = [0, 0, 0]
        for bit in range(8):
            channels[bit % 3] |= (label >> bit & 1) << (7 - bit // 3)
        colors += channels
    return colors


MASKS_PNG = LayoutFormat(
    "Masks of the boxes, a folder of palette PNGs as in DAVIS.",
    ("",),
    write_mask_pngs,
    holds=frozenset({"boxes"}),
)
MASKS_VIDEO = LayoutFormat(
    "Masks of the boxes, an mp4 in white on black.",
    (".mp4",),
    write_mask_video,
    holds=frozenset({"boxes", "duration"}),
)
VACE = LayoutFormat(
    "A video of black boxes on white, to control VACE (81 frames by default).",
    (".mp4",),
    write_vace,
    holds=frozenset({"boxes", "duration"}),
    defaults=Sampling(1280, 720, frames=81),  # of VACE's annotator
)
