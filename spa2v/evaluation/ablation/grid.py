"""The table of an ablation, laid out as in the paper, with the paper's row under each of ours."""

from __future__ import annotations

from collections.abc import Iterator

from spa2v.core.config import texts_of
from spa2v.core.errors import counted
from spa2v.core.types import MetricInfo
from spa2v.evaluation.ablation.cells import Ablation, CellResult
from spa2v.evaluation.ablation.paper import METRICS_OF, PaperRow, paper_rows, source
from spa2v.evaluation.aggregate import Table
from spa2v.evaluation.catalog import built_in, metric_info
from spa2v.evaluation.engine.planning import TRUTH
from spa2v.evaluation.engine.result import Evaluation
from spa2v.evaluation.tables import Grid, Row, triple, with_best

SCENARIOS = (("stationary", "Stat."), ("translational", "Trans."))
NO_PAPER = "The paper's rows were measured on AVLBench with other models: compare the order of rows, not the values."


def ablation_grid(made: Ablation) -> Grid:
    """Rows of S/M/C triples, in the units of the paper."""
    own = _own_metrics(made)
    metrics = (*METRICS_OF[made.table], *own)
    heads = [f"{title} {metric_info(metric, own).title} S/M/C" for _, title in SCENARIOS for metric in metrics]
    rows = [row for result in made.rows for row in _rows(result, made.table, metrics)]
    higher = (None, *[metric_info(metric, own).higher for _ in SCENARIOS for metric in metrics])
    clips = max((result.clips for result in made.rows), default=0)
    notes = [f"{counted(clips, 'clip')}, split {made.split!r}."]
    notes += [
        f"{row.name}: {row.failed_clips} of {counted(row.clips, 'clip')} failed."
        for row in made.rows
        if row.failed_clips
    ]
    notes += [f"{row.name}: failed: {row.error}" for row in made.rows if row.status == "failed"]
    if any(row.kind == "paper" for row in rows):
        notes += [NO_PAPER, f"Paper: {source()}"]
    if any(row.kind == "deviation" for row in rows):
        notes += ["±: standard deviation over the seeds of the row above, which shows their mean."]
    return Grid(made.title, ("variant", *heads), with_best(rows, higher), tuple(notes))


def _own_metrics(made: Ablation) -> dict[str, MetricInfo]:
    """Values of the measured stage by metrics that do not come with spa2v."""
    stage = made.table.removeprefix("stage")
    done = [row.evaluation for row in made.rows if row.evaluation is not None and stage in row.evaluation.stages]
    return {
        name: found.metrics[name]
        for found in done
        for name in found.stages[stage].tables
        if name in found.metrics and name.partition("[")[0] not in built_in()
    }


def _rows(result: CellResult, table: str, metrics: tuple[str, ...]) -> Iterator[Row]:
    beside = paper_rows(table).get(result.paper)
    if result.status == "failed":
        yield Row((result.name, "failed", *[""] * (2 * len(metrics) - 1)), "failed")
    elif result.evaluation is not None:
        kind = "truth" if any(TRUTH in text for text in texts_of(result.evaluation.config)) else ""
        yield Row((result.name, *_cells(result.evaluation, table, metrics)), kind)
        if result.spread is not None:
            texts = _cells(result.spread, table, metrics)
            yield Row((f"  ± over {len(result.seeds)} seeds", *texts), "deviation")
    if beside is not None:
        yield Row((f"  paper: {beside.title}", *_paper_cells(beside, metrics)), "paper")


def _cells(made: Evaluation, table: str, metrics: tuple[str, ...]) -> Iterator[str]:
    stage = made.stages.get(table.removeprefix("stage"))
    for scenario, _ in SCENARIOS:
        for metric in metrics:
            found = None if stage is None else variant_table(stage.tables, metric)
            yield "-" if found is None else triple(made.info(found[0]), found[1].get(scenario, {}))


def variant_table(tables: object, metric: str) -> tuple[str, Table] | None:
    """The table of a metric, or of the variant of it that was measured."""
    assert isinstance(tables, dict)
    names = [name for name in tables if metric in (name, name.partition("[")[0])]
    return (names[0], tables[names[0]]) if names else None


def _paper_cells(row: PaperRow, metrics: tuple[str, ...]) -> Iterator[str]:
    for scenario, _ in SCENARIOS:
        for metric in metrics:
            yield row.triple(scenario, metric)
