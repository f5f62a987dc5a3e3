"""Which key frames the frames of an answer are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spa2v.plugins.layout_planners.mllm.answer.repairs import Repairs
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm
from spa2v.plugins.layout_planners.mllm.answer.shape import RawFrame

EARLY = 0.25
MIN_STEP = 1e-4

Places = NDArray[np.float64]


def frame_places(frames: Sequence[RawFrame | None], cut: bool, form: AnswerForm, repairs: Repairs) -> Places:
    """The place of each frame on the scale 0..keyframes-1, strictly increasing, shape (len(frames),).

    By the frame's number where all have one; by order where the count is right or the text was cut off; at the jumps of
    the motion where these account for all missing ones; as an early end where a few are missing; else spread evenly.
    """
    count, wanted = len(frames), form.keyframes
    numbered = _numbered(frames, form)
    if numbered is not None:
        return numbered
    if count == wanted or cut:
        return np.arange(count, dtype=np.float64)
    repairs.note(f"{count} frames instead of {wanted}")
    if 2 < count < wanted and (jumps := _at_jumps(frames, wanted)) is not None:
        return jumps
    if wanted * (1.0 - EARLY) <= count < wanted:
        return np.arange(count, dtype=np.float64)
    return np.linspace(0.0, max(wanted - 1.0, 0.0), count) if count > 1 else np.zeros(count)


def _numbered(frames: Sequence[RawFrame | None], form: AnswerForm) -> Places | None:
    numbers = [frame.place if frame else None for frame in frames]
    if any(number is None for number in numbers):
        return None
    places = np.array(numbers, dtype=np.float64)
    places -= float(places[0] != 0)
    inside = places.min() >= -1e-6 and places.max() <= form.keyframes - 1 + 1e-6
    return places if inside and np.all(np.diff(places) > 1e-9) else None


def _at_jumps(frames: Sequence[RawFrame | None], wanted: int) -> Places | None:
    """Places with the missing frames where a step is several times the median one, when that accounts for all."""
    steps = np.array([_step(a, b) for a, b in pairwise(frames)])
    typical = float(np.median(steps))
    if typical <= MIN_STEP:
        return None
    places = np.concatenate([[0.0], np.cumsum(np.maximum(np.rint(steps / typical), 1.0))])
    return places if places[-1] == wanted - 1 else None


def _step(a: RawFrame | None, b: RawFrame | None) -> float:
    """Mean difference of the coordinates of the objects from one frame to the next."""
    if a is None or b is None:
        return 0.0
    old = {(item.id, item.name): item.box for item in a.objects}
    moves = [np.abs(old[key] - item.box).mean() for item in b.objects if (key := (item.id, item.name)) in old]
    whole = [move for move in moves if np.isfinite(move)]
    return float(np.mean(whole)) if whole else 0.0
