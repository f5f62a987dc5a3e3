"""Object identity over the frames of an answer: by id where ids are consistent, else by tracking."""

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
class ObjectTrack:
    """One object over the frames of an answer.

    Args:
        id: as first written.
        names: each spelling with its count.
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


def link_objects(frames: tuple[RawFrame | None, ...], repairs: Repairs) -> list[ObjectTrack]:
    """The objects of an answer in the order of first appearance. Boxes must be in one unit already."""
    frames = tuple(_without_doubles(frame, repairs) if frame else None for frame in frames)
    by_id = _by_id(frames)
    if by_id is not None and not _handed_over(by_id):
        return by_id
    repairs.note("ids that change")
    return _tracked(frames)


def _without_doubles(frame: RawFrame, repairs: Repairs) -> RawFrame:
    """The frame without objects of the same name in the same place."""
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


def _by_id(frames: tuple[RawFrame | None, ...]) -> list[ObjectTrack] | None:
    """Objects by their ids, or None where an id is missing, occurs twice in a frame or changes its name."""
    tracks: dict[str, ObjectTrack] = {}
    for index, frame in enumerate(frames):
        for item in frame.objects if frame else ():
            track = tracks.setdefault(item.id, ObjectTrack(item.id))
            same_name = not (item.name and track.names) or _key(item.name) in map(_key, track.names)
            if not item.id or index in track.seen or not same_name:
                return None
            track.add(index, item)
    return list(tracks.values())


def _handed_over(tracks: list[ObjectTrack]) -> bool:
    """Whether one object ends where another of the same name begins, at about the same place."""
    for old in tracks:
        for new in tracks:
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


def _tracked(frames: tuple[RawFrame | None, ...]) -> list[ObjectTrack]:
    tracks: list[ObjectTrack] = []
    for index, frame in enumerate(frames):
        if frame is None or not frame.objects:
            continue
        matched = _match(tracks, frame.objects)
        for number, item in enumerate(frame.objects):
            track = matched.get(number)
            if track is None:
                track = ObjectTrack(item.id)
                tracks.append(track)
            track.add(index, item)
    return tracks


def _match(tracks: list[ObjectTrack], items: tuple[RawObject, ...]) -> dict[int, ObjectTrack]:
    if not tracks:
        return {}
    cost = np.array([[_cost(track, item) for item in items] for track in tracks])
    rows, columns = linear_sum_assignment(cost)
    return {int(c): tracks[int(r)] for r, c in zip(rows, columns, strict=True) if cost[r, c] < MAX_COST}


def _cost(track: ObjectTrack, item: RawObject) -> float:
    cost = _distance(track.last_box_item(), item)
    cost += 0.0 if track.id == item.id or track.last().id == item.id else OTHER_ID_COST
    named = bool(track.names) and bool(item.name)
    return cost + (OTHER_NAME_COST if named and _key(item.name) not in map(_key, track.names) else 0.0)
