"""FVD: the Frechet distance of the video features of two sets (Unterthiner et al. 2019); it has no value per clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spa2v.evaluation.aggregate import Bootstrap, Cell, ClipInfo, Table, draws, table_groups
from spa2v.evaluation.errors import MetricError
from spa2v.evaluation.metrics.boxes import Floats
from spa2v.evaluation.metrics.frechet import Covariance, frechet_distance
from spa2v.evaluation.scores import ClipScore

if TYPE_CHECKING:
    from spa2v.core.runtime import Run

FEW = 401
"""Fewer videos than the 400 dimensions of I3D plus one: the covariance is singular and the value biased upwards."""


@dataclass(frozen=True, eq=False)
class ClipFeatures:
    """The features of one set of videos, by clip; all of one width, by one extractor."""

    extractor: str
    vectors: Mapping[str, Floats]

    def rows(self, clips: Sequence[str]) -> Floats:
        """(n, d) features of those of `clips` that are here."""
        return np.array([self.vectors[clip] for clip in clips if clip in self.vectors], dtype=np.float64)


def fvd_table(
    real: ClipFeatures,
    generated: ClipFeatures,
    infos: Mapping[str, ClipInfo],
    covariance: Covariance = "biased",
    bootstrap: Bootstrap | None = None,
    run: Run | None = None,
) -> Table:
    """FVD of each scenario and column; C is computed on the union, so it need not lie between S and M.

    Both sets are cut to the clips that have a real and a generated video; the others are counted as undefined. The
    interval is the spread of resampled distances about their own mean, laid around the value: resampling repeats
    videos and so shifts the distance itself. A resample of 4,700 videos with 400 features takes about half a second;
    `Bootstrap(0)` makes no intervals, `run` shows the progress.

    Raises:
        MetricError: the two sets come from different extractors, or a clip is not in `infos`.
    """
    if real.extractor != generated.extractor:
        raise MetricError(f"features of {real.extractor!r} cannot be compared with those of {generated.extractor!r}")
    unknown = sorted((set(real.vectors) | set(generated.vectors)) - set(infos))
    if unknown:
        raise MetricError(f"fvd: {unknown[0]!r} is not a clip of this benchmark")
    groups = table_groups(infos[clip] for clip in sorted(infos))
    table: Table = {}
    with run.progress("FVD", len(groups)) if run else nullcontext(lambda _: None) as step:
        for (scenario, column), members in groups.items():
            clips = [info.clip for info in members]
            cell = _cell(real, generated, clips, covariance, bootstrap or Bootstrap(100), f"{scenario}/{column}")
            table.setdefault(scenario, {})[column] = cell
            step(1)
    return table


def _cell(
    real: ClipFeatures,
    generated: ClipFeatures,
    clips: Sequence[str],
    covariance: Covariance,
    bootstrap: Bootstrap,
    name: str,
) -> Cell:
    both = [clip for clip in clips if clip in real.vectors and clip in generated.vectors]
    flags = {
        "real_missing": sum(clip not in real.vectors for clip in clips),
        "generated_missing": sum(clip not in generated.vectors for clip in clips),
        "few_videos": len(both) if len(both) < FEW else 0,
    }
    kept = {flag: count for flag, count in flags.items() if count}
    if len(both) < (1 if covariance == "biased" else 2):
        return Cell(None, None, None, 0, len(clips), kept)
    x, y = real.rows(both), generated.rows(both)
    value = frechet_distance(x, y, covariance)
    low, high = _interval(x, y, value, covariance, bootstrap, name) or (None, None)
    return Cell(value, low, high, len(both), len(clips) - len(both), kept)


def _interval(
    x: Floats, y: Floats, value: float, covariance: Covariance, bootstrap: Bootstrap, name: str
) -> tuple[float, float] | None:
    if len(x) < 2 or bootstrap.resamples < 2:
        return None
    blocks = draws(bootstrap.rng("fvd", name), len(x), bootstrap.resamples)
    again = np.array([frechet_distance(x[rows], y[rows], covariance) for block in blocks for rows in block])
    low, high = bootstrap.percentiles(again - again.mean())
    return max(0.0, value + low), value + high


def fvd_clip_scores(real: ClipFeatures, generated: ClipFeatures, clips: Sequence[str]) -> list[ClipScore]:
    """What can be said of single clips: no FVD, but how far each video's features lie from the real ones (squared)."""
    there = [clip for clip in clips if clip in real.vectors]
    center = real.rows(there).mean(axis=0) if there else None
    return [_clip_score(clip, real, generated, center) for clip in clips]


def _clip_score(clip: str, real: ClipFeatures, generated: ClipFeatures, center: Floats | None) -> ClipScore:
    own = generated.vectors.get(clip)
    if own is None or center is None:
        reason = "There are no features of this clip's video." if own is None else "There are no real features."
        return ClipScore(clip, "fvd", None, ("set_metric", "no_features"), (reason,))
    details = {"distance_to_real_mean": float(((own - center) ** 2).sum())}
    if clip in real.vectors:
        details["distance_to_own_real"] = float(((own - real.vectors[clip]) ** 2).sum())
    reason = "FVD compares two sets of videos; a single clip has distances of features only."
    return ClipScore(clip, "fvd", None, ("set_metric",), (reason,), details)
