"""From scores of classes to tags: classes of one noun count together, a specific class goes before the generic one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spa2v.core.types import Tag
from spa2v.vocabulary import vocabulary

SURE = 0.3  # a noun below this names nothing; planners leave it unnamed
UNSURE_SCALE = 0.9  # of a group's confidence, which is the sum of doubtful classes


def tags_of(scores: Mapping[str, float], reason: str, top: int = 5, floor: float = 0.05) -> tuple[Tag, ...]:
    """The best tags, best first.

    Args:
        scores: 0..1 of classes and of groups; what is left out counts as 0.
        reason: what gave the scores, in words.
        top: how many are kept.
        floor: tags below are left out.

    Classes that share a noun (a man who speaks, a man who sings) are one candidate under the name of the stronger one.
    Where no noun of a group is sure but the group is, the group is the tag ("person").
    """
    known = vocabulary()
    nouns: dict[str, list[tuple[float, str]]] = {}
    for name, each in known.classes.items():
        nouns.setdefault(f"~{name}" if each.background or not each.noun else each.noun, []).append(
            (scores.get(name, 0.0), name)
        )
    candidates = [(_either(value for value, _ in found), max(found)[1]) for found in nouns.values()]
    best = max(value for value, _ in candidates)
    generic = []
    for name, group in known.groups.items():
        members = known.members(name)
        value = max(scores.get(name, 0.0), UNSURE_SCALE * _either(scores.get(member, 0.0) for member in members))
        strongest = max((value for value, found in candidates if found in members), default=0.0)
        if group.is_object and strongest < SURE <= value and value > best:
            generic.append((value, name))
    candidates += generic
    ranked = sorted(candidates, key=lambda found: (-found[0], found[1]))[:top]
    return tuple(Tag(name, min(1.0, value), reason) for value, name in ranked if value >= floor)


def _either(values: Iterable[float]) -> float:
    """The probability of at least one of independent events."""
    none = 1.0
    for value in values:
        none *= 1.0 - value
    return 1.0 - none
