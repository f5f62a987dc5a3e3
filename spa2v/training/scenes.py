"""Random scenes to learn pictures from: more places, sizes and views than a plausible clip would have.

Grounding has to obey any box, so depth, size and column are drawn widely; what a thing does agrees with how it looks
(a car that moves to the right faces right), because the captions say what it does. A part of the scenes is plausible:
drawn as the clips of data sets are, from seeds far above those that data sets and benchmarks use.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spa2v.training.captions import place_word
from spa2v.world.classes import CLASSES, INDOOR, PEOPLE, VEHICLES
from spa2v.world.sampling import Choice, sample_scene
from spa2v.world.scene import Camera, Path, Room, Scene, Street, Thing

COUNTS, COUNT_ODDS = (1, 2, 3), (0.5, 0.33, 0.17)
MOVES = ("left_to_right", "right_to_left", "approaching", "receding")
DURATIONS_S = (2.0, 5.0)
OUTDOORS_ODDS, INDOORS_MOVE_ODDS, PARKED_ODDS = 0.52, 0.15, 0.3
SEEDS = 2**31
PLAUSIBLE_ODDS, SEVERAL_ODDS, PLAUSIBLE_SEEDS = 0.4, 0.5, (2**40, 2**41)


def any_scene(seed: int, index: int) -> Scene:
    """Scene `index` of the pool of a seed: a plausible one or a wide one."""
    rng = np.random.default_rng([seed, index])
    if rng.random() >= PLAUSIBLE_ODDS:
        return training_scene(rng)
    quantity = "multiple" if rng.random() < SEVERAL_ODDS else "single"
    return sample_scene(int(rng.integers(*PLAUSIBLE_SEEDS)), Choice(quantity=quantity))


def training_scene(rng: np.random.Generator) -> Scene:
    """A scene with one to three things, all vehicles or none."""
    count = int(rng.choice(COUNTS, p=COUNT_ODDS))
    outdoors = rng.random() < OUTDOORS_ODDS
    moves = rng.random() > PARKED_ODDS if outdoors else rng.random() < INDOORS_MOVE_ODDS
    camera = Camera(float(rng.uniform(1.2, 2.0)), float(rng.uniform(56, 74)), float(rng.uniform(0.38, 0.52)))
    duration = float(rng.uniform(*DURATIONS_S))
    if outdoors or moves:
        return _open_scene(rng, VEHICLES if outdoors else PEOPLE, count, moves, camera, duration)
    return _room_scene(rng, count, camera, duration)


def _columns(rng: np.random.Generator, count: int) -> list[float]:
    """Columns of things that stand side by side, spread over the frame, in random order."""
    if count == 1:
        return [float(rng.uniform(0.12, 0.88))]
    parts = (np.arange(count) + rng.uniform(0.25, 0.75, count)) / count
    return [float(x) for x in rng.permutation(parts * 0.92 + 0.04)]


def _look(rng: np.random.Generator) -> int:
    return int(rng.integers(SEEDS))


def _room_scene(rng: np.random.Generator, count: int, camera: Camera, duration: float) -> Scene:
    width, depth = float(rng.uniform(5, 8)), float(rng.uniform(6.5, 9))
    room = Room(width, depth, float(rng.uniform(2.6, 3.2)), width * float(rng.uniform(0.4, 0.6)), 1.5, look=_look(rng))
    things = []
    for index, column in enumerate(_columns(rng, count)):
        name = str(rng.choice(INDOOR))
        z = float(rng.uniform(2.5, min(room.back_z_m - 0.7, 5.2)))
        scale = float(np.mean(CLASSES[name].scales) * rng.uniform(0.75, 1.3) / count**0.25)
        path = Path((camera.x_at(column, z), 0.0, z))
        things.append(_thing(rng, index, name, place_word(column), path, scale=max(scale, 0.45)))
    return Scene(_look(rng), duration, "stationary", tuple(things), room, camera)


def _thing(
    rng: np.random.Generator,
    index: int,
    name: str,
    attribute: str,
    path: Path,
    heading: float = 0.0,
    scale: float = 1.0,
) -> Thing:
    return Thing(f"{name}_{index}", name, attribute, path, heading, scale, look=_look(rng))


def _open_scene(
    rng: np.random.Generator, names: Sequence[str], count: int, moves: bool, camera: Camera, duration: float
) -> Scene:
    """A street or a railway; its things all cross, or all come and go, or all stand."""
    along = bool(rng.random() < 0.45)
    rails = "train" in names and bool(rng.random() < 0.2)
    chosen = [str(rng.choice(["train", name], p=[0.8, 0.2]) if rails else name) for name in rng.choice(names, count)]
    place = _along_place(rng, count, rails) if along else _across_place(rng, chosen, rails)
    make = _along_thing if along else _across_thing
    columns = _columns(rng, count)
    placed = enumerate(zip(chosen, columns, strict=True))
    things = tuple(make(rng, index, name, column, moves, camera, duration) for index, (name, column) in placed)
    return Scene(_look(rng), duration, "translational" if moves else "stationary", things, place, camera)


def _across_place(rng: np.random.Generator, names: Sequence[str], rails: bool) -> Street:
    near = float(min(CLASSES[name].depths_m[0] for name in names)) * float(rng.uniform(0.6, 1.0)) - 0.5
    return Street(False, rails, max(near, 2.0), max(near, 2.0) + float(rng.uniform(6, 12)), _look(rng))


def _along_place(rng: np.random.Generator, count: int, rails: bool) -> Street:
    middle, half = float(rng.uniform(-2, 2)), float(rng.uniform(3, 6)) if count > 1 else float(rng.uniform(2.5, 4.5))
    return Street(True, rails, middle - half, middle + half, _look(rng))


def _across_thing(
    rng: np.random.Generator, index: int, name: str, column: float, moves: bool, camera: Camera, duration: float
) -> Thing:
    """A thing seen from its side. It shows at `column` at a random moment."""
    z = float(CLASSES[name].depths_m[0] * rng.uniform(0.75, 1.8))
    x = camera.x_at(column, z)
    rightward = bool(rng.random() < 0.5)
    heading = 0.0 if rightward else 180.0
    if name in PEOPLE:
        heading = 0.0
    if not moves:
        return _thing(rng, index, name, place_word(column), Path((x, 0.0, z)), heading, float(rng.uniform(0.85, 1.2)))
    span = camera.x_at(1.0, z) - camera.x_at(0.0, z)
    velocity = span * float(rng.uniform(0.5, 1.1)) / duration * (1 if rightward else -1)
    moment = duration * float(rng.uniform(0.3, 0.7))
    attribute = MOVES[0] if rightward else MOVES[1]
    path = Path((x - velocity * moment, 0.0, z), (velocity, 0.0, 0.0))
    return _thing(rng, index, name, attribute, path, heading, float(rng.uniform(0.85, 1.2)))


def _along_thing(
    rng: np.random.Generator, index: int, name: str, column: float, moves: bool, camera: Camera, duration: float
) -> Thing:
    """A thing seen from the front or from behind."""
    low, high = CLASSES[name].ends_m if CLASSES[name].ends_m[1] else (2.6, 11.0)
    near, far = low * float(rng.uniform(0.7, 1.2)), high * float(rng.uniform(0.45, 0.9))
    comes = bool(rng.random() < 0.5)
    heading = (90.0 if comes else -90.0) + float(rng.uniform(-14, 14))
    if name in PEOPLE:
        heading = 0.0
    if not moves:
        z = float(np.exp(rng.uniform(np.log(near), np.log(far * 0.7))))
        attribute = place_word(column)
        return _thing(rng, index, name, attribute, Path((camera.x_at(column, z), 0.0, z)), heading)
    x = camera.x_at(column, near * float(rng.uniform(1.0, 1.6)))
    start, stop = (far, near) if comes else (near, far)
    path = Path((x, 0.0, start), (0.0, 0.0, (stop - start) / duration))
    return _thing(rng, index, name, MOVES[2] if comes else MOVES[3], path, heading)
