"""Reasoning and captions in words, from the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spa2v.core.types import Box, SpatialCues, Tag
from spa2v.plugins.layout_planners.stereo_rules.motion import DOUBT, Heard, Verdict, place_word
from spa2v.plugins.layout_planners.stereo_rules.priors import VEHICLE, ThingClass
from spa2v.plugins.layout_planners.stereo_rules.trends import trend_of

SILENT_CAPTION = "An empty, still scene; nothing is heard."
PLACES = {"left": "on the left", "center": "in the center", "right": "on the right"}
MOVES = {
    "left_to_right": "moves from left to right",
    "right_to_left": "moves from right to left",
    "approaching": "comes closer",
    "receding": "moves away",
}


@dataclass(frozen=True)
class Planned:
    """One thing of the plan: what it is, what was heard of it, what was decided, where it stands."""

    id: str
    thing: ThingClass
    heard: Heard
    verdict: Verdict
    boxes: Sequence[Box | None]
    attribute: str
    tags: tuple[Tag, ...] = ()
    named_by_user: bool = False


def a(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def reasoning(things: Sequence[Planned], cues: SpatialCues, scenario: str) -> str:
    """Per thing, why it is what and where it is; then the scenario."""
    parts = [_about(item, index, len(things)) for index, item in enumerate(things, 1)]
    parts += list(cues.notes)
    where = "so this is a stationary scene." if scenario == "stationary" else "so this is a scene in motion."
    movers = sum(item.verdict.moves for item in things)
    parts.append(f"{movers} of {len(things)} thing{'s' * (len(things) > 1)} move, {where}")
    return "\n".join(parts)


def _about(item: Planned, index: int, total: int) -> str:
    head = f"Sound {index}" if total > 1 else "The sound"
    sentences = [f"{head} {_identity(item)}.", _loudness(item), _laterality(item), _conclusion(item)]
    return " ".join(sentence for sentence in sentences if sentence)


def _identity(item: Planned) -> str:
    if item.named_by_user:
        return f"is {a(item.thing.name)}, as named by the user"
    if not item.tags:
        return f"could not be named; it is drawn as {a(item.thing.name)}"
    best = item.tags[0]
    because = f": {best.reason}" if best.reason else ""
    return f"is probably {a(item.thing.name)} ({best.label}, confidence {best.confidence:.2f}{because})"


def _loudness(item: Planned) -> str:
    change = item.verdict.level_change_db
    if "level" not in item.heard.tracks:
        return ""
    if abs(change) < 1.5:
        return f"Its level stays nearly the same ({change:+.1f} dB)."
    factor = 2.0 ** (abs(change) / 6.0206)
    nearer = "nearer" if change > 0 else "farther away"
    text = f"Its level {'rises' if change > 0 else 'falls'} by {abs(change):.1f} dB over the clip"
    return f"{text}, as for a source {factor:.1f} times {nearer}." if item.verdict.moves else f"{text}."


def _laterality(item: Planned) -> str:
    heard = item.heard
    if heard.evidence <= 0:
        return "The channels tell no left or right."
    numbers = []
    if "level_difference" in heard.tracks:
        shift = trend_of(heard.tracks["level_difference"])
        numbers.append(f"the level difference (right minus left) changes by {shift.change:+.1f} dB")
    if "delay" in heard.tracks:
        numbers.append(f"the delay by {trend_of(heard.tracks['delay']).change:+.0f} us")
    measured = f"Between the channels {' and '.join(numbers)}" if numbers else "The channels differ"
    azimuth = item.verdict.azimuth_deg
    side = (
        "in the middle"
        if abs(azimuth) < 3
        else f"{abs(azimuth):.0f} degrees to the {'right' if azimuth > 0 else 'left'}"
    )
    doubt = " with little certainty" if heard.evidence < DOUBT else ""
    return f"{measured}; it is heard {side}{doubt}."


def _conclusion(item: Planned) -> str:
    name = item.thing.name
    if item.verdict.moves:
        unsure = ", though the sound alone hardly tells how" if item.verdict.certain < 0.25 else ""
        return f"So the {name} {MOVES[item.attribute]}{unsure}."
    if item.heard.evidence < DOUBT:
        return f"So the {name} is placed in the center, in doubt."
    return f"So the {name} is likely {PLACES[item.attribute]}."


def video_caption(things: Sequence[Planned], scenario: str) -> str:
    """One sentence for the whole video."""
    if not things:
        return SILENT_CAPTION
    setting = "outdoors on a street" if any(item.thing.kind == VEHICLE for item in things) else "in a room"
    if scenario == "translational" and all(item.thing.kind != VEHICLE for item in things):
        setting = "in an open place"
    clauses = [
        f"{a(item.thing.name)} {MOVES[item.attribute] if item.verdict.moves else PLACES[item.attribute]}"
        for item in things
    ]
    return _sentence(f"{_listed(clauses)}, {setting}")


def frame_caption(things: Sequence[Planned], index: int, words: Mapping[str, str] = PLACES) -> str:
    """What is seen in one key frame."""
    clauses = []
    for item in things:
        box = item.boxes[index]
        if box is not None:
            clauses.append(f"{a(item.thing.name)} {_nearness(item, index)}{words[place_word(box.center[0])]}")
    return _sentence(_listed(clauses)) if clauses else "Nothing that sounds is in view."


def _nearness(item: Planned, index: int) -> str:
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
