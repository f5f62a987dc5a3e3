"""What `spa2v edit` was given, a recording, a layout or a run folder, as one thing to edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spa2v.core.errors import ConfigError, Spa2vError
from spa2v.core.manifest import MAX_MANIFEST_BYTES, NAME
from spa2v.core.pipeline import Pipeline
from spa2v.core.types import AudioClip, SpatialCues
from spa2v.core.untrusted import read_json
from spa2v.edit.document import Document

LAYOUT_SUFFIX = ".json"


@dataclass(frozen=True)
class Heard:
    """A recording: its file, its samples, and what was measured in it."""

    path: Path
    audio: AudioClip
    cues: SpatialCues


@dataclass(frozen=True)
class Opened:
    """What is edited.

    Args:
        document: the layout.
        heard: the recording, or None.
        cue_data: what was measured, as JSON; also where only a run's cues.json is there.
        tries: folder in which what is drawn is kept.
        videos: of the run that was opened, where it drew one.
        remarks: what the user should know, one sentence each.
    """

    document: Document
    heard: Heard | None
    cue_data: Mapping[str, Any] | None
    tries: Path
    videos: tuple[Path, ...]
    remarks: list[str]


def open_source(source: Path, audio: Path | None, out: Path | None, pipeline: Pipeline) -> Opened:
    """Opens a recording (and plans it), a layout, or a run folder.

    Args:
        source: what the user named.
        audio: the recording of a layout, or of a run whose own is gone.
        out: where the layout is saved, if not where it came from.
        pipeline: measures and plans.

    Raises:
        ConfigError: the source is none of the three.
        AudioError, LayoutError: it cannot be read.
    """
    if source.is_dir():
        return _open_run(source, audio, out, pipeline)
    if source.suffix.lower() == LAYOUT_SUFFIX:
        return _open_layout(source, audio, out, pipeline)
    if audio is not None:
        raise ConfigError(f"{str(source)!r} is a recording already", "--audio goes with a layout or a run folder")
    return _open_recording(source, out, pipeline)


def _open_recording(source: Path, out: Path | None, pipeline: Pipeline) -> Opened:
    target = out or Path(f"{source.stem}.layout.json")
    run, clip = pipeline.new_run(), pipeline.read(source)
    remarks: list[str] = []
    if target.exists():
        remarks.append(f"{target.name} was there and is opened; give --out for a new plan.")
        document = Document(target)
        document.read()
        cues = pipeline.measure(clip, run)
    else:
        document = Document(target, pipeline.plan(clip, run))
        assert run.cues is not None  # set by plan
        cues = run.cues
    return Opened(document, Heard(source, clip, cues), cues.to_json(), _tries_of(target), (), remarks)


def _open_layout(source: Path, audio: Path | None, out: Path | None, pipeline: Pipeline) -> Opened:
    document = _document(source, out)
    layout, _ = document.read()
    heard = _heard(audio, pipeline)
    data = heard.cues.to_json() if heard else None
    remarks = _about_length(heard, layout.duration_s)
    return Opened(document, heard, data, _tries_of(document.path), (), remarks)


def _document(source: Path, out: Path | None) -> Document:
    if out is None or out.resolve() == source.resolve():
        return Document(source)
    return Document(out, Document(source).read()[0])


def _open_run(folder: Path, audio: Path | None, out: Path | None, pipeline: Pipeline) -> Opened:
    manifest = _json(folder / NAME)
    path = folder / "layout.json"
    if not path.is_file():
        raise ConfigError(f"{str(folder)!r} holds no layout.json", "give the folder of a run, or a layout file")
    document = _document(path, out)
    layout, _ = document.read()
    remarks: list[str] = []
    recording = audio or _recording_of(manifest, folder)
    try:
        heard = _heard(recording, _piece_of(manifest, pipeline))
    except Spa2vError as error:
        if audio is not None:
            raise
        remarks.append(f"The run's recording cannot be read ({error.fact}); name it with --audio to hear it.")
        heard = None
    if recording is None:
        remarks.append("The run does not say where its recording is; name it with --audio to hear it.")
    data = heard.cues.to_json() if heard else _json(folder / "cues.json")
    remarks += _about_length(heard, layout.duration_s)
    return Opened(document, heard, data, folder / "tries", _videos_of(folder), remarks)


def _heard(path: Path | None, pipeline: Pipeline) -> Heard | None:
    if path is None:
        return None
    clip = pipeline.read(path)
    return Heard(path, clip, pipeline.measure(clip, pipeline.new_run()))


def _about_length(heard: Heard | None, duration_s: float) -> list[str]:
    if heard is None or abs(heard.audio.duration_s - duration_s) <= 0.02 * duration_s:
        return []
    return [f"The layout lasts {duration_s:.3g} s and the recording {heard.audio.duration_s:.3g} s."]


def _tries_of(path: Path) -> Path:
    return path.with_name(f"{path.name.removesuffix(LAYOUT_SUFFIX)}.tries")


def _json(path: Path) -> dict[str, Any] | None:
    try:
        data = read_json(path, MAX_MANIFEST_BYTES)
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _recording_of(manifest: Mapping[str, Any] | None, folder: Path) -> Path | None:
    """Where the run's recording was, or a file of that name in the run's folder."""
    inputs = manifest.get("inputs") if manifest else None
    found = inputs.get("audio") if isinstance(inputs, dict) else None
    if not isinstance(found, str):
        return None
    path = Path(found)
    moved = folder / path.name
    return moved if not path.is_file() and moved.is_file() else path


def _piece_of(manifest: Mapping[str, Any] | None, pipeline: Pipeline) -> Pipeline:
    """The pipeline with the run's own choice of a piece of the recording."""
    from dataclasses import replace

    from spa2v.core.config import AudioConfig

    config = manifest.get("config") if manifest else None
    piece = config.get("audio") if isinstance(config, dict) else None
    if not isinstance(piece, dict):
        return pipeline
    start, duration = piece.get("start_s"), piece.get("duration_s")
    numbers = [value for value in (start, duration) if value is not None]
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in numbers):
        return pipeline
    limit = pipeline.config.audio.max_duration_s
    audio = AudioConfig(float(start or 0.0), None if duration is None else float(duration), limit)
    return Pipeline(replace(pipeline.config, audio=audio), pipeline.host, quiet=pipeline.quiet)


def _videos_of(folder: Path) -> tuple[Path, ...]:
    path = folder / "video.mp4"
    return (path,) if path.is_file() else ()
