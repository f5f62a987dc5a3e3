"""`SpatialCues`: what is measured in a sound. Extractors each fill a part; parts merge into one.

Well-known tracks (an extractor may add others under its own names):

| name | unit | meaning |
|---|---|---|
| `level` | dBFS | RMS level in the cue band, both channels |
| `level_difference` | dB | right minus left in the cue band; positive is louder at the right |
| `delay` | us | arrival time difference; positive is earlier at the right |
| `coherence` | 1 | peak of the normalized cross-correlation, 0..1 |
| `azimuth` | deg | place in front of the listener, -90 (left) to 90 (right) |
| `centroid` | Hz | spectral centroid |
| `pitch` | Hz | fundamental frequency; confidence 0 where none is heard |
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spa2v.core.errors import ContractError
from spa2v.core.types.display import Displayed


def _array(values: ArrayLike, what: str) -> NDArray[np.float64]:
    array = np.array(values, dtype=np.float64)
    if array.ndim != 1:
        raise ContractError(f"{what} has shape {array.shape}", "expected one dimension, one value for each time")
    if not np.all(np.isfinite(array)):
        at = int(np.argmin(np.isfinite(array)))
        help_text = "give a neutral value and confidence 0 where nothing is known"
        raise ContractError(f"{what} holds NaN or Inf, first at [{at}]", help_text)
    array.setflags(write=False)
    return array


def _unit(value: float, what: str) -> float:
    if not 0.0 <= value <= 1.0:
        raise ContractError(f"{what} is {value!r}", "expected 0 to 1")
    return float(value)


@dataclass(frozen=True, eq=False)
class Track:
    """A value over time with its confidence.

    Args:
        times_s: shape (T,), strictly increasing, in seconds from the start of the clip.
        values: shape (T,), finite.
        unit: "dBFS", "dB", "us", "deg", "Hz" or "1".
        confidence: shape (T,), 0..1, or None for full confidence everywhere.
    """

    times_s: NDArray[np.float64]
    values: NDArray[np.float64]
    unit: str
    confidence: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        times, values = _array(self.times_s, "Track.times_s"), _array(self.values, "Track.values")
        confidence = np.ones_like(values) if self.confidence is None else self.confidence
        confidence = _array(confidence, "Track.confidence")
        if not len(times) == len(values) == len(confidence) or len(times) == 0:
            raise ContractError(f"a Track has {len(times)} times, {len(values)} values, {len(confidence)} confidences")
        if np.any(np.diff(times) <= 0):
            raise ContractError("Track.times_s is not strictly increasing")
        if confidence.min() < 0 or confidence.max() > 1:
            raise ContractError("Track.confidence leaves 0..1")
        for name, array in (("times_s", times), ("values", values), ("confidence", confidence)):
            object.__setattr__(self, name, array)

    @property
    def weights(self) -> NDArray[np.float64]:
        """The confidence as an array, shape (T,)."""
        assert self.confidence is not None  # set in __post_init__
        return self.confidence

    def at(self, times_s: ArrayLike) -> NDArray[np.float64]:
        """Values at other times, linear between samples and held outside."""
        return np.interp(np.asarray(times_s, dtype=np.float64), self.times_s, self.values)

    def confidence_at(self, times_s: ArrayLike) -> NDArray[np.float64]:
        """Confidence at other times, linear between samples and held outside."""
        return np.interp(np.asarray(times_s, dtype=np.float64), self.times_s, self.weights)

    def to_json(self) -> dict[str, Any]:
        return {
            "unit": self.unit,
            "times_s": np.round(self.times_s, 4).tolist(),
            "values": np.round(self.values, 4).tolist(),
            "confidence": np.round(self.weights, 3).tolist(),
        }


@dataclass(frozen=True)
class Tag:
    """A guess of what sounds: a short noun or kind, how sure (0..1), and why, in words."""

    label: str
    confidence: float
    reason: str = ""

    def __post_init__(self) -> None:
        if not self.label.strip():
            raise ContractError("a Tag has an empty label")
        object.__setattr__(self, "confidence", _unit(self.confidence, "Tag.confidence"))

    def to_json(self) -> dict[str, Any]:
        return {"label": self.label, "confidence": round(self.confidence, 3), "reason": self.reason}


@dataclass(frozen=True)
class SoundSource:
    """One sounding thing among several.

    Args:
        id: unique among the sources of one `SpatialCues`.
        share: part of the energy of the clip, 0..1.
        tracks: its own tracks, names as in the module docstring.
        tags: what it may be, best first.
        confidence: how sure it is that this is a separate thing, 0..1.
    """

    id: str
    share: float
    tracks: Mapping[str, Track] = field(default_factory=dict)
    tags: tuple[Tag, ...] = ()
    confidence: float = 1.0

    def __post_init__(self) -> None:
        _unit(self.share, "SoundSource.share")
        _unit(self.confidence, "SoundSource.confidence")
        object.__setattr__(self, "tracks", MappingProxyType(dict(self.tracks)))
        object.__setattr__(self, "tags", tuple(self.tags))

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "share": round(self.share, 4),
            "confidence": round(self.confidence, 3),
            "tags": [tag.to_json() for tag in self.tags],
            "tracks": {name: track.to_json() for name, track in self.tracks.items()},
        }


@dataclass(frozen=True)
class SpatialCues(Displayed):
    """What was measured in one clip.

    Args:
        duration_s: of the clip, in seconds.
        tracks: values over time, by name.
        measures: single numbers, the unit in the name (`level_slope_db`, `lateral_evidence`).
        sources: the sounding things that could be separated; empty when nothing separated them or nothing sounds.
        tags: what the whole clip sounds like, best first.
        notes: remarks for a reader, one sentence each ("Both channels are identical: no lateral evidence.").

    `measures["lateral_evidence"]` (0..1) is 0 for identical channels: then nobody may claim left or right.
    """

    duration_s: float
    tracks: Mapping[str, Track] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)
    sources: tuple[SoundSource, ...] = ()
    tags: tuple[Tag, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.duration_s) and self.duration_s > 0):
            raise ContractError(f"SpatialCues.duration_s is {self.duration_s!r}", "expected a positive number")
        for name, value in self.measures.items():
            if not math.isfinite(value):
                raise ContractError(f"SpatialCues.measures[{name!r}] is {value!r}", "expected a finite number")
        ids = [source.id for source in self.sources]
        if len(set(ids)) != len(ids):
            raise ContractError(f"SpatialCues.sources repeats an id: {sorted(ids)}")
        object.__setattr__(self, "tracks", MappingProxyType(dict(self.tracks)))
        object.__setattr__(self, "measures", MappingProxyType({k: float(v) for k, v in self.measures.items()}))
        for name in ("sources", "tags", "notes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @staticmethod
    def merge(parts: Mapping[str, SpatialCues], duration_s: float) -> SpatialCues:
        """One `SpatialCues` from several extractors.

        Args:
            parts: what each extractor measured, by the extractor's name, in order.
            duration_s: of the clip.

        Tracks and measures must not collide; tags and notes are joined, tags best first; `sources` may come from one
        extractor only.

        Raises:
            ContractError: two extractors give the same track, measure or sources.
        """
        origin: dict[str, str] = {}
        tracks: dict[str, Track] = {}
        measures: dict[str, float] = {}
        sources: tuple[SoundSource, ...] = ()
        for name, part in parts.items():
            given = [f"track {key!r}" for key in part.tracks] + [f"measure {key!r}" for key in part.measures]
            for what in given + (["sources"] if part.sources else []):
                if what in origin:
                    raise ContractError(
                        f"two cue extractors give {what}: {origin[what]!r} and {name!r}", "take one of them out"
                    )
                origin[what] = name
            tracks.update(part.tracks)
            measures.update(part.measures)
            sources = part.sources or sources
        tags = sorted((tag for part in parts.values() for tag in part.tags), key=lambda tag: -tag.confidence)
        notes = tuple(dict.fromkeys(note for part in parts.values() for note in part.notes))
        return SpatialCues(duration_s, tracks, measures, sources, tuple(tags), notes)

    def to_json(self) -> dict[str, Any]:
        return {
            "duration_s": round(self.duration_s, 6),
            "measures": {name: round(value, 4) for name, value in self.measures.items()},
            "tags": [tag.to_json() for tag in self.tags],
            "notes": list(self.notes),
            "sources": [source.to_json() for source in self.sources],
            "tracks": {name: track.to_json() for name, track in self.tracks.items()},
        }
