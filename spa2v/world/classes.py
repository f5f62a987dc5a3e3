"""The classes of things: what they are in words and numbers. How they look and sound is in `drawing` and `synth`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ThingClass:
    """A class.

    Args:
        name: as layouts name it.
        kind: "vehicle", "instrument" or "person".
        level_db: loudness at one meter, relative to the others.
        sound_height_m: of the sounding point.
        sound: in words, for captions and reasoning.
        weight: how often it is drawn, within its scenario.
        depths_m: nearest and farthest place: of its lane when a vehicle crosses, of its stand indoors.
        ends_m: nearest and farthest depth of a vehicle that approaches or recedes.
        scales: smallest and largest size.
    """

    name: str
    kind: str
    level_db: float
    sound_height_m: float
    sound: str
    weight: float
    depths_m: tuple[float, float]
    ends_m: tuple[float, float] = (0.0, 0.0)
    scales: tuple[float, float] = (1.0, 1.0)


def _vehicle(
    name: str, level_db: float, sound: str, weight: float, depths: tuple[float, float], near: float
) -> ThingClass:
    return ThingClass(name, "vehicle", level_db, 0.7, sound, weight, depths, (near, 5.0 * near))


_ALL = (
    _vehicle("car", 12.0, "an engine hum and the hiss of tires", 0.34, (6.0, 9.0), 6.0),
    _vehicle("bus", 15.0, "a slow diesel engine with a gear whine", 0.17, (9.0, 12.0), 10.0),
    _vehicle("truck", 17.0, "a deep knocking diesel engine", 0.17, (9.0, 12.0), 10.0),
    _vehicle("motorcycle", 15.0, "sharp exhaust pulses", 0.17, (4.5, 7.0), 4.5),
    _vehicle("train", 18.0, "rolling steel wheels and the double beat of rail joints", 0.15, (13.0, 17.0), 16.5),
    ThingClass("piano", "instrument", 0.0, 0.9, "struck strings", 0.17, (3.2, 4.0), scales=(0.8, 0.92)),
    ThingClass("guitar", "instrument", 0.0, 0.7, "plucked steel strings", 0.19, (3.0, 3.8), scales=(1.0, 1.25)),
    ThingClass("drum", "instrument", 2.0, 0.8, "drum hits in a steady beat", 0.16, (3.2, 4.0), scales=(0.8, 0.95)),
    ThingClass("violin", "instrument", 0.0, 1.0, "bowed strings with vibrato", 0.14, (3.0, 3.8), scales=(1.0, 1.2)),
    ThingClass(
        "harp", "instrument", -1.0, 1.0, "soft plucked strings in arpeggios", 0.11, (3.1, 3.9), scales=(0.9, 1.0)
    ),
    ThingClass("woman", "person", 0.0, 1.5, "a high singing voice", 0.12, (3.1, 3.9), scales=(0.93, 1.0)),
    ThingClass("man", "person", 0.0, 1.55, "a low singing voice", 0.11, (3.1, 3.9), scales=(0.97, 1.05)),
)

CLASSES: Mapping[str, ThingClass] = {item.name: item for item in _ALL}
VEHICLES = tuple(item.name for item in _ALL if item.kind == "vehicle")
INDOOR = tuple(item.name for item in _ALL if item.kind != "vehicle")
PEOPLE = tuple(item.name for item in _ALL if item.kind == "person")
INSTRUMENTS = tuple(item.name for item in _ALL if item.kind == "instrument")
