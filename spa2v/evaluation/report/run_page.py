"""The page of a run: player, boxes over the frames, cue curves, reasoning, config, timings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spa2v.core.errors import LayoutError, MediaError
from spa2v.core.manifest import MAX_MANIFEST_BYTES, NAME
from spa2v.core.media.files import read_layout
from spa2v.core.media.video import read_video
from spa2v.core.types import GeneratedVideo, VideoSceneLayout
from spa2v.core.types.layout import DEFAULT_FRAMES
from spa2v.core.untrusted import read_json
from spa2v.evaluation.report.figures import boxes_of, colors_of, curve
from spa2v.evaluation.report.page import media_uri, picture_uri, render

MAX_STRIP = 32
DRAW_BOXES = ("storyboard",)
"""Backbones whose pictures hold a drawing of the boxes, and more than the scene: nothing is laid over them."""


def run_page(folder: Path) -> str:
    """The page of a run folder; parts that the run did not keep are left out and named.

    Raises:
        ConfigError: the folder holds no manifest.
    """
    manifest = read_manifest(folder)
    missing: list[str] = []
    layout = _layout(folder, missing)
    path = _video_path(folder, manifest)
    video = _video(path, missing)
    cues = _json(folder / "cues.json") or {}
    colors = colors_of(layout.names) if layout else {}
    over = layout if _backbone(manifest) not in DRAW_BOXES else None
    strip = _strip(layout, video, colors, over is not None)
    return render(
        "run.html",
        title=layout.caption if layout and layout.caption else folder.name,
        manifest=manifest,
        manifest_text=json.dumps(manifest, indent=1, ensure_ascii=False),
        layout=layout,
        player=media_uri(path) if path else None,
        overlay=over.to_json() if over else None,
        poster=picture_uri(video.frames[0], 720) if video else "",
        strip=strip,
        curves=_curves(cues),
        tags=_dicts(cues.get("tags")),
        config=_text(folder / "config.yaml"),
        timings=timings if isinstance(timings := manifest.get("timings_s"), dict) else {},
        missing=missing,
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    from spa2v.core.errors import ConfigError

    found = _json(folder / NAME)
    if found is None:
        raise ConfigError(f"{str(folder)!r} holds no run", "`--run-dir DIR` of generate, plan or render keeps one")
    return found


def _backbone(manifest: Mapping[str, Any]) -> str:
    try:
        return str(manifest["config"]["motion_backbone"]["name"])
    except (KeyError, TypeError):
        return ""


def _json(path: Path) -> dict[str, Any] | None:
    try:
        data = read_json(path, MAX_MANIFEST_BYTES)
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _layout(folder: Path, missing: list[str]) -> VideoSceneLayout | None:
    try:
        return read_layout(folder / "layout.json")
    except LayoutError as error:
        missing.append(str(error))
        return None


def _video_path(folder: Path, manifest: Mapping[str, Any]) -> Path | None:
    """Where the manifest says, else beside it, so that a moved run keeps its video."""
    outputs = manifest.get("outputs")
    recorded = outputs.get("video") if isinstance(outputs, dict) else None
    names = [Path(recorded)] if isinstance(recorded, str) else []
    names += [folder / Path(name.name) for name in names] + sorted(folder.glob("video.*"))
    return next((path for path in names if _is_file(path)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have: too long, half a surrogate pair
        return False


def _video(path: Path | None, missing: list[str]) -> GeneratedVideo | None:
    if path is None:
        missing.append("The run kept no video.")
        return None
    try:
        return read_video(path)
    except MediaError as error:
        missing.append(str(error))
        return None


def _strip(
    layout: VideoSceneLayout | None, video: GeneratedVideo | None, colors: Mapping[str, str], over: bool
) -> list[dict[str, Any]]:
    if layout is None and video is None:
        return []
    count = min(len(video.frames) if video else DEFAULT_FRAMES, MAX_STRIP)
    frames = layout.frames(count) if layout else [None] * count
    made = []
    for place, frame in enumerate(frames):
        picture = picture_uri(video.frames[place * len(video.frames) // count]) if video else None
        boxes = boxes_of(frame, colors) if frame and (over or video is None) else []
        time = frame.time_s if frame else place / (video.fps if video else 1.0)
        made.append({"picture": picture, "boxes": boxes, "time": time, "caption": frame.caption if frame else ""})
    return made


def _curves(cues: Mapping[str, Any]) -> list[Any]:
    duration, tracks = cues.get("duration_s"), cues.get("tracks")
    if not isinstance(duration, (int, float)) or duration <= 0 or not isinstance(tracks, dict):
        return []
    made = (curve(str(name), track, float(duration)) for name, track in tracks.items() if isinstance(track, dict))
    return [item for item in made if item is not None]
