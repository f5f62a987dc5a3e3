"""Random rooms with instruments and singers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spa2v.world.classes import CLASSES, INDOOR, PEOPLE
from spa2v.world.sampling.choice import SIDES, Choice
from spa2v.world.sampling.draws import new_seed, new_thing, pick
from spa2v.world.scene import Camera, Path, Room, Scene, Thing

COLUMNS = {"left": (0.16, 0.33), "center": (0.45, 0.55), "right": (0.67, 0.84)}
HELD_HEIGHT_M = {"guitar": 0.58, "violin": 0.68}
HELD_SCALE = {"guitar": 1.0, "violin": 0.8}


def indoors(seed: int, rng: np.random.Generator, wanted: Choice, several: bool) -> Scene:
    camera = Camera(float(rng.uniform(1.15, 1.35)), float(rng.uniform(58, 66)), float(rng.uniform(0.43, 0.48)))
    things: list[Thing] = []
    for index, (side, pair) in enumerate(_stations(rng, wanted, several)):
        name = wanted.name if index == 0 and wanted.name else _new_name(rng, things, pair)
        things += _station(rng, camera, things, side, name, pair)
    return Scene(
        seed,
        wanted.duration_s or float(rng.uniform(2.0, 6.0)),
        "stationary",
        tuple(things),
        _room(rng),
        camera,
        snr_db=float(rng.uniform(15, 45)),
        level_dbfs=float(rng.uniform(-34, -18)),
    )


def _stations(rng: np.random.Generator, wanted: Choice, several: bool) -> list[tuple[str, bool]]:
    """Sides of the groups in a room, each with whether it is a player with an instrument; the first as wanted."""
    if not several:
        return [(wanted.attribute or str(rng.choice(SIDES, p=[0.262, 0.476, 0.262])), False)]
    groups = int(rng.choice([1, 2, 3], p=[0.3, 0.5, 0.2]))
    if groups == 1:
        return [(wanted.attribute or str(rng.choice(SIDES, p=[0.2, 0.6, 0.2])), True)]
    sides = [str(side) for side in rng.permutation(SIDES)]
    if groups == 2 and rng.random() < 0.55:  # the middle is taken more often than a side
        sides = ["center", *[side for side in sides if side != "center"]]
    if wanted.attribute:
        sides = [wanted.attribute, *[side for side in sides if side != wanted.attribute]]
    return [(side, bool(rng.random() < (0.65 if side == "center" else 0.25))) for side in sides[:groups]]


def _new_name(rng: np.random.Generator, things: list[Thing], pair: bool) -> str:
    """A class that does not stand in the room yet; an instrument when someone is to play it."""
    taken = {thing.name for thing in things}
    names = tuple(name for name in INDOOR if name not in taken and not (pair and name in PEOPLE))
    return pick(rng, names)


def _station(
    rng: np.random.Generator, camera: Camera, others: list[Thing], side: str, name: str, pair: bool
) -> list[Thing]:
    low, high = COLUMNS[side]
    z = float(rng.uniform(*CLASSES[name].depths_m))
    x = camera.x_at(float(rng.uniform(low, high)), z)
    if not pair or name in PEOPLE:
        return [new_thing(rng, name, 0, side, Path((x, 0.0, z)), level_db=float(rng.uniform(-3, 3)))]
    free = tuple(person for person in PEOPLE if person not in {thing.name for thing in others})
    held = name in HELD_HEIGHT_M
    height = HELD_HEIGHT_M.get(name, 0.0)
    more = {"held": True, "scale": HELD_SCALE[name]} if held else {}
    instrument = new_thing(rng, name, 0, side, Path((x, height, z)), level_db=float(rng.uniform(-3, 3)), **more)
    if not free:
        return [instrument] if not held else [replace(instrument, held=False, path=Path((x, 0.0, z)))]
    player = _player(rng, camera, instrument, pick(rng, free))
    return [instrument, player]


def _player(rng: np.random.Generator, camera: Camera, instrument: Thing, name: str) -> Thing:
    """Someone who sings at an instrument: behind it, or beside a piano or harp, towards the middle of the picture."""
    x, _, z = instrument.path.start
    beside = {"piano": 0.95, "harp": 0.75}.get(instrument.name, 0.0)
    if beside:
        inward = -1.0 if x > 0 else 1.0
        x += inward * beside * (0.35 if instrument.attribute == "center" else 0.5)
        z -= 0.1
    plays = instrument.name if not beside else None
    behind = {"drum": 0.4}.get(instrument.name, 0.12)
    path = Path((x, 0.0, z if beside else z + behind))
    return new_thing(rng, name, 0, instrument.attribute, path, plays=plays, level_db=float(rng.uniform(-3, 2)))


def _room(rng: np.random.Generator) -> Room:
    width, depth = float(rng.uniform(5.5, 9.0)), float(rng.uniform(6.5, 9.0))
    left = width * float(rng.uniform(0.44, 0.56))
    reflection = float(rng.uniform(0.2, 0.55))
    return Room(
        width, depth, float(rng.uniform(2.6, 3.2)), left, float(rng.uniform(1.2, 1.8)), reflection, new_seed(rng)
    )
