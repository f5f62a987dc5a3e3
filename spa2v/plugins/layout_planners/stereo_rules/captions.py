"""Reasoning and captions from the measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spa2v.core.types import Box, SpatialCues, Tag
from spa2v.plugins.layout_planners.stereo_rules.motion import DOUBT, Motion, ObjectCues, position_word
from spa2v.plugins.layout_planners.stereo_rules.priors import VEHICLE, ObjectClass
from spa2v.plugins.layout_planners.stereo_rules.trends import trend

SILENT_CAPTION = "An empty, still scene; nothing is heard."
PLACES = {"left": "on the left", "center": "in the center", "right": "on the right"}
MOVES = {
    "left_to_right": "moves from left to right",
    "right_to_left": "moves from right to left",
    "approaching": "comes closer",
    "receding": "moves away",
}


@dataclass(frozen=True)
class PlannedObject:
    """One object of the plan: class, cues, motion and boxes, one a key frame (None: out of the frame)."""

    id: str
    cls: ObjectClass
    cues: ObjectCues
    motion: Motion
    boxes: Sequence[Box | None]
    attribute: str
    tags: tuple[Tag, ...] = ()
    named_by_user: bool = False


def a(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def reasoning(objects: Sequence[PlannedObject], cues: SpatialCues, scenario: str) -> str:
    """For each object, why this class and this position; then the scenario."""
    parts = [_about(item, index, len(objects)) for index, item in enumerate(objects, 1)]
    parts += list(cues.notes)
    where = "so this is a stationary scene." if scenario == "stationary" else "so this is a scene in motion."
    movers = sum(item.motion.moves for item in objects)
    parts.append(f"{movers} of {len(objects)} thing{'s' * (len(objects) > 1)} move, {where}")
    return "\n".join(parts)


def _about(item: PlannedObject, index: int, total: int) -> str:
    head = f"Sound {index}" if total > 1 else "The sound"
    sentences = [f"{head} {_identity(item)}.", _loudness(item), _laterality(item), _conclusion(item)]
    return " ".join(sentence for sentence in sentences if sentence)


def _identity(item: PlannedObject) -> str:
    if item.named_by_user:
        return f"is {a(item.cls.name)}, as named by the user"
    if not item.tags:
        return f"could not be named; it is drawn as {a(item.cls.name)}"
    best = item.tags[0]
    because = f": {best.reason}" if best.reason else ""
    return f"is probably {a(item.cls.name)} ({best.label}, confidence {best.confidence:.2f}{because})"


def _loudness(item: PlannedObject) -> str:
    change = item.motion.level_change_db
    if "level" not in item.cues.tracks:
        return ""
    if abs(change) < 1.5:
        return f"Its level stays nearly the same ({change:+.1f} dB)."
    factor = 2.0 ** (abs(change) / 6.0206)
    nearer = "nearer" if change > 0 else "farther away"
    text = f"Its level {'rises' if change > 0 else 'falls'} by {abs(change):.1f} dB over the clip"
    return f"{text}, as for a source {factor:.1f} times {nearer}." if item.motion.moves else f"{text}."


def _laterality(item: PlannedObject) -> str:
    cues = item.cues
    if cues.evidence <= 0:
        return "The channels tell no left or right."
    numbers = []
    if "level_difference" in cues.tracks:
        shift = trend(cues.tracks["level_difference"])
        numbers.append(f"the level difference (right minus left) changes by {shift.change:+.1f} dB")
    if "delay" in cues.tracks:
        numbers.append(f"the delay by {trend(cues.tracks['delay']).change:+.0f} us")
    measured = f"Between the channels {' and '.join(numbers)}" if numbers else "The channels differ"
    azimuth = item.motion.azimuth_deg
    side = (
        "in the middle"
        if abs(azimuth) < 3
        else f"{abs(azimuth):.0f} degrees to the {'right' if azimuth > 0 else 'left'}"
    )
    doubt = " with little certainty" if cues.evidence < DOUBT else ""
    return f"{measured}; it is heard {side}{doubt}."


def _conclusion(item: PlannedObject) -> str:
    name = item.cls.name
    if item.motion.moves:
        unsure = ", though the sound alone hardly tells how" if item.motion.confidence < 0.25 else ""
        return f"So the {name} {MOVES[item.attribute]}{unsure}."
    if item.cues.evidence < DOUBT:
        return f"So the {name} is placed in the center, in doubt."
    return f"So the {name} is likely {PLACES[item.attribute]}."


def video_caption(objects: Sequence[PlannedObject], scenario: str) -> str:
    """One sentence for the whole video."""
    if not objects:
        return SILENT_CAPTION
    setting = "outdoors on a street" if any(item.cls.kind == VEHICLE for item in objects) else "in a room"
    if scenario == "translational" and all(item.cls.kind != VEHICLE for item in objects):
        setting = "in an open place"
    clauses = [
        f"{a(item.cls.name)} {MOVES[item.attribute] if item.motion.moves else PLACES[item.attribute]}"
        for item in objects
    ]
    return _sentence(f"{_listed(clauses)}, {setting}")


def frame_caption(objects: Sequence[PlannedObject], index: int, words: Mapping[str, str] = PLACES) -> str:
    """What is seen in one key frame."""
    clauses = []
    for item in objects:
        box = item.boxes[index]
        if box is not None:
            clauses.append(f"{a(item.cls.name)} {_nearness(item, index)}{words[position_word(box.center[0])]}")
    return _sentence(_listed(clauses)) if clauses else "Nothing that sounds is in view."


def _nearness(item: PlannedObject, index: int) -> str:
    if item.attribute not in ("approaching", "receding"):
        return ""
    sizes = [box.area for box in item.boxes if box is not None]
    box = item.boxes[index]
    assert box is not None
    part = box.area / max(sizes)
    return "close by " if part > 0.5 else "far away " if part < 0.15 else ""


def _listed(clauses: Sequence[str]) -> str:
    return clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])} and {clauses[-1]}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
