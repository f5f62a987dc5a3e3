"""Which key frames the frames of an answer are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import counted
from spa2v.plugins.layout_planners.mllm.answer.repairs import Repairs
from spa2v.plugins.layout_planners.mllm.answer.schema import AnswerForm
from spa2v.plugins.layout_planners.mllm.answer.shape import RawFrame

EARLY = 0.25
MIN_STEP = 1e-4

Positions = NDArray[np.float64]


def keyframe_positions(frames: Sequence[RawFrame | None], cut: bool, form: AnswerForm, repairs: Repairs) -> Positions:
    """The position of each frame on the scale 0..keyframes-1, strictly increasing, shape (len(frames),).

    By the frame's number where all have one; by order where the count is right or the text was cut off; at the jumps of
    the motion where these account for all missing ones; as an early end where a few are missing; else spread evenly.
    """
    count, wanted = len(frames), form.keyframes
    numbered = _numbered(frames, form)
    if numbered is not None:
        return numbered
    if count == wanted or cut:
        return np.arange(count, dtype=np.float64)
    repairs.note(f"{counted(count, 'frame')} instead of {wanted}")
    if 2 < count < wanted and (jumps := _at_jumps(frames, wanted)) is not None:
        return jumps
    if wanted * (1.0 - EARLY) <= count < wanted:
        return np.arange(count, dtype=np.float64)
    return np.linspace(0.0, max(wanted - 1.0, 0.0), count) if count > 1 else np.zeros(count)


def _numbered(frames: Sequence[RawFrame | None], form: AnswerForm) -> Positions | None:
    numbers = [frame.number if frame else None for frame in frames]
    if any(number is None for number in numbers):
        return None
    positions = np.array(numbers, dtype=np.float64)
    positions -= float(positions[0] != 0)
    inside = positions.min() >= -1e-6 and positions.max() <= form.keyframes - 1 + 1e-6
    return positions if inside and np.all(np.diff(positions) > 1e-9) else None


def _at_jumps(frames: Sequence[RawFrame | None], wanted: int) -> Positions | None:
    """Positions with the missing frames where a step is several times the median one, when that accounts for all."""
    steps = np.array([_step(a, b) for a, b in pairwise(frames)])
    typical = float(np.median(steps))
    if typical <= MIN_STEP:
        return None
    positions = np.concatenate([[0.0], np.cumsum(np.maximum(np.rint(steps / typical), 1.0))])
    return positions if positions[-1] == wanted - 1 else None


def _step(a: RawFrame | None, b: RawFrame | None) -> float:
    """Mean difference of the coordinates of the objects from one frame to the next."""
    if a is None or b is None:
        return 0.0
    old = {(item.id, item.name): item.box for item in a.objects}
    moves = [np.abs(old[key] - item.box).mean() for item in b.objects if (key := (item.id, item.name)) in old]
    whole = [move for move in moves if np.isfinite(move)]
    return float(np.mean(whole)) if whole else 0.0
