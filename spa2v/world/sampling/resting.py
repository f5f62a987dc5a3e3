"""Random scenes of things at rest: instruments, people and pets in rooms, animals and children on meadows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from spa2v.world.classes import CLASSES, standing
from spa2v.world.sampling.choice import SIDES, Choice
from spa2v.world.sampling.draws import lowered, new_seed, new_thing, pick
from spa2v.world.scene import Camera, OpenPlace, Path, Room, Scene, Thing, Vector

COLUMNS = {"left": (0.16, 0.33), "center": (0.45, 0.55), "right": (0.67, 0.84)}
HELD_HEIGHT_M = {"guitar": 0.58, "violin": 0.68, "cello": 0.0, "saxophone": 0.38}
HELD_SCALE = {"guitar": 1.0, "violin": 0.8, "cello": 1.0, "saxophone": 0.85}
BESIDE_M = {"piano": 0.85, "harp": 0.8}


SINGERS, PLAYED = ("woman", "man"), ("piano", "guitar", "drum", "violin", "harp", "cello", "saxophone")
TURNED_DEG = 35.0
EVENT_ODDS, TWICE_ODDS, APPEARS_ODDS = 0.4, 0.3, 0.4
SHORTEST, LONGEST, PAUSE = 0.3, 0.7, 0.1  # of an event, and between two, in parts of the clip


def at_rest(seed: int, rng: np.random.Generator, wanted: Choice, several: bool, place: str) -> Scene:
    """Things in a room, or on a meadow."""
    low, high = (1.15, 1.35) if place == "room" else (1.2, 1.7)
    camera = Camera(float(rng.uniform(low, high)), float(rng.uniform(58, 66)), float(rng.uniform(0.43, 0.48)))
    names = wanted.allowed(standing(place))
    things: list[Thing] = []
    for index, (side, pair) in enumerate(_stations(rng, wanted, several, names)):
        left = _left(names, things, pair)
        if left:
            name = wanted.name if index == 0 and wanted.name else pick(rng, left)
            things += _station(rng, camera, things, side, name, names if pair else {})
    if not all(CLASSES[thing.name].is_flat for thing in things):
        camera = lowered(camera, min(float(thing.path.start[2]) for thing in things))
    return Scene(
        seed,
        wanted.duration_s or float(rng.uniform(2.0, 6.0)),
        "stationary",
        tuple(things),
        _room(rng) if place == "room" else OpenPlace(place, False, 8.0, 9.5, new_seed(rng)),
        camera,
        snr_db=float(rng.uniform(15, 45)),
        level_dbfs=float(rng.uniform(-34, -18)),
    )


def with_events(rng: np.random.Generator, scene: Scene) -> Scene:
    """The scene with some of its barks, strokes and calls in a part of the clip only."""
    return replace(scene, things=tuple(_event(rng, thing, scene.duration_s) for thing in scene.things))


def _event(rng: np.random.Generator, thing: Thing, duration: float) -> Thing:
    if not CLASSES[thing.name].is_event or rng.random() >= EVENT_ODDS:
        return thing
    length = float(rng.uniform(SHORTEST, LONGEST))
    start = float(rng.uniform(0.0, 1.0 - length))
    edges = [(start, start + length)]
    if rng.random() < TWICE_ODDS:
        middle = start + length * float(rng.uniform(0.4, 0.6))
        edges = [(start, middle - PAUSE / 2), (middle + PAUSE / 2, start + length)]
    intervals = tuple((round(a * duration, 3), round(b * duration, 3)) for a, b in edges)
    comes = CLASSES[thing.name].kind == "animal" and rng.random() < APPEARS_ODDS
    return replace(thing, sounds=intervals, appears=bool(comes))


def _stations(
    rng: np.random.Generator, wanted: Choice, several: bool, names: Mapping[str, float]
) -> list[tuple[str, bool]]:
    """Sides of the groups in a place, each with whether it is a player with an instrument; the first as wanted."""
    if not several:
        return [(wanted.attribute or str(rng.choice(SIDES, p=[0.262, 0.476, 0.262])), False)]
    groups = int(rng.choice([1, 2, 3], p=[0.3, 0.5, 0.2]))
    pairs = not (set(PLAYED).isdisjoint(names) or set(SINGERS).isdisjoint(names))
    if groups == 1 and pairs and wanted.name in (None, *PLAYED, *SINGERS):
        return [(wanted.attribute or str(rng.choice(SIDES, p=[0.2, 0.6, 0.2])), True)]
    sides = [str(side) for side in rng.permutation(SIDES)]
    if groups == 2 and rng.random() < 0.55:  # the middle is taken more often than a side
        sides = ["center", *[side for side in sides if side != "center"]]
    if wanted.attribute:
        sides = [wanted.attribute, *[side for side in sides if side != wanted.attribute]]
    odds = {"center": 0.65, "left": 0.25, "right": 0.25}
    return [(side, bool(rng.random() < odds[side]) and pairs) for side in sides[: max(groups, 2)]]


def _left(names: Mapping[str, float], things: list[Thing], pair: bool) -> dict[str, float]:
    """Classes that are not there yet; an instrument when someone is to play it."""
    taken = {thing.name for thing in things}
    return {name: odds for name, odds in names.items() if name not in taken and (not pair or name in PLAYED)}


def _station(
    rng: np.random.Generator, camera: Camera, others: list[Thing], side: str, name: str, names: Mapping[str, float]
) -> list[Thing]:
    """A thing alone, or an instrument with someone of `names` who sings and plays it."""
    taken = {thing.name for thing in others}
    wanted = PLAYED if name in SINGERS else SINGERS if name in PLAYED else ()
    partners = {other: odds for other, odds in names.items() if other in wanted and other not in taken}
    if not partners:
        z = float(rng.uniform(*CLASSES[name].depths_m))
        place = (_x(rng, camera, side, z), 0.0, z)
        return [_standing(rng, name, side, place, heading_deg=_heading(rng, name))]
    partner = pick(rng, partners)
    instrument, person = (partner, name) if name in SINGERS else (name, partner)
    z = float(rng.uniform(*CLASSES[instrument].depths_m))
    x = _x(rng, camera, side, z)
    return [*(_together if instrument in BESIDE_M else _held)(rng, instrument, person, side, x, z)]


def _heading(rng: np.random.Generator, name: str) -> float:
    """Turned to either side, or to the camera."""
    if CLASSES[name].is_flat:
        return 0.0
    return float(rng.choice([0.0, 180.0, 90.0], p=[0.4, 0.4, 0.2]) + rng.uniform(-TURNED_DEG, TURNED_DEG))


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
