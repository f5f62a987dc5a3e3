"""Stage 1: the layout metrics of many clips at once, each clip with its reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import KeyFrame, VideoSceneLayout, frame_times
from spa2v.core.types.layout import DEFAULT_FRAMES
from spa2v.evaluation.errors import MetricError
from spa2v.evaluation.labels import ExactLabels, LabelMapping, changed
from spa2v.evaluation.metrics.assignment import Orientation
from spa2v.evaluation.metrics.boxes import Floats
from spa2v.evaluation.metrics.doc_sim import doc_sim
from spa2v.evaluation.metrics.flat import FlatLayouts
from spa2v.evaluation.metrics.lt_sim import WORST, lt_sim
from spa2v.evaluation.metrics.max_iou import max_iou, max_iou_of_sets
from spa2v.evaluation.metrics.track_iou import Tracks, track_iou
from spa2v.evaluation.scores import ClipScore


@dataclass(frozen=True)
class LayoutPair:
    """One clip of stage 1, or of stage 2 when `predicted` is what a detector saw.

    Args:
        clip: its name.
        truth: the frames of the ground truth.
        predicted: as many frames, or None where there is no prediction; it counts as empty frames.
        flags, reasons: what is known already, such as why there is no prediction.
    """

    clip: str
    truth: tuple[KeyFrame, ...]
    predicted: tuple[KeyFrame, ...] | None
    flags: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, clip: str, truth: VideoSceneLayout, predicted: VideoSceneLayout | None, frames: int = DEFAULT_FRAMES
    ) -> LayoutPair:
        """Both layouts at `frames` times that span each of them."""
        if predicted is None:
            reason = "There is no layout for this clip; it is scored as empty frames."
            return cls(clip, frames_of(truth, frames), None, ("no_layout",), (reason,))
        pair = cls(clip, frames_of(truth, frames), frames_of(predicted, frames))
        if abs(truth.duration_s - predicted.duration_s) <= 0.02 * truth.duration_s:
            return pair
        reason = f"The layout lasts {predicted.duration_s:.3g} s, the ground truth {truth.duration_s:.3g} s."
        return cls(clip, pair.truth, pair.predicted, ("duration_differs",), (reason,))


def frames_of(layout: VideoSceneLayout, count: int = DEFAULT_FRAMES) -> tuple[KeyFrame, ...]:
    """The scene at each of `count` frames; key frames that stand at those times are taken as they are."""
    if len(layout.keyframes) == count:
        given = np.array([frame.time_s for frame in layout.keyframes])
        if np.allclose(given, frame_times(layout.duration_s, count), rtol=0, atol=1e-6 * layout.duration_s):
            return layout.keyframes
    return layout.frames(count)


@dataclass(frozen=True)
class LayoutOptions:
    """The conventions of a scoring; `describe` puts them beside the numbers.

    Args:
        labels: which labels are one.
        orientation: "intended", or "reference" for the matrix order of the public codes.
        both_empty: MaxIoU of a frame that is empty on both sides.
        one_empty: LTSim of a frame that is empty on one side: exp(-1) in the reference, 0 in the other convention.
        set_level: adds "max_iou_set", the reference's call on all frames of a clip, which ignores their order.
        vocabulary: labels of the whole ground truth, for mappings that need it; None takes those of the clips given.
    """

    labels: LabelMapping = field(default_factory=ExactLabels)
    orientation: Orientation = "intended"
    both_empty: float = 1.0
    one_empty: float = WORST
    set_level: bool = False
    vocabulary: frozenset[str] | None = None

    def describe(self) -> dict[str, object]:
        return {
            "labels": self.labels.name,
            "orientation": self.orientation,
            "max_iou_both_empty": self.both_empty,
            "lt_sim_one_empty": self.one_empty,
        }

    def named(self, metric: str) -> str:
        """The metric with what departs from the defaults in brackets: "lt_sim[one_empty=0]"."""
        parts = [f"labels={self.labels.name}"] if self.labels.name != "exact" else []
        if self.orientation != "intended" and metric in ("doc_sim", "max_iou_set"):
            parts.append(f"orientation={self.orientation}")
        if self.both_empty != 1.0 and metric == "max_iou":
            parts.append(f"both_empty={self.both_empty:g}")
        if self.one_empty != WORST and metric == "lt_sim":
            parts.append(f"one_empty={self.one_empty:g}")
        return f"{metric}[{', '.join(parts)}]" if parts else metric


def layout_scores(pairs: Sequence[LayoutPair], options: LayoutOptions | None = None) -> dict[str, list[ClipScore]]:
    """Metric name to the scores of all clips, in their order: max_iou, lt_sim, doc_sim, track_iou (0..1).

    Names carry what departs from the defaults (`LayoutOptions.named`), so that the results of several options can
    stand in one dictionary. A clip's score is the mean over its frames; `details["frames"]` holds each. All clips have
    equally many frames.

    Raises:
        MetricError: the two sides of a clip differ in their number of frames.
    """
    if not pairs:
        return {}
    _check_frames(pairs)
    options = options or LayoutOptions()
    table = _label_table(pairs, options)
    truth, predicted = (_flat(pairs, side).relabeled(table).floored() for side in ("truth", "predicted"))
    notes = _notes(pairs, truth, predicted, table)
    scores = {
        "max_iou": max_iou(truth, predicted, both_empty=options.both_empty),
        "lt_sim": lt_sim(truth, predicted, one_empty=options.one_empty),
        "doc_sim": doc_sim(truth, predicted, orientation=options.orientation),
    }
    made = {name: _clip_scores(name, values, pairs, notes) for name, values in scores.items()}
    made["doc_sim"] = _with_ceiling(made["doc_sim"], doc_sim(truth, truth))
    made["track_iou"] = [_track_score(pair, table, note) for pair, note in zip(pairs, notes, strict=True)]
    if options.set_level:
        made["max_iou_set"] = _set_scores(pairs, truth, predicted, notes, options.orientation)
    return {options.named(metric): _renamed(found, options.named(metric)) for metric, found in made.items()}


def _renamed(scores: list[ClipScore], name: str) -> list[ClipScore]:
    return scores if scores[0].metric == name else [replace(score, metric=name) for score in scores]


def _check_frames(pairs: Sequence[LayoutPair]) -> None:
    count = len(pairs[0].truth)
    for pair in pairs:
        sides = [len(side) for side in (pair.truth, pair.predicted) if side is not None]
        if count == 0 or set(sides) != {count}:
            raise MetricError(f"{pair.clip!r} has {' and '.join(map(str, sides))} frames", f"expected {count} each")


def _label_table(pairs: Sequence[LayoutPair], options: LayoutOptions) -> dict[str, str]:
    truth = {item.name for pair in pairs for frame in pair.truth for item in frame.objects}
    predicted = {item.name for pair in pairs for frame in pair.predicted or () for item in frame.objects}
    return options.labels.table(sorted(truth | predicted), sorted(options.vocabulary or truth))


def _flat(pairs: Sequence[LayoutPair], side: str) -> FlatLayouts:
    empty = KeyFrame(0.0)
    frames = ((empty,) * len(pair.truth) if getattr(pair, side) is None else getattr(pair, side) for pair in pairs)
    return FlatLayouts.of_frames(frame for layout in frames for frame in layout)


Note = tuple[tuple[str, ...], tuple[str, ...]]
"""Flags and reasons of one clip."""


def _notes(
    pairs: Sequence[LayoutPair], truth: FlatLayouts, predicted: FlatLayouts, table: dict[str, str]
) -> list[Note]:
    shape = (len(pairs), -1)
    differ = np.isnan(max_iou(truth, predicted, different=np.nan)).reshape(shape).sum(axis=1)
    seen, there = (side.counts.reshape(shape) for side in (predicted, truth))
    blank = ((seen == 0) & (there > 0)).sum(axis=1)
    both = ((seen == 0) & (there == 0)).sum(axis=1)
    return [_note(pair, table, differ[i], blank[i], both[i]) for i, pair in enumerate(pairs)]


def _note(pair: LayoutPair, table: dict[str, str], differ: int, blank: int, both: int) -> Note:
    flags, reasons = list(pair.flags), list(pair.reasons)
    total = len(pair.truth)
    if differ and pair.predicted is not None:
        flags.append("labels_differ")
        reasons.append(f"The labels differ in {differ} of {total} frames: {_label_gap(pair, table)}.")
    if blank and pair.predicted is not None:
        flags.append("frames_empty")
        reasons.append(f"Nothing stands in {blank} of {total} predicted frames.")
    if both:
        flags.append("both_empty")
        reasons.append(f"Both sides are empty in {both} of {total} frames.")
    names = {item.name for side in (pair.truth, pair.predicted or ()) for frame in side for item in frame.objects}
    exchanged = changed(table, names)
    if exchanged:
        flags.append("labels_mapped")
        reasons.append("Labels were mapped: " + ", ".join(f"{a!r} to {b!r}" for a, b in exchanged.items()) + ".")
    return tuple(flags), tuple(reasons)


def _label_gap(pair: LayoutPair, table: dict[str, str]) -> str:
    truth, predicted = (_frame_counts(frames, table) for frames in (pair.truth, pair.predicted or ()))
    gaps = [
        f"{kind} {label!r} in {count} frames"
        for kind, counts in (("missing", truth - predicted), ("extra", predicted - truth))
        for label, count in sorted(counts.items())
    ]
    return ", ".join(gaps) or "in different frames"


def _frame_counts(frames: Iterable[KeyFrame], table: dict[str, str]) -> Counter[str]:
    return Counter(table.get(item.name, item.name) for frame in frames for item in frame.objects)


def _clip_scores(name: str, values: Floats, pairs: Sequence[LayoutPair], notes: Sequence[Note]) -> list[ClipScore]:
    frames = values.reshape(len(pairs), -1)
    means, listed = frames.mean(axis=1), np.round(frames, 12).tolist()
    return [
        ClipScore(pair.clip, name, means[i], *notes[i], details={"frames": listed[i]}) for i, pair in enumerate(pairs)
    ]


def _with_ceiling(scores: Sequence[ClipScore], own: NDArray[np.float64]) -> list[ClipScore]:
    """DocSim of the ground truth with itself, beside each score: it is not 1."""
    best = own.reshape(len(scores), -1).mean(axis=1)
    return [
        ClipScore(s.clip, s.metric, s.value, s.flags, s.reasons, {**s.details, "truth_with_itself": float(best[i])})
        for i, s in enumerate(scores)
    ]


def _track_score(pair: LayoutPair, table: dict[str, str], note: Note) -> ClipScore:
    truth, predicted = Tracks.of_frames(pair.truth), Tracks.of_frames(pair.predicted or ())
    if not predicted.labels:
        return ClipScore(pair.clip, "track_iou", float(not truth.labels), *note)
    return ClipScore(pair.clip, "track_iou", track_iou(truth.relabeled(table), predicted.relabeled(table)), *note)


def _set_scores(
    pairs: Sequence[LayoutPair], truth: FlatLayouts, predicted: FlatLayouts, notes: Sequence[Note], order: Orientation
) -> list[ClipScore]:
    made = []
    per_clip = len(truth) // len(pairs)
    for i, pair in enumerate(pairs):
        places = range(i * per_clip, (i + 1) * per_clip)
        # Frames that are empty have no place in the reference's grouping.
        full = [side.take([f for f in places if side.counts[f]]) for side in (truth, predicted)]
        made.append(ClipScore(pair.clip, "max_iou_set", max_iou_of_sets(full[0], full[1], order), *notes[i]))
    return made
