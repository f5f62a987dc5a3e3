"""The classes of things: what they are in words and numbers. How they look and sound is in `drawing` and `synth`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Range = tuple[float, float]

PLACES = ("room", "meadow", "pavement", "road", "rails", "water", "sky")
"""Where things stand or move. A pavement is beside the road of a street, a road is its middle."""


@dataclass(frozen=True)
class ThingClass:
    """A class.

    Args:
        name: as layouts name it.
        kind: "vehicle", "instrument", "person", "animal" or "object".
        level_db: loudness at one meter, relative to the others.
        sound_height_m: of the sounding point.
        sound: in words, for captions and reasoning.
        stands: how often it is drawn at rest, by place.
        moves: how often it is drawn in motion, by place.
        act: what it does at rest, as a verb.
        way: how it moves, as a verb.
        depths_m: nearest and farthest place at rest.
        lanes_m: nearest and farthest depth of its lane when it crosses.
        ends_m: nearest and farthest depth when it approaches or recedes.
        heights_m: lowest and highest flight.
        fastest_m_s: top speed.
        scales: smallest and largest size.
        is_flat: whether at rest it is drawn to face the camera.
        is_event: whether it may sound for a part of a clip only.
    """

    name: str
    kind: str
    level_db: float
    sound_height_m: float
    sound: str
    stands: Mapping[str, float] = field(default_factory=dict)
    moves: Mapping[str, float] = field(default_factory=dict)
    act: str = "plays"
    way: str = "drives"
    depths_m: Range = (3.1, 3.9)
    lanes_m: Range = (9.0, 12.0)
    ends_m: Range = (10.0, 50.0)
    heights_m: Range = (0.0, 0.0)
    fastest_m_s: float = 60.0
    scales: Range = (1.0, 1.0)
    is_flat: bool = True
    is_event: bool = False


def _vehicle(
    name: str,
    level_db: float,
    sound: str,
    weight: float,
    lanes: Range,
    near: float,
    place: str = "road",
    **more: object,
) -> ThingClass:
    values = {"moves": {place: weight}, "lanes_m": lanes, "ends_m": (near, 5.0 * near), "is_flat": False} | more
    return ThingClass(name, "vehicle", level_db, 0.7, sound, **values)  # type: ignore[arg-type]


def _instrument(
    name: str, height_m: float, sound: str, weight: float, depths: Range, scales: Range, level_db: float = 0.0
) -> ThingClass:
    return ThingClass(name, "instrument", level_db, height_m, sound, {"room": weight}, depths_m=depths, scales=scales)


def _person(name: str, height_m: float, sound: str, weight: float, scales: Range) -> ThingClass:
    paths = {"pavement": 0.04, "meadow": 0.03}
    return ThingClass(
        name, "person", 0.0, height_m, sound, {"room": weight}, paths, "sings", "walks",
        lanes_m=(3.6, 5.5), ends_m=(2.5, 12.0), fastest_m_s=2.2, scales=scales,
    )  # fmt: skip


def _animal(
    name: str, level_db: float, height_m: float, sound: str, act: str, depths: Range, **more: object
) -> ThingClass:
    near, far = depths
    values = {
        "act": act, "way": "walks", "depths_m": depths, "lanes_m": (near + 0.4, far + 1.5),
        "ends_m": (0.85 * near, 4.5 * near), "fastest_m_s": 3.0, "scales": (0.9, 1.1), "is_flat": False,
        "is_event": True,
    }  # fmt: skip
    return ThingClass(name, "animal", level_db, height_m, sound, **(values | more))  # type: ignore[arg-type]


_ALL = (
    _vehicle("car", 12.0, "an engine hum and the hiss of tires", 0.34, (6.0, 9.0), 6.0),
    _vehicle("bus", 15.0, "a slow diesel engine with a gear whine", 0.17, (9.0, 12.0), 10.0),
    _vehicle("truck", 17.0, "a deep knocking diesel engine", 0.17, (9.0, 12.0), 10.0),
    _vehicle("motorcycle", 15.0, "sharp exhaust pulses", 0.17, (4.5, 7.0), 4.5),
    _vehicle(
        "train", 18.0, "rolling steel wheels and the double beat of rail joints", 0.15, (13.0, 17.0), 16.5,
        "rails", way="rolls",
    ),
    _instrument("piano", 0.9, "struck strings", 0.17, (3.2, 4.0), (0.8, 0.92)),
    _instrument("guitar", 0.7, "plucked steel strings", 0.19, (3.0, 3.8), (1.0, 1.25)),
    _instrument("drum", 0.8, "drum hits in a steady beat", 0.16, (3.2, 4.0), (0.8, 0.95), 2.0),
    _instrument("violin", 1.0, "bowed strings with vibrato", 0.14, (3.0, 3.8), (1.0, 1.2)),
    _instrument("harp", 1.0, "soft plucked strings in arpeggios", 0.11, (3.1, 3.9), (0.9, 1.0), -1.0),
    _person("woman", 1.5, "a high singing voice", 0.12, (0.93, 1.0)),
    _person("man", 1.55, "a low singing voice", 0.11, (0.97, 1.05)),
    _vehicle("bicycle", 4.0, "thin tires and the tick of a freewheel", 0.09, (4.0, 6.0), 3.6, way="rides"),
    _vehicle("boat", 15.0, "a boat engine and splashing water", 0.10, (8.0, 14.0), 8.0, "water", way="sails"),
    _vehicle(
        "airplane", 30.0, "the roar of jets or the drone of propellers", 0.09, (22.0, 32.0), 18.0, "sky",
        way="flies", heights_m=(4.0, 8.0),
    ),
    _vehicle(
        "helicopter", 26.0, "the beat of rotor blades", 0.09, (18.0, 28.0), 15.0, "sky", way="flies",
        heights_m=(3.5, 7.0),
    ),
    _vehicle("police car", 18.0, "a siren that wails or yelps", 0.07, (6.0, 9.0), 6.0),
    _vehicle("ambulance", 19.0, "a siren of two steady tones", 0.07, (8.0, 11.0), 8.0),
    _vehicle("fire engine", 20.0, "a slow siren and a heavy diesel engine", 0.07, (9.0, 12.0), 10.0),
    _animal(
        "dog", 3.0, 0.55, "barking", "barks", (2.4, 3.4), stands={"room": 0.08, "meadow": 0.05},
        moves={"pavement": 0.04, "meadow": 0.04},
    ),
    _animal(
        "cat", -2.0, 0.3, "meowing", "meows", (1.8, 2.5), stands={"room": 0.08, "meadow": 0.02},
        moves={"pavement": 0.04, "meadow": 0.02}, fastest_m_s=2.2,
    ),
    _animal(
        "horse", 5.0, 1.6, "neighing and hooves", "neighs", (4.6, 6.2), stands={"meadow": 0.1},
        moves={"meadow": 0.08}, fastest_m_s=5.0,
    ),
    _animal("cow", 5.0, 1.2, "mooing", "moos", (4.6, 6.2), stands={"meadow": 0.1}, moves={"meadow": 0.06}),
    _animal("sheep", 2.0, 0.7, "bleating", "bleats", (2.8, 4.0), stands={"meadow": 0.1}, moves={"meadow": 0.05}),
    _animal(
        "bird", 0.0, 0.2, "chirping", "sings", (1.6, 2.2), stands={"meadow": 0.1}, moves={"sky": 0.08},
        way="flies", lanes_m=(3.6, 6.0), ends_m=(2.6, 12.0), heights_m=(2.0, 3.0), fastest_m_s=9.0,
    ),
    _instrument("cello", 0.7, "low bowed strings", 0.10, (3.0, 3.8), (1.0, 1.2)),
    _instrument("saxophone", 1.1, "a reedy horn with swing", 0.09, (3.1, 3.9), (0.95, 1.05), 2.0),
    ThingClass(
        "child", "person", 0.0, 1.0, "a child's voice", {"room": 0.07, "meadow": 0.02},
        {"pavement": 0.04, "meadow": 0.04}, "sings", "walks", (2.7, 3.5), (3.0, 4.6), (2.2, 10.0),
        fastest_m_s=2.4, scales=(0.9, 1.1),
    ),
    ThingClass(
        "bell", "object", 6.0, 2.0, "the strokes of a bell", {"meadow": 0.1}, act="rings", depths_m=(5.5, 7.5),
        scales=(0.85, 1.1), is_event=True,
    ),
    ThingClass(
        "loudspeaker", "object", 0.0, 0.8, "tones and noise of no known source", {"room": 0.06}, act="sounds",
        depths_m=(3.0, 3.8), is_event=True,
    ),
)  # fmt: skip

CLASSES: Mapping[str, ThingClass] = {item.name: item for item in _ALL}
PEOPLE = tuple(item.name for item in _ALL if item.kind == "person")
INSTRUMENTS = tuple(item.name for item in _ALL if item.kind == "instrument")


def standing(place: str) -> dict[str, float]:
    """The classes that stand in a place, with how often each is drawn."""
    return {item.name: item.stands[place] for item in _ALL if place in item.stands}


def moving(*places: str) -> dict[str, float]:
    """The classes that move in some places, with how often each is drawn."""
    found = {item.name: sum(item.moves.get(place, 0.0) for place in places) for item in _ALL}
    return {name: weight for name, weight in found.items() if weight}
