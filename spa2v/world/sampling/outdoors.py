"""Random streets and railways with vehicles."""

from __future__ import annotations

import numpy as np

from spa2v.core.errors import ConfigError
from spa2v.world.classes import CLASSES, VEHICLES
from spa2v.world.sampling.choice import Choice
from spa2v.world.sampling.draws import new_seed, new_thing, pick
from spa2v.world.scene import Camera, Path, Scene, Street

CROSSING_SHARE = 1164 / 2764


def outdoors(seed: int, rng: np.random.Generator, wanted: Choice, several: bool) -> Scene:
    along = bool(rng.random() >= CROSSING_SHARE)
    if wanted.attribute:
        along = wanted.attribute in ("approaching", "receding")
    camera = Camera(float(rng.uniform(1.5, 2.0)), float(rng.uniform(58, 70)), float(rng.uniform(0.4, 0.47)))
    duration = wanted.duration_s or float(rng.uniform(1.8, 5.0))
    names = _vehicle_names(rng, wanted, several)
    lanes = _lanes(rng, names, along)
    things = []
    for index, (name, lane) in enumerate(zip(names, lanes, strict=True)):
        attribute = wanted.attribute if index == 0 and wanted.attribute else _movement(rng, along)
        level = float(rng.uniform(-2, 2))
        number = names[:index].count(name)
        path, heading = _drive(rng, camera, name, attribute, lane, duration)
        things.append(new_thing(rng, name, number, attribute, path, heading_deg=heading, level_db=level))
    street = Street(along, names[0] == "train", *_road(lanes, along), new_seed(rng))
    return Scene(
        seed,
        duration,
        "translational",
        tuple(things),
        street,
        camera,
        snr_db=float(rng.uniform(12, 40)),
        rumble_db=float(rng.uniform(-20, -2)) if rng.random() < 0.5 else None,
        level_dbfs=float(rng.uniform(-32, -18)),
    )


def _vehicle_names(rng: np.random.Generator, wanted: Choice, several: bool) -> list[str]:
    """One vehicle or two; a train has the track to itself."""
    names = VEHICLES if not several else tuple(name for name in VEHICLES if name != "train")
    if several and wanted.name == "train":
        raise ConfigError("no scene is all of: train, multiple", "a train has the track to itself")
    first = wanted.name or pick(rng, names)
    return [first, pick(rng, names)] if several else [first]


def _movement(rng: np.random.Generator, along: bool) -> str:
    return str(rng.choice(("approaching", "receding") if along else ("left_to_right", "right_to_left")))


def _lanes(rng: np.random.Generator, names: list[str], along: bool) -> list[float]:
    """Where the lanes are: depths for vehicles that cross, x for those that drive along the view."""
    if along:
        side = float(rng.choice([-1.0, 1.0]))
        first = side * float(rng.uniform(1.4, 2.6))
        return [first, -side * float(rng.uniform(1.6, 2.6))][: len(names)]
    near = float(rng.uniform(*CLASSES[names[0]].depths_m))
    second = near + float(rng.uniform(3.4, 4.2)) if len(names) == 2 else near
    return [near, max(second, CLASSES[names[-1]].depths_m[0])][: len(names)]


def _road(lanes: list[float], along: bool) -> tuple[float, float]:
    """The edges of a road that holds the lanes."""
    low, high = min(lanes) - 2.0, max(lanes) + 2.0
    if along:
        return min(low, -high + 0.4), max(high, -low - 0.4)
    return low, max(high, low + 7.4)


def _drive(
    rng: np.random.Generator, camera: Camera, name: str, attribute: str, lane: float, duration: float
) -> tuple[Path, float]:
    """A path and a heading for one movement."""
    if attribute in ("approaching", "receding"):
        near = CLASSES[name].ends_m[0] * float(rng.uniform(1.0, 1.3))
        # A train is judged from its middle; its front comes much nearer, so it grows fast enough with less.
        far = near * float(rng.uniform(2.0, 2.6) if name == "train" else rng.uniform(2.6, 4.6))
        first, last = (far, near) if attribute == "approaching" else (near, far)
        x = 0.6 * lane if name == "train" else lane
        heading = 90.0 if attribute == "approaching" else -90.0
        return Path((x, 0.0, first), (0.0, 0.0, (last - first) / duration)), heading
    half = camera.x_at(1.0, lane) + (6.0 if name == "train" else 0.0)
    first, last = -half * float(rng.uniform(0.72, 1.25)), half * float(rng.uniform(0.72, 1.25))
    if attribute == "right_to_left":
        first, last = -first, -last
    heading = 0.0 if attribute == "left_to_right" else 180.0
    return Path((first, 0.0, lane), ((last - first) / duration, 0.0, 0.0)), heading
