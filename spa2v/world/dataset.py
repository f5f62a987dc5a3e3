"""Datasets in the benchmark format: rendered in parallel, resumable, the same bytes for the same settings.

Clip i is a function of the settings and i alone, and a finished clip is recognized by its checksums; so a run that was
killed goes on where it stopped.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from spa2v.core.errors import ConfigError, MediaError, counted
from spa2v.core.media.files import write_json, write_text
from spa2v.core.parallel import spread
from spa2v.core.runtime import Run
from spa2v.core.types.benchmark import MANIFEST, BenchmarkClip, manifest_text
from spa2v.core.types.layout import SCENARIOS
from spa2v.world.clips import ToyClip, render_clip
from spa2v.world.sampling import sample_scene
from spa2v.world.settings import FORMAT, Settings, clip_ids, group_count, scene_seed
from spa2v.world.store import CLIPS, read_kept, store, stored
from spa2v.world.twins import twin_of

__all__ = ["Settings", "write_dataset"]

SETTINGS = "dataset.json"
FEW_SOURCES = 5
"""With fewer, the mean of a split depends on which clips are in it; a clip and its twin are one source."""


def write_dataset(
    out: str | Path, clips: int, settings: Settings, workers: int | None = 1, run: Run | None = None
) -> Path:
    """Renders a dataset, or what is still missing of it, and writes its manifest last.

    Args:
        out: folder, made if needed.
        clips: how many; a dataset can be made longer later.
        settings: what the clips depend on.
        workers: processes, None for as many as pay; the bytes do not depend on it.
        run: gives the progress bar.

    Returns:
        The path of the manifest.

    Raises:
        ConfigError: the folder holds a dataset with other settings, or a number out of range.
        MediaError: the folder cannot be written.
        WorkerError: a worker died; what is done is kept.
    """
    if clips < 1 or (workers is not None and workers < 1):
        raise ConfigError(f"clips: {clips}, workers: {workers}", "expected 1 or more")
    folder = Path(out)
    _open_folder(folder, settings)
    with (run or Run()).progress("Rendering clips", total=clips) as advance:
        for done in _finish_groups(folder, clips, settings, workers):
            advance(done)
    names = [name for group in range(group_count(clips, settings)) for name in clip_ids(group, clips, settings)]
    records = [stored(folder / CLIPS / name, settings) for name in names]
    lost = [name for name, record in zip(names, records, strict=True) if record is None]
    if lost:
        raise MediaError(f"clip {lost[0]!r} was damaged while the dataset was written", "run the same command again")
    made = [record for record in records if record]
    write_text(folder / MANIFEST, manifest_text(made))
    if run is not None and (lack := few_tests(made, settings)):
        run.notice(lack)
    return folder / MANIFEST


def few_tests(clips: Sequence[BenchmarkClip], settings: Settings) -> str:
    """What is too small about the split "test", in two lines; "" where nothing is, or none was asked for."""
    tests = [clip for clip in clips if clip.split == "test"]
    sources = {clip.source_id for clip in tests}
    wanted = SCENARIOS if settings.choice.scenario is None else (settings.choice.scenario,)
    lacking = [name for name in wanted if name not in {clip.scenario for clip in tests}]
    if not settings.test_share or (len(sources) >= FEW_SOURCES and not lacking):
        return ""
    size = f"{counted(len(tests), 'clip')} of {counted(len(sources), 'source')}"
    return "\n".join(
        [
            f"the split 'test' has {size}" + "".join(f", none {name}" for name in lacking if tests),
            "  for scores that say something: more --clips, a larger --test-share, or",
            "  evaluate with --split all",
        ]
    )


def _open_folder(folder: Path, settings: Settings) -> None:
    try:
        (folder / CLIPS).mkdir(parents=True, exist_ok=True)
        for leftover in (folder / CLIPS).glob(".*.part"):
            shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        raise MediaError(f"cannot write to {str(folder)!r}: {error.strerror or error}") from error
    wanted = {"format": FORMAT, "key": settings.key, "settings": asdict(settings)}
    path = folder / SETTINGS
    if path.exists():
        found = read_kept(path)
        if found != json.loads(json.dumps(wanted)):
            raise ConfigError(f"{str(folder)!r} holds a dataset with other settings", *_differences(found, wanted))
    write_json(path, wanted)


def _differences(found: Any, wanted: dict[str, Any]) -> list[str]:
    old = found.get("settings", {}) if isinstance(found, dict) else {}
    new = json.loads(json.dumps(wanted["settings"]))
    lines = [f"{key}: {old.get(key)!r} there, {new[key]!r} now" for key in new if old.get(key) != new[key]]
    return [*lines, "give another --out folder, or the settings that it was begun with"]


def _finish_groups(folder: Path, clips: int, settings: Settings, workers: int | None) -> Iterator[int]:
    """Renders what is missing, group by group; yields how many clips were just done."""
    yield from spread(partial(_finish_group, folder, clips, settings), range(group_count(clips, settings)), workers)


def _finish_group(folder: Path, clips: int, settings: Settings, group: int) -> int:
    names = clip_ids(group, clips, settings)
    missing = [name for name in names if stored(folder / CLIPS / name, settings) is None]
    if missing:
        clip = _render(settings, group)
        for name in missing:
            twin = name != f"{group * 2:06d}" and settings.twins
            store(folder, name, settings, group, *(twin_of(clip) if twin else (clip, ())))
    return len(names)


def _render(settings: Settings, group: int) -> ToyClip:
    scene = sample_scene(scene_seed(settings, group), settings.choice)
    return render_clip(scene, (settings.width, settings.height), settings.frames, settings.sample_rate)
