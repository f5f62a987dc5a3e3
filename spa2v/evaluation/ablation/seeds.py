"""A row of an ablation under several seeds: `run.seeds: [0, 1, 2]` among its settings, or among those of all rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from statistics import fmean, stdev
from typing import Any

from spa2v.core.config import Layer
from spa2v.core.errors import ConfigError
from spa2v.core.options import fitted
from spa2v.evaluation.aggregate import Bootstrap, Cell, Table, summarize
from spa2v.evaluation.engine.result import Evaluation, StageResult
from spa2v.evaluation.scores import ClipScore

KEY = "seeds"


def split_seeds(layers: Iterable[Layer]) -> tuple[list[Layer], tuple[int, ...]]:
    """The layers without `run.seeds`, and the seeds of the last layer that has them; none where no layer has.

    Raises:
        ConfigError: they are no list of different whole numbers.
    """
    kept: list[Layer] = []
    seeds: tuple[int, ...] = ()
    for layer in layers:
        run = layer.data.get("run")
        if isinstance(run, dict) and KEY in run:
            seeds = _seeds(run[KEY], layer.origin)
            layer = replace(layer, data={**layer.data, "run": {key: run[key] for key in run if key != KEY}})
        kept.append(layer)
    return kept, seeds


def _seeds(value: Any, origin: str) -> tuple[int, ...]:
    if not isinstance(value, list) or not value:
        raise ConfigError(f"run.seeds: {value!r}", f"in {origin}", "expected a list, as in [0, 1, 2]")
    seeds = tuple(fitted(value, list[int], "run.seeds"))
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f"run.seeds: {value!r}", f"in {origin}", "each seed is run once")
    return seeds


def mean_of(made: Sequence[Evaluation]) -> Evaluation:
    """One evaluation with the mean of several: of every score of a clip, and of the values of sets of clips.

    Intervals are those of the clips' mean scores; those of set metrics are the means of the seeds' bounds.
    """
    first = made[0]
    stages = {}
    for stage, found in first.stages.items():
        scores = tuple(_mean_score(same) for same in zip(*(one.stages[stage].scores for one in made), strict=True))
        tables = dict(summarize(scores, first.infos, Bootstrap()))
        for metric, table in found.tables.items():
            every = [one.stages[stage].tables[metric] for one in made]
            own = metric in tables and any(cell.count for row in tables[metric].values() for cell in row.values())
            tables[metric] = tables[metric] if own else _combined(table, every, fmean)
        stages[stage] = StageResult({metric: tables[metric] for metric in found.tables}, scores)
    return replace(first, stages=stages, faults=tuple(fault for one in made for fault in one.faults))


def spread_of(made: Sequence[Evaluation]) -> Evaluation:
    """The standard deviation (n - 1) of every table value over the seeds, in the form of an evaluation."""
    stages = {}
    for stage, found in made[0].stages.items():
        every = {metric: [one.stages[stage].tables[metric] for one in made] for metric in found.tables}
        stages[stage] = StageResult({m: _combined(t, every[m], stdev) for m, t in found.tables.items()}, ())
    return replace(made[0], stages=stages)


def _mean_score(same: Sequence[ClipScore]) -> ClipScore:
    values = [score.value for score in same]
    known = [value for value in values if value is not None]
    return replace(same[0], value=fmean(known) if len(known) == len(values) else None)


def _combined(table: Table, every: Sequence[Table], how: Callable[[Sequence[float]], float]) -> Table:
    def cell(scenario: str, column: str, one: Cell) -> Cell:
        same = [other.get(scenario, {}).get(column) for other in every]
        each = {key: [getattr(found, key) for found in same if found] for key in ("value", "low", "high")}
        found = {k: how(v) if len(v) == len(every) and None not in v else None for k, v in each.items()}
        bounds = found if how is fmean else {"low": None, "high": None}
        return replace(one, value=found["value"], low=bounds["low"], high=bounds["high"])

    return {name: {column: cell(name, column, one) for column, one in row.items()} for name, row in table.items()}
