"""Stage 2: the metrics of one video with its sound, each with its reasons."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from spa2v.core.types import AudioClip, GeneratedVideo, KeyFrame
from spa2v.evaluation.metrics.av_align import Rule, av_align, counted_onsets, video_peaks
from spa2v.evaluation.metrics.flicker import box_jitter, brightness_flicker, warp_errors
from spa2v.evaluation.metrics.flow import motion
from spa2v.evaluation.metrics.onsets import audio_peaks
from spa2v.evaluation.metrics.spatial_alignment import spatial_alignment
from spa2v.evaluation.scores import ClipScore

COARSE_S = 0.25


def av_align_score(
    clip: str, video: GeneratedVideo, audio: AudioClip, rule: Rule = "current", nothing: float = 0.0
) -> ClipScore:
    """AV-Align of a video and its sound; onsets after the last frame do not count."""
    sound = audio_peaks(audio)
    onsets = sound[sound < video.duration_s]
    series = motion(video.frames)
    peaks = video_peaks(series, video.fps, rule)
    value = av_align(onsets, peaks, video.fps, rule, nothing)
    counted = counted_onsets(onsets, peaks, video.fps, rule)
    flags, reasons = _alignment_notes(len(onsets), len(peaks), counted, video.fps)
    details = {"onsets_s": _listed(onsets), "motion_peaks_s": _listed(peaks), "motion_px": _listed(series)}
    name = "av_align" if rule == "current" else f"av_align[{rule}]"
    return ClipScore(clip, name, value, flags, reasons, {**details, "fps": video.fps})


def _alignment_notes(onsets: int, peaks: int, counted: int, fps: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
    flags, reasons = [], [f"{counted} of {onsets} onsets meet one of {peaks} motion peaks within {1 / fps:.3f} s."]
    if onsets == 0:
        flags.append("no_onsets")
    if peaks == 0:
        flags.append("no_motion_peaks")
    if 1 / fps > COARSE_S:
        flags.append("coarse_frames")
        reasons.append(f"At {fps:.3g} frames a second the tolerance is wide and the score says little.")
    return tuple(flags), tuple(reasons)


def _listed(values: np.ndarray) -> list[float]:
    return [round(float(value), 6) for value in values]


def spatial_score(
    clip: str,
    audio: AudioClip,
    frames: Sequence[KeyFrame],
    duration_s: float,
    sounding: Collection[str] | None = None,
) -> ClipScore:
    """Spatial alignment of a sound and what stands in the frames, from a layout or a detector."""
    found = spatial_alignment(audio, frames, duration_s, sounding)
    if found.value is None:
        return ClipScore(clip, "spatial_alignment", None, ("no_lateral_evidence",), (found.reason,))
    reasons = [found.reason] if found.reason else []
    reasons.append(f"Sides agree to {found.side:.2f} (0.5 is chance).")
    if found.motion is not None:
        reasons.append(f"The heard and the seen path correlate by {found.motion:.2f}.")
    flags = ("nothing_seen",) if found.reason else ()
    details = {"side": found.side, "motion": found.motion}
    return ClipScore(clip, "spatial_alignment", found.value, flags, tuple(reasons), details)


def flicker_score(clip: str, video: GeneratedVideo, layout: Sequence[KeyFrame] | None = None) -> ClipScore:
    """Warping error of a video (0..1, lower is better), with brightness flicker and box jitter beside it."""
    errors = warp_errors(video.frames)
    valid = errors[np.isfinite(errors)]
    details: dict[str, object] = {"pairs": _listed(valid), "brightness": brightness_flicker(video.frames)}
    if layout is not None:
        details["box_jitter"] = box_jitter(layout)
    if len(valid) == 0:
        reason = "No two neighboring frames could be compared."
        return ClipScore(clip, "flicker", None, ("no_comparable_frames",), (reason,), details)
    skipped = len(errors) - len(valid)
    reasons = (f"{skipped} of {len(errors)} pairs of frames share no traceable pixel.",) if skipped else ()
    return ClipScore(clip, "flicker", float(valid.mean()), ("pairs_skipped",) * bool(skipped), reasons, details)
