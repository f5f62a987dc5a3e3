"""Spatial AV-Align of SAVGBench (Shimada et al., ICASSP 2026, arXiv:2412.13462): a recall.

Of the moments in which the sound is localized, the share in which a detected object is near that place at that time.
The constants are those of the authors' code. Their localizer is a trained network (stereo SELD) that names positions
in the picture; here it is the direct measure of `spatial_alignment`, so numbers compare only among videos scored by
spa2v.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spa2v.core.runtime import Run
from spa2v.core.types import KeyFrame, MetricInfo, Score, ScoredClip, frame_times
from spa2v.plugins.metrics.spatial_alignment import heard

SOUND_HZ = 10.0
NEAR = 40 / 256
"""In parts of the width: 40 pixels of frames that are 256 wide, on either side of the heard position."""
SLACK_S = 0.25
"""One frame at the 4 frames a second of their videos, earlier or later."""


def near_frames(frames: Sequence[KeyFrame], duration_s: float, time_s: float) -> list[KeyFrame]:
    """The frames within `SLACK_S` of a time; always the nearest one."""
    away = np.abs(frame_times(duration_s, len(frames)) + 0.5 * duration_s / len(frames) - time_s)
    return [frame for frame, gap in zip(frames, away, strict=True) if gap <= max(SLACK_S, away.min()) + 1e-9]


class SpatialAVAlign:
    """Spatial AV-Align of the sound and a planned or detected layout."""

    reads = ("layout", "audio")
    values: Mapping[str, MetricInfo] = {"spatial_av_align": MetricInfo("Spatial AV-Align")}

    def score(self, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Score]]:
        """0..1; undefined where nothing can be localized."""
        return [{"spatial_av_align": _of(clip)} for clip in clips]


def _of(clip: ScoredClip) -> Score:
    duration_s = clip.layout.duration_s
    count = max(1, round(duration_s * SOUND_HZ))
    sound = heard(clip.audio, count, duration_s)
    if not sound.lateral or not sound.weight.any():
        reason = "The sound is silent." if not sound.weight.any() else "Both channels are alike: the sound has no side."
        return Score(None, ("no_lateral_evidence",), (reason,))
    times = (np.arange(count) + 0.5) * duration_s / count
    hits = []
    for place, weight, time_s in zip(sound.place, sound.weight, times, strict=True):
        if weight > 0:
            x = 0.5 + place / 2
            boxes = [i.box for frame in near_frames(clip.layout_frames, duration_s, time_s) for i in frame.objects]
            hits.append(any(box.x1 <= x + NEAR and box.x2 >= x - NEAR for box in boxes))
    return Score(float(np.mean(hits)), details={"localized": len(hits), "matched": int(sum(hits))})
