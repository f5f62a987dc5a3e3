"""How many sources sound, and the tracks of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import ConfigError
from spa2v.core.protocols import TagsSound, capability
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SoundSource, SpatialCues, Tag
from spa2v.dsp.separation.strategies import Recording, Separation, separate
from spa2v.dsp.stft import stereo_stft
from spa2v.dsp.timbre import kind_tags, measure_timbre

MAX_SOURCES = 8


class Sources:
    """Separates sources by demixing, by level, by how their partials move, and by azimuth, in this order.

    Two sources that keep their directions are demixed, whatever they are, and each is named by hearing it alone.
    Vehicles that pass in opposite directions leave a dip in the level. Streams that move in different ways (partials
    that hold their pitch, partials that glide together, percussion) are sources wherever they are. Where there is one
    stream or none, time-frequency bins are separated by level and delay.

    Args:
        max_sources: the largest number of sources, 1 to 8.
        mic_spacing_m: distance of the microphones that delays are read against.
        tagger: the cue extractor that hears each demixed source, by its name or as `{name, options}`; "" for tags by
            timbre.

    Gives `sources` when there are at least two, each with the tracks level and azimuth, and as far as they are known
    level_difference, level_difference_shift, delay and centroid, with tags by signal properties. Measures:
    source_count. Where the channels are identical, the azimuths of the sources have a confidence of 0.

    Raises:
        ConfigError: `max_sources` is out of range.
    """

    def __init__(
        self, max_sources: int = 4, mic_spacing_m: float = 0.18, tagger: str | Mapping[str, Any] = "semantic_tagger"
    ) -> None:
        if not 1 <= max_sources <= MAX_SOURCES:
            raise ConfigError(f"sources: max_sources is {max_sources!r}", f"expected 1 to {MAX_SOURCES}")
        self.max_sources = max_sources
        self.mic_spacing_m = mic_spacing_m
        self.tagger = tagger

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        recording = Recording(audio, self.mic_spacing_m)
        separation = separate(recording, self.max_sources)
        if separation is None:
            count = 0.0 if recording.stft.silent else 1.0
            return SpatialCues(audio.duration_s, measures={"source_count": count})
        measures = {"source_count": float(len(separation.sources))}
        sources = self._named(separation, audio.sample_rate, run)
        return SpatialCues(audio.duration_s, measures=measures, sources=sources, notes=(separation.note,))

    def _named(self, separation: Separation, rate_hz: int, run: Run) -> tuple[SoundSource, ...]:
        """The sources with the tags of each one's own sound, where the separation gives it."""
        if separation.signals is None:
            return separation.sources
        pairs = zip(separation.sources, separation.signals(), strict=True)
        if not self.tagger:
            return tuple(replace(source, tags=_by_timbre(signal, rate_hz)) for source, signal in pairs)
        name, options = (self.tagger, {}) if isinstance(self.tagger, str) else _choice(self.tagger)
        tagger = capability(run.component("cue_extractors", name, **options), TagsSound)
        if tagger is None:
            raise ConfigError(f"sources: tagger {name!r} does not tag pieces of sound")
        return tuple(replace(source, tags=tagger.tag(signal, rate_hz)) for source, signal in pairs)


def _choice(given: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    name, options = given.get("name"), given.get("options") or {}
    if not isinstance(name, str) or not isinstance(options, Mapping) or given.keys() - {"name", "options"}:
        raise ConfigError(f"sources: tagger is {dict(given)!r}", "expected a name, or {name: ..., options: {...}}")
    return name, options


def _by_timbre(signal: NDArray[np.float32], rate_hz: int) -> tuple[Tag, ...]:
    return kind_tags(measure_timbre(stereo_stft(AudioClip(signal[None], rate_hz))))
