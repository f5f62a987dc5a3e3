"""Frames of a scene with the visible box of every thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import ConfigError
from spa2v.core.types import Box
from spa2v.world.drawing import (
    aircraft,
    animals,
    bells,
    bicycles,
    birds,
    boats,
    emergency,
    instruments,
    loudspeakers,
    motorcycles,
    people,
    pianos,
    trains,
    vehicles,
)
from spa2v.world.drawing.canvas import Canvas, samples_for
from spa2v.world.drawing.parts import Figure
from spa2v.world.drawing.projection import View, faces, footprint
from spa2v.world.drawing.surroundings import draw_place
from spa2v.world.scene import Scene, Thing

MIN_SIDE, MAX_SIDE = 16, 4096
SHADOW = 0.38

FIGURES: Mapping[str, Callable[[int], Figure]] = {
    "car": vehicles.car,
    "bus": vehicles.bus,
    "truck": vehicles.truck,
    "motorcycle": motorcycles.motorcycle,
    "train": trains.train,
    "piano": pianos.piano,
    "guitar": instruments.guitar,
    "drum": instruments.drum,
    "violin": instruments.violin,
    "harp": instruments.harp,
    "bicycle": bicycles.bicycle,
    "boat": boats.boat,
    "airplane": aircraft.airplane,
    "helicopter": aircraft.helicopter,
    "police car": emergency.police_car,
    "ambulance": emergency.ambulance,
    "fire engine": emergency.fire_engine,
    "cello": instruments.cello,
    "saxophone": instruments.saxophone,
    "bell": bells.bell,
    "loudspeaker": loudspeakers.loudspeaker,
}
LIVING: Mapping[str, Callable[[int, bool], Figure]] = {
    "dog": animals.dog,
    "cat": animals.cat,
    "horse": animals.horse,
    "cow": animals.cow,
    "sheep": animals.sheep,
    "bird": birds.bird,
    "child": people.child,
}
"""By whether they move."""
PLAYERS: Mapping[str, Callable[[int, str | None, bool], Figure]] = {"woman": people.woman, "man": people.man}
"""By what they play, if anything, and whether they move."""
HELD = {
    "guitar": instruments.guitar,
    "violin": instruments.violin,
    "cello": instruments.cello,
    "saxophone": instruments.saxophone,
}


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Args:
        pixels: uint8 RGB, shape (height, width, 3).
        boxes: the extent of what is visible of each thing, by id; a hidden thing is left out.
    """

    pixels: NDArray[np.uint8]
    boxes: Mapping[str, Box]


def figure_of(thing: Thing) -> Figure:
    """The drawable form of a thing, in its own axes."""
    return _figure(thing.name, thing.look, thing.plays, thing.held, thing.is_moving)


@lru_cache(maxsize=32)  # a scene is drawn several times while it is sampled
def _figure(name: str, look: int, plays: str | None, held: bool, moving: bool) -> Figure:
    if living := LIVING.get(name):
        return living(look, moving)
    if player := PLAYERS.get(name):
        return player(look, plays, moving)
    return HELD[name](look, held=True) if held else FIGURES[name](look)


class Renderer:
    """Draws the frames of one scene; the surroundings are drawn once.

    Args:
        scene: what to draw.
        width, height: of a frame in pixels, 16 to 4096.
        samples: per pixel along each axis; by default four, three for wide frames.

    Raises:
        ConfigError: a size out of range.
    """

    def __init__(self, scene: Scene, width: int, height: int, samples: int | None = None) -> None:
        if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
            raise ConfigError(f"a frame of {width} x {height} pixels", f"expected {MIN_SIDE} to {MAX_SIDE} each way")
        self.scene = scene
        self._view = View(scene.camera, width, height)
        self._figures = {thing.id: figure_of(thing) for thing in scene.things}
        self._empty = Canvas(width, height, samples or samples_for(width))
        draw_place(scene.place, self._empty, self._view)

    def frame(self, time_s: float, hidden: Iterable[str] = ()) -> Frame:
        """The picture at a time; `hidden` things are left out, but not their shadows."""
        canvas, order = self._empty.copy(), self._far_to_near(time_s)
        for thing in order:
            outline = footprint(self._figures[thing.id], thing, self._view, time_s)
            if len(outline) > 2 and not thing.held and thing.path.start[1] == 0:
                canvas.shadow(outline, SHADOW)
        numbers = {thing.id: index + 1 for index, thing in enumerate(self.scene.things)}
        for thing in order:
            if thing.id in hidden:
                continue
            for polygon, color in faces(self._figures[thing.id], thing, self._view, time_s):
                canvas.polygon(polygon, color, numbers[thing.id])
        return self._finish(canvas, numbers)

    def frames(self, times_s: Iterable[float]) -> tuple[Frame, ...]:
        return tuple(self.frame(float(time)) for time in times_s)

    def _far_to_near(self, time_s: float) -> list[Thing]:
        present = [thing for thing in self.scene.things if thing.is_present(time_s)]
        return sorted(present, key=lambda thing: -float(thing.path.at(time_s)[2]))

    def _finish(self, canvas: Canvas, numbers: Mapping[str, int]) -> Frame:
        extents = canvas.extents(list(numbers.values()))
        pixels = canvas.pixels()
        boxes = {}
        for thing_id, number in numbers.items():
            if number in extents:
                x1, y1, x2, y2 = extents[number]
                box = Box(x1 / canvas.width, y1 / canvas.height, x2 / canvas.width, y2 / canvas.height)
                boxes[thing_id] = box.mirrored() if self.scene.is_mirrored else box
        return Frame(np.ascontiguousarray(pixels[:, ::-1] if self.scene.is_mirrored else pixels), boxes)
