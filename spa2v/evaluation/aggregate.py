"""Scores of clips as table cells: S (one object), M (several), C (both) of each scenario, with bootstrap intervals."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import MetricError
from spa2v.core.types import VideoSceneLayout
from spa2v.dsp.boxes import Floats
from spa2v.evaluation.scores import ClipScore

COLUMNS = ("S", "M", "C")
ALL = "all"
_CHUNK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class ClipInfo:
    """Where a clip stands in the tables.

    Args:
        clip: its name.
        scenario: "stationary", "translational" or "unknown".
        objects: how many sounding things its ground truth holds; 1 is S, more is M, 0 counts in C alone.
        source: what it was cut or mirrored from; clips of one source are drawn together. Empty: its own source.
    """

    clip: str
    scenario: str
    objects: int
    source: str = ""

    @classmethod
    def of(cls, clip: str, truth: VideoSceneLayout, source: str = "") -> ClipInfo:
        """From the ground-truth layout of a clip."""
        return cls(clip, truth.scenario or "unknown", len(truth.names), source)

    @property
    def columns(self) -> tuple[str, ...]:
        return {0: ("C",), 1: ("S", "C")}.get(self.objects, ("M", "C"))


@dataclass(frozen=True)
class Cell:
    """A number of a table.

    Args:
        value: the mean over the clips that have a score (or the value of a set metric), None without any.
        low, high: bootstrap interval of the value, None with fewer than two sources.
        count: clips with a score.
        undefined: clips without one.
        flags: how many clips carry each flag.
    """

    value: float | None
    low: float | None
    high: float | None
    count: int
    undefined: int
    flags: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"flags": dict(self.flags)}


Table = dict[str, dict[str, Cell]]
"""Scenario (and "all") to S, M, C to the cell."""


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: percentiles of resampled means. The same seed and clips give the same interval."""

    resamples: int = 1_000
    confidence: float = 0.95
    seed: int = 0

    def rng(self, *name: str) -> np.random.Generator:
        """A generator for one cell, whatever cells were made before."""
        digest = hashlib.sha256("/".join([str(self.seed), *name]).encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8], "big"))

    def percentiles(self, values: Floats) -> tuple[float, float]:
        tail = (1.0 - self.confidence) / 2
        low, high = np.quantile(values, [tail, 1.0 - tail])
        return float(low), float(high)


def draws(rng: np.random.Generator, sources: int, resamples: int) -> Iterable[NDArray[np.int64]]:
    """Blocks of (r, sources) places drawn with replacement, `resamples` rows in total."""
    block = max(1, _CHUNK_BYTES // (8 * max(sources, 1)))
    for start in range(0, resamples, block):
        yield rng.integers(0, sources, (min(block, resamples - start), sources))


def mean_interval(
    values: Floats, sources: Sequence[str], bootstrap: Bootstrap, rng: np.random.Generator
) -> tuple[float, float] | None:
    """Percentile interval of the mean of (n,) values, drawing whole sources; None with fewer than two sources."""
    _, which = np.unique(np.array(sources), return_inverse=True)
    sums = np.bincount(which, weights=values)
    sizes = np.bincount(which).astype(np.float64)
    if len(sums) < 2:
        return None
    means = [sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1) for drawn in draws(rng, len(sums), bootstrap.resamples)]
    return bootstrap.percentiles(np.concatenate(means))


def table_groups(infos: Iterable[ClipInfo]) -> dict[tuple[str, str], list[ClipInfo]]:
    """The clips of each cell (scenario, column), the scenario "all" included."""
    groups: dict[tuple[str, str], list[ClipInfo]] = {}
    for info in infos:
        for scenario in (info.scenario, ALL):
            for column in info.columns:
                groups.setdefault((scenario, column), []).append(info)
    return groups


def summarize(
    scores: Iterable[ClipScore], infos: Mapping[str, ClipInfo], bootstrap: Bootstrap | None = None
) -> dict[str, Table]:
    """Metric to scenario to column to cell. C is the mean over the clips of S and M (and of clips without objects).

    Raises:
        MetricError: a score of a clip that `infos` lacks, or two scores of one metric for one clip.
    """
    by_metric: dict[str, dict[str, ClipScore]] = {}
    for score in scores:
        if score.clip not in infos:
            raise MetricError(f"{score.metric}: {score.clip!r} is not a clip of this benchmark")
        if by_metric.setdefault(score.metric, {}).setdefault(score.clip, score) is not score:
            raise MetricError(f"{score.metric}: {score.clip!r} is scored twice")
    return {metric: _table(metric, found, infos, bootstrap or Bootstrap()) for metric, found in by_metric.items()}


def _table(metric: str, scores: Mapping[str, ClipScore], infos: Mapping[str, ClipInfo], bootstrap: Bootstrap) -> Table:
    table: Table = {}
    # Sorted, so that neither the order of arrival nor a restart changes the drawing.
    for (scenario, column), members in table_groups(infos[clip] for clip in sorted(scores)).items():
        rng = bootstrap.rng(metric, scenario, column)
        table.setdefault(scenario, {})[column] = _cell(members, scores, bootstrap, rng)
    return table


def _cell(
    members: Sequence[ClipInfo], scores: Mapping[str, ClipScore], bootstrap: Bootstrap, rng: np.random.Generator
) -> Cell:
    flags = Counter(flag for info in members for flag in scores[info.clip].flags)
    valued = [(info, value) for info in members if (value := scores[info.clip].value) is not None]
    if not valued:
        return Cell(None, None, None, 0, len(members), dict(flags))
    values = np.array([value for _, value in valued])
    interval = mean_interval(values, [info.source or f"clip:{info.clip}" for info, _ in valued], bootstrap, rng)
    low, high = interval or (None, None)
    return Cell(float(values.mean()), low, high, len(valued), len(members) - len(valued), dict(flags))


def difference(
    scores: Mapping[str, float], baseline: Mapping[str, float], infos: Mapping[str, ClipInfo], bootstrap: Bootstrap
) -> Cell:
    """Mean of score minus baseline over the clips that both have, with the paired interval.

    Raises:
        MetricError: the two share no clip.
    """
    clips = sorted(set(scores) & set(baseline))
    if not clips:
        raise MetricError("the two sets of scores share no clip")
    gaps = np.array([scores[clip] - baseline[clip] for clip in clips])
    sources = [infos[clip].source or f"clip:{clip}" for clip in clips]
    low, high = mean_interval(gaps, sources, bootstrap, bootstrap.rng("difference")) or (None, None)
    return Cell(float(gaps.mean()), low, high, len(clips), len(set(scores) ^ set(baseline)), {})
