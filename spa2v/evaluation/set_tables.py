"""Tables of metrics that are defined for sets of clips, such as FVD."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray

from spa2v.core.protocols import SetMetric
from spa2v.core.runtime import Run
from spa2v.core.types import Score
from spa2v.evaluation.aggregate import Bootstrap, Cell, ClipInfo, Table, draws, table_groups
from spa2v.evaluation.scores import ClipScore

RESAMPLES = 100
OF_SETS = "set_metric"
"""A flag that every clip of such a metric has; it is not counted."""


def set_table(
    name: str,
    metric: SetMetric,
    vectors: Mapping[str, NDArray[np.float64]],
    scores: Sequence[ClipScore],
    infos: Mapping[str, ClipInfo],
    bootstrap: Bootstrap | None = None,
    run: Run | None = None,
) -> Table:
    """The value of each scenario and column; C is computed on the union, so it need not lie between S and M.

    Clips without a vector count as undefined. The interval is the spread of resampled values about their own mean,
    around the value: resampling repeats clips and so shifts distances. A resample of FVD with 4,700 videos of 400
    features takes about half a second.

    Args:
        name: of the value.
        metric: combines vectors.
        vectors: by clip, (d,) each.
        scores: of all clips, whose flags are counted.
        infos: of all clips.
        bootstrap: how intervals are made; `Bootstrap(0)` makes none.
        run: gives progress.
    """
    flags = {score.clip: score.flags for score in scores if score.metric == name}
    groups = table_groups(infos[clip] for clip in sorted(infos))
    table: Table = {}
    with run.progress(name, len(groups)) if run else nullcontext(lambda _: None) as step:
        for (scenario, column), members in groups.items():
            there = [vectors[info.clip] for info in members if info.clip in vectors]
            counts = Counter(flag for info in members for flag in flags.get(info.clip, ()) if flag != OF_SETS)
            key = (name, f"{scenario}/{column}")
            sources = {info.source or info.clip for info in members if info.clip in vectors}
            how = bootstrap or Bootstrap(RESAMPLES) if len(sources) > 1 else Bootstrap(0)
            cell = _cell(metric, there, len(members), counts, how, key)
            table.setdefault(scenario, {})[column] = cell
            step(1)
    return table


def _cell(
    metric: SetMetric,
    there: Sequence[NDArray[np.float64]],
    members: int,
    flags: Counter[str],
    bootstrap: Bootstrap,
    key: tuple[str, str],
) -> Cell:
    rows = np.array(there)
    found = _combined(metric, rows) if len(rows) else Score(None)
    flags += Counter(dict.fromkeys(found.flags, len(rows)))
    if found.value is None:
        return Cell(None, None, None, 0, members, dict(flags))
    low, high = _interval(metric, rows, found.value, bootstrap, key) or (None, None)
    return Cell(found.value, low, high, len(rows), members - len(rows), dict(flags))


def _combined(metric: SetMetric, rows: NDArray[np.float64]) -> Score:
    found = metric.combine(rows)
    return found if isinstance(found, Score) else Score(found)


def _interval(
    metric: SetMetric, rows: NDArray[np.float64], value: float, bootstrap: Bootstrap, key: tuple[str, str]
) -> tuple[float, float] | None:
    if len(rows) < 2 or bootstrap.resamples < 2:
        return None
    blocks = draws(bootstrap.rng(*key), len(rows), bootstrap.resamples)
    again = [_combined(metric, rows[drawn]).value for block in blocks for drawn in block]
    values = np.array([one for one in again if one is not None])
    if len(values) < 2:
        return None
    low, high = bootstrap.percentiles(values - values.mean())
    return max(min(0.0, float(values.min())), value + low), value + high  # a distance has no negative interval
