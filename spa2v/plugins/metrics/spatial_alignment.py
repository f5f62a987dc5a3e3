"""Spatial audio-video alignment: does what is seen at the left sound at the left, and move as it is heard to move?

A score of our own, in the spirit of the spatial alignment of SAVGBench, which compares a sound event localizer with an
object detector. Here the sound is measured directly: level and arrival time differences of the two channels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import butter, sosfiltfilt

from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, KeyFrame, MetricInfo, Score, ScoredClip
from spa2v.dsp.boxes import Floats

BAND_HZ = (200.0, 8_000.0)
FULL_LEVEL_DB, FULL_DELAY_US = 6.0, 400.0
"""Either difference alone, at this size, means fully at one side."""
MAX_DELAY_S, LEAST_WINDOW_S = 1e-3, 0.25
HEARD_MIDDLE, SEEN_MIDDLE = 0.1, 0.2
"""Places within this of the middle (of -1..1) count as the middle; 0.2 is the 0.40 to 0.60 of AVLBench."""
LEAST_MOTION = 0.3
"""A thing must wander this far (of -1..1) before its path is compared with the sound."""
SIDE_FLOOR_DB, QUIET_DB = -70.0, -50.0


@dataclass(frozen=True, eq=False)
class Heard:
    """Where the sound is at each of T frames.

    Args:
        place: (T,) -1 (left) to 1 (right).
        weight: (T,) 0..1, the loudness of the frame (amplitude) against the loudest; 0 where it is 50 dB below.
        lateral: False when the channels are alike: then nobody can tell.
    """

    place: Floats
    weight: Floats
    lateral: bool


def heard(audio: AudioClip, frames: int, duration_s: float) -> Heard:
    """Measures the sound in a window about each of `frames` frames that span `duration_s` seconds."""
    sound = _band(audio)
    sums, gap = (sound**2).sum(), ((sound[0] - sound[1]) ** 2).sum()
    lateral = bool(gap > 10 ** (SIDE_FLOOR_DB / 10) * sums) and audio.channels == 2
    places, power = np.zeros(frames), np.zeros(frames)
    half = max(duration_s / frames, LEAST_WINDOW_S) / 2
    for i in range(frames):
        center = (i + 0.5) * duration_s / frames
        first, last = (round((center + side * half) * audio.sample_rate) for side in (-1, 1))
        cut = sound[:, max(first, 0) : max(last, 0)]
        power[i] = float((cut**2).mean()) if cut.size else 0.0
        places[i] = _place(cut, audio.sample_rate) if power[i] > 0 else 0.0
    loudest = power.max(initial=0.0)
    weight = np.sqrt(power / loudest) if loudest > 0 else power
    return Heard(places, np.where(weight > 10 ** (QUIET_DB / 20), weight, 0.0), lateral)


def _band(audio: AudioClip) -> Floats:
    high = min(BAND_HZ[1], 0.45 * audio.sample_rate)
    filters = butter(2, (BAND_HZ[0], high), "bandpass", fs=audio.sample_rate, output="sos")
    samples = audio.stereo.astype(np.float64)
    return sosfiltfilt(filters, samples, axis=1, padlen=min(200, samples.shape[1] - 1))


def _place(cut: Floats, rate_hz: int) -> float:
    left, right = (cut**2).sum(axis=1) + 1e-20
    level = 10.0 * np.log10(right / left)
    delay_us, agreement = _delay(cut, rate_hz)
    return float(np.clip(level / FULL_LEVEL_DB + agreement * delay_us / FULL_DELAY_US, -1.0, 1.0))


def _delay(cut: Floats, rate_hz: int) -> tuple[float, float]:
    """How much earlier the sound is at the right, in microseconds, and the height of the correlation there (0..1)."""
    reach = max(1, round(MAX_DELAY_S * rate_hz))
    size = next_fast_len(cut.shape[1] + reach)
    spectra = rfft(cut, size, axis=1)
    correlation = irfft(spectra[0] * np.conj(spectra[1]), size)
    near = np.concatenate([correlation[-reach:], correlation[: reach + 1]])  # lags -reach..reach, left after right
    best = int(near.argmax())
    height = near[best] / np.sqrt((cut[0] ** 2).sum() * (cut[1] ** 2).sum() + 1e-30)
    return (best - reach) / rate_hz * 1e6, float(np.clip(height, 0.0, 1.0))


@dataclass(frozen=True)
class Alignment:
    """The score and its parts.

    Args:
        value: 0..1; half of `side` and half of `motion` (brought to 0..1) where both are known, else `side`; None
            where it is undefined.
        side: weighted share of agreement of sides over the frames: 1 the same, 0.5 one step off, 0 opposite or
            nothing seen. A thing put left or right at random gets 0.5.
        motion: correlation of heard and seen place over time, -1..1, for one thing that moves; else None.
        reason: why value is None, or "".
    """

    value: float | None
    side: float | None = None
    motion: float | None = None
    reason: str = ""


def spatial_alignment(
    audio: AudioClip, frames: Sequence[KeyFrame], duration_s: float, sounding: Collection[str] | None = None
) -> Alignment:
    """Compares a stereo sound with the objects in the frames.

    Args:
        audio: the sound of the video.
        frames: T frames that span the video, from a layout or a detector.
        duration_s: of the video.
        sounding: names of the things that sound; None for all.
    """
    sound = heard(audio, len(frames), duration_s)
    if not sound.weight.any():
        return Alignment(None, reason="The sound is silent.")
    if not sound.lateral:
        return Alignment(None, reason="Both channels are alike: the sound has no side.")
    seen = [_seen(frame, sounding) for frame in frames]
    marks = np.array([_agreement(place, things) for place, things in zip(sound.place, seen, strict=True)])
    side = float(np.average(marks, weights=sound.weight))
    motion = _motion(sound, seen)
    value = side if motion is None else (side + (1.0 + motion) / 2) / 2
    return Alignment(value, side, motion, "" if any(map(len, seen)) else "Nothing is seen in any frame.")


def _seen(frame: KeyFrame, sounding: Collection[str] | None) -> Floats:
    """Places of the things of a frame, -1..1."""
    named = (item for item in frame.objects if sounding is None or item.name in sounding)
    return np.array([2.0 * item.box.center[0] - 1.0 for item in named])


def _agreement(place: float, things: Floats) -> float:
    if len(things) == 0:
        return 0.0
    side = np.sign(place) * (abs(place) > HEARD_MIDDLE)
    sides = np.sign(things) * (np.abs(things) > SEEN_MIDDLE)
    if side == 0 and sides.min() < 0 < sides.max():  # one at each side sounds from the middle
        return 1.0
    return float(1.0 - np.abs(sides - side).min() / 2)


def _motion(sound: Heard, seen: Sequence[Floats]) -> float | None:
    """Weighted correlation of the heard and seen paths where exactly one thing is seen; None if it hardly moves."""
    single = np.array([len(things) == 1 for things in seen]) & (sound.weight > 0)
    if single.sum() < 4:
        return None
    path = np.array([things[0] for things, one in zip(seen, single, strict=True) if one])
    if np.ptp(path) < LEAST_MOTION:
        return None
    weight, place = sound.weight[single], sound.place[single]
    path, place = path - np.average(path, weights=weight), place - np.average(place, weights=weight)
    spread = np.sqrt((weight * path**2).sum() * (weight * place**2).sum())
    return float((weight * path * place).sum() / spread) if spread > 1e-12 else 0.0


class SpatialAlignment:
    """Spatial alignment of the sound and a planned or detected layout."""

    reads = ("layout", "audio")
    values = {"spatial_alignment": MetricInfo("Spatial alignment")}

    def score(self, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Score]]:
        """0..1; `details` has its parts, side and motion."""
        return [{"spatial_alignment": _one(clip)} for clip in clips]


def _one(clip: ScoredClip) -> Score:
    sounding, duration_s = clip.sounding, clip.layout.duration_s
    if clip.stage == 1:  # a plan may use other words for what sounds, and may last longer than the sound
        sounding = sounding & set(clip.layout.names.values())
        duration_s = clip.audio.duration_s
    found = spatial_alignment(clip.audio, clip.layout_frames, duration_s, sounding or None)
    if found.value is None:
        return Score(None, ("no_lateral_evidence",), (found.reason,))
    reasons = [found.reason] if found.reason else []
    reasons.append(f"Sides agree to {found.side:.2f} (0.5 is chance).")
    if found.motion is not None:
        reasons.append(f"The azimuth of the sound and the position in the picture correlate by {found.motion:.2f}.")
    details = {"side": found.side, "motion": found.motion}
    return Score(found.value, ("nothing_seen",) if found.reason else (), tuple(reasons), details)
