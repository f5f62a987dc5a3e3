"""LTSim: exp(-E) of the exact optimal transport between two layouts (Otani et al. 2024, "LTSim")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spa2v.core.runtime import Run
from spa2v.core.types import Score, ScoredClip
from spa2v.dsp.boxes import Floats, pairwise_giou
from spa2v.plugins.metrics.assignment import transport_cost
from spa2v.plugins.metrics.flat import FlatLayouts, PairGroup, pair_groups
from spa2v.plugins.metrics.pairs import frame_scores, percent

WORST = float(np.exp(-1.0))
"""The score of an empty layout against one that is not: exp(-1)."""


def lt_sim_cost(first: FlatLayouts, second: FlatLayouts) -> Floats:
    """The transport cost of layout i of the first and layout i of the second, shape (F,), in 0..1; symmetric.

    c = 0.25 * (1 - gIoU) + 0.5 * [labels differ], equal masses. Equal layouts in equal order, two empty ones too, cost
    0; one empty layout costs 1; a pair in which two boxes have no area costs NaN.
    """
    costs = np.zeros(len(first))
    for group in pair_groups(first, second):
        n, m = group.shape
        if min(n, m):
            costs[group.index] = _group_costs(group)
        elif max(n, m):
            costs[group.index] = 1.0
    return costs


def _group_costs(group: PairGroup) -> Floats:
    costs = 0.25 * (1.0 - pairwise_giou(group.boxes_1, group.boxes_2)) + 0.5 * ~group.same_label
    undefined = np.isnan(costs).any(axis=(1, 2))
    found = np.maximum(transport_cost(np.nan_to_num(costs)), 0.0)
    found[undefined] = np.nan
    if group.shape[0] == group.shape[1]:
        found[_identical(group)] = 0.0
    return found


def _identical(group: PairGroup) -> np.ndarray:
    boxes = (group.boxes_1 == group.boxes_2).all(axis=(1, 2))
    return boxes & (group.codes_1 == group.codes_2).all(axis=1)


def lt_sim(first: FlatLayouts, second: FlatLayouts, one_empty: float = WORST) -> Floats:
    """LTSim of layout i of the first with layout i of the second, shape (F,), in [exp(-1), 1].

    Args:
        first, second: equally many layouts.
        one_empty: the score where exactly one of the two is empty: exp(-1) in the reference; 0 is the other
            convention, for frames in which a detector finds nothing.
    """
    scores = np.exp(-lt_sim_cost(first, second))
    scores[(first.counts == 0) != (second.counts == 0)] = one_empty
    return scores


class LTSim:
    """LTSim of each frame.

    Args:
        one_empty: the score of a frame that is empty on one side; the default is exp(-1).
    """

    reads = ("truth", "layout")

    def __init__(self, one_empty: float = WORST) -> None:
        self.one_empty = one_empty
        self.values = {"lt_sim" if one_empty == WORST else f"lt_sim[one_empty={one_empty:g}]": percent("LTSim")}

    def score(self, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Score]]:
        """exp(-1)..1; `details` has the score of each frame."""
        (name,) = self.values
        return frame_scores(clips, name, lambda truth, predicted: lt_sim(truth, predicted, self.one_empty))
