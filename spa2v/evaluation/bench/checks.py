"""Checks a benchmark and reports everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spa2v.core.errors import AudioError, LayoutError, MediaError, counted
from spa2v.core.media.audio import read_audio
from spa2v.core.media.files import read_layout
from spa2v.core.media.video import read_video
from spa2v.core.parallel import spread
from spa2v.core.runtime import Run
from spa2v.core.types import VideoSceneLayout
from spa2v.evaluation.bench.reading import Fault, read_bench
from spa2v.evaluation.engine.inputs import ClipFiles

TOLERANCE_S, TOLERANCE = 0.05, 0.02
"""Durations may differ by the larger of this many seconds and this part."""


def check_bench(folder: str | Path, run: Run, workers: int | None = 1) -> tuple[int, tuple[Fault, ...]]:
    """How many clips can be read, and every fault: of lines, of splits, of files and of what they say.

    Raises:
        ConfigError: the manifest itself cannot be read.
    """
    bench = read_bench(folder)
    faults = [*bench.faults, *_split_faults(folder)]
    files = [ClipFiles(clip, bench.folder) for clip in bench.clips]
    found: dict[str, tuple[Fault, ...]] = {}
    with run.progress("Checking clips", total=len(files)) as step:
        for clip, own in spread(check_clip, files, workers):
            found[clip] = own
            step(1)
    return len(files), (*faults, *(fault for clip in bench.clips for fault in found[clip.id]))


def _split_faults(folder: str | Path) -> Iterator[Fault]:
    splits: dict[str, set[str]] = {}
    for clip in read_bench(folder).clips:
        splits.setdefault(clip.source_id, set()).add(clip.split)
    for source, found in splits.items():
        if len(found) > 1:
            yield Fault("split_leak", source, f"clips of one source lie in the splits {' and '.join(sorted(found))}")


def check_clip(files: ClipFiles) -> tuple[str, tuple[Fault, ...]]:
    """The id of a clip and its faults."""
    name = files.clip.id
    found = [*_paths(files), *_sound(files), *_picture(files), *_plan(files)]
    return name, tuple(Fault(kind, name, text) for kind, text in found)


Faults = Iterator[tuple[str, str]]


def _paths(files: ClipFiles) -> Faults:
    root = files.root.resolve()
    for path in (files.audio, files.truth, files.real_video):
        if path is not None and not path.resolve().is_relative_to(root):
            yield "path", f"{str(path.relative_to(files.root))!r} leads out of the folder through a link"


def _differs(seconds: float, declared: float) -> bool:
    return abs(seconds - declared) > max(TOLERANCE_S, TOLERANCE * declared)


def _sound(files: ClipFiles) -> Faults:
    try:
        audio = read_audio(files.audio)
    except AudioError as error:
        yield "audio", str(error)
        return
    if _differs(audio.duration_s, files.clip.duration_s):
        yield "duration", f"the sound lasts {audio.duration_s:.3f} s, the manifest says {files.clip.duration_s:.3f} s"
    if audio.channels == 1:
        yield "mono", "the sound has one channel"


def _picture(files: ClipFiles) -> Faults:
    if files.real_video is None:
        return
    try:
        video = read_video(files.real_video)
    except MediaError as error:
        yield "video", str(error)
        return
    if _differs(video.duration_s, files.clip.duration_s):
        yield "duration", f"the video lasts {video.duration_s:.3f} s, the manifest says {files.clip.duration_s:.3f} s"


def _plan(files: ClipFiles) -> Faults:
    clip = files.clip
    try:
        layout = read_layout(files.truth)
    except LayoutError as error:
        yield "layout", str(error)
        return
    if _differs(layout.duration_s, clip.duration_s):
        yield "duration", f"the layout lasts {layout.duration_s:.3f} s, the manifest says {clip.duration_s:.3f} s"
    if layout.scenario not in (None, clip.scenario):
        yield "scenario", f"the layout is {layout.scenario}, the manifest says {clip.scenario}"
    expected = "single" if len(clip.objects) == 1 else "multiple"
    if clip.objects and clip.quantity != expected:
        yield "quantity", f"{clip.quantity!r} with {counted(len(clip.objects), 'object')}"
    if not clip.objects:
        yield "objects", "no sounding object is listed"
    yield from _objects(files, layout)


def _objects(files: ClipFiles, layout: VideoSceneLayout) -> Faults:
    for item in files.clip.objects:
        name = layout.names.get(item.id)
        if name is None:
            yield "objects", f"the object {item.id!r} is not in the layout"
        elif name != item.name:
            yield "objects", f"the object {item.id!r} is a {item.name!r} in the manifest and a {name!r} in the layout"
        declared = layout.attributes.get(item.id)
        if declared is not None and item.attribute is not None and declared != item.attribute:
            yield "attribute", f"the object {item.id!r} is {item.attribute} in the manifest, {declared} in the layout"
