"""What a training picture is called: captions of the video and of the frame in many forms, down to single words.

The forms follow what planners write ("A car moves from left to right, outdoors on a street, A car on the left") and
how data sets of ToyWorld are captioned ("The red car is near on the left"), so that the text encoder meets at inference
what it has seen in training; some pictures get less text, or none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spa2v.world.classes import CLASSES

PLACES: Mapping[str, tuple[str, ...]] = {
    "left": ("on the left", "is on the left", "{act} on the left", "at the left"),
    "center": ("in the center", "is in the center", "{act} in the center", "in the middle"),
    "right": ("on the right", "is on the right", "{act} on the right", "at the right"),
}
MOVES: Mapping[str, tuple[str, ...]] = {
    "left_to_right": ("moves from left to right", "{way} from left to right", "passes to the right"),
    "right_to_left": ("moves from right to left", "{way} from right to left", "passes to the left"),
    "approaching": ("comes closer", "approaches", "{way} toward the camera"),
    "receding": ("moves away", "{way} away", "moves away from the camera"),
}
DIRECTIONS: Mapping[str, str] = {"left_to_right": "moving to the right", "right_to_left": "moving to the left"}
"""What follows the name of an instance that crosses; layouts are worded so for the weights (`vocabulary.json`)."""
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "street": ("outdoors on a street", "on a street", "on a road", "outdoors", "in an open place"),
    "rails": ("on a railway", "outdoors on a street", "on rails"),
    "room": ("in a room", "indoors", "in a living room"),
    "meadow": ("outdoors in nature", "on a farm", "outdoors", "on a meadow", "in an open place"),
    "water": ("on the water", "on a lake", "outdoors"),
    "sky": ("in the sky", "in the air", "outdoors"),
}
NEAR, FAR, DEFINITE_NEAR = "close by", "far away", "near"
NOTHING = ("An empty, still scene; nothing is heard.", "Nothing that sounds is in view.", "an empty scene")
FORMS, FORM_ODDS = ("mix", "whole", "local", "list", "none"), (0.25, 0.1, 0.1, 0.45, 0.1)
COLOR_ODDS, FIRST_ODDS, DEFINITE_ODDS, DIRECTION_ODDS = 0.6, 0.6, 0.3, 0.7
CENTER_FROM, CENTER_TO = 0.4, 0.6


@dataclass(frozen=True)
class Shown:
    """A thing as a picture shows it.

    Args:
        name: its class.
        attribute: where it stands, or how it moves.
        color: of its paint; None for things without one.
        box: x1, y1, x2, y2 in parts of the frame.
        nearness: 0..1, its area as a part of the largest that it has in its clip.
    """

    name: str
    attribute: str
    color: str | None
    box: tuple[float, float, float, float]
    nearness: float = 1.0

    @property
    def place(self) -> str:
        middle = (self.box[0] + self.box[2]) / 2
        return place_word(middle)


def place_word(column: float) -> str:
    """left, center or right for a place in parts of the frame width."""
    return "left" if column < CENTER_FROM else "right" if column > CENTER_TO else "center"


def article(noun: str) -> str:
    """The noun with "a" or "an" before it."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def phrase(thing: Shown, rng: np.random.Generator) -> str:
    """What an instance is called in grounding: mostly its bare name, as layouts have it, with where it goes."""
    draw = rng.random()
    name = _noun(thing, rng, 0.0 if draw < 0.7 else 0.5 if draw < 0.85 else 1.0)
    return _directed(article(name) if 0.7 <= draw < 0.85 else name, thing, rng)


def _directed(name: str, thing: Shown, rng: np.random.Generator) -> str:
    """The name, most times with the direction of a thing that crosses."""
    words = DIRECTIONS.get(thing.attribute)
    return f"{name} {words}" if words and rng.random() < DIRECTION_ODDS else name


def caption(
    things: Sequence[Shown], others: Sequence[Shown], setting: str, rng: np.random.Generator, form: str | None = None
) -> str:
    """A prompt.

    Args:
        things: what the picture shows.
        others: what its clip shows beside that (not in view now, but part of the video's caption).
        setting: a key of `SETTINGS`.
        rng: draws the form and the words.
        form: one of `FORMS`; None draws one.
    """
    form = form or str(rng.choice(FORMS, p=FORM_ODDS))
    colored = COLOR_ODDS if rng.random() < 0.5 else 0.0
    if form == "none":
        return ""
    if form == "list":
        return ", ".join(_directed(_noun(thing, rng, colored), thing, rng) for thing in things) or NOTHING[-1]
    whole, local = _whole([*things, *others], setting, rng, colored), _local(things, rng, colored)
    return {"mix": f"{whole}, {local}", "whole": whole, "local": local}[form]


def clip_caption(things: Sequence[Shown], setting: str, rng: np.random.Generator) -> str:
    """The caption of a whole clip, without its final stop."""
    return _whole(things, setting, rng, 0.0)


def frame_caption(things: Sequence[Shown], rng: np.random.Generator) -> str:
    """The caption of one frame, without its final stop."""
    return _local(things, rng, 0.0)


def _pick(options: Sequence[str], rng: np.random.Generator, name: str = "") -> str:
    """The first form most of the time: it is the one that the planner uses. Verbs are those of the class `name`."""
    text = options[0] if rng.random() < FIRST_ODDS else options[int(rng.integers(len(options)))]
    return text.format(act=CLASSES[name].act, way=CLASSES[name].way) if name else text


def _noun(thing: Shown, rng: np.random.Generator, colored: float) -> str:
    return f"{thing.color} {thing.name}" if thing.color and rng.random() < colored else thing.name


def _whole(things: Sequence[Shown], setting: str, rng: np.random.Generator, colored: float) -> str:
    if not things:
        return _pick(NOTHING, rng).rstrip(".")
    words = {**PLACES, **MOVES}
    clauses = [
        f"{article(_noun(thing, rng, colored))} {_pick(words[thing.attribute], rng, thing.name)}" for thing in things
    ]
    return _sentence(f"{_listed(clauses)}, {_pick(SETTINGS[setting], rng)}")


def _local(things: Sequence[Shown], rng: np.random.Generator, colored: float) -> str:
    if not things:
        return NOTHING[1].rstrip(".")
    definite = rng.random() < DEFINITE_ODDS
    clauses = [(_definite if definite else _indefinite)(thing, rng, colored) for thing in things]
    return _sentence(_listed(clauses))


def _indefinite(thing: Shown, rng: np.random.Generator, colored: float) -> str:
    """As planners have it: "a car close by on the left"."""
    return (
        f"{article(_noun(thing, rng, colored))} {_nearness(thing, NEAR)}{_pick(PLACES[thing.place], rng, thing.name)}"
    )


def _definite(thing: Shown, rng: np.random.Generator, colored: float) -> str:
    """As data sets have it: "the car is near on the left"."""
    return f"the {_noun(thing, rng, colored)} is {_nearness(thing, DEFINITE_NEAR)}{PLACES[thing.place][0]}"


def _nearness(thing: Shown, near: str) -> str:
    if thing.attribute not in ("approaching", "receding"):
        return ""
    return f"{near} " if thing.nearness > 0.5 else f"{FAR} " if thing.nearness < 0.15 else ""


def _listed(clauses: Sequence[str]) -> str:
    return clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])} and {clauses[-1]}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
