"""Random scenes in the proportions of AVLBench. A scene is a function of its seed and nothing else.

AVLBench (7,274 clips, 14,546 objects): stationary indoors 2,698 clips with one thing and 2,004 with several;
translational outdoors 2,392 with one and 180 with several. Attributes: left 3,083, center 5,616, right 3,083; crossing
582 each way; approaching and receding 800 each. Its clips with several stationary things hold 4.5 on average; ours hold
2 to 5, since more cannot be drawn apart on a small picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spa2v.core.errors import ConfigError
from spa2v.world.classes import CLASSES, INDOOR, PEOPLE, VEHICLES
from spa2v.world.scene import Camera, Path, Receiver, Room, Scene, Street, Thing

CLIPS = {("stationary", 1): 2698, ("stationary", 2): 2004, ("translational", 1): 2392, ("translational", 2): 180}
CROSSING_SHARE = 1164 / 2764
SIDES = ("left", "center", "right")
COLUMNS = {"left": (0.16, 0.33), "center": (0.45, 0.55), "right": (0.67, 0.84)}
HELD_HEIGHT_M = {"guitar": 0.58, "violin": 0.68}
HELD_SCALE = {"guitar": 1.0, "violin": 0.8}


@dataclass(frozen=True)
class Choice:
    """What is fixed about a scene; None leaves it to chance.

    Args:
        scenario: "stationary" or "translational".
        quantity: "single" or "multiple".
        attribute: of the thing in a single scene, of the first one in others.
        name: class of that thing.
        duration_s: of the clip.
        receiver: kind of the receiver.
        snr_db: level over the noise.
    """

    scenario: str | None = None
    quantity: str | None = None
    attribute: str | None = None
    name: str | None = None
    duration_s: float | None = None
    receiver: str | None = None
    snr_db: float | None = None

    def __post_init__(self) -> None:
        if self.name is not None and self.name not in CLASSES:
            raise ConfigError(f"there is no class {self.name!r} in ToyWorld", f"classes: {', '.join(CLASSES)}")
        needed = {kind for kind in (self._by_name(), self._by_attribute(), self.scenario) if kind}
        if len(needed) > 1:
            said = ", ".join(str(value) for value in (self.scenario, self.name, self.attribute) if value)
            raise ConfigError(
                f"no scene is all of: {said}", "vehicles cross, approach or recede; the others stand still"
            )

    def _by_name(self) -> str | None:
        return None if self.name is None else "translational" if self.name in VEHICLES else "stationary"

    def _by_attribute(self) -> str | None:
        return None if self.attribute is None else "stationary" if self.attribute in SIDES else "translational"

    @property
    def forced_scenario(self) -> str | None:
        return self.scenario or self._by_name() or self._by_attribute()


def sample_scene(seed: int, choice: Choice | None = None) -> Scene:
    """A random scene.

    Args:
        seed: 0 or more; the same seed and choice give the same scene.
        choice: what is fixed.

    Raises:
        ConfigError: a negative seed, or a choice that no scene meets.
    """
    if seed < 0:
        raise ConfigError(f"the seed is {seed}", "expected 0 or more")
    wanted = choice or Choice()
    rng = np.random.default_rng([seed, 0x5CE])
    scenario, several = _kind(rng, wanted)
    build = _indoors if scenario == "stationary" else _outdoors
    scene = build(seed, rng, wanted, several)
    receiver = _receiver(rng) if wanted.receiver is None else _receiver_of(rng, wanted.receiver)
    return replace(scene, receiver=receiver, snr_db=wanted.snr_db if wanted.snr_db is not None else scene.snr_db)


def _kind(rng: np.random.Generator, wanted: Choice) -> tuple[str, bool]:
    options = [
        key
        for key in CLIPS
        if wanted.forced_scenario in (None, key[0])
        and wanted.quantity in (None, "single" if key[1] == 1 else "multiple")
    ]
    weights = np.array([CLIPS[key] for key in options], dtype=float)
    scenario, things = options[int(rng.choice(len(options), p=weights / weights.sum()))]
    return scenario, things > 1


def _pick(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    weights = np.array([CLASSES[name].weight for name in names])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 31))


def _thing(rng: np.random.Generator, name: str, number: int, attribute: str, path: Path, **more: object) -> Thing:
    kind = CLASSES[name]
    low, high = kind.scales
    scale = float(rng.uniform(low, high))
    values = {"scale": scale, "sound_height_m": kind.sound_height_m * scale} | more
    return Thing(f"{name}_{number}", name, attribute, path, look=_seed(rng), voice=_seed(rng), **values)  # type: ignore[arg-type]


# Indoors


def _indoors(seed: int, rng: np.random.Generator, wanted: Choice, several: bool) -> Scene:
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
    return _pick(rng, names)


def _station(
    rng: np.random.Generator, camera: Camera, others: list[Thing], side: str, name: str, pair: bool
) -> list[Thing]:
    low, high = COLUMNS[side]
    z = float(rng.uniform(*CLASSES[name].depths_m))
    x = camera.x_at(float(rng.uniform(low, high)), z)
    if not pair or name in PEOPLE:
        return [_thing(rng, name, 0, side, Path((x, 0.0, z)), level_db=float(rng.uniform(-3, 3)))]
    free = tuple(person for person in PEOPLE if person not in {thing.name for thing in others})
    held = name in HELD_HEIGHT_M
    height = HELD_HEIGHT_M.get(name, 0.0)
    more = {"held": True, "scale": HELD_SCALE[name]} if held else {}
    instrument = _thing(rng, name, 0, side, Path((x, height, z)), level_db=float(rng.uniform(-3, 3)), **more)
    if not free:
        return [instrument] if not held else [replace(instrument, held=False, path=Path((x, 0.0, z)))]
    player = _player(rng, camera, instrument, _pick(rng, free))
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
    return _thing(rng, name, 0, instrument.attribute, path, plays=plays, level_db=float(rng.uniform(-3, 2)))


def _room(rng: np.random.Generator) -> Room:
    width, depth = float(rng.uniform(5.5, 9.0)), float(rng.uniform(6.5, 9.0))
    left = width * float(rng.uniform(0.44, 0.56))
    reflection = float(rng.uniform(0.2, 0.55))
    return Room(width, depth, float(rng.uniform(2.6, 3.2)), left, float(rng.uniform(1.2, 1.8)), reflection, _seed(rng))


# Outdoors


def _outdoors(seed: int, rng: np.random.Generator, wanted: Choice, several: bool) -> Scene:
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
        things.append(_thing(rng, name, number, attribute, path, heading_deg=heading, level_db=level))
    street = Street(along, names[0] == "train", *_road(lanes, along), _seed(rng))
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
    first = wanted.name or _pick(rng, names)
    return [first, _pick(rng, names)] if several else [first]


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
        near, far = CLASSES[name].ends_m
        near *= float(rng.uniform(1.0, 1.3))
        far = near * float(rng.uniform(2.6, 4.6)) if name != "train" else float(rng.uniform(0.7, 1.0)) * far
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


# The receiver


def _receiver(rng: np.random.Generator) -> Receiver:
    """A third are dual mono; of the others most have no delay between the channels, as real clips do."""
    kinds = ("mono", "coincident", "spaced", "sphere")
    return _receiver_of(rng, str(rng.choice(kinds, p=[0.33, 0.37, 0.16, 0.14])))


def _receiver_of(rng: np.random.Generator, kind: str) -> Receiver:
    balance = float(np.clip(rng.normal(0, 0.15), -0.4, 0.4))
    match kind:
        case "coincident":
            return Receiver(kind, 0.0, float(rng.uniform(0.45, 0.6)), float(rng.uniform(40, 65)), balance)
        case "spaced":
            return Receiver(
                kind, float(rng.uniform(0.12, 0.4)), float(rng.uniform(0.2, 0.5)), float(rng.uniform(35, 60)), balance
            )
        case "sphere":
            return Receiver(kind, float(rng.uniform(0.1, 0.175)), 0.0, 0.0, balance)
        case _:
            return Receiver(kind)
