"""Plans, and on request draws, the clips of a benchmark with a configuration; parallel and resumable.

In a folder: `layouts/CLIP.json`, `videos/CLIP.mp4`, and `plans.jsonl` with what each came from and how long it took.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spa2v.core.config import Choice, Config
from spa2v.core.errors import (
    AudioError,
    ComponentError,
    ContractError,
    LayoutError,
    MediaError,
    PlannerError,
    Spa2vError,
    counted,
)
from spa2v.core.manifest import make_folder
from spa2v.core.parallel import spread
from spa2v.core.pipeline import Pipeline
from spa2v.core.runtime import Run
from spa2v.core.types.benchmark import BenchmarkClip
from spa2v.evaluation.bench.reading import Fault, file_stem
from spa2v.evaluation.engine.journal import Journal, digest
from spa2v.jobs.job import Job
from spa2v.jobs.keys import Keys, content_key

JOURNAL = "plans.jsonl"
GIVE_UP_AFTER = 10
"""When so many clips failed before the first one worked, the rest is not tried."""
TRUTH = "{layout}"
"""In an option: the ground-truth layout of the clip at hand, for rows such as `layout_file`."""
_OF_ONE_CLIP = (AudioError, ComponentError, ContractError, LayoutError, MediaError, PlannerError)


@dataclass(frozen=True)
class PlanTask:
    """One clip.

    Args:
        config: what plans and draws.
        clip: its id.
        audio: its sound.
        out: folder of the outputs.
        given: a layout to draw; None to plan one.
        draw: whether a video is made.
        key: of what the outputs depend on.
    """

    config: Config
    clip: str
    audio: Path
    out: Path
    given: Path | None
    draw: bool
    key: str

    @property
    def layout(self) -> Path:
        return self.out / "layouts" / f"{file_stem(self.clip)}.json"

    @property
    def video(self) -> Path:
        return self.out / "videos" / f"{file_stem(self.clip)}.mp4"


def make_outputs(
    config: Config,
    clips: Sequence[BenchmarkClip],
    root: Path,
    out: Path,
    run: Run,
    *,
    draw: bool = False,
    given: Mapping[str, Path] | None = None,
    workers: int | None = 1,
    fresh: bool = False,
    name: str = "evaluation",
) -> dict[str, Fault]:
    """Makes the layout (and video) of each clip that is not made yet; gives the clips that failed, with the reason.

    Args:
        config: what plans and draws. "{layout}" in an option becomes the clip's ground-truth layout file.
        clips, root: of the benchmark.
        out: folder of the outputs.
        run: gives progress.
        draw: also make videos.
        given: layouts to draw in place of planned ones, by clip; a clip without one is not drawn.
        workers: processes, each with its own components (and bounds of cost); None for as many as pay.
        fresh: make again what is made.
        name: of what is evaluated, for the notice about reused outputs.

    Raises:
        ConfigError, RegistryError, WeightsError: the configuration cannot work for any clip.
        PlannerError: the first ten clips all failed.
    """
    for kind in ("layouts", "videos")[: 1 + draw]:
        make_folder(out / kind)
    _KEPT.clear()  # a file of a component may have been edited since
    journal = Journal(out / JOURNAL)
    chosen = [clip for clip in clips if given is None or clip.id in given]
    shared = Keys(config)
    tasks = [_task(config, shared, clip, root, out, draw, given) for clip in chosen]
    todo = [task for task in tasks if fresh or not _is_done(task, journal)]
    notice_reused(run, name, "outputs", len(tasks) - len(todo), len(tasks))
    failed: dict[str, Fault] = {}
    worked = len(todo) < len(tasks)
    with run.progress("Drawing" if draw else "Planning", total=len(tasks)) as step:
        step(len(tasks) - len(todo))
        for task, result in spread(_work, todo, workers):
            if "error" in result:
                failed[task.clip] = Fault("failed", task.clip, result["error"])
                if not worked and len(failed) >= GIVE_UP_AFTER:
                    raise PlannerError(
                        f"the first {len(failed)} clips all failed; the rest was not tried", result["error"]
                    )
            else:
                worked = True
                journal.put({task.key: result})
            step(1)
    return failed


def notice_reused(run: Run, name: str, what: str, reused: int, count: int) -> None:
    """Says how many results of a former run are used as they are."""
    if reused:
        clips = counted(count, "clip")
        run.notice(f"{name}: reused {what} of {reused} of {clips}, nothing changed (see --fresh)")


def _task(
    config: Config,
    shared: Keys,
    clip: BenchmarkClip,
    root: Path,
    out: Path,
    draw: bool,
    given: Mapping[str, Path] | None,
) -> PlanTask:
    own = with_truth(config, root / clip.layout)
    layout = given[clip.id] if given is not None else None
    keys = shared if own is config else shared.of(own)
    audio = digest(root / clip.audio) or ""
    made_from = [digest(root / clip.layout)] if own is not config else []
    made_from += [keys.plan(audio)] if layout is None else []
    made_from += [keys.render(audio, digest(layout) or "")] if draw else []
    key = content_key("outputs", clip.id, digest(layout), made_from)
    return PlanTask(own, clip.id, root / clip.audio, out, layout, draw, key)


def with_truth(config: Config, layout: Path) -> Config:
    """The config with "{layout}" in the planner's options replaced; the same config where there is none."""
    options = config.layout_planner.options
    if TRUTH not in json.dumps(dict(options), default=str):
        return config
    filled = {key: v.replace(TRUTH, str(layout)) if isinstance(v, str) else v for key, v in options.items()}
    return replace(config, layout_planner=Choice(config.layout_planner.name, filled))


def _is_done(task: PlanTask, journal: Journal) -> bool:
    kept = journal.get(task.key)
    if kept is None:
        return False
    made = (("layout", task.layout), *((("video", task.video),) if task.draw else ()))
    return all(kept.get(kind) is not None and kept[kind] == digest(path) for kind, path in made)


def _work(task: PlanTask) -> tuple[PlanTask, dict[str, Any]]:
    """Makes the outputs of one clip; what can be wrong with a single clip becomes its result."""
    try:
        return task, _make(task)
    except _OF_ONE_CLIP as error:
        return task, {"error": str(error)}
    except Spa2vError:
        raise
    except Exception as error:  # noqa: BLE001 - a component may raise anything; the clip is reported as failed
        return task, {"error": f"{type(error).__name__}: {error}"}


def _make(task: PlanTask) -> dict[str, Any]:
    for stale in (task.layout, task.video):  # of another config or sound: it must not be scored if this one fails
        stale.unlink(missing_ok=True)
    pipeline = _pipeline(task.config.to_yaml(), task.config)
    with Job.opened(pipeline, task.audio, task.given) as job:
        layout = job.layout(task.layout)
        if task.draw:
            job.write(job.draw(layout), task.video)
    timings = {name: round(seconds, 4) for name, seconds in job.run.timings_s.items()}
    return {"clip": task.clip, **job.manifest.data["sha256"], "timings_s": timings, "record": job.run.record}


_KEPT: dict[str, Pipeline] = {}


def _pipeline(text: str, config: Config) -> Pipeline:
    """One pipeline for all clips of a config; a config of a single clip ("{layout}") replaces the one before."""
    if text not in _KEPT:
        _KEPT.clear()
        _KEPT[text] = Pipeline(config)
    return _KEPT[text]
