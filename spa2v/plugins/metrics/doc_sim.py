"""DocSim: similarity of sizes and places under the best pairing (Patil et al. 2020, "READ")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from spa2v.core.runtime import Run
from spa2v.core.types import Score, ScoredClip
from spa2v.dsp.boxes import Floats, area
from spa2v.plugins.metrics.assignment import Orientation, known, match, matched, oriented
from spa2v.plugins.metrics.flat import FlatLayouts, PairGroup, pair_groups
from spa2v.plugins.metrics.pairs import frame_scores, pairs_of, percent

MAX_EXCESS = 2
"""More missing or extra objects than this give 0."""


def doc_sim(first: FlatLayouts, second: FlatLayouts, orientation: Orientation = "intended") -> Floats:
    """DocSim of layout i of the first with layout i of the second, shape (F,), in 0..1.

    W = sqrt(min(area)) * 2^(-distance of centers - 2 * difference of sides) for equal labels, else 0; the mean of the
    min(N, M) matched weights; 0 when a side is empty or the numbers of objects differ by three or more. A layout scores
    less than 1 against itself: the mean square root of its areas.

    Args:
        first, second: equally many layouts.
        orientation: "reference" repeats the matrix order of the public codes (see `oriented`); then not symmetric.
    """
    scores = np.zeros(len(first))
    for group in pair_groups(first, second):
        n, m = group.shape
        if min(n, m) and abs(n - m) <= MAX_EXCESS:
            weights = oriented(_weights(group), orientation)
            scores[group.index] = matched(weights, *match(weights)).mean(axis=1)
    return scores


def _weights(group: PairGroup) -> Floats:
    a, b = group.boxes_1[:, :, None], group.boxes_2[:, None, :]
    smaller = np.maximum(np.minimum(area(a), area(b)), 0.0)
    centers = np.linalg.norm((a[..., :2] + a[..., 2:]) / 2 - (b[..., :2] + b[..., 2:]) / 2, axis=-1)
    sides = np.abs((a[..., 2:] - a[..., :2]) - (b[..., 2:] - b[..., :2])).sum(axis=-1)
    return np.where(group.same_label, np.sqrt(smaller) * np.exp2(-centers - 2.0 * sides), 0.0)


class DocSim:
    """DocSim of each frame, with that of the ground truth and itself beside it: it is not 1.

    Args:
        orientation: "reference" repeats the matrix order of the public codes (see `oriented`).
    """

    reads = ("truth", "layout")

    def __init__(self, orientation: Orientation = "intended") -> None:
        self.orientation = known(orientation)
        more = "" if orientation == "intended" else f"[orientation={orientation}]"
        self.values = {f"doc_sim{more}": percent("DocSim")}

    def score(self, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Score]]:
        """0..1; `details` has the score of each frame, and under "truth_with_itself" the ceiling."""
        (name,) = self.values
        found = frame_scores(clips, name, lambda truth, predicted: doc_sim(truth, predicted, self.orientation))
        pairs = pairs_of(tuple(clips))
        best = [float(frames.mean()) for frames in pairs.split(doc_sim(pairs.truth, pairs.truth))]
        return [
            {name: replace(scores[name], details={**scores[name].details, "truth_with_itself": ceiling})}
            for scores, ceiling in zip(found, best, strict=True)
        ]
