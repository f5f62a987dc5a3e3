"""CVAT for video 1.1: XML with one `track` an object and one `box` a frame.

The specification is "XML annotation format" at https://docs.cvat.ai.

Coordinates are pixels; `outside="1"` ends a track, and frames without a box lie on a straight line between their
neighbors. The file names no frame rate, so reading needs a rate or a duration.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from spa2v.core.errors import LayoutError, counted
from spa2v.core.media.files import atomic_path
from spa2v.core.types import VideoSceneLayout
from spa2v.layouts.formats import LayoutFormat
from spa2v.layouts.parsing import name_of, number, read_file, whole
from spa2v.layouts.raster import (
    MAX_FRAMES,
    Pixels,
    PixelTrack,
    Raster,
    Sampling,
    layout_of,
    raster_read,
    tracks_of,
)

MAX_TRACKS = 1_024
_SIDES = ("xtl", "ytl", "xbr", "ybr")


def write_cvat(layout: VideoSceneLayout, path: Path, raster: Raster) -> Sequence[str]:
    """Every frame of every track, and the frame after its last as `outside`."""
    root = ElementTree.Element("annotations")
    _leaf(root, "version", "1.1")
    _meta(ElementTree.SubElement(root, "meta"), layout, raster)
    for track in tracks_of(layout, raster):
        element = ElementTree.SubElement(
            root, "track", {"id": str(track.number - 1), "label": track.name, "source": "manual"}
        )
        for frame in sorted(track.boxes):
            _box(element, frame, track.boxes[frame], outside=False)
            if frame + 1 < raster.frames and frame + 1 not in track.boxes:
                _box(element, frame + 1, track.boxes[frame], outside=True)
    ElementTree.indent(root)
    with atomic_path(path) as temporary:
        ElementTree.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)
    return ()


def _meta(meta: ElementTree.Element, layout: VideoSceneLayout, raster: Raster) -> None:
    task = ElementTree.SubElement(meta, "task")
    for name, text in (("size", str(raster.frames)), ("mode", "interpolation"), ("overlap", "0")):
        _leaf(task, name, text)
    labels = ElementTree.SubElement(task, "labels")
    for name in dict.fromkeys(layout.names.values()):
        label = ElementTree.SubElement(labels, "label")
        _leaf(label, "name", name)
        ElementTree.SubElement(label, "attributes")
    size = ElementTree.SubElement(task, "original_size")
    _leaf(size, "width", str(raster.width))
    _leaf(size, "height", str(raster.height))


def _leaf(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text


def _box(track: ElementTree.Element, frame: int, box: Pixels, outside: bool) -> None:
    sides = {name: f"{value:.2f}" for name, value in zip(_SIDES, box, strict=True)}
    flags = {"frame": str(frame), "keyframe": "1", "outside": str(int(outside)), "occluded": "0"}
    ElementTree.SubElement(track, "box", flags | sides | {"z_order": "0"})


def read_cvat(path: Path, wanted: Sampling) -> tuple[VideoSceneLayout, Sequence[str]]:
    """Box tracks of a file; other shapes are left out and counted in the remarks."""
    root = parse_xml(read_file(path), str(path))
    if root.tag != "annotations":
        raise LayoutError(f"{str(path)!r} is a {root.tag[:40]!r} file", "expected CVAT's <annotations>")
    remarks: list[str] = []
    tracks = root.findall("track")
    if not tracks and root.find("image") is not None:
        raise LayoutError(
            f"{str(path)!r} is of CVAT for images, whose boxes do not say which object they are",
            'export the task as "CVAT for video 1.1"',
        )
    if len(tracks) > MAX_TRACKS:
        raise LayoutError(f"{str(path)!r} has {len(tracks)} tracks", f"the limit is {MAX_TRACKS}")
    first, last, said = _declared(root)
    shapes = [(track, _shapes(track, f"{str(path)!r}: track {place}")) for place, track in enumerate(tracks)]
    other = sum(len(track) - len(track.findall("box")) for track in tracks)
    if other:
        remarks.append(f"{counted(other, 'shape')} other than a box, left out")
    last = max([last, *(frame for _, found in shapes for frame, _, _ in found)])
    first = min([first, *(frame for _, found in shapes for frame, _, _ in found)])
    raster = raster_read(wanted.over(said), last - first + 1, repr(str(path)))
    made = [
        PixelTrack(
            place, name_of(track.get("label"), f"{str(path)!r}: track {place - 1}.label"), _filled(found, first, last)
        )
        for place, (track, found) in enumerate(shapes, start=1)
        if found
    ]
    return layout_of(made, raster, remarks), remarks


def _declared(root: ElementTree.Element) -> tuple[int, int, Sampling]:
    """First and last frame and the size of a frame, as `meta` says."""
    meta = root.find("meta")
    task = next((node for node in (meta if meta is not None else ()) if node.tag in ("task", "job")), None)
    if task is None:
        return 0, 0, Sampling()
    count = _int(task, "size") or 1
    if count > MAX_FRAMES:
        raise LayoutError(f"the file declares {count} frames", f"the limit is {MAX_FRAMES}")
    start = _int(task, "start_frame") or 0
    return start, start + count - 1, Sampling(_int(task, "original_size/width"), _int(task, "original_size/height"))


def _int(node: ElementTree.Element, path: str) -> int | None:
    text = node.findtext(path)
    return whole(text.strip(), path) if text and text.strip() else None


Shape = tuple[int, bool, Pixels]


def _shapes(track: ElementTree.Element, where: str) -> list[Shape]:
    """(frame, outside, box) of each box, by frame."""
    found: dict[int, Shape] = {}
    for place, node in enumerate(track.findall("box")):
        here = f"{where}.box[{place}]"
        frame = whole(node.get("frame"), f"{here}.frame")
        if not 0 <= frame <= 10 * MAX_FRAMES:
            raise LayoutError(f"{here}.frame: {frame}", "expected a number of a frame")
        x1, y1, x2, y2 = (number(node.get(name), f"{here}.{name}") for name in _SIDES)
        found[frame] = (frame, node.get("outside") == "1", (x1, y1, x2, y2))
    return [found[frame] for frame in sorted(found)]


def _filled(shapes: list[Shape], first: int, last: int) -> dict[int, Pixels]:
    """A box for every frame in which the track is seen, counted from `first`."""
    boxes: dict[int, Pixels] = {}
    for place, (frame, outside, box) in enumerate(shapes):
        if outside:
            continue
        end, following = (shapes[place + 1][0], shapes[place + 1]) if place + 1 < len(shapes) else (last + 1, None)
        target = box if following is None or following[1] else following[2]
        for number_ in range(frame, end):
            part = (number_ - frame) / (end - frame)
            x1, y1, x2, y2 = (a + (b - a) * part for a, b in zip(box, target, strict=True))
            boxes[number_ - first] = (x1, y1, x2, y2)
    return boxes


def parse_xml(data: bytes, name: str) -> ElementTree.Element:
    """The root of an XML document without a document type: no entities are declared, so none can grow.

    Raises:
        LayoutError: not XML, or with a document type.
    """

    def refuse(*_: Any) -> None:
        raise LayoutError(f"{name!r} declares a document type", "annotation files have none; remove the <!DOCTYPE ...>")

    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, ValueError, LookupError, AssertionError) as error:
        raise LayoutError(f"{name!r} is not XML: {error}") from error


def _is_cvat(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"<annotations" in file.read(65_536)
    except OSError:
        return True  # the reader says what is wrong


CVAT = LayoutFormat(
    "CVAT for video 1.1, XML with a track for each object.",
    (".xml",),
    write_cvat,
    read_cvat,
    _is_cvat,
)
