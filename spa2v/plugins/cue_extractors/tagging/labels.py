"""From scores of classes to tags: classes of one noun count together, a specific class goes before the generic one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spa2v.core.types import Tag
from spa2v.vocabulary import object_of, vocabulary

SURE = 0.3  # a noun below this names nothing; planners leave it unnamed
UNSURE_SCALE = 0.9  # of a group's confidence, which is the sum of doubtful classes


def tags_of(
    scores: Mapping[str, float], reason: str, top: int = 5, floor: float = 0.05, margin: float = 0.0
) -> tuple[Tag, ...]:
    """The best tags, best first.

    Args:
        scores: 0..1 of classes and of groups; what is left out counts as 0.
        reason: what gave the scores, in words.
        top: how many are kept.
        floor: classes that score below are left out.
        margin: how much of the next best object's score makes the best one doubtful.

    Classes that share a noun (a man who speaks, a man who sings) are one candidate under the name of the stronger one.
    Where no noun of a group is sure but the group is, the group is the tag ("person"). What is about as likely as
    another object is not sure: all confidences fall by the part that the best object loses.
    """
    known = vocabulary()
    nouns: dict[str, list[tuple[float, str]]] = {}
    for name, each in known.classes.items():
        nouns.setdefault(f"~{name}" if each.background or not each.noun else each.noun, []).append(
            (scores.get(name, 0.0), name)
        )
    candidates = [(_either(value for value, _ in found), max(found)[1]) for found in nouns.values()]
    things = sorted((each for each in candidates if object_of(each[1])), reverse=True)
    best, kept = max(candidates)[0], _kept(things[0][0], things[1][0], margin)
    generic: list[tuple[float, float, str]] = []
    for name, group in known.groups.items():
        members = known.members(name)
        value = max(scores.get(name, 0.0), UNSURE_SCALE * _either(scores.get(member, 0.0) for member in members))
        inside = max((value for value, found in candidates if found in members), default=0.0)
        outside = max((value for value, found in things if found not in members), default=0.0)
        part = _kept(value, outside, margin)
        if group.is_object and inside * kept < SURE <= value * part and value > best:
            generic.append((value, part, name))
    if generic:
        kept = max(generic)[1]
    candidates += [(value, name) for value, _, name in generic]
    ranked = sorted(candidates, key=lambda found: (-found[0], found[1]))[:top]
    return tuple(Tag(name, min(1.0, value * kept), reason) for value, name in ranked if value >= floor)


def _kept(value: float, rival: float, margin: float) -> float:
    """The part of a confidence that is left beside a rival."""
    return max(0.0, 1.0 - margin * rival / value) if value > 0 else 1.0


def _either(values: Iterable[float]) -> float:
    """The probability of at least one of independent events."""
    none = 1.0
    for value in values:
        none *= 1.0 - value
    return 1.0 - none
