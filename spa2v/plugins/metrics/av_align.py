"""AV-Align: how many onsets of the sound match a peak of the motion (Yariv et al. 2024, "TempoTokens")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from spa2v.core.errors import MetricError
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, GeneratedVideo, MetricInfo, Score, ScoredClip
from spa2v.dsp.boxes import Floats
from spa2v.plugins.metrics.flow import listed, motion
from spa2v.plugins.metrics.onsets import audio_peaks

Rule = Literal["current", "2023"]
COARSE_S = 0.25
"""Frames further apart than this make the tolerance too wide to say much."""
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


class AVAlign:
    """AV-Align of the video and its sound; onsets after the last frame do not count.

    Args:
        rule: "current", or "2023" for the first public code.
        nothing: the score where there are neither onsets nor peaks.
    """

    reads = ("audio", "video")

    def __init__(self, rule: Rule = "current", nothing: float = 0.0) -> None:
        self.rule, self.nothing = _checked(rule), nothing
        self.values = {"av_align" if rule == "current" else f"av_align[{rule}]": MetricInfo("AV-Align")}

    def score(self, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Score]]:
        """0..1; `details` has onsets, motion peaks and the motion of each frame."""
        (name,) = self.values
        return [{name: self._one(clip.video, clip.audio)} for clip in clips]

    def _one(self, video: GeneratedVideo, audio: AudioClip) -> Score:
        sound = audio_peaks(audio)
        onsets = sound[sound < video.duration_s]
        series = motion(video.frames)
        peaks = video_peaks(series, video.fps, self.rule)
        counted = counted_onsets(onsets, peaks, video.fps, self.rule)
        details = {"onsets_s": listed(onsets), "motion_peaks_s": listed(peaks), "motion_px": listed(series)}
        value = av_align(onsets, peaks, video.fps, self.rule, self.nothing)
        return Score(value, *_notes(len(onsets), len(peaks), counted, video.fps), {**details, "fps": video.fps})


def _notes(onsets: int, peaks: int, counted: int, fps: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
    flags, reasons = [], [f"{counted} of {onsets} onsets match one of {peaks} motion peaks within {1 / fps:.3f} s."]
    if onsets == 0:
        flags.append("no_onsets")
    if peaks == 0:
        flags.append("no_motion_peaks")
    if 1 / fps > COARSE_S:
        flags.append("coarse_frames")
        reasons.append(f"At {fps:.3g} frames a second the tolerance is wide and the score says little.")
    return tuple(flags), tuple(reasons)
