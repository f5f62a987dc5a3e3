"""Object selection: which sources are planned as objects, named by their tags or by the user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from spa2v.core.types import SoundSource, SpatialCues, Tag
from spa2v.plugins.layout_planners.stereo_rules.motion import ObjectCues
from spa2v.plugins.layout_planners.stereo_rules.priors import (
    INSTRUMENT,
    PERSON,
    UNKNOWN,
    VEHICLE,
    ObjectClass,
    class_named,
    find_class,
    vehicle_probability,
)

UNNAMED = "sound source"
MIN_TAG = 0.3  # confidence under which a tag names nothing
NAMED_VEHICLE = {VEHICLE: 0.97, INSTRUMENT: 0.03, PERSON: 0.2}  # persons walk now and then


@dataclass(frozen=True)
class SelectedObject:
    """One object of the scene: its id and class, its cues, and the tags behind its name."""

    id: str
    cls: ObjectClass
    cues: ObjectCues
    tags: tuple[Tag, ...]


@dataclass(frozen=True)
class _Candidate:
    """A separated source, or the whole recording where there are not two."""

    cues: ObjectCues
    tags: tuple[Tag, ...]
    share: float


def select_objects(
    cues: SpatialCues, names: Sequence[str], max_objects: int, min_confidence: float
) -> list[SelectedObject]:
    """The objects of a scene, loudest first; with names exactly these, in their order."""
    sure = [source for source in cues.sources if source.confidence >= min_confidence]
    sure.sort(key=lambda source: -source.share)
    candidates = [_of_source(source, cues) for source in sure] if len(sure) > 1 else [_of_mixture(cues)]
    if names:
        return _with_ids([(class_named(name), found) for name, found in _assigned(names, candidates)])
    return _with_ids([(_class_by_tags(found.tags), found) for found in candidates[:max_objects]])


def _of_mixture(cues: SpatialCues) -> _Candidate:
    evidence = cues.measures.get("lateral_evidence", 0.0)
    return _Candidate(ObjectCues(cues.tracks, evidence, vehicle_probability(cues.tags)), cues.tags, 1.0)


def _of_source(source: SoundSource, cues: SpatialCues) -> _Candidate:
    tags = source.tags or cues.tags
    azimuth = source.tracks.get("azimuth")
    # None where the channels are identical, whatever separated the source from the others.
    evidence = source.confidence * (float(azimuth.weights.max()) if azimuth is not None else 1.0)
    return _Candidate(ObjectCues(source.tracks, evidence, vehicle_probability(tags)), tags, source.share)


def _class_by_tags(tags: tuple[Tag, ...]) -> ObjectClass:
    best = max(tags, key=lambda tag: tag.confidence, default=None)
    known = find_class(best.label) if best is not None and best.confidence >= MIN_TAG else None
    return known or ObjectClass(UNNAMED, UNKNOWN, 0.8, 0.8, 0.8, 0.4, 3.0)


def _assigned(names: Sequence[str], candidates: Sequence[_Candidate]) -> list[tuple[str, _Candidate]]:
    """Each name with the source whose tags fit it best; more names than sources share the loudest."""
    score = np.array([[_score(name, candidate) for candidate in candidates] for name in names])
    rows, columns = linear_sum_assignment(score, maximize=True)
    chosen = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    return [(name, _as_named(name, candidates[chosen.get(index, 0)])) for index, name in enumerate(names)]


def _score(name: str, candidate: _Candidate) -> float:
    wanted = find_class(name)
    if wanted is None:
        return 0.1 + 0.05 * candidate.share
    known = [(found, tag.confidence) for tag in candidate.tags if (found := find_class(tag.label))]
    same_class = max((confidence for found, confidence in known if found == wanted), default=0.0)
    same_kind = max((confidence for found, confidence in known if found.kind == wanted.kind), default=0.0)
    return same_class + 0.7 * same_kind + 0.05 * candidate.share


def _as_named(name: str, candidate: _Candidate) -> _Candidate:
    known = find_class(name)
    vehicle = NAMED_VEHICLE.get(known.kind, candidate.cues.vehicle) if known else candidate.cues.vehicle
    return replace(candidate, cues=replace(candidate.cues, vehicle=vehicle))


def _with_ids(chosen: Sequence[tuple[ObjectClass, _Candidate]]) -> list[SelectedObject]:
    counts: Counter[str] = Counter()
    selected = []
    for cls, candidate in chosen:
        key = cls.name.replace(" ", "_")
        selected.append(SelectedObject(f"{key}_{counts[key]}", cls, candidate.cues, candidate.tags))
        counts[key] += 1
    return selected
