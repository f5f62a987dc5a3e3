"""Random scenes of things in motion: traffic and trains, people and animals on foot, boats, and what flies."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spa2v.world.classes import CLASSES, moving
from spa2v.world.sampling.choice import Choice
from spa2v.world.sampling.draws import lowered, new_seed, new_thing, pick
from spa2v.world.scene import Camera, OpenPlace, Path, Scene

CROSSING_SHARE = 1164 / 2764
THEMES: Mapping[str, tuple[str, ...]] = {
    "traffic": ("road", "rails"),
    "pavement": ("pavement",),
    "meadow": ("meadow",),
    "water": ("water",),
    "sky": ("sky",),
}
"""What moves in one scene: things of these places."""
ALONE = {"train"}
SHORTEST_S, LONGEST_S = 1.8, 5.0
ASLANT = (0.06, 0.18)  # of the width of the view, beyond its middle, at the far end
BESIDE_ROAD_M, ROAD_M = 1.2, 7.4
LENGTHS_M = {"train": 6.0, "boat": 2.0, "airplane": 4.0}  # beyond the edge of the view, for what is long


def in_motion(seed: int, rng: np.random.Generator, wanted: Choice, several: bool, theme: str) -> Scene:
    """Things that cross, or that come and go, in one of `THEMES`."""
    along = bool(rng.random() >= CROSSING_SHARE)
    if wanted.attribute:
        along = wanted.attribute in ("approaching", "receding")
    horizon = (0.74, 0.86) if theme == "sky" else (0.4, 0.47)
    camera = Camera(float(rng.uniform(1.5, 2.0)), float(rng.uniform(58, 70)), float(rng.uniform(*horizon)))
    duration = wanted.duration_s or float(rng.uniform(SHORTEST_S, LONGEST_S))
    names = _names(rng, wanted, several, theme)
    if not all(CLASSES[name].kind == "vehicle" for name in names):
        camera = lowered(camera, min(CLASSES[name].lanes_m[0] for name in names))
    lanes = _lanes(rng, names, along, theme)
    ways = []
    for index, (name, lane) in enumerate(zip(names, lanes, strict=True)):
        attribute = wanted.attribute if index == 0 and wanted.attribute else _movement(rng, along)
        level = float(rng.uniform(-2, 2))
        ways.append((attribute, level, *_way(rng, camera, name, attribute, lane)))
    if wanted.duration_s is None:
        ends = zip(names, ways, strict=True)
        duration = max(duration, *(abs(way[3] - way[2]) / CLASSES[name].fastest_m_s for name, way in ends))
    things = []
    for index, (name, lane, (attribute, level, first, last)) in enumerate(zip(names, lanes, ways, strict=True)):
        path = _path(rng, camera, name, attribute, lane, first, last, duration)
        vx, _, vz = path.velocity
        heading = float(np.degrees(np.arctan2(-vz, vx)))
        number = names[:index].count(name)
        things.append(new_thing(rng, name, number, attribute, path, heading_deg=heading, level_db=level))
    return Scene(
        seed,
        duration,
        "translational",
        tuple(things),
        _place(rng, theme, names, lanes, along),
        camera,
        snr_db=float(rng.uniform(12, 40)),
        rumble_db=float(rng.uniform(-20, -2)) if rng.random() < 0.5 else None,
        level_dbfs=float(rng.uniform(-32, -18)),
    )


def _names(rng: np.random.Generator, wanted: Choice, several: bool, theme: str) -> list[str]:
    """One thing or two; a train has the track to itself."""
    names = wanted.allowed(moving(*THEMES[theme]))
    if several:
        names = {name: odds for name, odds in names.items() if name not in ALONE}
    first = wanted.name or pick(rng, names)
    return [first, pick(rng, names)] if several else [first]


def _movement(rng: np.random.Generator, along: bool) -> str:
    return str(rng.choice(("approaching", "receding") if along else ("left_to_right", "right_to_left")))


def _lanes(rng: np.random.Generator, names: list[str], along: bool, theme: str) -> list[float]:
    """Where the lanes are: depths for what crosses, x for what moves along the view."""
    kinds = [CLASSES[name] for name in names]
    if along:
        side = float(rng.choice([-1.0, 1.0]))
        first = side * float(rng.uniform(1.4, 2.6))
        beside = [first, -side * float(rng.uniform(1.6, 2.6))][: len(names)]
        nears = [kind.ends_m[0] for kind in kinds]
        parts = [near / 6.0 if theme in ("water", "sky") else min(near / 4.5, 1.0) for near in nears]
        return [x * part for x, part in zip(beside, parts, strict=True)]
    near = float(rng.uniform(*kinds[0].lanes_m))
    if len(names) == 1:
        return [near]
    if theme == "sky":
        return [near, float(rng.uniform(*kinds[1].lanes_m))]
    return [near, max(near + float(rng.uniform(3.4, 4.2)), kinds[1].lanes_m[0])]


def _place(rng: np.random.Generator, theme: str, names: list[str], lanes: list[float], along: bool) -> OpenPlace:
    """A place whose road, track or path holds the lanes, or has them beside it."""
    low, high = min(lanes) - 2.0, max(lanes) + 2.0
    if theme == "pavement":
        edge = high - 2.0 + BESIDE_ROAD_M
        edges = (edge, edge + ROAD_M)
        if along and lanes[0] < 0:
            edge = low + 2.0 - BESIDE_ROAD_M
            edges = (edge - ROAD_M, edge)
    elif along:
        edges = min(low, -high + 0.4), max(high, -low - 0.4)
    else:
        edges = low, max(high, low + ROAD_M)
    if theme == "meadow" and not along:
        edges = low + 1.2, high - 1.2
    scenery = "rails" if names[0] == "train" else {"traffic": "street", "pavement": "street"}.get(theme, theme)
    return OpenPlace(scenery, along, *edges, new_seed(rng))


def _way(rng: np.random.Generator, camera: Camera, name: str, attribute: str, lane: float) -> tuple[float, float]:
    """Where a movement begins and ends: in z for what comes or goes, in x for what crosses."""
    if attribute in ("approaching", "receding"):
        near = CLASSES[name].ends_m[0] * float(rng.uniform(1.0, 1.3))
        # A train is judged from its middle; its front comes much nearer, so it grows fast enough with less.
        # What is on foot is small, and would be a dot when farther.
        ratios = (2.0, 2.6) if name == "train" else (2.6, 4.6) if CLASSES[name].kind == "vehicle" else (2.3, 3.4)
        far = near * float(rng.uniform(*ratios))
        return (far, near) if attribute == "approaching" else (near, far)
    half = camera.x_at(1.0, lane) + LENGTHS_M.get(name, 0.0)
    first, last = -half * float(rng.uniform(0.72, 1.25)), half * float(rng.uniform(0.72, 1.25))
    return (-first, -last) if attribute == "right_to_left" else (first, last)


def _path(
    rng: np.random.Generator,
    camera: Camera,
    name: str,
    attribute: str,
    lane: float,
    first: float,
    last: float,
    duration: float,
) -> Path:
    """Uniform motion between two ends. What is on foot comes and goes a little aslant, so that its side shows, too."""
    low, high = CLASSES[name].heights_m
    y = float(rng.uniform(low, high)) if high else 0.0
    if attribute not in ("approaching", "receding"):
        return Path((first, y, lane), ((last - first) / duration, 0.0, 0.0))
    ends = {min(first, last): 0.6 * lane if name == "train" else lane}
    ends[max(first, last)] = ends[min(first, last)]
    if CLASSES[name].kind != "vehicle":
        ends[max(first, last)] = camera.x_at(0.5 - float(np.sign(lane) * rng.uniform(*ASLANT)), max(first, last))
    return Path((ends[first], y, first), ((ends[last] - ends[first]) / duration, 0.0, (last - first) / duration))
