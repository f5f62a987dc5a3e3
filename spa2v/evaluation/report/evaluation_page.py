"""The pages of an evaluation and of an ablation: tables, plots, best and worst clips, variants side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from spa2v.core.errors import LayoutError, MediaError, counted
from spa2v.core.media.files import read_layout
from spa2v.core.media.video import read_video
from spa2v.core.types import VideoSceneLayout
from spa2v.core.types.layout import DEFAULT_FRAMES
from spa2v.evaluation.ablation.cells import Ablation
from spa2v.evaluation.ablation.grid import ablation_grid, variant_table
from spa2v.evaluation.ablation.paper import METRICS_OF, paper_rows
from spa2v.evaluation.aggregate import ALL
from spa2v.evaluation.catalog import metric_info
from spa2v.evaluation.compare import comparison_grids, values_of
from spa2v.evaluation.engine.result import Evaluation
from spa2v.evaluation.report.figures import Measured, boxes_of, colors_of, histogram, interval_plot
from spa2v.evaluation.report.page import media_uri, picture_uri, render
from spa2v.evaluation.tables import SCENARIO_HEADS, stage_grid

SHOWN_FRAMES = 4
EXTREMES = 4
MAX_FAULTS = 200
GAINS = ("Clips that gain most", "Clips that lose most")
Found = list[tuple[str, Evaluation]]
"""Variant name to its evaluation."""
Ranking = list[tuple[float, str]]
"""A number to rank by, more is better, and the clip."""


def evaluation_page(made: Evaluation) -> str:
    """The page of one evaluation."""
    return render(
        "evaluation.html",
        title=made.name,
        about=f"{counted(len(made.infos), 'clip')} of {made.data}, split {made.split!r}",
        grids=[stage_grid(made, stage) for stage in made.stages],
        histograms=_histograms(made),
        plots=[],
        extremes=_extremes([(made.name, made)], *_of(made)),
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
        extremes=_extremes(done, *_of(_most_telling(done))) if done else [],
        faults=faults[:MAX_FAULTS],
        more_faults=max(0, len(faults) - MAX_FAULTS),
        counts={},
        config=json.dumps({name: found.config for name, found in done}, indent=1, ensure_ascii=False),
        versions=done[0][1].versions if done else {},
    )


def comparison_page(found: Found) -> str:
    """The page of evaluations of the same clips, each against the first."""
    first, last = found[0][1], found[-1][1]
    return render(
        "evaluation.html",
        kind="Comparison",
        title=" against ".join(dict.fromkeys((found[-1][0], found[0][0]))),
        about=f"Data: {first.data}, split {first.split!r}",
        grids=comparison_grids(found),
        histograms=[],
        plots=[],
        extremes=_extremes(found, _gains(first, last), f"from {found[0][0]} to {found[-1][0]}", GAINS),
        faults=[],
        more_faults=0,
        counts={},
        config=json.dumps({name: made.config for name, made in found}, indent=1, ensure_ascii=False),
        versions=first.versions,
    )


def _gains(first: Evaluation, last: Evaluation) -> Ranking:
    stage = next(stage for stage in first.stages if stage in last.stages)
    metric = _ranking_metric(first, stage)
    sign = 1 if first.info(metric).higher else -1
    before, after = values_of(first, stage, metric), values_of(last, stage, metric)
    return [(sign * (after[clip] - before[clip]), clip) for clip in sorted(set(before) & set(after))]


def _ranking_metric(made: Evaluation, stage: str) -> str:
    tables = made.stages[stage].tables
    return next((metric for metric in tables if metric.startswith("lt_sim")), next(iter(tables)))


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


def _of(made: Evaluation) -> tuple[Ranking, str]:
    """The clips of an evaluation by its first stage's LTSim, or first metric, and how that is said."""
    stage = next(iter(made.stages))
    metric = _ranking_metric(made, stage)
    info = made.info(metric)
    values = values_of(made, stage, metric)
    ranking = [(value if info.higher else -value, clip) for clip, value in values.items()]
    return ranking, f"by {info.title} of {made.name}"


def _extremes(
    variants: Found, ranking: Ranking, about: str, titles: tuple[str, str] = ("Best clips", "Worst clips")
) -> list[dict[str, Any]]:
    """The clips at both ends of a ranking, as every variant has them; where all tie, there are no ends."""
    ordered = sorted(ranking)
    reach = min(EXTREMES, (len(ordered) + 1) // 2)
    low, high = ordered[:reach], ordered[::-1][:reach]
    both = {value for value, _ in low} & {value for value, _ in high}  # no more than the one value in the middle
    ends = (
        [item for item in high if item[0] not in both or ordered[0][0] < item[0] == ordered[-1][0]],
        [item for item in low if item[0] not in both or ordered[0][0] == item[0] < ordered[-1][0]],
    )
    return [
        {"title": f"{title} {about}", "clips": [_clip_view(clip, variants) for _, clip in chosen]}
        for title, chosen in zip(titles, ends, strict=True)
        if chosen
    ]


def _clip_view(clip: str, variants: Found) -> dict[str, Any]:
    info = variants[0][1].infos.get(clip)
    return {
        "clip": clip,
        "scenario": info.scenario if info else "",
        "variants": [_variant_view(name, found, clip) for name, found in variants],
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
        "frames": sample_frames(
            truth, layout, video or (Path(files.real_video) if files and files.real_video else None)
        ),
        "player": media_uri(video) if video else None,
    }


def _read(path: str | None) -> VideoSceneLayout | None:
    try:
        return read_layout(path) if path else None
    except LayoutError:
        return None


def sample_frames(
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
