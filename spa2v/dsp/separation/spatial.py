"""How many things sound, and which cells belong to each: paths through a map of time and place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spa2v.dsp.separation.tf_bins import PLACES, Cells
from spa2v.dsp.separation.trajectories import NEAR, Route, follow, moving, still
from spa2v.dsp.stft import Array

BACKGROUND = 0.25  # likelihood of a cell that belongs to no path, where 1 is on the path
ROUNDS = 3
MOVING_GAIN = 0.02  # part of the cells that a moving path must explain more than a still one
MIN_COHERENT = 0.15  # of the cells; in recordings that are diffuse throughout, paths are chance
ENOUGH = 0.93  # part of the cells on the paths from which no further source is looked for
ONE_WAY = 0.6  # net over total way
APART = 0.2  # in sine, 12 degrees: less is the blur of single cells
APART_IN_DOUBT = 0.34  # recordings of one source that are diffuse or colored spread by up to 0.33
CLEAR = 0.35  # coherent part of the cells from which a recording is not diffuse
WIDE = 0.6  # in sine, 37 degrees: reverberation seldom moves a part of a sound as far
TOGETHER = 0.5  # correlation of level changes from which two are parts of one sound; players in one rhythm reach 0.45
IN_TURN = -0.4  # correlation of levels under which two are notes of one melody
MIN_CLEAR = 0.015  # part of the cells that must belong to each of two sources beyond doubt
OVERLAP = 0.15  # of each source's cells that must lie in the time of the other
VALLEY = 0.45  # cells half way between two sources over those on the smaller one


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the cells say.

    Args:
        cells: of the clip.
        likelihood: of every place for each cell, (T, B, GRID).
        highest: its maximum for each cell, (T, B, 1).
        apart: how far apart, in sine, two sources must be in this recording.
    """

    cells: Cells
    likelihood: Array
    highest: Array
    apart: float

    @staticmethod
    def of(cells: Cells, colored: bool = False) -> Evidence:
        likelihood = cells.likelihood()
        sure = not colored and cells.coherent_share >= CLEAR
        return Evidence(cells, likelihood, likelihood.max(axis=2, keepdims=True), APART if sure else APART_IN_DOUBT)

    def heights(self, weight: Array) -> Array:
        """Weight of every place at every time, (T, GRID)."""
        return np.asarray((weight[:, None, :] @ self.likelihood)[:, 0])

    def share(self, paths: Array) -> Array:
        """Share of each path in each cell, (K, T, B); what is missing to 1 belongs to no path."""
        near = np.exp(-0.5 * ((PLACES[:, None] - paths.T[:, None, :]) / NEAR) ** 2)  # (T, GRID, K)
        fit = self.likelihood @ near
        return np.moveaxis(fit / (fit.sum(axis=2, keepdims=True) + BACKGROUND * self.highest), 2, 0)


@dataclass(frozen=True, eq=False)
class Split:
    """Paths and shares of K sources.

    Args:
        paths: sine of the azimuth over time, (K, T).
        mine: share of each cell, (K, T, B), with the background summing to 1.
        doubt: for each source, 0..1, how much lies between it and its nearest other, against the smaller of the two.
    """

    paths: Array
    mine: Array
    doubt: tuple[float, ...]


def separate(evidence: Evidence, max_sources: int) -> Split:
    """As many paths as stand apart, the strongest first, each found in what the ones before leave over.

    A path counts as a source of its own when it is `Evidence.apart` away from every other one for a good part of the
    time, when cells gather on both, and when few lie half way between: one source in a reverberant or colored
    recording spreads over a range of places, two sources leave a valley. One source is taken when in doubt.
    """
    best = _settled(evidence, [follow(evidence.heights(evidence.cells.weight))])
    if evidence.cells.coherent_share < MIN_COHERENT:
        return best
    while len(best.paths) < max_sources and _explained(evidence.cells, best) < ENOUGH:
        tried = _with_another(evidence, best)
        if tried is None:
            break
        best = tried
    return best


def _with_another(evidence: Evidence, best: Split) -> Split | None:
    """The split with one more path, still unless moving tells more; None where both leave too much doubt."""
    left_over = evidence.heights(evidence.cells.weight * (1.0 - best.mine.sum(axis=0)))
    for path in best.paths:
        left_over = np.where(np.abs(PLACES - path[:, None]) < 0.8 * evidence.apart, 0.0, left_over)
    before = [Route(path, bool(np.ptp(path) > 0)) for path in best.paths]
    found: Split | None = None
    for fresh in (Route(still(left_over), False), Route(moving(left_over), True)):
        if min(_gap(fresh.sine, path.sine) for path in before) < evidence.apart:
            continue
        tried = _settled(evidence, [*before, fresh])
        if max(tried.doubt) >= 1.0 or (fresh.moves and not _one_way(tried.paths[-1])):
            continue
        if found is None or _explained(evidence.cells, tried) > _explained(evidence.cells, found) + MOVING_GAIN:
            found = tried
    return found


def _one_way(path: Array) -> bool:
    """Whether a path goes one way, as things that pass do; one that wanders follows chance."""
    length = float(np.abs(np.diff(path)).sum())
    return length > 0 and abs(float(path[-1] - path[0])) > ONE_WAY * length


def _settled(evidence: Evidence, found: list[Route]) -> Split:
    """Rounds of sharing the cells out and following each share anew, still or moving as first found."""
    paths = np.array([path.sine for path in found])
    for _ in range(ROUNDS if len(found) > 1 else 0):
        parts = evidence.share(paths)
        maps = [evidence.heights(evidence.cells.weight * part) for part in parts]
        paths = np.array([moving(each) if path.moves else still(each) for each, path in zip(maps, found, strict=True)])
    mine = evidence.share(paths)
    doubt = np.zeros((len(paths), len(paths)))
    for one in range(len(paths)):
        for other in range(one):
            doubt[one, other] = doubt[other, one] = _doubt(evidence, paths, mine, one, other)
    return Split(paths, mine, tuple(doubt.max(axis=1).tolist()))


def _explained(cells: Cells, split: Split) -> float:
    total = float(cells.weight.sum())
    return float(np.sum(cells.weight * split.mine.sum(axis=0))) / total if total > 0 else 1.0


def _doubt(evidence: Evidence, paths: Array, mine: Array, one: int, other: int) -> float:
    """0 where two of the paths are two sources for sure, 1 and more where they are not."""
    cells, gap = evidence.cells, np.abs(paths[one] - paths[other])
    total = float(cells.weight.sum())
    wide, pair = _gap(paths[one], paths[other]), mine[[one, other]]
    if total <= 0 or wide < evidence.apart or _one_after_the_other(cells, pair):
        return 2.0
    if wide < WIDE and not _unrelated(cells, pair):
        return 2.0
    between = (paths[one] + paths[other]) / 2
    parts = evidence.share(np.vstack([paths, between]))
    weight = cells.weight * (gap > 0.7 * evidence.apart)[:, None]
    clear = [float(np.sum(weight * (parts[i] > 2.0 * np.delete(parts, i, 0).max(axis=0)))) for i in (one, other, -1)]
    fewer = min(clear[:2])
    return 2.0 if fewer < MIN_CLEAR * total else clear[2] / fewer / VALLEY


def _one_after_the_other(cells: Cells, mine: Array) -> bool:
    """Whether one of two ends where the other begins: a single thing that went by too fast for a path."""
    active = (cells.weight * mine).sum(axis=2)
    done = np.cumsum(active, axis=1) / np.maximum(active.sum(axis=1, keepdims=True), 1e-12)
    ends, begins = (np.array([np.searchsorted(part, level) for part in done]) for level in (1 - OVERLAP, OVERLAP))
    return bool(ends[0] <= begins[1] or ends[1] <= begins[0])


def _unrelated(cells: Cells, mine: Array) -> bool:
    """Whether the levels of two go their own ways.

    In a room every line of one instrument has a place of its own. Parts of one sound start together, and the notes of
    one melody take turns. The changes of two sources correlate by chance within 0.14 (one standard deviation for the
    usual 50 steps), their levels within 0.2, since those last over several steps.
    """
    power = cells.left + cells.right
    parts = (power * mine / np.maximum(mine.sum(axis=0), 1e-9)).sum(axis=2)
    levels = 10.0 * np.log10(parts + 1e-7 * max(float(power.sum(axis=1).max()), 1e-20))
    together, levels_alike = _correlation(np.diff(levels, axis=1)), _correlation(levels)
    return together < TOGETHER and levels_alike > IN_TURN


def _correlation(pair: Array) -> float:
    centered = pair - pair.mean(axis=1, keepdims=True)
    size = float(np.sqrt(np.prod(np.sum(centered**2, axis=1))))
    return float(centered[0] @ centered[1]) / size if size > 1e-12 else 0.0


def _gap(one: Array, other: Array) -> float:
    """How far apart two paths come for a quarter of the time."""
    return float(np.quantile(np.abs(one - other), 0.75))
