"""Object selection: which sources are planned as objects, named by their tags or by the user; which are background."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from spa2v.core.types import SoundSource, SpatialCues, Tag
from spa2v.plugins.layout_planners.stereo_rules.motion import ObjectCues, estimate_motion, median_azimuth
from spa2v.plugins.layout_planners.stereo_rules.priors import (
    UNKNOWN,
    ObjectClass,
    class_named,
    find_class,
    mobility_of,
)
from spa2v.vocabulary import is_background, vocabulary

UNNAMED = "sound source"
CROSSINGS = ("left_to_right", "right_to_left")
AMBIENCE = "ambience"  # the group of backgrounds that say little of what sounds: noise, traffic, ...
MIN_TAG = 0.3  # confidence under which a tag names nothing
SIDES = {"left": -18.0, "center": 0.0, "right": 18.0}  # degrees: well inside the third of the picture
CENTER_DEG = 7.0  # the middle fifth of the picture at 65 degrees
SIDE_BONUS = 3.0  # over any agreement of tags: the user knows


@dataclass(frozen=True)
class Wanted:
    """An object that the user names, and where it is, if the user says so: left, center, right or empty."""

    name: str
    side: str = ""


@dataclass(frozen=True)
class SelectedObject:
    """One object of the scene: id, class, cues, the tags behind its name, the side that the user gave."""

    id: str
    cls: ObjectClass
    cues: ObjectCues
    tags: tuple[Tag, ...]
    side: str = ""


@dataclass(frozen=True)
class Selection:
    """The objects of a scene, and the tags of what is heard behind them (rain, wind, ...)."""

    objects: tuple[SelectedObject, ...]
    backgrounds: tuple[Tag, ...]


@dataclass(frozen=True)
class _Candidate:
    """A separated source, or the whole recording where there are not two."""

    cues: ObjectCues
    tags: tuple[Tag, ...]
    share: float


def select_objects(cues: SpatialCues, wanted: Sequence[Wanted], max_objects: int, min_confidence: float) -> Selection:
    """The objects of a scene, loudest first; with names exactly these, in their order."""
    sure = [source for source in cues.sources if source.confidence >= min_confidence]
    sure.sort(key=lambda source: -source.share)
    candidates = [_of_source(source, cues) for source in sure] if len(sure) > 1 else [_of_mixture(cues)]
    if wanted:
        chosen = _assigned(wanted, candidates)
    else:
        objects = [item for item in candidates if not _is_background(item)][:max_objects]
        chosen = [(_class_by_tags(item.tags), item, "") for item in objects]
    selected = _with_ids(chosen)
    drawn = {best.label for item in selected if (best := best_tag(item.tags))}
    heard = [*cues.tags, *(best for item in candidates if (best := best_tag(item.tags)))]
    behind = [tag for tag in heard if is_background(tag.label) and tag.confidence >= MIN_TAG]
    return Selection(tuple(selected), tuple({tag.label: tag for tag in behind if tag.label not in drawn}.values()))


def best_tag(tags: tuple[Tag, ...]) -> Tag | None:
    """The most confident tag: of an object, unless one of a background is more than twice as sure; None without any."""
    tags = tuple(sorted(tags, key=lambda tag: -tag.confidence))
    of_objects = [tag for tag in tags if not is_background(tag.label)]
    if of_objects and of_objects[0].confidence >= 0.5 * tags[0].confidence:
        return of_objects[0]
    return tags[0] if tags else None


def _is_background(candidate: _Candidate) -> bool:
    """Whether no object makes the sound: noise or traffic unless it moves or has a side; rain unless it crosses."""
    best = best_tag(candidate.tags)
    if best is None or best.confidence < MIN_TAG or not is_background(best.label):
        return False
    motion = estimate_motion(candidate.cues)
    if vocabulary().classes[best.label].group == AMBIENCE:
        return not motion.moves and side_of(motion.azimuth_deg) == "center"
    return not (motion.moves and motion.attribute in CROSSINGS)  # a car on a wet road; weather stays


def _of_mixture(cues: SpatialCues) -> _Candidate:
    evidence = cues.measures.get("lateral_evidence", 0.0)
    return _Candidate(ObjectCues(cues.tracks, evidence, mobility_of(cues.tags)), cues.tags, 1.0)


def _of_source(source: SoundSource, cues: SpatialCues) -> _Candidate:
    tags = source.tags or cues.tags
    azimuth = source.tracks.get("azimuth")
    # None where the channels are identical, whatever separated the source from the others.
    evidence = source.confidence * (float(azimuth.weights.max()) if azimuth is not None else 1.0)
    return _Candidate(ObjectCues(source.tracks, evidence, mobility_of(tags)), tags, source.share)


def _class_by_tags(tags: tuple[Tag, ...]) -> ObjectClass:
    best = best_tag(tags)
    known = find_class(best.label) if best is not None and best.confidence >= MIN_TAG else None
    return known or ObjectClass(UNNAMED, UNKNOWN, 0.8, 0.8, 0.8, 0.4, 3.0)


def _assigned(wanted: Sequence[Wanted], candidates: Sequence[_Candidate]) -> list[tuple[ObjectClass, _Candidate, str]]:
    """Each name with the source whose side and tags fit it best; more names than sources share the loudest."""
    score = np.array([[_score(item, candidate) for candidate in candidates] for item in wanted])
    rows, columns = linear_sum_assignment(score, maximize=True)
    chosen = dict(zip(rows.tolist(), columns.tolist(), strict=True))
    found = []
    for index, item in enumerate(wanted):
        candidate, known = candidates[chosen.get(index, 0)], find_class(item.name)
        mobility = known.mobility if known else candidate.cues.mobility
        named = replace(candidate, cues=replace(candidate.cues, mobility=mobility))
        found.append((class_named(item.name), named, item.side))
    return found


def _score(item: Wanted, candidate: _Candidate) -> float:
    beside = SIDE_BONUS * (item.side == side_of(median_azimuth(candidate.cues))) + 0.05 * candidate.share
    wanted = find_class(item.name)
    if wanted is None:
        return beside + 0.1
    known = [(found, tag.confidence) for tag in candidate.tags if (found := find_class(tag.label))]
    same_class = max((confidence for found, confidence in known if found == wanted), default=0.0)
    same_kind = max((confidence for found, confidence in known if found.kind == wanted.kind), default=0.0)
    return beside + same_class + 0.7 * same_kind


def side_of(azimuth_deg: float) -> str:
    """left, center or right for a direction of arrival."""
    return "center" if abs(azimuth_deg) <= CENTER_DEG else "left" if azimuth_deg < 0 else "right"


def _with_ids(chosen: Sequence[tuple[ObjectClass, _Candidate, str]]) -> list[SelectedObject]:
    counts: Counter[str] = Counter()
    selected = []
    for cls, candidate, side in chosen:
        key = cls.name.replace(" ", "_")
        selected.append(SelectedObject(f"{key}_{counts[key]}", cls, candidate.cues, candidate.tags, side))
        counts[key] += 1
    return selected
