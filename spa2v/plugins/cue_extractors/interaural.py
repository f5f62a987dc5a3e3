"""Level and time differences between the channels, and the place that they mean."""

from __future__ import annotations

import numpy as np

from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues, Track
from spa2v.dsp.azimuth import Place, energy_weights, locate
from spa2v.dsp.interaural import lateral_of
from spa2v.dsp.stft import Array, spectra_of

IDENTICAL = "Both channels are identical: no lateral evidence."
PARTLY = "The channels are identical in {share:.0%} of the clip; the place is read from the rest."
CONFLICT = "Level and delay contradict each other: the lateral evidence is weak."


class Interaural:
    """Level difference, delay (GCC-PHAT), coherence and azimuth over time.

    Args:
        mic_spacing_m: distance of the microphones (or ears) that delays are read against; wider ones are noticed.

    Tracks: level_difference, level_difference_shift, delay, coherence, azimuth. Measures: lateral_evidence,
    lateral_conflict, azimuth_deg, identical_fraction.
    """

    def __init__(self, mic_spacing_m: float = 0.18) -> None:
        self.mic_spacing_m = mic_spacing_m

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        spectra, lateral = spectra_of(audio), lateral_of(audio)
        times = spectra.track_times_s
        weights = energy_weights(spectra.level_dbfs)
        place = locate(lateral, self.mic_spacing_m, weights)
        differs = lateral.differs.astype(np.float64)
        tracks = {
            "level_difference": Track(times, lateral.level_difference_db, "dB", differs),
            "level_difference_shift": Track(times, lateral.level_shift_db, "dB", differs),
            "delay": Track(times, lateral.delay_us, "us", lateral.delay_confidence),
            "coherence": Track(times, lateral.coherence, "1"),
            "azimuth": Track(times, place.azimuth_deg, "deg", place.confidence),
        }
        heard = weights * place.confidence
        total = float(heard.sum())
        evidence = 0.0 if spectra.silent else min(place.evidence, 1.0)  # a weighted mean may round above 1
        measures = {
            "lateral_evidence": evidence,
            "lateral_conflict": place.conflict,
            "azimuth_deg": float(np.degrees(np.arcsin(np.clip(place.sine @ heard / total, -1, 1)))) if total else 0.0,
            "identical_fraction": float(1.0 - differs.mean()),
        }
        return SpatialCues(audio.duration_s, tracks, measures, notes=_notes(place, differs))


def _notes(place: Place, differs: Array) -> tuple[str, ...]:
    if not differs.any():
        return (IDENTICAL,)
    notes = [PARTLY.format(share=1.0 - differs.mean())] if differs.mean() < 0.9 else []
    return tuple(notes + ([CONFLICT] if place.conflict > 0 else []))
