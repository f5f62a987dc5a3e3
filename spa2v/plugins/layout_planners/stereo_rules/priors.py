"""Prior knowledge of the classes of objects: kind, size, height above the ground and usual distance."""

from __future__ import annotations

from dataclasses import dataclass

from spa2v.core.types import Tag

VEHICLE, INSTRUMENT, PERSON, UNKNOWN = "vehicle", "instrument", "person", "unknown"


@dataclass(frozen=True)
class ObjectClass:
    """Size and usual position of a class of objects.

    Args:
        name: short noun.
        kind: vehicle, instrument, person or unknown.
        length_m, width_m, height_m: seen from the side, seen from the front, and upright.
        base_m: height of its lower edge above the ground (a guitar on a lap).
        distance_m: from the camera.
    """

    name: str
    kind: str
    length_m: float
    width_m: float
    height_m: float
    base_m: float
    distance_m: float


_TABLE = (
    ("car", VEHICLE, 4.4, 1.8, 1.5, 0.0, 6.0),
    ("bus", VEHICLE, 11.0, 2.6, 3.1, 0.0, 11.0),
    ("truck", VEHICLE, 8.0, 2.5, 3.2, 0.0, 9.5),
    ("motorcycle", VEHICLE, 2.1, 0.8, 1.5, 0.0, 4.5),
    ("bicycle", VEHICLE, 1.8, 0.6, 1.6, 0.0, 4.5),
    ("train", VEHICLE, 20.0, 3.0, 3.8, 0.0, 14.0),
    ("tram", VEHICLE, 16.0, 2.5, 3.4, 0.0, 13.0),
    ("airplane", VEHICLE, 30.0, 28.0, 8.0, 30.0, 60.0),
    ("boat", VEHICLE, 7.0, 2.5, 2.0, 0.0, 12.0),
    ("piano", INSTRUMENT, 1.5, 1.5, 1.1, 0.0, 3.5),
    ("guitar", INSTRUMENT, 0.85, 0.85, 0.7, 0.6, 2.4),  # 1.0 m long, held at about 35 degrees
    ("harp", INSTRUMENT, 0.9, 0.9, 1.75, 0.0, 3.0),
    ("violin", INSTRUMENT, 0.6, 0.6, 0.6, 0.9, 2.2),  # with its bow, its player sits
    ("cello", INSTRUMENT, 0.7, 0.7, 1.3, 0.1, 2.8),
    ("drum", INSTRUMENT, 1.5, 1.5, 1.1, 0.0, 3.2),
    ("flute", INSTRUMENT, 0.65, 0.65, 0.15, 1.3, 2.0),
    ("trumpet", INSTRUMENT, 0.5, 0.5, 0.2, 1.3, 2.0),
    ("saxophone", INSTRUMENT, 0.4, 0.4, 0.7, 0.8, 2.4),
    ("woman", PERSON, 0.55, 0.55, 1.65, 0.0, 2.8),
    ("man", PERSON, 0.6, 0.6, 1.75, 0.0, 2.8),
    ("child", PERSON, 0.45, 0.45, 1.2, 0.0, 2.4),
    ("dog", UNKNOWN, 0.9, 0.4, 0.6, 0.0, 2.5),
)
CLASSES = {row[0]: ObjectClass(*row) for row in _TABLE}
ALIASES = {
    "automobile": "car", "vehicle": "car", "taxi": "car", "van": "car", "engine": "car", "traffic": "car",
    "coach": "bus", "lorry": "truck", "motorbike": "motorcycle", "scooter": "motorcycle", "bike": "bicycle",
    "locomotive": "train", "subway": "train", "streetcar": "tram", "plane": "airplane", "aircraft": "airplane",
    "keyboard": "piano", "ukulele": "guitar", "bass": "guitar", "banjo": "guitar", "strings": "guitar",
    "viola": "violin", "fiddle": "violin", "drums": "drum", "drum kit": "drum", "percussion": "drum",
    "person": "man", "singer": "woman", "girl": "woman", "lady": "woman", "boy": "child", "guy": "man",
    "plucked strings": "guitar", "bowed strings": "violin", "voice": "woman", "speech": "woman",
    "woman's voice": "woman", "man's voice": "man", "female voice": "woman", "male voice": "man",
}  # fmt: skip


def find_class(name: str) -> ObjectClass | None:
    """The class of a free name: "a red car", "Cars" and "taxi" are cars; None for an unknown one."""
    text = " ".join(name.lower().replace("_", " ").split())
    words = text.split()
    tries = [text, *(text.removeprefix(article) for article in ("a ", "an ", "the ")), *reversed(words)]
    for found in (form for word in tries for form in (word, word.removesuffix("s"))):
        key = ALIASES.get(found, found)
        if key in CLASSES:
            return CLASSES[key]
    return None


def class_named(name: str) -> ObjectClass:
    """A class for any name; an unknown object is a meter wide and high and three meters away."""
    known = find_class(name)
    if known is None:
        return ObjectClass(name, UNKNOWN, 1.0, 1.0, 1.0, 0.0, 3.0)
    return ObjectClass(name, *list(vars(known).values())[1:])


def vehicle_probability(tags: tuple[Tag, ...]) -> float:
    """0..1: share of the tags' confidence on vehicles, against instruments and voices; 0.5 without tags."""
    weights = {VEHICLE: 0.02, "other": 0.02}
    for tag in tags:
        known = find_class(tag.label)
        if known is not None and known.kind != UNKNOWN:
            weights[VEHICLE if known.kind == VEHICLE else "other"] += tag.confidence
    return weights[VEHICLE] / sum(weights.values())
