"""Timbre: features of a sound that distinguish coarse kinds of sound, and the log-odds of each kind.

None of the features changes when time is reversed.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from spa2v.core.types import Tag
from spa2v.dsp.filters import Array, decibel, log_bands, ramp
from spa2v.dsp.pitch import median_pitch
from spa2v.dsp.stft import StereoStft

Mask = NDArray[np.float32]

DETAIL_HZ = (200.0, 5_000.0)  # where engines hold little and instruments and voices much
DETAIL_BINS = 15  # the envelope under the detail: about 325 Hz
LAG_S = 0.0465  # two hops: windows that share no sample, so noise has no correlation left
EVENT_BAND_HZ = (100.0, 8_000.0)
EVENT_BANDS = 20
EVENT_QUANTILE = 0.98  # one frame in fifty: two onsets a second at 23 ms
SLOW_S = 0.5
DYNAMIC_RANGE_DB = 70.0

ENGINE, PLUCKED, BOWED, PERCUSSION, VOICE = "engine", "plucked strings", "bowed strings", "percussion", "voice"
UNKNOWN_LOG_ODDS = 1.0  # left to "something else"
WOMAN_HZ = 165.0  # the usual border between low and high speaking voices


@dataclass(frozen=True)
class Timbre:
    """Features of one sound.

    Args:
        tonality: how much of the spectral detail is still there two windows later; 0 for noise, 1 for steady tones.
        abruptness_db: mean change of the bands from one frame to the next in the most eventful fiftieth of the
            frames, on a 23 ms hop; 2.0 to 2.5 for noise (its own scatter), 3.5 and more for plucked, 10 for drums.
        asymmetry: skewness of level changes, absolute; 0 for steady or gliding sounds, over 0.5 where sounds start
            fast and decay slowly.
        liveliness_db: spread of the level around its half-second mean: syllables, notes, hits.
        low_share: part of the power in 40..250 Hz, 0..1.
        pitch_hz: median fundamental where there is one, else 0.
        pitch_heard: part of the frames with a fundamental, 0..1.
    """

    tonality: float
    abruptness_db: float
    asymmetry: float
    liveliness_db: float
    low_share: float
    pitch_hz: float
    pitch_heard: float

    def measures(self) -> dict[str, float]:
        return {name: float(value) for name, value in asdict(self).items()}


def measure_timbre(stft: StereoStft, mask: Mask | None = None) -> Timbre:
    """The features of a clip, or of one source in it.

    Args:
        stft: of the clip.
        mask: share of the source in every frame and bin, (F, K). It weights the evidence and never cuts it out: the
            edges of a cut would look like tones and onsets.
    """
    hop = stft.hop_s or LAG_S
    power = stft.power if mask is None else stft.power * mask
    bands, share = _band_levels(stft, mask)
    level = decibel(power[:, stft.bins(*EVENT_BAND_HZ)].sum(axis=1, dtype=np.float64))
    level = np.maximum(level, level.max() - DYNAMIC_RANGE_DB)
    quick = level - uniform_filter1d(level, max(3, int(SLOW_S / hop)) | 1)  # a pass rises and falls, too, but slowly
    pitch_hz, pitch_heard = median_pitch(stft, power)
    return Timbre(
        tonality=_tonality(stft, max(1, round(LAG_S / hop)), mask),
        abruptness_db=_abruptness(bands, share),
        asymmetry=_asymmetry(quick),
        liveliness_db=float(np.std(quick)),
        low_share=_share(stft, power, 40.0, 250.0),
        pitch_hz=pitch_hz,
        pitch_heard=pitch_heard,
    )


def _tonality(stft: StereoStft, lag: int, mask: Mask | None) -> float:
    bins = stft.bins(*DETAIL_HZ)
    power = stft.power[:, bins]
    if len(power) <= lag or power.shape[1] < DETAIL_BINS:
        return 0.0
    logs = np.log(power + np.float32(1e-7) * power.max() + np.float32(1e-14))
    detail = logs - uniform_filter1d(logs, DETAIL_BINS, axis=1)
    both = detail[lag:] * detail[:-lag]
    square = 0.5 * (detail[lag:] ** 2 + detail[:-lag] ** 2)
    if mask is not None:
        weight = mask[lag:, bins] * mask[:-lag, bins]
        both, square = both * weight, square * weight
    same = float(np.sum(square, dtype=np.float64))
    return float(np.clip(np.sum(both, dtype=np.float64) / same, 0.0, 1.0)) if same > 1e-6 else 0.0


def _band_levels(stft: StereoStft, mask: Mask | None) -> tuple[Array, Array]:
    """Levels of the bands in dB and the share of the source in them, both (F, B)."""
    bins = stft.bins(*EVENT_BAND_HZ)
    hz = stft.frequencies_hz[bins]
    starts = log_bands(hz, EVENT_BANDS)
    power: Array = np.add.reduceat(stft.power[:, bins].astype(np.float64), starts, axis=1)
    share = np.ones_like(power)
    if mask is not None:
        share = np.add.reduceat(mask[:, bins].astype(np.float64), starts, axis=1)
        share /= np.diff(np.append(starts, len(hz)))
    return decibel(np.maximum(power, power.max() * 10 ** (-DYNAMIC_RANGE_DB / 10))), share


def _abruptness(bands: Array, share: Array) -> float:
    if len(bands) < 2:
        return 0.0
    change, weight = np.diff(bands, axis=0), np.minimum(share[1:], share[:-1])
    rise, fall = (
        np.sum(np.maximum(sign * change, 0.0) * weight, axis=1) / np.maximum(weight.sum(axis=1), 1.0)
        for sign in (1, -1)
    )
    return float(max(np.quantile(rise, EVENT_QUANTILE), np.quantile(fall, EVENT_QUANTILE)))


def _asymmetry(level: Array) -> float:
    change = level[2:] - level[:-2]
    square = float(np.mean(change**2)) if len(change) else 0.0
    return abs(float(np.mean(change**3))) / square**1.5 if square > 1e-9 else 0.0


def _share(stft: StereoStft, power: Mask, low_hz: float, high_hz: float) -> float:
    total = float(power.sum(dtype=np.float64))
    return float(power[:, stft.bins(low_hz, high_hz)].sum(dtype=np.float64)) / total if total > 0 else 0.0


def kind_log_odds(timbre: Timbre) -> dict[str, float]:
    """Log-odds of each kind: sums of the evidence for and against it, in nats.

    The terms follow from how the sounds arise. Tire and engine noise has no lasting detail above 200 Hz, changes slowly
    and is strong below 250 Hz. Plucked and struck strings keep their partials, start fast and decay slowly. Bowed
    strings keep them and swell. A voice glides, so its partials last half as long, and comes in syllables. Both follow
    one melody, with a pitch most of the time. Drums are bursts of noise. What hardly varies within half a second is a
    machine.
    """
    noise, tonal = 1.0 - ramp(timbre.tonality, 0.1, 0.3), ramp(timbre.tonality, 0.12, 0.4)
    abrupt, bursts = ramp(timbre.abruptness_db, 3.2, 5.0), ramp(timbre.abruptness_db, 6.0, 10.0)
    lively, still = ramp(timbre.liveliness_db, 1.5, 2.8), 1.0 - ramp(timbre.liveliness_db, 0.4, 0.8)
    decaying = ramp(timbre.asymmetry, 0.4, 0.8) * (1.0 - still)
    low = ramp(timbre.low_share, 0.05, 0.25)
    gliding = ramp(timbre.tonality, 0.08, 0.2) * (1.0 - ramp(timbre.tonality, 0.6, 0.8))
    voiced, melody = ramp(timbre.pitch_heard, 0.0, 0.1), ramp(timbre.pitch_heard, 0.5, 0.9)
    spoken = voiced if 75.0 <= timbre.pitch_hz <= 600.0 else 0.0
    high = voiced if timbre.pitch_hz > 190.0 else 0.0
    struck = abrupt * ramp(timbre.liveliness_db, 1.2, 3.0)
    return {
        ENGINE: 2.5 * noise + low + (1 - lively) - 2.0 * struck - 1.5 * decaying - 1.5 * tonal * (1 - low),
        PLUCKED: 2.0 * tonal + 1.5 * decaying + 0.7 * abrupt + 0.3 * lively - melody - still - 0.5,
        BOWED: 2.0 * tonal + (1 - decaying) + (1 - lively) * (1 - low) + 0.5 * high + melody - abrupt - still - 1.0,
        PERCUSSION: 1.5 * noise + 2.5 * bursts + 0.5 * struck + 0.5 * lively - 1.0,
        VOICE: gliding + 1.5 * lively + 0.8 * (1 - decaying) + 0.7 * spoken + spoken * melody - 0.8 * low - still,
    }


def kind_tags(timbre: Timbre) -> tuple[Tag, ...]:
    """The kinds, best first; their confidences leave room for something else and sum to less than 1."""
    weights = {kind: math.exp(score) for kind, score in kind_log_odds(timbre).items()}
    total = sum(weights.values()) + math.exp(UNKNOWN_LOG_ODDS)
    reason = _reason(timbre)
    tags = [Tag(_named(kind, timbre), weight / total, reason) for kind, weight in weights.items()]
    return tuple(sorted(tags, key=lambda tag: -tag.confidence))


def _named(kind: str, timbre: Timbre) -> str:
    return voice_label(timbre.pitch_hz) if kind == VOICE and timbre.pitch_heard > 0.1 else kind


def voice_label(pitch_hz: float) -> str:
    """Label of a voice by its pitch in Hz, 0 where there is none."""
    return VOICE if pitch_hz <= 0 else "woman's voice" if pitch_hz >= WOMAN_HZ else "man's voice"


def _reason(timbre: Timbre) -> str:
    parts = [
        "noise without lasting tones" if timbre.tonality < 0.15 else f"lasting tones ({timbre.tonality:.2f})",
        f"{'sudden' if timbre.abruptness_db > 4 else 'smooth'} changes",
        f"{timbre.low_share:.0%} of the power below 250 Hz",
    ]
    if timbre.pitch_heard > 0.1:
        parts.append(f"a pitch near {timbre.pitch_hz:.0f} Hz")
    return ", ".join(parts)
