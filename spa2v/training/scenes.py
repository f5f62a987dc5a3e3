"""Random scenes to learn pictures from: more places, sizes and views than a plausible clip would have.

Grounding has to obey any box, so depth, size and column are drawn widely, beyond the edges of the frame, too; what a
thing does agrees with how it looks (a car that moves to the right faces right), because the captions say what it does.
All classes are drawn about equally often. A part of the scenes is plausible: drawn as the clips of data sets are, from
seeds far above those that data sets and benchmarks use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from spa2v.training.captions import place_word
from spa2v.world.classes import CLASSES, Range
from spa2v.world.sampling import Choice, sample_scene
from spa2v.world.sampling.draws import GROUND_SLOPE
from spa2v.world.sampling.motion import ALONE
from spa2v.world.scene import Camera, OpenPlace, Path, Room, Scene, Thing

COUNTS, COUNT_ODDS = (1, 2, 3), (0.5, 0.33, 0.17)
MOVES = ("left_to_right", "right_to_left", "approaching", "receding")
DURATIONS_S = (2.0, 5.0)
MOVE_ODDS, ALONG_ODDS, EDGE_ODDS, LOW_ODDS = 0.6, 0.45, 0.3, 0.7
NEARER, FARTHER, AT_REST_M = 0.7, 4.5, 2.5  # factors on the nearest depth of a class; the nearest in a room
SEEDS = 2**31
PLAUSIBLE_ODDS, SEVERAL_ODDS, PLAUSIBLE_SEEDS = 0.4, 0.5, (2**40, 2**41)
SCENERY = {"road": "street", "pavement": "street"}
NAMES = tuple(CLASSES)
ANYWHERE = {"loudspeaker": ("meadow", "pavement", "road", "room")}
"""What is drawn for unknown things is where those may be, and moves as they do, facing the camera."""


class Spot(NamedTuple):
    """Where an object of a scene rests, crosses or comes nearest.

    Attributes:
        number: in the scene, from 0.
        name: of its class.
        column: 0..1 across the frame, and a little beyond.
        depth: in meters.
    """

    number: int
    name: str
    column: float
    depth: float


def any_scene(seed: int, index: int, names: Sequence[str] = NAMES) -> Scene:
    """Scene `index` of the pool of a seed: a plausible one or a wide one.

    Args:
        seed: of the pool.
        index: from 0.
        names: of the classes to draw; one that is named several times is first in a scene that much more often.
    """
    rng = np.random.default_rng([seed, index])
    if rng.random() >= PLAUSIBLE_ODDS:
        return training_scene(rng, names)
    name = str(rng.choice(names))
    several = rng.random() < SEVERAL_ODDS and name not in ALONE
    seeded = int(rng.integers(*PLAUSIBLE_SEEDS))
    classes = None if set(names) == set(NAMES) else tuple(dict.fromkeys(names))
    return sample_scene(seeded, Choice(quantity="multiple" if several else "single", name=name, classes=classes))


def training_scene(rng: np.random.Generator, names: Sequence[str] = NAMES) -> Scene:
    """A scene with one to three things of one place, all in motion or all at rest; for `names` see `any_scene`."""
    alone = [name for name in ALONE if name in names]  # never beside another thing, so more often first
    first = str(rng.choice([*names, *alone]))
    moves = bool(CLASSES[first].moves or first in ANYWHERE) and bool(rng.random() < MOVE_ODDS)
    places = sorted({SCENERY.get(place, place) for place in _places(first, moves)})
    place = str(rng.choice(places))
    beside = {
        name: {SCENERY.get(other, other) for other in _places(name, moves)}
        for name in dict.fromkeys(names)
        if name not in ALONE
    }
    count = 1 if first in ALONE else int(rng.choice(COUNTS, p=COUNT_ODDS))
    others = [name for name, where in beside.items() if place in where]
    shown = [first, *(str(rng.choice(others)) for _ in range(count - 1))]
    horizon = (0.6, 0.86) if place == "sky" else (0.38, 0.52)
    camera = Camera(float(rng.uniform(1.2, 2.0)), float(rng.uniform(56, 74)), float(rng.uniform(*horizon)))
    duration = float(rng.uniform(*DURATIONS_S))
    along = place != "room" and bool(rng.random() < ALONG_ODDS)
    depths = [_depth(rng, name, place) for name in shown]
    if rng.random() < LOW_ODDS:
        camera = replace(camera, height_m=min(camera.height_m, 1.25 * GROUND_SLOPE * min(depths)))
    columns = _columns(rng, count)
    make = _resting if not moves else _coming if along else _crossing
    things = tuple(
        make(rng, Spot(*each), camera, duration) for each in zip(range(count), shown, columns, depths, strict=True)
    )
    surroundings = _room(rng) if place == "room" else _open_place(rng, place, along, min(depths))
    return Scene(_look(rng), duration, "translational" if moves else "stationary", things, surroundings, camera)


def _places(name: str, moves: bool) -> tuple[str, ...]:
    """Where a thing moves or is at rest; a vehicle rests where it moves."""
    kind = CLASSES[name]
    return ANYWHERE.get(name, tuple(kind.moves if moves or not kind.stands else kind.stands))


def _columns(rng: np.random.Generator, count: int) -> list[float]:
    """Columns of things that stand side by side, spread over the frame, in random order; some cut by an edge."""
    if count == 1:
        low, high = (-0.04, 1.04) if rng.random() < EDGE_ODDS else (0.12, 0.88)
        return [float(rng.uniform(low, high))]
    parts = (np.arange(count) + rng.uniform(0.25, 0.75, count)) / count
    wide = 1.1 if rng.random() < EDGE_ODDS else 0.92
    return [float(x) for x in rng.permutation(0.5 + (parts - 0.5) * wide)]


def _depth(rng: np.random.Generator, name: str, place: str) -> float:
    """How far away a thing is, or comes nearest; equally often within each factor of two."""
    kind = CLASSES[name]
    near = kind.depths_m[0] if place in kind.stands or name in ANYWHERE else kind.lanes_m[0]
    far = 5.6 / max(near, AT_REST_M) if place == "room" else FARTHER
    return float(near * np.exp(rng.uniform(np.log(NEARER), np.log(max(far, 1.2)))))


def _look(rng: np.random.Generator) -> int:
    return int(rng.integers(SEEDS))


def _room(rng: np.random.Generator) -> Room:
    width = float(rng.uniform(5, 8))
    return Room(
        width,
        float(rng.uniform(7.4, 9)),
        float(rng.uniform(2.6, 3.2)),
        width * float(rng.uniform(0.4, 0.6)),
        1.5,
        look=_look(rng),
    )


def _open_place(rng: np.random.Generator, scenery: str, along: bool, nearest_m: float) -> OpenPlace:
    """With a road that runs under, behind or beside its things."""
    if along:
        middle, half = float(rng.uniform(-3, 3)), float(rng.uniform(2.5, 5.0))
        return OpenPlace(scenery, along, middle - half, middle + half, _look(rng))
    near = max(nearest_m + float(rng.uniform(-2.0, 1.5)), 2.0)
    wide = float(rng.uniform(1.5, 3.0) if scenery == "meadow" else rng.uniform(6, 12))
    return OpenPlace(scenery, along, near, near + wide, _look(rng))


def _thing(
    rng: np.random.Generator, spot: Spot, attribute: str, path: Path, heading: float, spread: float = 1.2
) -> Thing:
    scale = float(np.mean(CLASSES[spot.name].scales) * np.exp(rng.uniform(-np.log(spread), np.log(spread))))
    identifier = f"{spot.name.replace(' ', '_')}_{spot.number}"
    heading = 0.0 if spot.name in ANYWHERE else heading
    return Thing(identifier, spot.name, attribute, path, heading, scale, look=_look(rng))


def _height(rng: np.random.Generator, heights: Range) -> float:
    return float(rng.uniform(*heights) * rng.uniform(0.5, 1.3)) if heights[1] else 0.0


def _resting(rng: np.random.Generator, spot: Spot, camera: Camera, duration: float) -> Thing:
    """A thing at rest: flat ones face the camera, others are turned to any side."""
    kind = CLASSES[spot.name]
    y = 0.0 if kind.stands else _height(rng, kind.heights_m)
    heading = 0.0
    if not kind.is_flat:
        front = (
            90.0 if kind.kind == "person" else float(rng.choice([0.0, 180.0, 90.0, -90.0], p=[0.3, 0.3, 0.25, 0.15]))
        )
        heading = front + float(rng.uniform(-40, 40))
    path = Path((camera.x_at(spot.column, spot.depth), y, spot.depth))
    return _thing(rng, spot, place_word(spot.column), path, heading, 1.3)


def _crossing(rng: np.random.Generator, spot: Spot, camera: Camera, duration: float) -> Thing:
    """A thing seen from its side. It shows at `column` at a random moment."""
    rightward = bool(rng.random() < 0.5)
    span = camera.x_at(1.0, spot.depth) - camera.x_at(0.0, spot.depth)
    velocity = span * float(rng.uniform(0.5, 1.1)) / duration * (1 if rightward else -1)
    start = camera.x_at(spot.column, spot.depth) - velocity * duration * float(rng.uniform(0.3, 0.7))
    path = Path((start, _height(rng, CLASSES[spot.name].heights_m), spot.depth), (velocity, 0.0, 0.0))
    heading = (0.0 if rightward else 180.0) + float(rng.uniform(-10, 10))
    return _thing(rng, spot, MOVES[0] if rightward else MOVES[1], path, heading)


def _coming(rng: np.random.Generator, spot: Spot, camera: Camera, duration: float) -> Thing:
    """A thing that comes or goes a little aslant, seen from the front or from behind. Nearest, it is at `column`."""
    near = min(spot.depth, CLASSES[spot.name].ends_m[0] * float(rng.uniform(NEARER, 1.4)))
    far, far_column = near * float(rng.uniform(1.8, 4.6)), 0.5 + (spot.column - 0.5) * float(rng.uniform(-0.4, 0.6))
    ends = [(camera.x_at(spot.column, near), near), (camera.x_at(far_column, far), far)]
    comes = bool(rng.random() < 0.5)
    (x1, z1), (x2, z2) = ends[::-1] if comes else ends
    vx, vz = (x2 - x1) / duration, (z2 - z1) / duration
    path = Path((x1, _height(rng, CLASSES[spot.name].heights_m), z1), (vx, 0.0, vz))
    return _thing(rng, spot, MOVES[2] if comes else MOVES[3], path, float(np.degrees(np.arctan2(-vz, vx))))
