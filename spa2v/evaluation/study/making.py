"""Makes the page of a study: every clip with the videos of all methods, in an order that gives nothing away."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np

from spa2v.core.errors import AudioError, ConfigError
from spa2v.core.manifest import make_folder
from spa2v.core.media.audio import read_audio
from spa2v.core.media.files import write_json, write_text
from spa2v.evaluation.bench.reading import Fault
from spa2v.evaluation.engine.inputs import VIDEOS, Outputs
from spa2v.evaluation.engine.journal import content_key, digest
from spa2v.evaluation.report.page import media_uri, render

PAGE, KEY = "study.html", "key.json"
VERSION = 1
MAX_METHODS, MAX_PAGE_BYTES = 12, 600 * 1024**2
CRITERIA: Mapping[str, str] = {
    "visual_quality": "Visual quality: which video looks best?",
    "audio_video_alignment": "Audio-video alignment: in which video do things stand and move where they are heard?",
}


@dataclass(frozen=True)
class Made:
    """What a study holds: its folder, how many clips are asked about, and clips that some method lacks."""

    folder: Path
    clips: int
    missing: tuple[Fault, ...]


def make_study(methods: Mapping[str, Path], out: Path, clips: int | None = None, seed: int = 0) -> Made:
    """Writes `study.html`, which goes to raters, and `key.json`, which does not.

    Args:
        methods: name to folder of videos (`CLIP.mp4` or `CLIP/video.mp4`).
        out: folder of the study.
        clips: how many are drawn; None for all.
        seed: of the drawing and of both shufflings.

    Raises:
        ConfigError: fewer than two methods, no clip that all have, a video without sound, or too much for one page.
    """
    if not 2 <= len(methods) <= MAX_METHODS:
        raise ConfigError(f"{len(methods)} methods cannot be ranked", f"expected 2 to {MAX_METHODS}: --method NAME=DIR")
    outputs = {name: Outputs(folder, "video") for name, folder in methods.items()}
    names = {name: set(_clip_names(found)) for name, found in outputs.items()}
    shared, some = set.intersection(*names.values()), set.union(*names.values())
    if not shared:
        raise ConfigError("no clip has a video of every method", *(f"{n}: {len(f)} videos" for n, f in names.items()))
    rng = np.random.default_rng(seed)
    drawn = [str(clip) for clip in rng.permutation(sorted(shared))][:clips]
    items = [_item(clip, outputs, rng, seed) for clip in drawn]
    size = sum(len(shown["uri"]) for item in items for shown in item["videos"])
    if size > MAX_PAGE_BYTES:
        raise ConfigError(f"the page would have {size >> 20} MiB", f"at most {MAX_PAGE_BYTES >> 20}; use --clips")
    _write(out, items, list(methods))
    lacking = ((clip, [n for n, found in names.items() if clip not in found]) for clip in sorted(some - shared))
    return Made(out, len(items), tuple(Fault("no_video", c, f"without a video of: {', '.join(n)}") for c, n in lacking))


def _clip_names(outputs: Outputs) -> list[str]:
    found = [path for path in outputs.folder.iterdir() if not path.name.startswith(".")]
    folders = [path.name for path in found if any((path / f"video{suffix}").is_file() for suffix in VIDEOS)]
    return folders + [path.stem for path in found if path.is_file() and path.suffix.lower() in VIDEOS]


def _item(clip: str, outputs: Mapping[str, Outputs], rng: np.random.Generator, seed: int) -> dict[str, Any]:
    order = [str(name) for name in rng.permutation(list(outputs))]
    videos = []
    for letter, name in zip(ascii_uppercase, order, strict=False):
        path = outputs[name].find(clip)
        uri = media_uri(path) if path else None
        if uri is None or path is None:
            raise ConfigError(f"the video of {clip!r} by {name!r} cannot be shown", f"{path}: too large, or gone")
        _check_sound(path, clip, name)
        videos.append({"letter": letter, "name": name, "uri": uri, "sha256": digest(path)})
    return {"token": hashlib.sha256(f"{seed}/{clip}".encode()).hexdigest()[:12], "clip": clip, "videos": videos}


def _check_sound(path: Path, clip: str, name: str) -> None:
    """Nobody can judge how a picture fits a sound that is not there."""
    try:
        read_audio(path)
    except AudioError as error:
        raise ConfigError(f"the video of {clip!r} by {name!r} has no usable sound", str(error)) from error


def _write(out: Path, items: Sequence[Mapping[str, Any]], methods: Sequence[str]) -> None:
    make_folder(out)
    key = {
        item["token"]: {"clip": item["clip"], "methods": {shown["letter"]: shown["name"] for shown in item["videos"]}}
        for item in items
    }
    marks = [[shown["sha256"] for shown in item["videos"]] for item in items]
    study = content_key("study", key, marks)[:16]
    facts = {"version": VERSION, "study": study, "methods": list(methods), "criteria": list(CRITERIA), "items": key}
    write_json(out / KEY, facts)
    letters = [shown["letter"] for shown in items[0]["videos"]]
    data = {"study": study, "version": VERSION, "letters": letters, "criteria": list(CRITERIA)}
    page = render("study.html", "study.js", title="Ranking", items=items, criteria=CRITERIA, letters=letters, data=data)
    write_text(out / PAGE, page)
