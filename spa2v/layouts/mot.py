"""MOTChallenge: a text line a box (https://motchallenge.net/instructions; Dendorfer et al. 2020, arXiv:2003.09003).

`frame, id, left, top, width, height, conf, class, visibility`, everything counted from 1. A sequence is a folder with
`gt/gt.txt` and `seqinfo.ini`, which holds the rate and the size; names of classes lie in `gt/labels.txt`, one a line,
where CVAT and Datumaro write them.
"""

from __future__ import annotations

import configparser
import csv
from collections.abc import Sequence
from pathlib import Path

from spa2v.core.errors import LayoutError, MediaError, counted
from spa2v.core.media.files import write_text
from spa2v.core.types import VideoSceneLayout
from spa2v.layouts.formats import LayoutFormat
from spa2v.layouts.parsing import name_of, number, read_text, whole
from spa2v.layouts.raster import MAX_FRAMES, Pixels, PixelTrack, Raster, Sampling, layout_of, raster_read, tracks_of

MAX_IDS = 10_000
CLASSES = (
    "pedestrian",
    "person on vehicle",
    "car",
    "bicycle",
    "motorbike",
    "non motorized vehicle",
    "static person",
    "distractor",
    "occluder",
    "occluder on the ground",
    "occluder full",
    "reflection",
)
"""Classes 1 to 12 of MOT16 and later, where a sequence brings no labels."""


def write_mot(layout: VideoSceneLayout, path: Path, raster: Raster) -> Sequence[str]:
    """A sequence folder; for a path that ends in .txt, the file of boxes and labels.txt beside it."""
    alone = path.suffix.lower() == ".txt"
    truth = path if alone else path / "gt" / "gt.txt"
    if not alone:
        try:
            truth.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MediaError(f"cannot write {str(path)!r}: {error.strerror}") from error
    tracks = tracks_of(layout, raster)
    names = list(dict.fromkeys(track.name for track in tracks))
    rows = [
        (frame + 1, track.number, names.index(track.name) + 1, box)
        for track in tracks
        for frame, box in track.boxes.items()
    ]
    lines = (f"{frame},{track},{_sides(box)},1,{kind},1" for frame, track, kind, box in sorted(rows))
    write_text(truth, "".join(line + "\n" for line in lines))
    write_text(truth.with_name("labels.txt"), "".join(f"{name}\n" for name in names))
    if alone:
        return ("the rate and the size of the frames are lost in a file alone; write a folder to keep them",)
    write_text(path / "seqinfo.ini", _seqinfo(path.name, raster))
    return ()


def _sides(box: Pixels) -> str:
    """left, top, width, height; the corner of the picture is at (1, 1)."""
    x1, y1, x2, y2 = box
    return ",".join(f"{value:.2f}" for value in (x1 + 1, y1 + 1, x2 - x1, y2 - y1))


def _seqinfo(name: str, raster: Raster) -> str:
    values = {
        "name": name,
        "imDir": "img1",
        "frameRate": f"{raster.fps:.9g}",
        "seqLength": raster.frames,
        "imWidth": raster.width,
        "imHeight": raster.height,
        "imExt": ".jpg",
    }
    return "[Sequence]\n" + "".join(f"{key}={value}\n" for key, value in values.items())


def read_mot(path: Path, wanted: Sampling) -> tuple[VideoSceneLayout, Sequence[str]]:
    """A sequence folder or a file of boxes; boxes with conf 0 are not meant to be considered and are left out."""
    truth = next((p for p in (path / "gt" / "gt.txt", path / "gt.txt") if p.is_file()), None) if path.is_dir() else path
    if truth is None:
        raise LayoutError(f"{str(path)!r} holds no MOTChallenge sequence", "expected gt/gt.txt in it")
    info = _info(truth)
    names = _labels(truth.with_name("labels.txt"))
    boxes: dict[int, dict[int, Pixels]] = {}
    kinds: dict[int, int] = {}
    ignored = 0
    for line, row in enumerate(csv.reader(read_text(truth).splitlines()), start=1):
        if not row:
            continue
        where = f"{str(truth)!r}, line {line}"
        if len(row) < 7:
            raise LayoutError(f"{where}: {len(row)} values", "expected frame, id, left, top, width, height, conf, ...")
        if number(row[6], where) == 0:
            ignored += 1
            continue
        frame, track = whole(row[0], where), whole(row[1], where)
        if not 1 <= frame <= MAX_FRAMES:
            raise LayoutError(f"{where}: frame {frame}", f"expected 1 to {MAX_FRAMES}")
        x, y, width, height = (number(value, where) for value in row[2:6])
        boxes.setdefault(track, {})[frame - 1] = (x - 1, y - 1, x - 1 + width, y - 1 + height)
        kinds.setdefault(track, whole(row[7], where) if len(row) > 7 else -1)
        if len(boxes) > MAX_IDS:
            raise LayoutError(f"{str(truth)!r} has more than {MAX_IDS} ids")
    remarks = [f"{counted(ignored, 'box', 'boxes')} with conf 0, left out"] if ignored else []
    frames = max([info.frames or 1, *(frame + 1 for found in boxes.values() for frame in found)])
    said = Sampling(info.width, info.height, fps=info.fps)
    raster = raster_read(wanted.over(said), frames, repr(str(path)))
    tracks = [
        PixelTrack(place, names.get(kinds[track], "object"), boxes[track])
        for place, track in enumerate(sorted(boxes), start=1)
    ]
    return layout_of(tracks, raster, remarks), remarks


def _info(truth: Path) -> Sampling:
    """What seqinfo.ini says, beside the file of boxes or one folder up."""
    for path in (truth.with_name("seqinfo.ini"), truth.parent.parent / "seqinfo.ini"):
        if not path.is_file():
            continue
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(read_text(path))
            section = parser["Sequence"]
        except (configparser.Error, KeyError) as error:
            raise LayoutError(f"{str(path)!r} is no seqinfo.ini: {str(error)[:120]}") from error
        size = [whole(section[key], key) if key in section else None for key in ("imWidth", "imHeight", "seqLength")]
        rate = number(section["frameRate"], "frameRate") if "frameRate" in section else None
        return Sampling(size[0], size[1], frames=size[2], fps=rate)
    return Sampling()


def _labels(path: Path) -> dict[int, str]:
    lines = read_text(path).splitlines() if path.is_file() else list(CLASSES)
    found = (line.strip() for line in lines)
    return {place: name_of(name, str(path)) for place, name in enumerate(found, start=1) if name}


def _is_mot(path: Path) -> bool:
    return path.is_file() or (path / "gt" / "gt.txt").is_file() or (path / "gt.txt").is_file()


MOT = LayoutFormat(
    "MOTChallenge, a sequence folder or a gt.txt alone.",
    ("", ".txt"),
    write_mot,
    read_mot,
    _is_mot,
    frozenset({"names", "boxes", "duration"}),
)
