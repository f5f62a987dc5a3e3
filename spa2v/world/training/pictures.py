"""Pools of rendered pictures: drawn once from seeds, kept as bytes, with what each picture shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spa2v.core.media.files import atomic_path
from spa2v.core.types import Box
from spa2v.world.drawing import Renderer
from spa2v.world.drawing.look import paint_name
from spa2v.world.scene import Room, Scene, Street
from spa2v.world.training.captions import Shown
from spa2v.world.training.scenes import training_scene

SAMPLES = 3
MIN_SIDE_PX, MIN_AREA_PX = 6.0, 80.0


@dataclass(frozen=True, eq=False)
class Pool:
    """Rendered clips of equal length.

    Args:
        pixels: uint8, (clips, frames, height, width, 3).
        things: for each clip and frame, what it shows.
        settings: for each clip, its surroundings: a key of `captions.SETTINGS`.
    """

    pixels: NDArray[np.uint8]
    things: tuple[tuple[tuple[Shown, ...], ...], ...]
    settings: tuple[str, ...]

    @property
    def clips(self) -> int:
        return self.pixels.shape[0]

    @property
    def frames(self) -> int:
        return self.pixels.shape[1]

    def hidden_elsewhere(self, clip: int, frame: int) -> tuple[Shown, ...]:
        """Things of the clip that this frame does not show."""
        seen = {(thing.name, thing.attribute) for thing in self.things[clip][frame]}
        others = {(t.name, t.attribute): t for row in self.things[clip] for t in row}
        return tuple(thing for key, thing in others.items() if key not in seen)


def setting_of(scene: Scene) -> str:
    """The surroundings of a scene in one word."""
    if isinstance(scene.place, Room):
        return "room"
    assert isinstance(scene.place, Street)
    vehicles = any(paint_name(thing.name, thing.look) for thing in scene.things)
    return "open" if not vehicles else "rails" if scene.place.rails else "street"


def draw_pool(
    seed: int, clips: int, frames: int, size: tuple[int, int], tick: Callable[[int], None] = lambda done: None
) -> Pool:
    """Renders a pool.

    Args:
        seed: of the pool; clip i depends on it and on i alone.
        clips, frames: how many. Frames are spread over the clip as a backbone's are; a lone frame is in its middle.
        size: (width, height) in pixels.
        tick: told the number of clips just drawn.
    """
    width, height = size
    pixels = np.empty((clips, frames, height, width, 3), np.uint8)
    things, settings = [], []
    for index in range(clips):
        scene = training_scene(np.random.default_rng([seed, index]))
        shown, pixels[index] = _draw(scene, frames, width, height)
        things.append(shown)
        settings.append(setting_of(scene))
        tick(1)
    return Pool(pixels, tuple(things), tuple(settings))


def _draw(
    scene: Scene, frames: int, width: int, height: int
) -> tuple[tuple[tuple[Shown, ...], ...], NDArray[np.uint8]]:
    renderer = Renderer(scene, width, height, SAMPLES)
    times = (np.arange(frames) + 0.5) * scene.duration_s / frames
    drawn = renderer.frames(times)
    largest = {
        thing.id: max((frame.boxes[thing.id].area for frame in drawn if thing.id in frame.boxes), default=1.0)
        for thing in scene.things
    }
    rows = []
    for frame in drawn:
        row = [
            Shown(thing.name, thing.attribute, paint_name(thing.name, thing.look), box, box.area / largest[thing.id])
            for thing in scene.things
            if (box := frame.boxes.get(thing.id)) and _is_plain(box, width, height)
        ]
        rows.append(tuple(row))
    return tuple(rows), np.stack([frame.pixels for frame in drawn])


def _is_plain(box: Box, width: int, height: int) -> bool:
    """Whether enough of a thing is in view to learn from."""
    w, h = (box.x2 - box.x1) * width, (box.y2 - box.y1) * height
    return min(w, h) >= MIN_SIDE_PX and w * h >= MIN_AREA_PX


def cached_pool(path: Path, draw: Callable[[], Pool]) -> Pool:
    """The pool in a file, or a new one that is kept there."""
    if path.exists():
        return _read(path)
    pool = draw()
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {"things": [[[asdict(t) for t in row] for row in clip] for clip in pool.things], "settings": pool.settings}
    with atomic_path(path) as target, open(target, "wb") as file:
        np.savez(file, pixels=pool.pixels, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8))
    return pool


def _read(path: Path) -> Pool:
    with np.load(path, allow_pickle=False) as data:
        pixels, facts = data["pixels"], json.loads(data["facts"].tobytes())
    things = tuple(tuple(tuple(_shown(item) for item in row) for row in clip) for clip in facts["things"])
    return Pool(pixels, things, tuple(facts["settings"]))


def _shown(item: dict[str, object]) -> Shown:
    box: Sequence[float] = item.pop("box")  # type: ignore[assignment]
    return Shown(box=Box(*box), **item)  # type: ignore[arg-type]
