"""Draws that both kinds of scene share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from spa2v.world.classes import CLASSES
from spa2v.world.scene import Camera, Path, Receiver, Thing

GROUND_SLOPE = 0.36  # of the lowest line of sight


def pick(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """One of the keys, as often as their weights say."""
    parts = np.array(list(weights.values()))
    return list(weights)[int(rng.choice(len(parts), p=parts / parts.sum()))]


def new_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 31))


def new_thing(rng: np.random.Generator, name: str, number: int, attribute: str, path: Path, **more: Any) -> Thing:
    kind = CLASSES[name]
    low, high = kind.scales
    scale = float(rng.uniform(low, high))
    values = {"scale": scale, "sound_height_m": kind.sound_height_m * scale} | more
    return Thing(
        f"{name.replace(' ', '_')}_{number}", name, attribute, path, look=new_seed(rng), voice=new_seed(rng), **values
    )


def lowered(camera: Camera, nearest_m: float) -> Camera:
    """The camera low enough to see the ground at this depth."""
    return replace(camera, height_m=min(camera.height_m, GROUND_SLOPE * nearest_m))


def new_receiver(rng: np.random.Generator) -> Receiver:
    """A third are dual mono; of the others most have no delay between the channels, as real clips do."""
    kinds = ("mono", "coincident", "spaced", "sphere")
    return receiver_of(rng, str(rng.choice(kinds, p=[0.33, 0.37, 0.16, 0.14])))


def receiver_of(rng: np.random.Generator, kind: str) -> Receiver:
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
