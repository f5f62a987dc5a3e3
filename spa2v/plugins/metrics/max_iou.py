"""MaxIoU: overlap under the best pairing of equal labels (Kikuchi et al. 2021, LayoutGAN++)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from spa2v.core.errors import MetricError
from spa2v.core.runtime import Run
from spa2v.core.types import Score, ScoredClip
from spa2v.dsp.boxes import Floats, pairwise_iou
from spa2v.plugins.metrics.assignment import Orientation, known, match, matched, oriented
from spa2v.plugins.metrics.flat import FlatLayouts, PairGroup, pair_groups
from spa2v.plugins.metrics.pairs import Pairs, frame_scores, pairs_of, percent


def max_iou(first: FlatLayouts, second: FlatLayouts, both_empty: float = 1.0, different: float = 0.0) -> Floats:
    """MaxIoU of layout i of the first with layout i of the second, shape (F,), in 0..1; symmetric.

    Args:
        first, second: equally many layouts.
        both_empty: the score of two empty layouts (1 is our convention; the reference codes raise).
        different: the score where the two multisets of labels differ.

    A pair in which two boxes of one label have no area scores NaN; `FlatLayouts.floored` avoids it.
    """
    scores = np.full(len(first), different)
    for group in pair_groups(first, second):
        n, m = group.shape
        if n == m:
            scores[group.index] = _group_scores(group, different) if n else both_empty
    return scores


def _group_scores(group: PairGroup, different: float) -> Floats:
    same = group.same_label
    iou = np.where(same, pairwise_iou(group.boxes_1, group.boxes_2), 0.0)
    undefined = np.isnan(iou).any(axis=(1, 2))
    iou = np.nan_to_num(iou)
    # Unequal labels give 0 and overlaps are at least 0, so the best matching is as good as the best within each label.
    scores = matched(iou, *match(iou)).mean(axis=1)
    scores[undefined] = np.nan
    equal = (np.sort(group.codes_1, axis=1) == np.sort(group.codes_2, axis=1)).all(axis=1)
    return np.where(equal, scores, different)


def max_iou_of_sets(
    first: FlatLayouts, second: FlatLayouts, orientation: Orientation = "intended", no_partner: float = 0.0
) -> float:
    """MaxIoU of two collections, whatever their order and sizes.

    Layouts with the same multiset of labels form a group; within a group each layout is paired with at most one of the
    other side so that the sum is greatest; the result is the mean of all paired scores. Layouts without a partner do
    not count.

    Args:
        first, second: any numbers of layouts.
        orientation: "reference" repeats the matrix order of the public codes (see `oriented`).
        no_partner: the result when no group stands on both sides (0, or NaN in one public code).

    Raises:
        MetricError: empty layouts on both sides, or two boxes without area meet.
    """
    groups_1, groups_2 = _by_labels(first), _by_labels(second)
    shared = [key for key in groups_1 if key in groups_2]
    if () in shared:
        raise MetricError("empty layouts stand on both sides", "leave them out, or score frame by frame")
    kept = [_paired(first.take(groups_1[key]), second.take(groups_2[key]), orientation) for key in shared]
    return float(np.concatenate(kept).mean()) if kept else no_partner


def _by_labels(layouts: FlatLayouts) -> dict[tuple[str, ...], list[int]]:
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, (start, stop) in enumerate(zip(layouts.offsets[:-1], layouts.offsets[1:], strict=True)):
        groups.setdefault(tuple(sorted(layouts.labels[start:stop])), []).append(index)
    return groups


def _paired(first: FlatLayouts, second: FlatLayouts, orientation: Orientation) -> Floats:
    n, m = len(first), len(second)
    scores = max_iou(first.take(np.repeat(np.arange(n), m).tolist()), second.take(np.tile(np.arange(m), n).tolist()))
    if np.isnan(scores).any():
        raise MetricError("two boxes without area have no overlap to speak of", "give boxes an area, for example 1e-6")
    matrix = oriented(scores.reshape(1, n, m), orientation)
    return matched(matrix, *match(matrix))[0]


class MaxIoU:
    """MaxIoU of each frame, or of all frames of a clip as two sets.

    Args:
        both_empty: the score of a frame that is empty on both sides.
        set_level: the call that the public codes expose, on all frames of a clip: it ignores their order and every
            frame without a partner. Its value is "max_iou_set".
        orientation: of the set-level score, see `oriented`.
    """

    reads = ("truth", "layout")

    def __init__(self, both_empty: float = 1.0, set_level: bool = False, orientation: Orientation = "intended") -> None:
        self.both_empty, self.set_level, self.orientation = both_empty, set_level, known(orientation)
        if set_level:
            more = "" if orientation == "intended" else f"[orientation={orientation}]"
            self.values = {f"max_iou_set{more}": percent("MaxIoU of sets")}
        else:
            self.values = {"max_iou" if both_empty == 1.0 else f"max_iou[both_empty={both_empty:g}]": percent("MaxIoU")}

    def score(self, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Score]]:
        """0..1; `details` has the score of each frame."""
        (name,) = self.values
        if self.set_level:
            return [{name: score} for score in self._of_sets(pairs_of(tuple(clips)))]
        return frame_scores(clips, name, lambda truth, predicted: max_iou(truth, predicted, self.both_empty))

    def _of_sets(self, pairs: Pairs) -> Iterator[Score]:
        start = 0
        for clip, note in zip(pairs.clips, pairs.notes, strict=True):
            frames = range(start, start := start + clip.frames)
            # Frames that are empty have no place in the reference's grouping.
            full = [side.take([f for f in frames if side.counts[f]]) for side in (pairs.truth, pairs.predicted)]
            yield Score(max_iou_of_sets(full[0], full[1], self.orientation), *note)
