"""Evaluations of the same clips against the first of them: paired differences, intervals, a sign test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spa2v.core.errors import ConfigError, counted
from spa2v.evaluation.aggregate import Bootstrap, Cell, difference
from spa2v.evaluation.engine.result import Evaluation
from spa2v.evaluation.tables import STAGE_TITLES, Grid, Row

Named = tuple[str, Evaluation]
"""An evaluation under the name that tables show."""


@dataclass(frozen=True)
class Paired:
    """One metric of two evaluations over the clips that both have a value for.

    Args:
        baseline, other: means over those clips.
        gap: other minus baseline, with the paired bootstrap interval that draws whole sources.
        better, worse, tied: sources whose mean difference is for the better, for the worse, or none.
        p: of the two-sided sign test (exact binomial, ties left out); None where every source ties.
    """

    baseline: float
    other: float
    gap: Cell
    better: int
    worse: int
    tied: int
    p: float | None


def paired(base: Evaluation, other: Evaluation, stage: str, metric: str) -> Paired | None:
    """One metric compared; None where no clip has a value in both, as for metrics of whole sets."""
    from scipy.stats import binomtest

    first, second = values_of(base, stage, metric), values_of(other, stage, metric)
    clips = sorted(set(first) & set(second))
    if not clips:
        return None
    gap = difference(second, first, base.infos, Bootstrap())
    sources: dict[str, list[float]] = {}
    for clip in clips:
        sources.setdefault(base.infos[clip].source or f"clip:{clip}", []).append(second[clip] - first[clip])
    gaps = np.array([np.mean(found) for found in sources.values()]) * (1 if base.info(metric).higher else -1)
    tied = np.isclose(gaps, 0.0, rtol=0.0, atol=1e-9)
    better, worse = int((~tied & (gaps > 0)).sum()), int((~tied & (gaps < 0)).sum())
    p = float(binomtest(better, better + worse).pvalue) if better + worse else None
    before, after = (float(np.mean([side[clip] for clip in clips])) for side in (first, second))
    return Paired(before, after, gap, better, worse, int(tied.sum()), p)


def values_of(made: Evaluation, stage: str, metric: str) -> dict[str, float]:
    """The value of each clip that has one."""
    scores = made.stages[stage].scores if stage in made.stages else ()
    return {score.clip: score.value for score in scores if score.metric == metric and score.value is not None}


def comparison_grids(found: Sequence[Named]) -> list[Grid]:
    """A table a stage and evaluation after the first.

    Raises:
        ConfigError: two of them share no clip, or no stage.
    """
    base, *others = found
    grids = [grid for other in others for grid in _grids(base, other)]
    if not grids:
        raise ConfigError("the evaluations share no stage", *(f"{name}: {', '.join(e.stages)}" for name, e in found))
    return grids


def _grids(base: Named, other: Named) -> Iterator[Grid]:
    shared = set(base[1].infos) & set(other[1].infos)
    if not shared:
        raise ConfigError(f"{base[0]} and {other[0]} share no clip", f"data: {base[1].data} and {other[1].data}")
    for stage, result in base[1].stages.items():
        if stage in other[1].stages:
            both = [metric for metric in result.tables if metric in other[1].stages[stage].tables]
            pairs = {metric: paired(base[1], other[1], stage, metric) for metric in both}
            yield Grid(
                f"{STAGE_TITLES[stage]}: {other[0]} against {base[0]}",
                ("metric", "first", "second", "difference", "better/worse/tied", "p"),
                tuple(_row(base[1], metric, pair) for metric, pair in pairs.items() if pair is not None),
                tuple(_notes(base, other, len(shared), pairs)),
            )


def _row(base: Evaluation, metric: str, pair: Paired) -> Row:
    info = base.info(metric)
    found = [value for value in (pair.gap.value, pair.gap.low, pair.gap.high) if value is not None]
    gap = [f"{value * info.scale:+.{info.digits}f}" for value in found]
    span = f"{gap[0]} [{gap[1]}, {gap[2]}]" if len(gap) == 3 else gap[0]
    p = "-" if pair.p is None else "<0.001" if pair.p < 0.001 else f"{pair.p:.3f}"
    title = f"{info.title} {'↑' if info.higher else '↓'}"
    counts = f"{pair.better}/{pair.worse}/{pair.tied}"
    return Row((title, info.text(pair.baseline), info.text(pair.other), span, counts, p))


def _notes(base: Named, other: Named, shared: int, pairs: Mapping[str, Paired | None]) -> Iterator[str]:
    of_sets = [metric for metric, pair in pairs.items() if pair is None]
    known = any(pair is not None and pair.gap.low is not None for pair in pairs.values())
    spans = "paired bootstrap intervals (95 %)" if known else "no intervals, which need clips of two sources"
    yield f"First: {base[0]}; second: {other[0]}. {counted(shared, 'clip')} in both, clips of one source counted once."
    yield f"Differences with {spans}; p of the two-sided sign test, ties left out."
    alone = len(set(base[1].infos) ^ set(other[1].infos))
    if alone:
        yield f"{counted(alone, 'clip')} in one of them only: left out."
    if base[1].data != other[1].data:
        yield f"They were scored on two folders: {base[1].data} and {other[1].data}."
    if of_sets:
        yield f"No pairs: {', '.join(base[1].info(metric).title for metric in of_sets)} (of sets, or undefined)."


def named(evaluations: Mapping[str, Evaluation]) -> list[Named]:
    """Evaluations by path under their names, or their paths where names clash."""
    names = [made.name for made in evaluations.values()]
    clash = len(set(names)) < len(names)
    return [(path if clash else made.name, made) for path, made in evaluations.items()]
