"""Whose sounds they are: events gathered into things, and what becomes of each over the clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from spa2v import Box

from spa2v_dcase.annotations import Event
from spa2v_dcase.camera import Camera
from spa2v_dcase.classes import SOUNDS

CENTER = (0.40, 0.60)
CROSSING, GROWTH = 0.30, 1.8
"""As in `spa2v bench build`: a center that wanders so far crosses, an area that grows so much approaches."""


@dataclass(frozen=True)
class Thing:
    """Something that sounds.

    Args:
        id: unique in the clip.
        name: of what is seen.
        events: by frame, what it sounds like and from where.
    """

    id: str
    name: str
    events: Mapping[int, Event]

    def nearest(self, frame: int) -> Event:
        """The event of the frame, or of the nearest one in which the thing sounds; of two, the earlier."""
        return self.events[min(self.events, key=lambda known: (abs(known - frame), known))]

    @property
    def verbs(self) -> tuple[str, ...]:
        """What it does, in the order of the frames."""
        return tuple(dict.fromkeys(SOUNDS[event.sound].verb for event in self.events.values()))


def things_of(events: Sequence[Event]) -> tuple[Thing, ...]:
    """The things behind events.

    A person speaks, laughs, claps and walks under one number, and is one thing; so is each other sound of a class and
    number. Where a frame holds several of these at once, they are things apart, told by their order.
    """
    found: dict[tuple[object, ...], dict[int, Event]] = {}
    for event in events:
        for place in range(len(events)):
            known = found.setdefault(_key(event, place), {})
            if known.setdefault(event.frame, event) is event or _same_person(known[event.frame], event):
                break
    counts: Counter[str] = Counter()
    return tuple(_thing(own, counts) for own in found.values())


def _key(event: Event, place: int) -> tuple[object, ...]:
    if SOUNDS[event.sound].of_a_person and event.source > 0:
        return ("person", event.source, place)
    return (event.sound, event.source, place)


def _same_person(one: Event, other: Event) -> bool:
    """Whether a second event of a person's number in a frame is another sound of the same person."""
    return SOUNDS[one.sound].of_a_person and one.source == other.source > 0 and one.sound != other.sound


def _thing(events: Mapping[int, Event], counts: Counter[str]) -> Thing:
    names = [SOUNDS[event.sound].thing for event in events.values()]
    name = next((name for name in names if name != "person"), names[0])
    key = name.replace(" ", "_")
    counts[key] += 1
    return Thing(f"{key}_{counts[key] - 1}", name, dict(events))


def boxes_of(thing: Thing, camera: Camera, frames: int, hold: bool) -> list[Box | None]:
    """The box of a thing in each annotation frame.

    Args:
        thing: whose.
        camera: that sees it.
        frames: how many.
        hold: where it is silent it stays where it is heard next or was heard last; else it is absent.
    """
    return [camera.box(thing.nearest(frame)) if hold or frame in thing.events else None for frame in range(frames)]


def attribute_of(boxes: Sequence[Box | None]) -> str:
    """What a thing does, by the path of its box; ends are means over a quarter."""
    seen = [(box.center[0], box.area) for box in boxes if box is not None]
    part = max(1, len(seen) // 4)
    (x1, a1), (x2, a2) = (_mean(side) for side in (seen[:part], seen[-part:]))
    if abs(x2 - x1) >= CROSSING:
        return "left_to_right" if x2 > x1 else "right_to_left"
    if max(a1, a2) >= GROWTH * min(a1, a2):
        return "approaching" if a2 > a1 else "receding"
    return side_of(_mean(seen)[0])


def side_of(x: float) -> str:
    """left, center or right."""
    return "left" if x < CENTER[0] else "right" if x > CENTER[1] else "center"


def _mean(values: Sequence[tuple[float, float]]) -> tuple[float, float]:
    first, second = zip(*values, strict=True)
    return sum(first) / len(first), sum(second) / len(second)


def window(events: Sequence[Event], start: int, frames: int, view_deg: float = 0.0) -> Iterator[Event]:
    """The events of some frames, counted from the first of them, seen by a camera turned by `view_deg` to the right."""
    for event in events:
        if start <= event.frame < start + frames:
            turned = (event.azimuth_deg - view_deg + 180.0) % 360.0 - 180.0
            rest = (event.elevation_deg, event.distance_m, event.onscreen)
            yield Event(event.frame - start, event.sound, event.source, turned, *rest)
