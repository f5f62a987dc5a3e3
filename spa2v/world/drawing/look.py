"""Colors and variants of a thing, drawn from the seed of its look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from spa2v.world.drawing.mesh import Color

T = TypeVar("T")

PAINT: dict[str, Color] = {
    "red": (198, 36, 40),
    "blue": (38, 84, 178),
    "green": (34, 128, 76),
    "white": (232, 232, 230),
    "silver": (168, 174, 182),
    "black": (46, 48, 54),
    "yellow": (240, 190, 30),
    "orange": (232, 112, 28),
}
CAR_PAINT = ("red", "blue", "green", "white", "silver", "black", "yellow", "orange")
BUS_PAINT = ("yellow", "red", "green", "blue")
TRUCK_PAINT = ("red", "blue", "white", "orange", "green")
MOTORCYCLE_PAINT = ("red", "blue", "green", "orange")
TRAIN_PAINT = ("green", "red", "blue", "silver")
BICYCLE_PAINT = ("red", "blue", "green", "orange", "yellow")
BOAT_PAINT = ("white", "blue", "red", "green")
AIRPLANE_PAINT = ("white", "silver", "blue", "red", "yellow")
HELICOPTER_PAINT = ("red", "blue", "yellow", "white", "green")
PALETTES = {
    "car": CAR_PAINT,
    "bus": BUS_PAINT,
    "truck": TRUCK_PAINT,
    "motorcycle": MOTORCYCLE_PAINT,
    "train": TRAIN_PAINT,
    "bicycle": BICYCLE_PAINT,
    "boat": BOAT_PAINT,
    "airplane": AIRPLANE_PAINT,
    "helicopter": HELICOPTER_PAINT,
}
WOOD: tuple[Color, ...] = ((150, 88, 44), (176, 112, 56), (120, 66, 36))
GLASS: Color = (150, 190, 214)
DARK_GLASS: Color = (64, 84, 104)
TIRE: Color = (28, 28, 32)
GOLD: Color = (214, 168, 60)
BRASS: Color = (226, 190, 84)
EBONY: Color = (30, 26, 26)
RIM: Color = (196, 200, 206)
SKIN: tuple[Color, ...] = ((240, 200, 170), (222, 172, 134), (178, 122, 84), (126, 82, 56))


class Look:
    """Choices of one thing; the same seed gives the same choices in the same order."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 0x100C])

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._rng.integers(len(options)))]

    def between(self, low: float, high: float) -> float:
        return float(self._rng.uniform(low, high))


def paint_name(name: str, look: int) -> str | None:
    """The word for the color of a vehicle, as captions use it; None for things without one."""
    palette = PALETTES.get(name)
    return Look(look).pick(palette) if palette else None  # the first choice of a figure is its paint
