"""Reasoning and captions from the measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spa2v.core.types import Box, SpatialCues, Tag
from spa2v.core.types.layout import Beyond
from spa2v.plugins.layout_planners.stereo_rules.camera import MAX_GROWTH
from spa2v.plugins.layout_planners.stereo_rules.motion import DOUBT, Motion, ObjectCues, position_word
from spa2v.plugins.layout_planners.stereo_rules.objects import MIN_TAG, best_tag
from spa2v.plugins.layout_planners.stereo_rules.priors import UNKNOWN, ObjectClass
from spa2v.plugins.layout_planners.stereo_rules.trends import ends, trend
from spa2v.vocabulary import caption_of

NAME_THEM = "name the objects with layout_planner.options.objects=[...]"
OUTDOORS = ("rain", "wind", "thunder", "traffic")  # backgrounds that are not heard in a room
SILENT_CAPTION = "An empty, still scene; nothing is heard."
PLACES = {"left": "on the left", "center": "in the center", "right": "on the right"}
INDOORS = "in a room"
MOVES = {
    "left_to_right": "moves from left to right",
    "right_to_left": "moves from right to left",
    "approaching": "comes closer",
    "receding": "moves away",
}


@dataclass(frozen=True)
class PlannedObject:
    """One object of the plan: class, cues, motion and boxes, one a key frame (None: out of the frame).

    `beyond` has for each key frame how far the object reaches beyond the frame.
    """

    id: str
    cls: ObjectClass
    cues: ObjectCues
    motion: Motion
    boxes: Sequence[Box | None]
    attribute: str
    tags: tuple[Tag, ...] = ()
    named_by_user: bool = False
    side: str = ""
    beyond: Sequence[Beyond] = ()


def with_article(noun: str) -> str:
    """The noun with its indefinite article."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def reasoning(objects: Sequence[PlannedObject], backgrounds: Sequence[Tag], cues: SpatialCues, scenario: str) -> str:
    """For each object, why this class and this position or movement; then the backgrounds and the scenario."""
    lines = [_about(item, index, len(objects)) for index, item in enumerate(objects, 1)]
    for tag in backgrounds:
        text = f"{caption_of(tag.label)} is heard ({tag.label}, confidence {tag.confidence:.2f})"
        lines.append(_sentence(f"{text}: a background, which has no box"))
    lines += cues.notes
    moving = sum(item.motion.moves for item in objects)
    if not objects:
        count = "There is no object"
    elif len(objects) == 1:
        count = "It moves" if moving else "It does not move"
    else:
        count = f"{moving or 'None'} of {len(objects)} objects {'move' if moving > 1 else 'moves'}"
    lines.append(f"{count}, so the scene is {scenario}.")
    return "\n".join(lines)


def identified(objects: Sequence[PlannedObject], backgrounds: Sequence[Tag]) -> str:
    """How sure the names are, in one line, and what helps where they are not."""
    parts = [_certainty(item) for item in objects]
    parts += [f"{tag.label} in the background, {tag.confidence:.2f}" for tag in backgrounds]
    unnamed = any((item.cls.kind == UNKNOWN or _named_by_motion(item)) and not item.named_by_user for item in objects)
    return "; ".join([*parts, *([NAME_THEM] if unnamed else [])])


def _certainty(item: PlannedObject) -> str:
    best = best_tag(item.tags)
    if item.named_by_user:
        return f"{item.cls.name}, named by you"
    if _named_by_motion(item):
        perhaps = f", perhaps {best.label}, {best.confidence:.2f}" if best is not None else ""
        return f"not sure{perhaps}; it moves like a {item.cls.name}"
    if best is None:
        return "not sure what it is"
    if item.cls.kind == UNKNOWN:
        return f"not sure, perhaps {best.label}, {best.confidence:.2f}"
    return f"{item.cls.name}, {best.confidence:.2f}"


def _named_by_motion(item: PlannedObject) -> bool:
    """Whether a class was taken for how the object moves, since no tag is sure."""
    best = best_tag(item.tags)
    unsure = best is None or best.confidence < MIN_TAG
    return unsure and item.cls.kind != UNKNOWN and not item.named_by_user


def _about(item: PlannedObject, index: int, total: int) -> str:
    head = f"Sound {index}" if total > 1 else "The sound"
    sentences = [f"{head} {_identity(item)}.", _level(item), _direction(item), _conclusion(item)]
    return " ".join(sentence for sentence in sentences if sentence)


def _identity(item: PlannedObject) -> str:
    name = with_article(item.cls.name)
    if item.named_by_user:
        return f"is {name}, as named by the user"
    if _named_by_motion(item):
        return f"may be {name}, since it crosses from side to side; what kind of sound it is remains unsure"
    best = best_tag(item.tags)
    if best is None:
        return f"could not be named; it is drawn as {name}"
    because = f": {best.reason}" if best.reason else ""
    known = f"{best.label}, confidence {best.confidence:.2f}{because}"
    if best.confidence < MIN_TAG:
        return f"is not sure ({known}); it is drawn as {name}; {NAME_THEM}"
    return f"is probably {name} ({known})"


def _level(item: PlannedObject) -> str:
    change = item.motion.level_change_db
    if "level" not in item.cues.tracks:
        return ""
    if abs(change) < 1.5:
        return f"Its level stays nearly the same ({change:+.1f} dB)."
    text = f"Its level {'rises' if change > 0 else 'falls'} by {abs(change):.1f} dB over the clip"
    if item.attribute not in ("approaching", "receding"):
        return f"{text}."
    factor = 10.0 ** (abs(change) / 20.0)
    times = f"{factor:.1f}" if factor <= MAX_GROWTH else f"over {MAX_GROWTH:g}"
    return f"{text}, as for a source {times} times {'closer' if change > 0 else 'farther away'}."


def _direction(item: PlannedObject) -> str:
    """What the channels show: the changes between them, and the direction of arrival or the way that it takes."""
    cues = item.cues
    if cues.evidence <= 0:
        return "The channels show no difference between left and right."
    changes = []
    if "level_difference" in cues.tracks:
        change = trend(cues.tracks["level_difference"]).change
        changes.append(f"the level difference (right minus left) changes by {change:+.1f} dB")
    if "delay" in cues.tracks:
        changes.append(f"the delay by {trend(cues.tracks['delay']).change:+.0f} us")
    measured = f"Between the channels {' and '.join(changes)}" if changes else "The channels differ"
    doubt = " with little certainty" if cues.evidence < DOUBT else ""
    if item.attribute in ("left_to_right", "right_to_left"):
        return f"{measured}; {_way(item)}{doubt}."
    return f"{measured}; its direction of arrival is {_angle(item.motion.azimuth_deg)}{doubt}."


def _way(item: PlannedObject) -> str:
    drift = f"the cues drift to the {'right' if item.attribute == 'left_to_right' else 'left'}"
    azimuth = item.cues.tracks.get("azimuth")
    if azimuth is None or trend(azimuth).change * item.motion.lateral <= 0:
        return drift
    start, end = ends(azimuth)
    return f"its direction of arrival goes from {_angle(start)} to {_angle(end)}" if abs(end - start) >= 3 else drift


def _angle(degrees: float) -> str:
    return "the middle" if abs(degrees) < 3 else f"{abs(degrees):.0f} degrees {'right' if degrees > 0 else 'left'}"


def _conclusion(item: PlannedObject) -> str:
    name = item.cls.name
    if item.side and not item.motion.moves:
        return f"The user places the {name} {PLACES[item.side]}."
    if item.motion.moves:
        unsure = ", though the cues hardly show how" if item.motion.confidence < 0.25 else ""
        return f"So the {name} {MOVES[item.attribute]}{unsure}."
    if item.cues.evidence < DOUBT:
        return f"So the {name} is placed in the center, in doubt."
    return f"So the {name} is likely {PLACES[item.attribute]}."


def video_caption(objects: Sequence[PlannedObject], backgrounds: Sequence[Tag], scenario: str) -> str:
    """One sentence for the whole video: the objects, the scene, the sounds behind them."""
    clauses = [
        f"{with_article(item.cls.name)} {MOVES[item.attribute] if item.motion.moves else PLACES[item.attribute]}"
        for item in objects
    ]
    outdoors = any(tag.label in OUTDOORS for tag in backgrounds)
    scenes = [item.cls.scene for item in objects if item.cls.scene != INDOORS]
    scene = scenes[0] if scenes else "outdoors" if outdoors else INDOORS
    if objects and not scenes and scenario == "translational":
        scene = "in an open place"
    behind = _listed([caption_of(tag.label) for tag in backgrounds]) if backgrounds else ""
    if not clauses:
        return _sentence(f"{behind}{' outdoors' if outdoors else ''}, with nothing else in view")
    return _sentence(f"{_listed(clauses)}, {scene}{', with ' + behind if behind else ''}")


def frame_caption(objects: Sequence[PlannedObject], index: int, words: Mapping[str, str] = PLACES) -> str:
    """What is seen in one key frame."""
    clauses = []
    for item in objects:
        box = item.boxes[index]
        if box is not None:
            clauses.append(
                f"{with_article(item.cls.name)} {_nearness(item, index)}{words[position_word(box.center[0])]}"
            )
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
