"""How many sources sound, and the tracks of each."""

from __future__ import annotations

from spa2v.core.errors import ConfigError
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues
from spa2v.dsp.separation.strategies import Recording, separate

MAX_SOURCES = 8


class Sources:
    """Separates sources by the course of the level, by how their partials move, and by azimuth, in this order.

    Vehicles that pass in opposite directions leave a dip in the level. Streams that move in different ways (partials
    that hold their pitch, partials that glide together, percussion) are sources wherever they are. Where there is one
    stream or none, time-frequency bins are separated by level and delay.

    Args:
        max_sources: the largest number of sources, 1 to 8.
        mic_spacing_m: distance of the microphones that delays are read against.

    Gives `sources` when there are at least two, each with the tracks level and azimuth, and as far as they are known
    level_difference, level_difference_shift, delay and centroid, with tags by signal properties. Measures:
    source_count. Where the channels are identical, the azimuths of the sources have a confidence of 0.

    Raises:
        ConfigError: `max_sources` is out of range.
    """

    def __init__(self, max_sources: int = 4, mic_spacing_m: float = 0.18) -> None:
        if not 1 <= max_sources <= MAX_SOURCES:
            raise ConfigError(f"sources: max_sources is {max_sources!r}", f"expected 1 to {MAX_SOURCES}")
        self.max_sources = max_sources
        self.mic_spacing_m = mic_spacing_m

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        recording = Recording(audio, self.mic_spacing_m)
        separation = separate(recording, self.max_sources)
        if separation is None:
            count = 0.0 if recording.stft.silent else 1.0
            return SpatialCues(audio.duration_s, measures={"source_count": count})
        measures = {"source_count": float(len(separation.sources))}
        return SpatialCues(audio.duration_s, measures=measures, sources=separation.sources, notes=(separation.note,))
