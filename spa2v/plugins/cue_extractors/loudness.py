"""Level over time and the change of distance that it implies."""

from __future__ import annotations

import numpy as np

from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues, Track
from spa2v.dsp.filters import FLOOR_DB, Array, moving_mean, ramp
from spa2v.dsp.stft import SILENCE_DBFS, stereo_stft
from spa2v.dsp.trends import change_over_clip, steadiness

SILENT = "The recording is silent: nothing rises above {limit:.0f} dBFS."
DB_PER_DOUBLING = 6.0206  # free field: the level falls by this for each doubling of the distance
SMOOTHING = 8  # of a clip's length: the shape that a pass leaves, not its single beats


class Loudness:
    """Level in 200..8000 Hz, its trend, its peak, and the change of distance that the trend implies.

    Tracks: level, level_broad. Measures: level_dbfs, level_slope_db, level_steadiness, level_range_db, level_peak_time,
    level_peak_prominence_db, distance_ratio, silent.
    """

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        stft = stereo_stft(audio)
        level, broad = stft.level_dbfs, stft.broadband_level_dbfs
        confidence = ramp(level, FLOOR_DB, SILENCE_DBFS)
        tracks = {
            "level": Track(stft.track_times_s, level, "dBFS", confidence),
            "level_broad": Track(stft.track_times_s, broad, "dBFS"),
        }
        notes = (SILENT.format(limit=SILENCE_DBFS),) if stft.silent else ()
        return SpatialCues(audio.duration_s, tracks, _measures(level, stft.silent), notes=notes)


def _measures(level: Array, silent: bool) -> dict[str, float]:
    shape = moving_mean(level, len(level) // SMOOTHING)
    slope = change_over_clip(shape)
    highest = np.flatnonzero(shape >= shape.max() - 1e-9)
    return {
        "level_dbfs": float(10.0 * np.log10(np.mean(10.0 ** (level / 10.0)))),
        "level_slope_db": slope,
        "level_steadiness": steadiness(shape),
        "level_range_db": float(shape.max() - shape.min()),
        "level_peak_time": float(highest.mean() / max(len(shape) - 1, 1)),
        "level_peak_prominence_db": float(shape.max() - max(shape[0], shape[-1])),
        "distance_ratio": float(2.0 ** (-slope / DB_PER_DOUBLING)),
        "silent": float(silent),
    }
