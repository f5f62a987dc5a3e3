"""Runs an ablation: each row a resolved config with its own folder; a row that fails is a failed row, no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from spa2v.core.config import Config, Layer, merge, read_source, texts_of
from spa2v.core.errors import ConfigError, Spa2vError
from spa2v.core.host import Host
from spa2v.core.manifest import make_folder
from spa2v.core.media.files import write_json, write_text
from spa2v.core.pipeline import Pipeline
from spa2v.core.runtime import Run
from spa2v.core.trackers import check_trackers
from spa2v.core.untrusted import read_json, reason_of
from spa2v.evaluation.ablation.seeds import mean_of, split_seeds, spread_of
from spa2v.evaluation.ablation.spec import AblationSpec, RowSpec
from spa2v.evaluation.bench.reading import Bench
from spa2v.evaluation.engine.evaluate import Request, evaluate
from spa2v.evaluation.engine.inputs import Outputs
from spa2v.evaluation.engine.planning import make_outputs
from spa2v.evaluation.engine.result import NAME as RESULT
from spa2v.evaluation.engine.result import Evaluation
from spa2v.evaluation.engine.scoring import Stage
from spa2v.evaluation.tracked import track
from spa2v.jobs.batch.items import Item

NAME = "ablation.json"
MAX_BYTES = 16 * 1024**2
VERSION = 1


@dataclass(frozen=True)
class CellResult:
    """What became of a row.

    Args:
        name, paper: as in the ablation file.
        status: "done", "failed" or "paper" (nothing was to be measured).
        folder: of its config and evaluation, relative to the ablation's; "" without one.
        error: why it failed.
        clips, failed_clips: how many there are, and for how many of them the config gave nothing.
        seeds: under which it was run, where the file names several; each has a folder `seed-N` in the row's.
        evaluation: the scores, of several seeds their mean; None unless done.
        spread: of several seeds the standard deviations.
    """

    name: str
    paper: str
    status: str
    folder: str = ""
    error: str = ""
    clips: int = 0
    failed_clips: int = 0
    seeds: tuple[int, ...] = ()
    evaluation: Evaluation | None = None
    spread: Evaluation | None = None

    def to_json(self) -> dict[str, Any]:
        facts = asdict(replace(self, evaluation=None, spread=None))
        return {key: value for key, value in facts.items() if key not in ("evaluation", "spread")}


@dataclass(frozen=True)
class Ablation:
    """An ablation that was run: its spec's facts and its rows."""

    title: str
    about: str
    table: str
    data: str
    split: str
    rows: tuple[CellResult, ...]

    def to_json(self) -> dict[str, Any]:
        facts = {"version": VERSION, "kind": "ablation", "title": self.title, "about": self.about, "table": self.table}
        return facts | {"data": self.data, "split": self.split, "rows": [row.to_json() for row in self.rows]}


@dataclass(frozen=True)
class Settings:
    """How the rows are run.

    Args:
        bench, split: the clips.
        stage1, stage2: how they are scored.
        above: settings of the command line, between the base and each row.
        workers: processes; None for as many as pay.
        fresh: do again what is done.
    """

    bench: Bench
    split: str
    stage1: Stage
    stage2: Stage
    above: tuple[Layer, ...] = ()
    workers: int | None = 1
    fresh: bool = False


def run_ablation(
    spec: AblationSpec, settings: Settings, out: Path, run: Run, report: Callable[[str], None] = lambda text: None
) -> Ablation:
    """Runs all rows and writes `ablation.json`; rows and clips that are done are not done again.

    Args:
        spec: the ablation.
        settings: how the rows are run.
        out: folder of the results, one folder a row in it.
        run: gives progress.
        report: gets a line as each row begins or fails.

    Raises:
        ConfigError, MissingDependency: a tracker of `run.trackers` cannot be used.
    """
    layers = [layer for row in spec.rows for layer in (*spec.base, *settings.above, *row.layers)]
    runs = [layer.data["run"] for layer in layers if isinstance(layer.data.get("run"), dict)]
    check_trackers({name for section in runs for name in texts_of(section.get("trackers"))})
    make_folder(out)
    rows: list[CellResult] = []
    measured = sum(row.measured for row in spec.rows)
    for row in spec.rows:
        if not row.measured:
            rows.append(CellResult(row.name, row.paper, "paper"))
            continue
        report(f"row {sum(done.status != 'paper' for done in rows) + 1} of {measured}: {row.name}")
        rows.append(run_row(row, spec, settings, out, run))
        if rows[-1].status == "failed":
            report(f"failed: {rows[-1].error}")
    made = Ablation(spec.title, spec.about, spec.table, str(settings.bench.folder), settings.split, tuple(rows))
    write_json(out / NAME, made.to_json())
    return made


def run_row(row: RowSpec, spec: AblationSpec, settings: Settings, out: Path, run: Run) -> CellResult:
    """One row. What is wrong with its config, its components or its service makes it fail, with the reason."""
    folder = out / Item(row.name, Path()).folder_name
    clips = len(settings.bench.split(settings.split))
    seeds: tuple[int, ...] = ()
    try:
        layers, seeds = split_seeds([*spec.base, *settings.above, *row.layers])
        config = row_config(replace(row, layers=tuple(layers)), replace(spec, base=()))
        config = replace(config, run=replace(config.run, seed=seeds[0])) if seeds else config
        make_folder(folder)
        write_text(folder / "config.yaml", config.to_yaml())
        if len(seeds) > 1:
            made, spread, failed = _score_seeds(row.name, config, seeds, spec.stages, settings, folder, run)
        else:
            (made, failed), spread = _score(row.name, config, spec.stages, settings, folder, run), None
        track(made, config.run.trackers, folder)
    except Spa2vError as error:
        return CellResult(row.name, row.paper, "failed", folder.name, str(error), clips)
    if failed == clips:
        first = next(fault for fault in made.faults if fault.kind in ("no_layout", "no_video"))
        return CellResult(row.name, row.paper, "failed", folder.name, f"no clip worked: {first.text}", clips, failed)
    seeds = seeds if spread is not None else ()
    return CellResult(row.name, row.paper, "done", folder.name, "", clips, failed, seeds, made, spread)


def row_config(row: RowSpec, spec: AblationSpec, above: Sequence[Layer] = ()) -> Config:
    """The resolved config of a row, its components checked.

    Raises:
        ConfigError: everything that is wrong with it.
    """
    host = Host()
    config = merge([*read_source("default", host.configs), *spec.base, *above, *row.layers])
    problems = Pipeline(config, None if config.registries else host).check()
    if problems:
        raise problems[0] if len(problems) == 1 else ConfigError("the config cannot be used", *map(str, problems))
    return config


def _score_seeds(
    name: str,
    config: Config,
    seeds: Sequence[int],
    stages: Sequence[int],
    settings: Settings,
    folder: Path,
    run: Run,
) -> tuple[Evaluation, Evaluation, int]:
    """The mean over the seeds, the deviations, and how many clips failed at most under one of them."""
    made, failed = [], 0
    for seed in seeds:
        own = replace(config, run=replace(config.run, seed=seed))
        make_folder(folder / f"seed-{seed}")
        one, lost = _score(name, own, stages, settings, folder / f"seed-{seed}", run)
        made.append(one)
        failed = max(failed, lost)
    mean = mean_of(made)
    write_json(folder / RESULT, mean.to_json())
    return mean, spread_of(made), failed


def _score(
    name: str, config: Config, stages: Sequence[int], settings: Settings, folder: Path, run: Run
) -> tuple[Evaluation, int]:
    bench, draw = settings.bench, 2 in stages
    clips = bench.split(settings.split)
    how: Any = {"workers": settings.workers, "fresh": settings.fresh}
    failed = make_outputs(config, clips, bench.folder, folder, run, draw=draw, name=name, **how)
    layouts = Outputs(folder / "layouts", "layout") if 1 in stages else None
    videos = Outputs(folder / "videos", "video") if draw else None
    request = Request(
        bench,
        settings.split,
        layouts,
        videos,
        settings.stage1,
        settings.stage2,
        name,
        config.to_dict(),
        failed,
    )
    return evaluate(request, folder, run, **how), len(failed)


def read_folder(out: Path) -> Ablation:
    """An ablation from its folder.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        data = read_json(out / NAME, MAX_BYTES)
        if data["kind"] != "ablation" or data["version"] != VERSION:
            raise ConfigError(f"{str(out / NAME)!r} is no ablation of this release")
        rows = tuple(_row(out, row) for row in data["rows"])
        return Ablation(data["title"], data["about"], data["table"], data["data"], data["split"], rows)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ConfigError(f"cannot read the ablation {str(out / NAME)!r}", reason_of(error)) from error


def _row(out: Path, data: dict[str, Any]) -> CellResult:
    folder = out / Path(data["folder"]).name
    seeds = tuple(int(seed) for seed in data.get("seeds", ()))
    each = [Evaluation.read(folder / f"seed-{seed}") for seed in seeds]
    facts = {**data, "seeds": seeds, "spread": spread_of(each) if len(each) > 1 else None}
    return CellResult(**facts, evaluation=Evaluation.read(folder) if data["status"] == "done" else None)
