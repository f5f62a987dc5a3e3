"""Coarse kinds of sound from signal properties alone; offline and without a model."""

from __future__ import annotations

from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues
from spa2v.dsp.stft import sounding_part, stereo_stft
from spa2v.dsp.timbre import kind_tags, measure_timbre

EXCERPT_S = 90.0  # frames stay contiguous up to here


class SemanticRules:
    """Tags of coarse kinds: engine, plucked strings, bowed strings, percussion, voice.

    Args:
        min_confidence: tags below this are left out; the best one always stays.

    Measures: tonality, abruptness_db, asymmetry, liveliness_db, low_share, pitch_hz, pitch_heard_share.
    """

    def __init__(self, min_confidence: float = 0.05) -> None:
        self.min_confidence = min_confidence

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        if stereo_stft(audio).silent:
            return SpatialCues(audio.duration_s)
        timbre = measure_timbre(stereo_stft(middle(audio)))
        tags = kind_tags(timbre)
        kept = tuple(tag for index, tag in enumerate(tags) if index == 0 or tag.confidence >= self.min_confidence)
        measures = timbre.measures()
        measures["pitch_heard_share"] = measures.pop("pitch_heard")
        return SpatialCues(audio.duration_s, measures=measures, tags=kept)


def middle(audio: AudioClip) -> AudioClip:
    """The middle 90 s of the sounding part of a longer clip, else the clip itself."""
    part, wanted = sounding_part(audio), int(EXCERPT_S * audio.sample_rate)
    count = part.stop - part.start
    if count <= wanted:
        return audio
    start = part.start + (count - wanted) // 2
    return AudioClip(audio.samples[:, start : start + wanted], audio.sample_rate, audio.source)
