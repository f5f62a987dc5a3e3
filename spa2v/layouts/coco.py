"""COCO boxes of a video in one JSON file, with the fields of TAO (Dave et al. 2020, arXiv:2005.10356) for tracks.

`images` carry `video_id` and `frame_index`, `annotations` carry `track_id` and `bbox` [x, y, width, height] in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spa2v.core.errors import LayoutError, counted
from spa2v.core.media.files import write_json
from spa2v.core.types import VideoSceneLayout
from spa2v.core.types.layout import MAX_CAPTION
from spa2v.layouts.formats import LayoutFormat
from spa2v.layouts.parsing import entries_of, items_of, name_of, number, read_object, whole
from spa2v.layouts.raster import MAX_FRAMES, Pixels, PixelTrack, Raster, Sampling, layout_of, raster_read, tracks_of


def write_coco(layout: VideoSceneLayout, path: Path, raster: Raster) -> Sequence[str]:
    """One video, one image a frame, one annotation a box."""
    tracks = tracks_of(layout, raster)
    names = list(dict.fromkeys(track.name for track in tracks))
    size = {"width": raster.width, "height": raster.height}
    categories = {name: place for place, name in enumerate(names, start=1)}
    boxes = sorted((frame, track.number, track) for track in tracks for frame in track.boxes)
    data = {
        "info": {"description": layout.caption, "version": "1.0"},
        "licenses": [],
        "videos": [
            {"id": 1, "name": path.stem, **size, "metadata": {"fps": raster.fps, "duration_s": raster.duration_s}}
        ],
        "images": [
            {"id": n + 1, "video_id": 1, "frame_index": n, "file_name": f"{path.stem}/{n:06d}.jpg", **size}
            for n in range(raster.frames)
        ],
        "categories": [{"id": place, "name": name} for name, place in categories.items()],
        "tracks": [{"id": t.number, "category_id": categories[t.name], "video_id": 1} for t in tracks],
        "annotations": [
            {"id": place, "image_id": frame + 1, "video_id": 1, "track_id": number_, "iscrowd": 0}
            | {"category_id": categories[track.name]}
            | _bbox(track.boxes[frame])
            for place, (frame, number_, track) in enumerate(boxes, start=1)
        ],
    }
    write_json(path, data)
    return ()


def _bbox(box: Pixels) -> dict[str, Any]:
    x1, y1, x2, y2 = box
    wide, tall = x2 - x1, y2 - y1
    return {"bbox": [round(x1, 3), round(y1, 3), round(wide, 3), round(tall, 3)], "area": round(wide * tall, 3)}


def read_coco(path: Path, wanted: Sampling) -> tuple[VideoSceneLayout, Sequence[str]]:
    """The first video of a file; its other videos are named in the remarks."""
    data = read_object(path)
    remarks: list[str] = []
    videos = entries_of(data.get("videos", []), "videos")
    video = videos[0] if videos else {}
    if len(videos) > 1:
        remarks.append(f"{counted(len(videos) - 1, 'further video')}, left out")
    images = [
        image
        for image in entries_of(data.get("images"), "images")
        if not videos or image.get("video_id") == video.get("id")
    ]
    if not images:
        raise LayoutError(f"{str(path)!r} holds no images of a video")
    frames = _frame_numbers(images)
    names = {
        whole(item.get("id"), f"categories[{n}].id"): name_of(item.get("name"), f"categories[{n}].name")
        for n, item in enumerate(entries_of(data.get("categories"), "categories"))
    }
    tracks = _tracks(entries_of(data.get("annotations"), "annotations"), frames, names, remarks)
    last = max(frames.values()) + 1
    raster = raster_read(wanted.over(_said(video, images[0])), last, repr(str(path)))
    info = data.get("info")
    caption = info.get("description") if isinstance(info, dict) else ""
    caption = caption[:MAX_CAPTION] if isinstance(caption, str) else ""
    return layout_of(tracks, raster, remarks, caption), remarks


def _frame_numbers(images: list[dict[str, Any]]) -> dict[int, int]:
    """Image id to number of the frame, from 0; by `frame_index` or `frame_id`, else in the order of the file."""
    key = next((key for key in ("frame_index", "frame_id") if all(key in image for image in images)), None)
    found: dict[int, int] = {}
    for place, image in enumerate(images):
        frame = whole(image[key], f"images[{place}].{key}") if key else place
        found[whole(image.get("id"), f"images[{place}].id")] = frame
    first = min(found.values())
    if max(found.values()) - first >= MAX_FRAMES:
        raise LayoutError(f"frames {first} to {max(found.values())}", f"the limit is {MAX_FRAMES} frames")
    return {image: frame - first for image, frame in found.items()}


def _tracks(
    items: list[dict[str, Any]], frames: dict[int, int], names: dict[int, str], remarks: list[str]
) -> list[PixelTrack]:
    key = next((k for k in ("track_id", "instance_id") if any(k in item for item in items)), "track_id")
    boxes: dict[int, dict[int, Pixels]] = {}
    kinds: dict[int, str] = {}
    skipped = 0
    for place, item in enumerate(items):
        where = f"annotations[{place}]"
        frame = frames.get(whole(item.get("image_id"), f"{where}.image_id"))
        if frame is None:
            skipped += 1
            continue
        if key not in item:
            raise LayoutError(f"{where}.{key}: missing", "boxes of a video must say which object they are")
        track = whole(item[key], f"{where}.{key}")
        sides = items_of(item.get("bbox"), f"{where}.bbox")
        if len(sides) != 4:
            raise LayoutError(f"{where}.bbox: {len(sides)} numbers", "expected [x, y, width, height]")
        x, y, width, height = (number(value, f"{where}.bbox") for value in sides)
        boxes.setdefault(track, {})[frame] = (x, y, x + width, y + height)
        kinds.setdefault(track, names.get(whole(item.get("category_id"), f"{where}.category_id"), "object"))
    if skipped:
        remarks.append(f"{counted(skipped, 'box', 'boxes')} of other videos, left out")
    return [PixelTrack(n, kinds[track], boxes[track]) for n, track in enumerate(sorted(boxes), start=1)]


def _said(video: dict[str, Any], image: dict[str, Any]) -> Sampling:
    """Size and rate, as far as the file has them."""
    found = video if "width" in video else image
    width, height = (whole(found[key], key) if key in found else None for key in ("width", "height"))
    metadata = video.get("metadata")
    rates = [source.get("fps") for source in (metadata, video) if isinstance(source, dict) and source.get("fps")]
    return Sampling(width, height, fps=number(rates[0], "fps") if rates else None)


def _is_coco(path: Path) -> bool:
    try:
        return {"images", "annotations"} <= read_object(path).keys()
    except LayoutError:
        return False


COCO = LayoutFormat(
    "COCO boxes of a video, JSON with the tracks of TAO.",
    (".json",),
    write_coco,
    read_coco,
    _is_coco,
    frozenset({"names", "boxes", "duration", "caption"}),
)
