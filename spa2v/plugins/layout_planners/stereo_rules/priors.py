"""Prior knowledge of the classes of objects: kind, size, height above the ground, usual distance, scene, mobility.

Data in `priors.yaml`; the labels of taggers are those of `spa2v.vocabulary`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from spa2v.core.types import Tag
from spa2v.vocabulary import object_of

UNKNOWN = "unknown"


@dataclass(frozen=True)
class ObjectClass:
    """Size and usual position of a class of objects.

    Args:
        name: short noun.
        kind: vehicle, aircraft, instrument, person, animal, device or unknown.
        length_m, width_m, height_m: seen from the side, seen from the front, and upright.
        base_m: height of its lower edge above the ground (a guitar on a lap).
        distance_m: from the camera.
        mobility: 0..1, how readily it is heard to move.
        scene: where one expects it, in words.
    """

    name: str
    kind: str
    length_m: float
    width_m: float
    height_m: float
    base_m: float
    distance_m: float
    mobility: float = 0.5
    scene: str = "in a room"


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(files(__package__).joinpath("priors.yaml").read_text(encoding="utf-8"))
    return data


@cache
def classes() -> dict[str, ObjectClass]:
    """Every class by its name."""
    data, table = _data(), {}
    for name, row in data["classes"].items():
        kind = data["kinds"][row[0]]
        mobility = data["mobility"].get(name, kind["mobility"])
        scene = data["scenes"].get(name, kind["scene"])
        table[name] = ObjectClass(name, *row, **{"mobility": mobility, "scene": scene})
    return table


@cache
def _aliases() -> dict[str, str]:
    return {alias: name for name, aliases in _data()["aliases"].items() for alias in aliases}


def find_class(name: str) -> ObjectClass | None:
    """The class of a label or a free name: "a red car", "Cars" and "taxi" are cars; None for an unknown one."""
    text = " ".join(name.lower().replace("_", " ").split())
    tries = [text, *(text.removeprefix(article) for article in ("a ", "an ", "the ")), *reversed(text.split())]
    for found in (form for word in tries for form in (word, word.removesuffix("s"))):
        key = _aliases().get(found) or object_of(found) or found
        if key in classes():
            return classes()[key]
    return None


def class_named(name: str) -> ObjectClass:
    """A class for any name; an unknown object is a meter wide and high and three meters away."""
    known = find_class(name)
    return replace(known, name=name) if known else ObjectClass(name, UNKNOWN, 1.0, 1.0, 1.0, 0.0, 3.0)


def mobility_of(tags: tuple[Tag, ...]) -> float:
    """0..1: mobility by the tags, weighted by their confidence; 0.5 without a known one."""
    moving = total = 0.0
    for tag in tags:
        if (known := find_class(tag.label)) is not None:
            moving += tag.confidence * _data()["mobility"].get(tag.label, known.mobility)
            total += tag.confidence
    return (0.02 + moving) / (0.04 + total)
