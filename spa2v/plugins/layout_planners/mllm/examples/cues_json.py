"""Cues in files: thinned when written, checked when read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from spa2v.core.errors import ConfigError, ContractError
from spa2v.core.types import SoundSource, SpatialCues, Tag, Track

POINTS = 32


def thinned(cues: SpatialCues) -> SpatialCues:
    """The cues with at most `POINTS` points a track, evenly over the clip; enough for prompts."""

    def thin(tracks: Mapping[str, Track]) -> dict[str, Track]:
        return {name: _thin(track, cues.duration_s) for name, track in tracks.items()}

    sources = tuple(replace(source, tracks=thin(source.tracks)) for source in cues.sources)
    return replace(cues, tracks=thin(cues.tracks), sources=sources)


def _thin(track: Track, duration_s: float) -> Track:
    if len(track.times_s) <= POINTS:
        return track
    times = np.linspace(0.0, duration_s, POINTS)
    return Track(times, track.at(times), track.unit, track.confidence_at(times))


def cues_from_json(data: Any) -> SpatialCues:
    """Cues from what `SpatialCues.to_json` gave.

    Raises:
        ConfigError: a field is missing or invalid.
    """
    try:
        return SpatialCues(
            duration_s=float(data["duration_s"]),
            tracks=_tracks(data["tracks"]),
            measures={str(name): float(value) for name, value in data["measures"].items()},
            sources=tuple(_source(source) for source in data["sources"]),
            tags=_tags(data["tags"]),
            notes=tuple(map(str, data["notes"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ContractError) as error:
        raise ConfigError("the cues of an example cannot be read", str(error)[:200]) from error


def _tracks(data: Mapping[str, Any]) -> dict[str, Track]:
    return {
        str(name): Track(track["times_s"], track["values"], str(track["unit"]), track["confidence"])
        for name, track in data.items()
    }


def _tags(data: list[Any]) -> tuple[Tag, ...]:
    return tuple(Tag(str(tag["label"]), float(tag["confidence"]), str(tag["reason"])) for tag in data)


def _source(data: Mapping[str, Any]) -> SoundSource:
    return SoundSource(
        id=str(data["id"]),
        share=float(data["share"]),
        tracks=_tracks(data["tracks"]),
        tags=_tags(data["tags"]),
        confidence=float(data["confidence"]),
    )
