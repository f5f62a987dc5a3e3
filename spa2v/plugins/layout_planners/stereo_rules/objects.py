"""Who is in the scene: the sources that were heard, named by their tags or by the user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from spa2v.core.types import SoundSource, SpatialCues, Tag
from spa2v.plugins.layout_planners.stereo_rules.motion import Heard
from spa2v.plugins.layout_planners.stereo_rules.priors import (
    INSTRUMENT,
    PERSON,
    UNKNOWN,
    VEHICLE,
    ThingClass,
    class_of,
    thing_named,
    vehicle_odds,
)

UNNAMED = "sound source"
MIN_TAG = 0.3  # confidence under which a tag names nothing
NAMED_ODDS = {VEHICLE: 0.97, INSTRUMENT: 0.03, PERSON: 0.2}  # persons walk now and then


@dataclass(frozen=True)
class Part:
    """One role: its id, what it is, what is heard of it and the tags behind its name."""

    id: str
    thing: ThingClass
    heard: Heard
    tags: tuple[Tag, ...]


@dataclass(frozen=True)
class _Voice:
    heard: Heard
    tags: tuple[Tag, ...]
    share: float


def cast(cues: SpatialCues, names: Sequence[str], max_objects: int, min_confidence: float) -> list[Part]:
    """The things of a scene, loudest first; with names exactly these, in their order."""
    sure = [source for source in cues.sources if source.confidence >= min_confidence]
    sure.sort(key=lambda source: -source.share)
    voices = [_voice(source, cues) for source in sure] if len(sure) > 1 else [_whole(cues)]
    if names:
        return _ids([(thing_named(name), voice) for name, voice in _assigned(names, voices)])
    return _ids([(_best_thing(voice.tags), voice) for voice in voices[:max_objects]], by_name=False)


def _whole(cues: SpatialCues) -> _Voice:
    evidence = cues.measures.get("lateral_evidence", 0.0)
    return _Voice(Heard(cues.tracks, evidence, vehicle_odds(cues.tags)), cues.tags, 1.0)


def _voice(source: SoundSource, cues: SpatialCues) -> _Voice:
    tags = source.tags or cues.tags
    return _Voice(Heard(source.tracks, _evidence(source), vehicle_odds(tags)), tags, source.share)


def _evidence(source: SoundSource) -> float:
    """How far a source tells its place: none where the channels are identical, whatever told it from the others."""
    azimuth = source.tracks.get("azimuth")
    return source.confidence * (float(azimuth.weights.max()) if azimuth is not None else 1.0)


def _best_thing(tags: tuple[Tag, ...]) -> ThingClass:
    best = max(tags, key=lambda tag: tag.confidence, default=None)
    known = class_of(best.label) if best is not None and best.confidence >= MIN_TAG else None
    return known or ThingClass(UNNAMED, UNKNOWN, 0.8, 0.8, 0.8, 0.4, 3.0)


def _assigned(names: Sequence[str], voices: Sequence[_Voice]) -> list[tuple[str, _Voice]]:
    """Each name with the voice whose tags fit it best; more names than voices share the loudest."""
    likeness = np.array([[_likeness(name, voice) for voice in voices] for name in names])
    rows, columns = linear_sum_assignment(-likeness)
    chosen = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    return [(name, _as_named(name, voices[chosen.get(index, 0)])) for index, name in enumerate(names)]


def _likeness(name: str, voice: _Voice) -> float:
    wanted = class_of(name)
    if wanted is None:
        return 0.1 + 0.05 * voice.share
    same = [tag.confidence for tag in voice.tags if class_of(tag.label) == wanted]
    kind = [tag.confidence for tag in voice.tags if (known := class_of(tag.label)) and known.kind == wanted.kind]
    return max(same, default=0.0) + 0.7 * max(kind, default=0.0) + 0.05 * voice.share


def _as_named(name: str, voice: _Voice) -> _Voice:
    known = class_of(name)
    odds = NAMED_ODDS.get(known.kind, voice.heard.vehicle) if known else voice.heard.vehicle
    return _Voice(Heard(voice.heard.tracks, voice.heard.evidence, odds), voice.tags, voice.share)


def _ids(roles: Sequence[tuple[ThingClass, _Voice]], by_name: bool = True) -> list[Part]:
    seen: Counter[str] = Counter()
    parts = []
    for thing, voice in roles:
        key = thing.name.replace(" ", "_")
        parts.append(Part(f"{key}_{seen[key]}", thing, voice.heard, voice.tags))
        seen[key] += 1
    return parts
