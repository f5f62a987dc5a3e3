"""Ground truth and prediction of a batch of clips, frame by frame, with the reasons that all layout metrics share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import counted
from spa2v.core.types import KeyFrame, MetricInfo, Score, ScoredClip
from spa2v.dsp.boxes import Floats
from spa2v.plugins.metrics.flat import FlatLayouts, labels_differ

Note = tuple[tuple[str, ...], tuple[str, ...]]
"""Flags and reasons of one clip."""


def percent(title: str) -> MetricInfo:
    """A score in 0..1 that the literature prints times 100."""
    return MetricInfo(title, scale=100.0, digits=2)


@dataclass(frozen=True, eq=False)
class Pairs:
    """A batch of clips.

    Args:
        clips: N clips.
        truth, predicted: their frames, one clip after the other; sides of boxes are at least 1e-6.
        notes: of each clip.
    """

    clips: tuple[ScoredClip, ...]
    truth: FlatLayouts
    predicted: FlatLayouts
    notes: tuple[Note, ...]

    def split(self, values: NDArray[Any]) -> list[NDArray[Any]]:
        """Values of all frames, (F,), as one array a clip."""
        return np.split(values, np.cumsum([clip.frames for clip in self.clips])[:-1])


@lru_cache(maxsize=1)  # the layout metrics score the same batch one after the other
def pairs_of(clips: tuple[ScoredClip, ...]) -> Pairs:
    """The frames of both sides of some clips."""
    truth, predicted = (
        FlatLayouts.of_frames(frame for clip in clips for frame in getattr(clip, side)).floored()
        for side in ("truth_frames", "layout_frames")
    )
    bare = Pairs(clips, truth, predicted, ())
    differ = bare.split(labels_differ(truth, predicted))
    seen, there = (bare.split(side.counts) for side in (predicted, truth))
    notes = tuple(_note(clip, *frames) for clip, *frames in zip(clips, differ, seen, there, strict=True))
    return Pairs(clips, truth, predicted, notes)


def _note(clip: ScoredClip, differ: NDArray[Any], seen: NDArray[Any], there: NDArray[Any]) -> Note:
    flags, reasons = [], []
    blank, both = ((seen == 0) & (there > 0)).sum(), ((seen == 0) & (there == 0)).sum()
    is_there = "no_layout" not in clip.flags
    if differ.any() and is_there:
        flags.append("labels_differ")
        reasons.append(f"The labels differ in {differ.sum()} of {clip.frames} frames: {_label_gap(clip)}.")
    if blank and is_there:
        flags.append("frames_empty")
        reasons.append(f"{blank} of {clip.frames} predicted frames hold no object.")
    if both:
        flags.append("both_empty")
        reasons.append(f"Both sides are empty in {both} of {clip.frames} frames.")
    return tuple(flags), tuple(reasons)


def _label_gap(clip: ScoredClip) -> str:
    truth, predicted = _label_counts(clip.truth_frames), _label_counts(clip.layout_frames)
    gaps = [
        f"{kind} {label!r} in {counted(count, 'frame')}"
        for kind, counts in (("missing", truth - predicted), ("extra", predicted - truth))
        for label, count in sorted(counts.items())
    ]
    return ", ".join(gaps) or "in different frames"


def _label_counts(frames: Iterable[KeyFrame]) -> Counter[str]:
    return Counter(item.name for frame in frames for item in frame.objects)


def frame_scores(
    clips: Sequence[ScoredClip], name: str, compute: Callable[[FlatLayouts, FlatLayouts], Floats]
) -> list[Mapping[str, Score]]:
    """The mean over each clip's frames of what `compute` gives for (truth, predicted); all frames are in `details`."""
    pairs = pairs_of(tuple(clips))
    values = pairs.split(compute(pairs.truth, pairs.predicted))
    return [{name: _mean(frames, note)} for frames, note in zip(values, pairs.notes, strict=True)]


def _mean(frames: Floats, note: Note) -> Score:
    details: dict[str, Any] = {"frames": np.round(frames, 12).tolist()}
    return Score(float(frames.mean()), *note, details)
