"""Filtering: what a clip must be to become a part of a benchmark; each rejection with its reason and the number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spa2v.core.types import AudioClip, GeneratedVideo, VideoSceneLayout
from spa2v.plugins.metrics.spatial_alignment import spatial_alignment


@dataclass(frozen=True)
class Limits:
    """The bounds.

    Args:
        side_db: side signal (left minus right) against the sum of both, in dB; below it the sound is dual mono. A level
            difference of half a decibel gives -31; two equal channels through a lossy codec were seen to give -34.
        quiet_dbfs: RMS level below which a clip is silent.
        clipped: share of samples at full scale above which it is clipped.
        still: mean change between frames (0..255) below which the picture is frozen.
        dark: mean brightness (0..255) below which it is black.
        agreement: least spatial alignment (0..1; 0.5 is chance) of sound and detected boxes.
    """

    side_db: float = -32.0
    quiet_dbfs: float = -55.0
    clipped: float = 1e-3
    still: float = 0.02
    dark: float = 4.0
    agreement: float = 0.55


Rejection = tuple[str, str]
"""Kind and reason."""


def reject_sound(audio: AudioClip, limits: Limits) -> Rejection | None:
    """Why a sound cannot be used, or None."""
    checks: tuple[Callable[[AudioClip, Limits], Rejection | None], ...] = (_mono, _silent, _clipped, _dual_mono)
    return next((found for check in checks if (found := check(audio, limits)) is not None), None)


def _mono(audio: AudioClip, limits: Limits) -> Rejection | None:
    return ("mono", "The sound has one channel.") if audio.channels == 1 else None


def _silent(audio: AudioClip, limits: Limits) -> Rejection | None:
    level = _decibels(float(np.mean(audio.samples.astype(np.float64) ** 2)))
    return (
        ("silent", f"The level is {level:.1f} dBFS, below {limits.quiet_dbfs:g}.")
        if level < limits.quiet_dbfs
        else None
    )


def _clipped(audio: AudioClip, limits: Limits) -> Rejection | None:
    share = float(np.mean(np.abs(audio.samples) >= 0.999))
    return ("clipped", f"{100 * share:.2f} % of the samples are at full scale.") if share > limits.clipped else None


def _dual_mono(audio: AudioClip, limits: Limits) -> Rejection | None:
    left, right = audio.left.astype(np.float64), audio.right.astype(np.float64)
    both = float(np.mean((left + right) ** 2))
    side = _decibels(float(np.mean((left - right) ** 2)) / max(both, 1e-20))
    if side >= limits.side_db:
        return None
    return "dual_mono", f"Both channels are alike: the side signal is {side:.1f} dB, below {limits.side_db:g}."


def _decibels(power: float) -> float:
    return 10.0 * float(np.log10(power + 1e-20))


def reject_picture(video: GeneratedVideo | None, limits: Limits) -> Rejection | None:
    """Why the pictures cannot be used, or None."""
    if video is None:
        return "no_picture", "The pictures end before the sound."
    frames = video.frames.astype(np.float64)
    if frames.mean() < limits.dark:
        return "dark", f"The mean brightness is {frames.mean():.1f} of 255."
    change = float(np.abs(np.diff(frames, axis=0)).mean()) if len(frames) > 1 else 0.0
    return ("still", f"The picture does not change ({change:.3f} of 255).") if change < limits.still else None


def reject_agreement(audio: AudioClip, layout: VideoSceneLayout, frames: int, limits: Limits) -> Rejection | None:
    """Why sound and picture do not belong together, or None."""
    if not layout.names:
        return "nothing_seen", "The detector found none of the labels for long enough."
    found = spatial_alignment(audio, layout.frames(frames), layout.duration_s)
    if found.value is None:
        return "no_lateral_evidence", found.reason
    if found.value < limits.agreement:
        text = f"What is seen at a side does not sound there: {found.value:.2f}, below {limits.agreement:g}."
        return "disagreement", text
    return None
