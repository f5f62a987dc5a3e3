"""Level and time differences between the channels, and the azimuth that they imply."""

from __future__ import annotations

import numpy as np

from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues, Track
from spa2v.dsp.filters import Array
from spa2v.dsp.interaural import Azimuth, amplitude_weights, estimate_azimuth, interaural_cues
from spa2v.dsp.stft import stereo_stft

IDENTICAL = "Both channels are identical: no lateral evidence."
PARTLY = "The channels are identical in {share:.0%} of the clip; the place is read from the rest."
CONFLICT = "Level and delay contradict each other: the lateral evidence is weak."


class Interaural:
    """Level difference, delay (GCC-PHAT), coherence and azimuth over time.

    Args:
        mic_spacing_m: distance of the microphones (or ears) that delays are read against; wider ones are detected.

    Tracks: level_difference, level_difference_shift, delay, coherence, azimuth. Measures: lateral_evidence,
    lateral_conflict, azimuth_deg, identical_fraction.
    """

    def __init__(self, mic_spacing_m: float = 0.18) -> None:
        self.mic_spacing_m = mic_spacing_m

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        stft, cues = stereo_stft(audio), interaural_cues(audio)
        times = stft.track_times_s
        weights = amplitude_weights(stft.level_dbfs)
        azimuth = estimate_azimuth(cues, self.mic_spacing_m, weights)
        differs = cues.differs.astype(np.float64)
        tracks = {
            "level_difference": Track(times, cues.level_difference_db, "dB", differs),
            "level_difference_shift": Track(times, cues.level_shift_db, "dB", differs),
            "delay": Track(times, cues.delay_us, "us", cues.delay_confidence),
            "coherence": Track(times, cues.coherence, "1"),
            "azimuth": Track(times, azimuth.degrees, "deg", azimuth.confidence),
        }
        weights = weights * azimuth.confidence
        total = float(weights.sum())
        evidence = 0.0 if stft.silent else min(azimuth.evidence, 1.0)  # a weighted mean may round above 1
        measures = {
            "lateral_evidence": evidence,
            "lateral_conflict": azimuth.conflict,
            "azimuth_deg": float(np.degrees(np.arcsin(np.clip(azimuth.sine @ weights / total, -1, 1))))
            if total
            else 0.0,
            "identical_fraction": float(1.0 - differs.mean()),
        }
        return SpatialCues(audio.duration_s, tracks, measures, notes=_notes(azimuth, differs))


def _notes(azimuth: Azimuth, differs: Array) -> tuple[str, ...]:
    if not differs.any():
        return (IDENTICAL,)
    notes = [PARTLY.format(share=1.0 - differs.mean())] if differs.mean() < 0.9 else []
    return tuple(notes + ([CONFLICT] if azimuth.conflict > 0 else []))
