"""One finished clip on disk: a folder that appears complete by a rename and holds the checksums of its files."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

from spa2v.core.errors import ConfigError, MediaError
from spa2v.core.media.audio import write_audio
from spa2v.core.media.files import write_json, write_text
from spa2v.core.media.video import write_video
from spa2v.core.types.benchmark import BenchmarkClip
from spa2v.core.untrusted import read_json, reason_of
from spa2v.world.clips import ToyClip
from spa2v.world.settings import Settings, split_of

RECORD, CLIPS = "clip.json", "clips"
MAX_RECORD_BYTES = 16 * 1024**2
FILES = ("audio.flac", "video.mp4", "layout.json")


def read_kept(path: Path) -> Any:
    """Parsed JSON, or None where there is none."""
    try:
        return read_json(path, MAX_RECORD_BYTES)
    except (OSError, ValueError):
        return None


def store(
    folder: Path, name: str, settings: Settings, group: int, clip: ToyClip, augmentation: tuple[str, ...]
) -> None:
    target = folder / CLIPS / name
    part = target.with_name(f".{name}.{uuid4().hex[:8]}.part")
    try:
        part.mkdir()
        write_audio(part / FILES[0], clip.audio)
        write_video(part / FILES[1], clip.video)
        write_text(part / FILES[2], clip.layout.dumps())
        sums = {file: _checksum(part / file) for file in FILES}
        record = _record(name, settings, group, clip, augmentation).to_json()
        write_json(part / RECORD, {"key": settings.key, "sha256": sums, "clip": record})
        if target.exists():
            shutil.rmtree(target)
        os.replace(part, target)
    except OSError as error:
        raise MediaError(f"cannot write {str(target)!r}: {reason_of(error)}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _record(name: str, settings: Settings, group: int, clip: ToyClip, augmentation: tuple[str, ...]) -> BenchmarkClip:
    source = f"toyworld-{settings.seed}-{group:06d}"
    audio, video, layout = (f"{CLIPS}/{name}/{file}" for file in FILES)
    facts = {"receiver": clip.scene.receiver.kind, "snr_db": round(clip.scene.snr_db or 0.0, 1)}
    return BenchmarkClip(
        name,
        source,
        split_of(source, settings.test_share),
        clip.scene.scenario,
        clip.scene.quantity,
        clip.scene.duration_s,
        clip.objects,
        audio,
        layout,
        video,
        clip.layout.caption,
        augmentation,
        facts | {"scene_seed": clip.scene.seed},
    )


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stored(target: Path, settings: Settings) -> BenchmarkClip | None:
    """The record of a clip that is complete, made with these settings and undamaged; None otherwise."""
    data = read_kept(target / RECORD)
    if not isinstance(data, dict) or data.get("key") != settings.key:
        return None
    try:
        whole = all(data["sha256"][file] == _checksum(target / file) for file in FILES)
        return BenchmarkClip.from_json(data["clip"]) if whole else None
    except (OSError, KeyError, TypeError, ConfigError):
        return None
