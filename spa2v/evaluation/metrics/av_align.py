"""AV-Align: how many onsets of the sound meet a peak of the motion (Yariv et al. 2024, "TempoTokens")."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from spa2v.evaluation.errors import MetricError
from spa2v.evaluation.metrics.boxes import Floats

Rule = Literal["current", "2023"]
LEAST_MOTION = 0.1
"""Pixels a frame; motion peaks below this do not count under the current rule."""


def _checked(rule: Rule) -> Rule:
    if rule not in get_args(Rule):
        raise MetricError(f"rule: {rule!r}", "expected current or 2023")
    return rule


def video_peaks(motion: Floats, fps: float, rule: Rule = "current") -> Floats:
    """Times in seconds of the strict local maxima of the motion series (T,), ascending."""
    motion = np.asarray(motion, dtype=np.float64)
    middle = motion[1:-1]
    high = (motion[:-2] < middle) & (middle > motion[2:])
    if _checked(rule) == "current":
        high &= middle >= LEAST_MOTION
    return (np.flatnonzero(high) + 1) / fps


def counted_onsets(audio: Floats, video: Floats, fps: float, rule: Rule = "current") -> int:
    """How many onsets lie within one frame (open interval) of a motion peak.

    Current rule: in time order each onset takes the first motion peak that is still free. 2023 rule: peaks may be
    shared.
    """
    early, late = video - 1 / fps, video + 1 / fps
    near = (early < np.asarray(audio)[:, None]) & (np.asarray(audio)[:, None] < late)
    if _checked(rule) == "2023":
        return int(near.any(axis=1).sum())
    used = np.zeros(len(video), dtype=bool)
    for row in near:
        free = np.flatnonzero(row & ~used)
        used[free[:1]] = True
    return int(used.sum())


def av_align(audio: Floats, video: Floats, fps: float, rule: Rule = "current", nothing: float = 0.0) -> float:
    """Intersection over union of onsets and motion peaks: k / (n + m - k).

    Args:
        audio, video: times in seconds, ascending, (n,) and (m,).
        fps: frames a second of the video; its inverse is the tolerance.
        rule: "current" gives 0..1; the first public code ("2023") can exceed 1.
        nothing: the score where there are neither onsets nor peaks (our convention; the reference codes raise).
    """
    n, m = len(audio), len(video)
    if n + m == 0:
        return nothing
    if n == 0 or m == 0:
        return 0.0
    k = counted_onsets(np.asarray(audio, dtype=np.float64), np.asarray(video, dtype=np.float64), fps, rule)
    return k / (n + m - k)
