"""The pages of an evaluation and of an ablation: tables, plots, best and worst clips, variants side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from spa2v.core.errors import LayoutError, MediaError
from spa2v.core.media.files import read_layout
from spa2v.core.media.video import read_video
from spa2v.core.types import VideoSceneLayout
from spa2v.core.types.layout import DEFAULT_FRAMES
from spa2v.evaluation.ablation.cells import Ablation
from spa2v.evaluation.ablation.grid import ablation_grid, variant_table
from spa2v.evaluation.ablation.paper import METRICS_OF, paper_rows
from spa2v.evaluation.aggregate import ALL
from spa2v.evaluation.catalog import metric_info
from spa2v.evaluation.engine.result import Evaluation
from spa2v.evaluation.report.figures import Measured, boxes_of, colors_of, histogram, interval_plot
from spa2v.evaluation.report.page import media_uri, picture_uri, render
from spa2v.evaluation.scores import ClipScore
from spa2v.evaluation.tables import SCENARIO_HEADS, stage_grid

SHOWN_FRAMES = 4
EXTREMES = 4
MAX_FAULTS = 200
Found = list[tuple[str, Evaluation]]
"""Variant name to its evaluation."""


def evaluation_page(made: Evaluation) -> str:
    """The page of one evaluation."""
    return render(
        "evaluation.html",
        title=made.name,
        about=f"{len(made.infos)} clips of {made.data}, split {made.split!r}",
        grids=[stage_grid(made, stage) for stage in made.stages],
        histograms=_histograms(made),
        plots=[],
        extremes=_extremes([(made.name, made)], ranked=made),
        faults=made.faults[:MAX_FAULTS],
        more_faults=max(0, len(made.faults) - MAX_FAULTS),
        counts=made.counts()["faults"],
        config=json.dumps({"options": dict(made.options), "config": made.config}, indent=1, ensure_ascii=False),
        versions=made.versions,
    )


def ablation_page(made: Ablation) -> str:
    """The page of an ablation: its rows side by side."""
    done: Found = [(row.name, row.evaluation) for row in made.rows if row.evaluation is not None]
    faults = [fault for _, found in done for fault in found.faults]
    return render(
        "evaluation.html",
        title=made.title,
        about=f"{made.about} Data: {made.data}, split {made.split!r}.".strip(),
        grids=[ablation_grid(made)],
        histograms=[],
        plots=_plots(made),
        extremes=_extremes(done, ranked=_most_telling(done)) if done else [],
        faults=faults[:MAX_FAULTS],
        more_faults=max(0, len(faults) - MAX_FAULTS),
        counts={},
        config=json.dumps({name: found.config for name, found in done}, indent=1, ensure_ascii=False),
        versions=done[0][1].versions if done else {},
    )


def _histograms(made: Evaluation) -> list[Any]:
    plots = []
    for stage in made.stages.values():
        for metric in stage.tables:
            info = made.info(metric)
            values = [s.value for s in stage.scores if s.metric == metric and s.value is not None]
            plots.append(histogram(f"{info.title} {'↑' if info.higher else '↓'}", values, info.text))
    return [plot for plot in plots if plot is not None]


def _plots(made: Ablation) -> list[Any]:
    """C of each scenario and metric of the paper's table, all variants under each other, the paper's value beside."""
    stage, plots = made.table.removeprefix("stage"), []
    for metric in METRICS_OF[made.table]:
        info = metric_info(metric)
        for scenario in ("stationary", "translational"):
            rows = list(_measured(made, stage, metric, scenario))
            title = f"{SCENARIO_HEADS[scenario]} {info.title} (C) {'↑' if info.higher else '↓'}"
            plots.append(interval_plot(title, rows, info.text))
    return [plot for plot in plots if plot is not None]


def _measured(made: Ablation, stage: str, metric: str, scenario: str) -> Iterable[Measured]:
    for row in made.rows:
        beside = paper_rows(made.table).get(row.paper)
        paper = beside.stored(scenario, metric, "C") if beside else None
        cell = None
        if row.evaluation is not None and stage in row.evaluation.stages:
            found = variant_table(row.evaluation.stages[stage].tables, metric)
            cell = found[1].get(scenario, {}).get("C") if found else None
        yield (row.name, cell.value, cell.low, cell.high, paper) if cell else (row.name, None, None, None, paper)


def _most_telling(done: Found) -> Evaluation:
    """The variant with the best mean of its first metric, short of the ground truth with itself."""
    means = [(_mean(found), place) for place, (_, found) in enumerate(done)]
    below = [item for item in means if item[0] < 1.0 - 1e-9] or means
    return done[max(below)[1]][1]


def _mean(made: Evaluation) -> float:
    stage = next(iter(made.stages.values()))
    cell = next(iter(stage.tables.values())).get(ALL, {}).get("C")
    return cell.value if cell is not None and cell.value is not None else -1.0


def _extremes(variants: Found, ranked: Evaluation) -> list[dict[str, Any]]:
    """The best and worst clips of one evaluation, each with what every variant made of it."""
    stage = next(iter(ranked.stages.values()))
    metric = next((m for m in stage.tables if m.startswith("lt_sim")), next(iter(stage.tables)))
    info = ranked.info(metric)
    scores = sorted(
        (s for s in stage.scores if s.metric == metric and s.value is not None),
        key=lambda s: ((s.value or 0.0) * (1 if info.higher else -1), s.clip),
    )
    worst, best = scores[:EXTREMES], scores[::-1][:EXTREMES]
    named = f"by {info.title} of {ranked.name}"
    return [
        {"title": f"{title} {named}", "clips": [_clip_view(score, variants) for score in chosen]}
        for title, chosen in (("Best clips", best), ("Worst clips", worst))
        if chosen
    ]


def _clip_view(score: ClipScore, variants: Found) -> dict[str, Any]:
    info = variants[0][1].infos.get(score.clip)
    return {
        "clip": score.clip,
        "scenario": info.scenario if info else "",
        "variants": [_variant_view(name, found, score.clip) for name, found in variants],
    }


def _variant_view(name: str, made: Evaluation, clip: str) -> dict[str, Any]:
    files = made.files.get(clip)
    scores = [s for stage in made.stages.values() for s in stage.scores if s.clip == clip]
    reasons = list(dict.fromkeys(reason for s in scores for reason in s.reasons))
    truth = _read(files.truth if files else None)
    layout = _read(files.layout if files else None)
    video = Path(files.video) if files and files.video else None
    return {
        "name": name,
        "caption": layout.caption if layout else "",
        "scores": [(made.info(s.metric).title, made.info(s.metric).text(s.value)) for s in scores],
        "reasons": reasons,
        "frames": _frames(truth, layout, video or (Path(files.real_video) if files and files.real_video else None)),
        "player": media_uri(video) if video else None,
    }


def _read(path: str | None) -> VideoSceneLayout | None:
    try:
        return read_layout(path) if path else None
    except LayoutError:
        return None


def _frames(
    truth: VideoSceneLayout | None, layout: VideoSceneLayout | None, video: Path | None
) -> list[dict[str, Any]]:
    """A few frames: ground truth dashed, prediction solid, over the video where there is one."""
    names = [*(truth.names.values() if truth else ()), *(layout.names.values() if layout else ())]
    colors = colors_of(names)
    pictures = _pictures(video)
    made = []
    for number in range(SHOWN_FRAMES):
        place = round(number * (DEFAULT_FRAMES - 1) / (SHOWN_FRAMES - 1))
        boxes = _boxes(truth, place, colors, True) + _boxes(layout, place, colors, False)
        made.append({"boxes": boxes, "picture": pictures[number] if pictures else None})
    return made


def _boxes(layout: VideoSceneLayout | None, place: int, colors: Mapping[str, str], dashed: bool) -> list[Any]:
    return boxes_of(layout.frames(DEFAULT_FRAMES)[place], colors, dashed) if layout else []


def _pictures(video: Path | None) -> Sequence[str]:
    if video is None:
        return []
    try:
        frames = read_video(video).frames
    except MediaError:
        return []
    return [picture_uri(frames[round(n * (len(frames) - 1) / (SHOWN_FRAMES - 1))], 192) for n in range(SHOWN_FRAMES)]
