"""Captions and reasoning, written from what is true, in the order and manner in which the paper's planner answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spa2v.core.types import Box
from spa2v.core.types.benchmark import ClipObject
from spa2v.world.classes import CLASSES
from spa2v.world.drawing.look import paint_name
from spa2v.world.scene import Scene, Thing

MOVES = {
    "left_to_right": "{verb} from left to right",
    "right_to_left": "{verb} from right to left",
    "approaching": "approaches",
    "receding": "{verb} away",
}
SURROUNDINGS = {
    "room": ("in", "a room"),
    "street": ("on", "a street"),
    "rails": ("on", "a railway"),
    "meadow": ("on", "a meadow"),
    "water": ("on", "a lake"),
    "sky": ("in", "the sky"),
}
PLACES = {"left": "on the left", "center": "in the center", "right": "on the right"}
NEAR_AREA, FAR_AREA = 0.06, 0.015


def noun(thing: Thing) -> str:
    """A thing as captions call it: "red car", "guitar"."""
    paint = paint_name(thing.name, thing.look)
    return f"{paint} {thing.name}" if paint else thing.name


def video_caption(scene: Scene) -> str:
    """One sentence about the whole clip."""
    things = sorted(scene.things, key=lambda thing: scene.side * thing.path.start[0])
    preposition, place = SURROUNDINGS[scene.surroundings]
    if not things:
        return _sentence(f"{place}, nothing sounds.")
    return _sentence(f"{_listed([_act(thing) for thing in things])} {preposition} {place}.")


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _article(text: str) -> str:
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def _act(thing: Thing) -> str:
    name, kind = _article(noun(thing)), CLASSES[thing.name]
    if thing.attribute in MOVES:
        return f"{name} {MOVES[thing.attribute].format(verb=kind.way)}"
    return f"{name} {kind.act} {PLACES[thing.attribute]}"


def frame_caption(scene: Scene, boxes: Mapping[str, Box]) -> str:
    """One sentence about a moment: who is seen, where, and how near."""
    seen = [thing for thing in scene.things if thing.id in boxes]
    if not seen:
        place = SURROUNDINGS[scene.surroundings][1]
        return f"The {place.split(' ', 1)[1]} is empty."
    seen.sort(key=lambda thing: boxes[thing.id].center[0])
    return _sentence(f"{_listed([f'the {noun(thing)} is {_where(thing, boxes[thing.id])}' for thing in seen])}.")


def _where(thing: Thing, box: Box) -> str:
    x = box.center[0]
    place = PLACES["left" if x < 0.4 else "right" if x > 0.6 else "center"]
    if thing.attribute not in ("approaching", "receding"):
        return place
    return f"far away {place}" if box.area < FAR_AREA else f"near {place}" if box.area > NEAR_AREA else place


def reasoning(scene: Scene, objects: Sequence[ClipObject]) -> str:
    """What is heard of each thing and what follows, one paragraph a thing."""
    facts = {item.id: item for item in objects}
    lines = [_reason(scene, thing, facts[thing.id]) for thing in scene.things]
    kind = "stay where they are" if scene.scenario == "stationary" else "move"
    return "\n".join([*lines, f"The sources {kind}: the scenario is {scene.scenario}."])


def _reason(scene: Scene, thing: Thing, item: ClipObject) -> str:
    heard = f"I hear {CLASSES[thing.name].sound}: {_article(thing.name)}."
    cues = item.cues
    if thing.attribute in ("approaching", "receding"):
        return f"{heard} {_loudness(cues['level_change_db'])}, so it {_moves(thing, item.distance_evidence)}."
    if scene.receiver.is_mono:
        return f"{heard} Both channels are the same, so the side cannot be heard; it {_moves(thing, False)}."
    if thing.attribute in PLACES:
        return f"{heard} {_sides(cues['level_difference_db'])}, so it {_moves(thing, item.lateral_evidence)}."
    half = cues["level_difference_trend_db"] / 2
    first = _side_words(cues["level_difference_db"] - half)
    last = _side_words(cues["level_difference_db"] + half)
    return f"{heard} At first it is {first}, at the end {last}, so it {_moves(thing, item.lateral_evidence)}."


def _moves(thing: Thing, sure: bool | None) -> str:
    what = {
        "left": "is located on the left side",
        "center": "is located in the center",
        "right": "is located on the right side",
        "left_to_right": "moves from left to right",
        "right_to_left": "moves from right to left",
        "approaching": "approaches",
        "receding": f"{CLASSES[thing.name].way} away",
    }[thing.attribute]
    return what if sure else f"most likely {what}"


def _loudness(change_db: float) -> str:
    if abs(change_db) < 1:
        return "Its loudness stays about the same"
    return f"Its loudness {'rises' if change_db > 0 else 'falls'} by {abs(change_db):.0f} dB over the clip"


def _sides(difference_db: float) -> str:
    return f"It is consistently {_side_words(difference_db)}"


def _side_words(difference_db: float) -> str:
    if abs(difference_db) < 0.5:
        return "equally loud in both channels"
    return f"{abs(difference_db):.1f} dB louder on the {'right' if difference_db > 0 else 'left'}"
