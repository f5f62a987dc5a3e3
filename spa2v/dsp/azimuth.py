"""From level and delay to azimuth, and how far to believe it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spa2v.dsp.interaural import SPEED_OF_SOUND, Lateral
from spa2v.dsp.stft import Array

COLORED_SINE = 0.17  # 1.5 dB: what low bands may show more than high ones; no head or microphone shows more
OPPOSED_DOUBT = 0.5  # a recording played backwards has true levels and turned delays, so the level still counts
COLORED_DOUBT = 0.8
OPPOSED = -0.3  # correlation of the two cues from which they contradict each other
NOTABLE_SINE = 0.035  # 2 degrees, 0.3 dB
LOW_DELAY_US = 40.0  # two samples at 44.1 kHz
FAR_QUANTILE = 0.95


@dataclass(frozen=True, eq=False)
class Place:
    """Where the sound is heard on the T track frames.

    Args:
        sine: of the azimuth, -1..1, positive at the right.
        confidence: 0..1.
        evidence: of the whole clip, 0..1; 0 for identical channels.
        conflict: how far level and delay contradict each other, 0..1.
    """

    sine: Array
    confidence: Array
    evidence: float
    conflict: float

    @property
    def azimuth_deg(self) -> Array:
        return np.asarray(np.degrees(np.arcsin(np.clip(self.sine, -1.0, 1.0))))


def locate(lateral: Lateral, mic_spacing_m: float, weights: Array) -> Place:
    """Azimuth from both cues.

    Two laws define it, both linear in its sine: energy panning, sin(azimuth) = (R - L) / (R + L), and two microphones
    `mic_spacing_m` apart, delay = spacing / c * sin(azimuth). Where both speak, each counts by its own size, so that a
    cue that the recording does not carry (coincident microphones, spaced omnidirectional ones) does not pull the
    place to the middle. Where they contradict each other over the clip, the level decides.
    """
    level = lateral.level_sine
    delay = _delay_sine(lateral, mic_spacing_m)
    trust = lateral.delay_confidence
    opposed = _opposition(level, delay, trust * weights)
    trust = trust**2 * (1.0 - opposed)  # squared: the peaks of an unrelated pair lie anywhere, often far out
    size = np.abs(level) + trust * np.abs(delay)
    mixed = np.divide(
        level * np.abs(level) + trust * delay * np.abs(delay), size, out=np.zeros_like(size), where=size > 0
    )
    conflict = max(OPPOSED_DOUBT * opposed, COLORED_DOUBT * is_colored(lateral, weights))
    confidence = lateral.differs * np.clip(np.maximum(lateral.coherence / 0.3, trust), 0.0, 1.0)
    evidence = float(_mean(confidence, weights * lateral.differs)) * (1.0 - conflict)
    return Place(mixed, confidence * (1.0 - conflict), evidence if lateral.differs.any() else 0.0, conflict)


def _mean(values: Array, weights: Array) -> float:
    total = float(weights.sum())
    return float(values @ weights) / total if total > 0 else 0.0


def _delay_sine(lateral: Lateral, mic_spacing_m: float) -> Array:
    """Delay over the largest that the microphones allow; wider ones than assumed show in the delays themselves."""
    largest = mic_spacing_m / SPEED_OF_SOUND * 1e6
    sure = np.abs(lateral.delay_us[lateral.delay_confidence > 0.3])
    if len(sure):
        largest = max(largest, float(np.quantile(sure, FAR_QUANTILE)))
    return np.clip(lateral.delay_us / largest, -1.0, 1.0)


def _opposition(level: Array, delay: Array, weights: Array) -> float:
    """1 where level and delay point to opposite sides over the clip and both are notable, 0 where they agree."""
    strength_level, strength_delay = (np.sqrt(_mean(cue**2, weights)) for cue in (level, delay))
    if min(strength_level, strength_delay) < NOTABLE_SINE:
        return 0.0
    agreement = _mean(level * delay, weights) / (strength_level * strength_delay)
    return 1.0 if agreement < OPPOSED else 0.0


def is_colored(lateral: Lateral, weights: Array) -> bool:
    """Whether the level difference is a coloring of the recording and no place.

    A panned source has the same difference in all bands, a head and real microphones have more in the high ones. A
    difference that lives below 1 kHz alone while the delay down there points to the other side is neither.
    """
    colored = abs(lateral.low_sine) - abs(lateral.high_sine) > COLORED_SINE
    against = abs(lateral.low_delay_us) >= LOW_DELAY_US and lateral.low_delay_us * lateral.low_sine < 0
    return colored and against and abs(_mean(lateral.level_sine, weights)) > NOTABLE_SINE


def energy_weights(level_dbfs: Array) -> Array:
    """Weight of a frame by its amplitude, 1 for the loudest: loud frames tell more, but never alone."""
    return np.asarray(10.0 ** ((level_dbfs - level_dbfs.max()) / 20.0))
