"""All four steps, file by file, resumable; a manifest of what was kept and a list of what was not, with reasons."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from spa2v.core.errors import AudioError, MediaError
from spa2v.core.manifest import make_folder
from spa2v.core.media.audio import write_audio
from spa2v.core.media.files import write_text
from spa2v.core.media.video import write_video
from spa2v.core.protocols import Detector
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, GeneratedVideo, VideoSceneLayout
from spa2v.core.types.benchmark import MANIFEST, BenchmarkClip, manifest_text
from spa2v.evaluation.bench.build.annotating import Captioner, annotate, objects_of
from spa2v.evaluation.bench.build.filtering import Limits, reject_agreement, reject_picture, reject_sound
from spa2v.evaluation.bench.build.sourcing import Cut, cuts, find_media, take_frames, take_sound, video_length
from spa2v.evaluation.engine.journal import Journal, content_key, digest

REJECTED, JOURNAL = "rejected.jsonl", "build.jsonl"
Triple = tuple[AudioClip, GeneratedVideo | None, VideoSceneLayout]
Augment = Callable[[AudioClip, GeneratedVideo | None, VideoSceneLayout], Triple]


@dataclass(frozen=True)
class Recipe:
    """How a benchmark is built.

    Args:
        labels: what the detector looks for.
        clip_s, least_s: length of clips, and of the shortest rest that is kept.
        frames: of a clip.
        width: of the stored pictures; the height follows.
        test_share: part of the sources in the split "test".
        twins: add the mirrored (or reversed) twin of each clip.
        limits: of the filters.
    """

    labels: tuple[str, ...]
    clip_s: float = 5.0
    least_s: float = 2.0
    frames: int = 16
    width: int = 512
    test_share: float = 0.1
    twins: bool = True
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Tools:
    """What annotates and turns; `augment` holds "mirror" and "reverse"."""

    detector: Detector
    captioner: Captioner
    augment: Mapping[str, Augment]


@dataclass(frozen=True)
class Built:
    """What became of the media: clips in the manifest, and rejections by kind."""

    clips: int
    rejected: Mapping[str, int]


def build_bench(media: Path, out: Path, recipe: Recipe, tools: Tools, run: Run) -> Built:
    """Builds a benchmark from the videos of a folder; files that are done are not done again.

    Args:
        media: folder of stereo videos.
        out: the benchmark.
        recipe: how it is built.
        tools: detector, captioner, augmentations.
        run: gives progress, and the device of the detector.

    Raises:
        ConfigError: there are no videos.
    """
    files = find_media(media)
    make_folder(out / "clips")
    journal = Journal(out / JOURNAL)
    how = [asdict(recipe), tools.detector.name, tools.captioner.name]
    inner = copy(run)
    inner.quiet = True
    records: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    with run.progress("Building", total=len(files)) as step:
        for path in files:
            name = path.relative_to(media).as_posix()
            key = content_key("bench build", name, digest(path), how)
            done = journal.get(key)
            if done is None or not _there(out, done["clips"]):
                done = _file(path, name, out, recipe, tools, inner)
                journal.put({key: done})
            records += done["clips"]
            rejected += done["rejected"]
            step(1)
    write_text(out / MANIFEST, manifest_text(BenchmarkClip.from_json(record) for record in records))
    write_text(out / REJECTED, "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in rejected))
    kinds = [item["kind"] for item in rejected]
    return Built(len(records), {kind: kinds.count(kind) for kind in sorted(set(kinds))})


def _there(out: Path, records: Sequence[Mapping[str, Any]]) -> bool:
    return all((out / record[kind]).is_file() for record in records for kind in ("audio", "video", "layout"))


def _file(path: Path, name: str, out: Path, recipe: Recipe, tools: Tools, run: Run) -> dict[str, Any]:
    """The records and rejections of one file."""
    clips: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    try:
        length = video_length(path)
        pieces = cuts(length, recipe.clip_s, recipe.least_s)
        if not pieces:
            text = f"It lasts {length:.2f} s, less than {recipe.least_s:g}."
            rejected.append({"file": name, "kind": "short", "reason": text})
        for cut, video in zip(pieces, take_frames(path, pieces, recipe.frames, recipe.width), strict=True):
            found = _clip(path, cut, video, recipe, tools, run)
            if isinstance(found, tuple):
                clips += [record.to_json() for record in _stored(name, cut, found, out, recipe, tools)]
            else:
                rejected.append({"file": name, "start_s": cut.start_s, **found})
    except MediaError as error:
        rejected.append({"file": name, "kind": "unreadable", "reason": str(error)})
    return {"clips": clips, "rejected": rejected}


Found = tuple[AudioClip, GeneratedVideo, VideoSceneLayout]


def _clip(
    path: Path, cut: Cut, video: GeneratedVideo | None, recipe: Recipe, tools: Tools, run: Run
) -> Found | dict[str, str]:
    """Sound, pictures and annotation of a cut, or why it is rejected; cheap filters come first."""
    try:
        audio = take_sound(path, cut)
    except AudioError as error:
        return {"kind": "no_sound", "reason": str(error)}
    why = reject_sound(audio, recipe.limits) or reject_picture(video, recipe.limits)
    if why is None:
        assert video is not None  # reject_picture refuses None
        layout = annotate(audio, video, recipe.labels, tools.detector, tools.captioner, run)
        why = reject_agreement(audio, layout, recipe.frames, recipe.limits)
        if why is None:
            return audio, video, layout
    return {"kind": why[0], "reason": why[1]}


def _stored(name: str, cut: Cut, found: Found, out: Path, recipe: Recipe, tools: Tools) -> Iterator[BenchmarkClip]:
    source = hashlib.sha256(name.encode()).hexdigest()[:12]
    stem = f"{source}_{round(cut.start_s * 1000):09d}"
    yield _write(stem, source, found, (), out, recipe)
    if recipe.twins:
        words = set(found[2].attributes.values())
        turn = "reverse" if words & {"approaching", "receding"} else "mirror"
        audio, video, layout = tools.augment[turn](*found)
        assert video is not None
        yield _write(f"{stem}_{turn}", source, (audio, video, layout), (turn,), out, recipe)


def _write(stem: str, source: str, found: Found, turned: tuple[str, ...], out: Path, recipe: Recipe) -> BenchmarkClip:
    audio, video, layout = found
    folder = out / "clips" / stem
    make_folder(folder)
    write_audio(folder / "audio.flac", audio)
    write_video(folder / "video.mp4", video)
    write_text(folder / "layout.json", layout.dumps())
    objects = objects_of(layout)
    return BenchmarkClip(
        id=stem,
        source_id=source,
        split="test" if int(source[:8], 16) < recipe.test_share * 2**32 else "database",
        scenario=layout.scenario or "stationary",
        quantity="single" if len(objects) == 1 else "multiple",
        duration_s=audio.duration_s,
        objects=objects,
        audio=f"clips/{stem}/audio.flac",
        layout=f"clips/{stem}/layout.json",
        video=f"clips/{stem}/video.mp4",
        caption=layout.caption,
        augmentation=turned,
    )
