"""Spectral centroid and pitch over time, and their drift (Doppler)."""

from __future__ import annotations

import numpy as np

from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues, Track
from spa2v.dsp.filters import Array, moving_mean
from spa2v.dsp.pitch import centroid_hz, pitch_track
from spa2v.dsp.stft import stereo_stft
from spa2v.dsp.trends import change_over_clip

MIN_VOICED = 8  # frames with a pitch, before a drift of it means anything


class Motion:
    """Spectral centroid and pitch over time with their drift.

    A source that passes drops in pitch by (c - v) / (c + v): 5 semitones at 50 m/s, 1.5 at 15 m/s.

    Tracks: centroid, pitch. Measures: centroid_drift_octaves, pitch_drift_semitones, pitch_heard.
    """

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        stft = stereo_stft(audio)
        hz = stft.frequencies_hz[stft.cue_bins]
        left, right = stft.track_powers
        centroid = centroid_hz((left + right)[:, stft.cue_bins].astype(np.float64), hz)
        pitch, voiced = pitch_track(stft)
        loud = stft.broadband_level_dbfs > stft.broadband_level_dbfs.max() - 50.0
        voiced = np.where(loud & ~np.array(stft.silent), voiced, 0.0)
        tracks = {
            "centroid": Track(stft.track_times_s, centroid, "Hz", loud.astype(np.float64)),
            "pitch": Track(stft.track_times_s, pitch, "Hz", voiced),
        }
        measures = {
            "centroid_drift_octaves": change_over_clip(
                moving_mean(np.log2(np.maximum(centroid, 1.0)), len(centroid) // 8)
            ),
            "pitch_drift_semitones": _pitch_drift(pitch, voiced),
            "pitch_heard": float(np.mean(voiced > 0)),
        }
        return SpatialCues(audio.duration_s, tracks, measures)


def _pitch_drift(pitch: Array, voiced: Array) -> float:
    sure = pitch[voiced > 0.3]
    if len(sure) < max(MIN_VOICED, len(pitch) // 3):
        return 0.0
    return change_over_clip(12.0 * np.log2(sure))
