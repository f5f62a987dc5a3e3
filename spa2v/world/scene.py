"""The state of a scene: everything that its sound, its frames and its layout are made from.

Axes: x to the right, y up, z away from the camera, in meters. The listener and the camera are one, at x = z = 0 and
`Camera.height_m` above the ground, looking along z. All values are frozen; a scene is a pure function of its seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spa2v.core.errors import ConfigError
from spa2v.core.types.layout import ATTRIBUTES, SCENARIOS

SPEED_OF_SOUND_M_S = 343.0
SCENERIES = ("street", "rails", "meadow", "water", "sky")
RECEIVER_KINDS = ("mono", "coincident", "spaced", "sphere")
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Path:
    """Uniform motion: the place of a thing at time t is `start + velocity * t`, also before 0 and after the end.

    Args:
        start: place on the ground below the middle of the thing at t = 0, (x, y, z) in meters.
        velocity: in meters a second.
    """

    start: Vector
    velocity: Vector = (0.0, 0.0, 0.0)

    def at(self, times_s: ArrayLike) -> NDArray[np.float64]:
        """Places at the given times, shape (..., 3)."""
        times = np.asarray(times_s, dtype=np.float64)
        return np.asarray(self.start) + times[..., None] * np.asarray(self.velocity)

    def reversed(self, duration_s: float) -> Path:
        """The way back: where this path is at `duration_s - t`."""
        (x, y, z), (vx, vy, vz) = self.start, self.velocity
        return Path((x + vx * duration_s, y + vy * duration_s, z + vz * duration_s), (-vx, -vy, -vz))

    @property
    def speed_m_s(self) -> float:
        return float(np.linalg.norm(self.velocity))


@dataclass(frozen=True)
class Thing:
    """A sounding thing.

    Args:
        id: unique in the scene, such as "car_0".
        name: one of the classes of `spa2v.world.classes`.
        attribute: one of `ATTRIBUTES`.
        path: where it is.
        heading_deg: 0 faces right (or stands flat to the camera), 180 left, 90 the camera, -90 away from it.
        scale: factor on the size of its class.
        sound_height_m: of the sounding point above `path`.
        level_db: on top of the level of its class.
        look: seed of its appearance.
        voice: seed of its sound.
        plays: for people, the name of the instrument that they play, if any.
        held: for instruments, True when a player holds them and they need no stand.
        sounds: intervals in seconds in which it sounds, (start, end), in order; empty for the whole clip.
        appears: whether it is seen only from the start of its first interval to the end of its last.
    """

    id: str
    name: str
    attribute: str
    path: Path
    heading_deg: float = 0.0
    scale: float = 1.0
    sound_height_m: float = 1.0
    level_db: float = 0.0
    look: int = 0
    voice: int = 0
    plays: str | None = None
    held: bool = False
    sounds: tuple[tuple[float, float], ...] = ()
    appears: bool = False

    def __post_init__(self) -> None:
        if self.attribute not in ATTRIBUTES:
            raise ConfigError(f"thing {self.id!r}.attribute: {self.attribute!r}", f"expected one of: {ATTRIBUTES}")
        if not self.scale > 0:
            raise ConfigError(f"thing {self.id!r}.scale: {self.scale!r}", "expected a positive number")
        edges = [edge for interval in self.sounds for edge in interval]
        if edges != sorted(edges) or any(start == end for start, end in self.sounds):
            raise ConfigError(f"thing {self.id!r}.sounds: {self.sounds!r}", "expected intervals in order, apart")

    @property
    def is_moving(self) -> bool:
        return self.path.speed_m_s > 0

    def sounding_s(self, duration_s: float) -> tuple[float, float]:
        """From the start of its first sound to the end of its last."""
        return (self.sounds[0][0], self.sounds[-1][1]) if self.sounds else (0.0, duration_s)

    def is_present(self, time_s: float) -> bool:
        """Whether it is in the scene, in view or not."""
        return not (self.appears and self.sounds) or self.sounds[0][0] <= time_s <= self.sounds[-1][1]

    def sound_at(self, times_s: ArrayLike) -> NDArray[np.float64]:
        """Places of the sounding point, shape (..., 3)."""
        return self.path.at(times_s) + np.array([0.0, self.sound_height_m, 0.0])


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with upright verticals (a shifted lens, no tilt).

    Args:
        height_m: of the camera and of the receiver above the ground.
        fov_deg: horizontal field of view.
        horizon: where eye level lies in the frame, in parts of its height from the top.
    """

    height_m: float = 1.6
    fov_deg: float = 65.0
    horizon: float = 0.45

    @property
    def focal(self) -> float:
        """Focal length in parts of the frame width."""
        return 0.5 / float(np.tan(np.radians(self.fov_deg) / 2))

    def column(self, x_m: ArrayLike, z_m: ArrayLike) -> NDArray[np.float64]:
        """Where places show, in parts of the frame width: 0 is the left edge, 1 the right."""
        return 0.5 + self.focal * np.asarray(x_m, dtype=np.float64) / np.asarray(z_m, dtype=np.float64)

    def x_at(self, column: float, z_m: float) -> float:
        """The x in meters that shows at `column` when at depth `z_m`; the inverse of `column`."""
        return (column - 0.5) * z_m / self.focal


@dataclass(frozen=True)
class Receiver:
    """Two microphones, or a head.

    Args:
        kind: "mono" (two equal channels), "coincident" (two directional microphones in one place: level only),
            "spaced" (apart: delay, and level if directional), "sphere" (a head: delay and shadow).
        spacing_m: between the two microphones; for a sphere its diameter.
        directivity: 0 is omnidirectional, 0.5 a cardioid; the gain is 1 - d + d * cos(angle).
        splay_deg: angle of each microphone off the middle.
        balance_db: constant gain of the right channel over the left, an imperfect recorder.
    """

    kind: str = "spaced"
    spacing_m: float = 0.17
    directivity: float = 0.0
    splay_deg: float = 45.0
    balance_db: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in RECEIVER_KINDS:
            raise ConfigError(f"receiver.kind: {self.kind!r}", f"expected one of: {', '.join(RECEIVER_KINDS)}")

    @property
    def is_mono(self) -> bool:
        return self.kind == "mono"


@dataclass(frozen=True)
class Room:
    """A shoebox room. The listener stands `left_m` from its left wall and `behind_m` from the wall behind.

    Args:
        width_m, depth_m, height_m: of the room.
        left_m, behind_m: place of the listener.
        reflection: amplitude that a wall gives back, 0..1.
        look: seed of its appearance.
    """

    width_m: float = 6.0
    depth_m: float = 7.0
    height_m: float = 2.8
    left_m: float = 3.0
    behind_m: float = 1.5
    reflection: float = 0.6
    look: int = 0

    @property
    def back_z_m(self) -> float:
        """Depth of the wall that the camera sees."""
        return self.depth_m - self.behind_m


@dataclass(frozen=True)
class OpenPlace:
    """A place under the sky.

    Args:
        scenery: one of `SCENERIES`.
        along: True when its road, track or path runs away from the camera, False when it crosses the view.
        near_m, far_m: the edges of the road: in z when it crosses, in x when it runs along.
        look: seed of its appearance.
    """

    scenery: str = "street"
    along: bool = False
    near_m: float = 6.0
    far_m: float = 14.0
    look: int = 0

    def __post_init__(self) -> None:
        if self.scenery not in SCENERIES:
            raise ConfigError(f"place.scenery: {self.scenery!r}", f"expected one of: {', '.join(SCENERIES)}")


@dataclass(frozen=True)
class Scene:
    """One scene.

    Args:
        seed: of the noise, and what names the scene.
        duration_s: of the clip.
        scenario: "stationary" or "translational".
        things: what sounds, in no order.
        place: a `Room` or an `OpenPlace`.
        camera, receiver: how it is seen and heard.
        snr_db: level of the things over the background noise; None for no noise.
        rumble_db: level of wind and handling noise below 100 Hz over the things; None for none.
        level_dbfs: RMS level of the whole clip.
        is_mirrored: True for a scene seen in a mirror: every x is negated.
    """

    seed: int
    duration_s: float
    scenario: str
    things: tuple[Thing, ...]
    place: Room | OpenPlace
    camera: Camera = field(default_factory=Camera)
    receiver: Receiver = field(default_factory=Receiver)
    snr_db: float | None = 30.0
    rumble_db: float | None = None
    level_dbfs: float = -24.0
    is_mirrored: bool = False

    def __post_init__(self) -> None:
        if self.scenario not in SCENARIOS:
            raise ConfigError(f"scene.scenario: {self.scenario!r}", f"expected one of: {', '.join(SCENARIOS)}")
        if not self.duration_s > 0:
            raise ConfigError(f"scene.duration_s: {self.duration_s!r}", "expected a positive number")
        ids = [thing.id for thing in self.things]
        if len(set(ids)) != len(ids):
            raise ConfigError(f"scene.things repeat an id: {sorted(ids)}")

    @property
    def side(self) -> float:
        """1, or -1 for a mirrored scene: the factor on every x."""
        return -1.0 if self.is_mirrored else 1.0

    @property
    def surroundings(self) -> str:
        """In one word: "room" or one of `SCENERIES`."""
        return "room" if isinstance(self.place, Room) else self.place.scenery

    @property
    def quantity(self) -> str:
        return "single" if len(self.things) == 1 else "multiple"

    def mirrored(self) -> Scene:
        """The scene with left and right exchanged, attributes included."""
        things = tuple(
            replace(thing, attribute=MIRRORED.get(thing.attribute, thing.attribute)) for thing in self.things
        )
        return replace(self, things=things, is_mirrored=not self.is_mirrored)


MIRRORED: Mapping[str, str] = {
    "left": "right",
    "right": "left",
    "left_to_right": "right_to_left",
    "right_to_left": "left_to_right",
}
"""What an attribute becomes in a mirror; the others stay."""

REVERSED: Mapping[str, str] = {
    "left_to_right": "right_to_left",
    "right_to_left": "left_to_right",
    "approaching": "receding",
    "receding": "approaching",
}
"""What an attribute becomes when time runs backwards; the others stay."""
