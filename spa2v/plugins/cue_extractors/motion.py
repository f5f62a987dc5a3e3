"""What moves in the spectrum: centroid, pitch (Doppler), and the shift of the stereo cues."""

from __future__ import annotations

import numpy as np

from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues, Track
from spa2v.dsp.interaural import smoothed
from spa2v.dsp.pitch import centroid_hz, pitch_track
from spa2v.dsp.stft import Array, spectra_of
from spa2v.dsp.trends import change_over_clip

MIN_HEARD = 8  # frames with a pitch, before a drift of it means anything


class Motion:
    """Spectral centroid and pitch over time with their drift.

    A source that passes drops in pitch by (c - v) / (c + v): 5 semitones at 50 m/s, 1.5 at 15 m/s.

    Tracks: centroid, pitch. Measures: centroid_drift_octaves, pitch_drift_semitones, pitch_heard.
    """

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        spectra = spectra_of(audio)
        hz = spectra.frequencies_hz[spectra.cue_lines]
        left, right = spectra.track_powers
        centroid = centroid_hz((left + right)[:, spectra.cue_lines].astype(np.float64), hz)
        pitch, heard = pitch_track(spectra)
        loud = spectra.broad_level_dbfs > spectra.broad_level_dbfs.max() - 50.0
        heard = np.where(loud & ~np.array(spectra.silent), heard, 0.0)
        tracks = {
            "centroid": Track(spectra.track_times_s, centroid, "Hz", loud.astype(np.float64)),
            "pitch": Track(spectra.track_times_s, pitch, "Hz", heard),
        }
        measures = {
            "centroid_drift_octaves": change_over_clip(
                smoothed(np.log2(np.maximum(centroid, 1.0)), len(centroid) // 8)
            ),
            "pitch_drift_semitones": _pitch_drift(pitch, heard),
            "pitch_heard": float(np.mean(heard > 0)),
        }
        return SpatialCues(audio.duration_s, tracks, measures)


def _pitch_drift(pitch: Array, heard: Array) -> float:
    sure = pitch[heard > 0.3]
    if len(sure) < max(MIN_HEARD, len(pitch) // 3):
        return 0.0
    return change_over_clip(12.0 * np.log2(sure))
