"""Which boxes of an answer are the same thing. Ids are believed where they are consistent, else things are tracked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from spa2v.plugins.layout_planners.mllm.answer.repairs import Repairs
from spa2v.plugins.layout_planners.mllm.answer.shape import RawFrame, RawObject

OTHER_ID_COST = 0.25
OTHER_NAME_COST = 0.6
MAX_COST = 0.75
FORGIVEN_GAP = 3
DOUBLE = 0.01


@dataclass
class Thing:
    """One thing over the frames of an answer: which object of which frame it is.

    Args:
        id: as first written.
        names: how often it was called what.
        seen: index of the frame to the object in it.
    """

    id: str
    names: Counter[str] = field(default_factory=Counter)
    seen: dict[int, RawObject] = field(default_factory=dict)

    def add(self, frame: int, item: RawObject) -> None:
        self.seen[frame] = item
        if item.name:
            self.names[item.name] += 1

    @property
    def name(self) -> str:
        """The first spelling of the most frequent name."""
        spoken: Counter[str] = Counter()
        for name, count in self.names.items():
            spoken[_key(name)] += count
        best = spoken.most_common(1)[0][0] if spoken else ""
        return next((name for name in self.names if _key(name) == best), "")

    def last(self) -> RawObject:
        return self.seen[max(self.seen)]

    def last_box_item(self) -> RawObject:
        """The newest sighting with a whole box, else the newest."""
        whole = [frame for frame, item in self.seen.items() if np.isfinite(item.box).all()]
        return self.seen[max(whole)] if whole else self.last()


def find_things(frames: tuple[RawFrame | None, ...], repairs: Repairs) -> list[Thing]:
    """The things of an answer in the order of first appearance. Boxes must be in one unit already."""
    frames = tuple(_without_doubles(frame, repairs) if frame else None for frame in frames)
    believed = _by_id(frames)
    if believed is not None and not _handed_over(believed):
        return believed
    repairs.note("ids that change")
    return _tracked(frames)


def _without_doubles(frame: RawFrame, repairs: Repairs) -> RawFrame:
    """The frame without things of the same name in the same place."""
    kept: list[RawObject] = []
    for item in frame.objects:
        if not any(_key(item.name) == _key(other.name) and _same_place(item, other) for other in kept):
            kept.append(item)
    repairs.note("doubled objects dropped", len(frame.objects) - len(kept))
    return replace(frame, objects=tuple(kept))


def _same_place(a: RawObject, b: RawObject) -> bool:
    return bool(np.abs(a.box - b.box).max() < DOUBLE)  # never for a broken box


def _key(name: str) -> str:
    return name.casefold().removesuffix("s")


def _by_id(frames: tuple[RawFrame | None, ...]) -> list[Thing] | None:
    """Things by their ids, or None where an id is missing, stands twice in a frame or changes its name."""
    things: dict[str, Thing] = {}
    for index, frame in enumerate(frames):
        for item in frame.objects if frame else ():
            thing = things.setdefault(item.id, Thing(item.id))
            same_name = not (item.name and thing.names) or _key(item.name) in map(_key, thing.names)
            if not item.id or index in thing.seen or not same_name:
                return None
            thing.add(index, item)
    return list(things.values())


def _handed_over(things: list[Thing]) -> bool:
    """Whether one thing ends where another of the same name begins, at about the same place."""
    for old in things:
        for new in things:
            gap = min(new.seen) - max(old.seen)
            if 0 < gap <= FORGIVEN_GAP and _key(old.name) == _key(new.name):
                distance = _distance(old.last_box_item(), new.seen[min(new.seen)])
                if distance < MAX_COST * OTHER_ID_COST * gap:
                    return True
    return False


def _distance(a: RawObject, b: RawObject) -> float:
    """Mean difference of the coordinates; a medium value where a box is broken."""
    if not (np.isfinite(a.box).all() and np.isfinite(b.box).all()):
        return OTHER_ID_COST
    return float(np.abs(a.box - b.box).mean())


def _tracked(frames: tuple[RawFrame | None, ...]) -> list[Thing]:
    things: list[Thing] = []
    for index, frame in enumerate(frames):
        if frame is None or not frame.objects:
            continue
        matched = _match(things, frame.objects)
        for number, item in enumerate(frame.objects):
            thing = matched.get(number)
            if thing is None:
                thing = Thing(item.id)
                things.append(thing)
            thing.add(index, item)
    return things


def _match(things: list[Thing], items: tuple[RawObject, ...]) -> dict[int, Thing]:
    if not things:
        return {}
    cost = np.array([[_cost(thing, item) for item in items] for thing in things])
    rows, columns = linear_sum_assignment(cost)
    return {int(c): things[int(r)] for r, c in zip(rows, columns, strict=True) if cost[r, c] < MAX_COST}


def _cost(thing: Thing, item: RawObject) -> float:
    cost = _distance(thing.last_box_item(), item)
    cost += 0.0 if thing.id == item.id or thing.last().id == item.id else OTHER_ID_COST
    named = bool(thing.names) and bool(item.name)
    return cost + (OTHER_NAME_COST if named and _key(item.name) not in map(_key, thing.names) else 0.0)
