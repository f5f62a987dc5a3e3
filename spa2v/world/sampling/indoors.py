"""Random rooms with instruments and singers."""

from __future__ import annotations

from typing import Any

import numpy as np

from spa2v.world.classes import CLASSES, INDOOR, INSTRUMENTS, PEOPLE
from spa2v.world.sampling.choice import SIDES, Choice
from spa2v.world.sampling.draws import new_seed, new_thing, pick
from spa2v.world.scene import Camera, Path, Room, Scene, Thing, Vector

COLUMNS = {"left": (0.16, 0.33), "center": (0.45, 0.55), "right": (0.67, 0.84)}
HELD_HEIGHT_M = {"guitar": 0.58, "violin": 0.68}
HELD_SCALE = {"guitar": 1.0, "violin": 0.8}
BESIDE_M = {"piano": 0.85, "harp": 0.8}


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
    """A thing alone, or an instrument with someone who sings and plays it."""
    taken = {thing.name for thing in others} | {name}
    partners = tuple(other for other in (INSTRUMENTS if name in PEOPLE else PEOPLE) if other not in taken)
    if not pair or not partners:
        z = float(rng.uniform(*CLASSES[name].depths_m))
        return [_standing(rng, name, side, (_x(rng, camera, side, z), 0.0, z))]
    partner = pick(rng, partners)
    instrument, person = (partner, name) if name in PEOPLE else (name, partner)
    z = float(rng.uniform(*CLASSES[instrument].depths_m))
    x = _x(rng, camera, side, z)
    return [*(_together if instrument in BESIDE_M else _held)(rng, instrument, person, side, x, z)]


def _x(rng: np.random.Generator, camera: Camera, side: str, z: float) -> float:
    return camera.x_at(float(rng.uniform(*COLUMNS[side])), z)


def _standing(rng: np.random.Generator, name: str, side: str, place: Vector, **more: Any) -> Thing:
    return new_thing(rng, name, 0, side, Path(place), level_db=float(rng.uniform(-3, 3)), **more)


def _together(
    rng: np.random.Generator, instrument: str, person: str, side: str, x: float, z: float
) -> tuple[Thing, Thing]:
    """A large instrument with a singer in front of its inner end."""
    inward = -1.0 if x > 0 else 1.0
    apart = inward * BESIDE_M[instrument]
    return (
        _standing(rng, instrument, side, (x - 0.45 * apart, 0.0, z)),
        _standing(rng, person, side, (x + 0.55 * apart, 0.0, z - 0.12)),
    )


def _held(rng: np.random.Generator, instrument: str, person: str, side: str, x: float, z: float) -> tuple[Thing, Thing]:
    """An instrument in the hands of a player, or a drum kit with a player behind it."""
    height = HELD_HEIGHT_M.get(instrument)
    more = {} if height is None else {"held": True, "scale": HELD_SCALE[instrument]}
    behind = 0.4 if height is None else 0.12
    return (
        _standing(rng, instrument, side, (x, height or 0.0, z), **more),
        _standing(rng, person, side, (x, 0.0, z + behind), plays=instrument),
    )


def _room(rng: np.random.Generator) -> Room:
    width, depth = float(rng.uniform(5.5, 9.0)), float(rng.uniform(6.5, 9.0))
    left = width * float(rng.uniform(0.44, 0.56))
    reflection = float(rng.uniform(0.2, 0.55))
    height, behind = float(rng.uniform(2.6, 3.2)), float(rng.uniform(1.2, 1.8))
    return Room(width, depth, height, left, behind, reflection, new_seed(rng))
