"""Pools of rendered pictures: drawn once from seeds, kept as bytes, with what each picture shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import Box
from spa2v.training.captions import Shown
from spa2v.training.pool_files import Arrays, Shapes, drawn, kept
from spa2v.training.scenes import NAMES, any_scene
from spa2v.world.drawing import Frame, Renderer
from spa2v.world.drawing.look import paint_name
from spa2v.world.scene import Scene

SAMPLES = 3
MIN_SIDE, MIN_AREA = 0.03, 0.003  # of the frame's width, and of its area


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


def draw_pool(
    seed: int,
    clips: int,
    frames: int,
    size: tuple[int, int],
    tick: Callable[[int], None] = lambda done: None,
    names: Sequence[str] = NAMES,
) -> Pool:
    """Renders a pool in memory.

    Args:
        seed: of the pool; clip i depends on it and on i alone.
        clips, frames: how many. Frames are spread over the clip as a backbone's are; a lone frame is in its middle.
        size: (width, height) in pixels.
        tick: called with the number of clips just drawn.
        names: of the classes to draw; see `any_scene`.
    """
    return _pool(*drawn(partial(_draw_clip, seed, frames, size, names), _shapes(frames, size), clips, tick))


def kept_pool(
    folder: Path,
    seed: int,
    clips: int,
    frames: int,
    size: tuple[int, int],
    workers: int,
    tick: Callable[[int], None],
    names: Sequence[str] = NAMES,
) -> Pool:
    """The pool of `draw_pool` in a folder, drawn by several processes if it is not there yet."""
    draw = partial(_draw_clip, seed, frames, size, names)
    return _pool(*kept(folder, draw, _shapes(frames, size), clips, workers, tick))


def _shapes(frames: int, size: tuple[int, int]) -> Shapes:
    return {"pixels": ((frames, size[1], size[0], 3), np.uint8)}


def _pool(arrays: Arrays, facts: Sequence[Mapping[str, Any]]) -> Pool:
    things = tuple(tuple(tuple(_shown(item) for item in row) for row in clip["things"]) for clip in facts)
    return Pool(arrays["pixels"], things, tuple(clip["setting"] for clip in facts))


def _draw_clip(
    seed: int, frames: int, size: tuple[int, int], names: Sequence[str], index: int
) -> tuple[Arrays, dict[str, Any]]:
    scene = any_scene(seed, index, names)
    times = (np.arange(frames) + 0.5) * scene.duration_s / frames
    shots = Renderer(scene, *size, SAMPLES).frames(times)
    things = [[asdict(thing) for thing in row] for row in _shown_in(scene, shots)]
    pixels = np.stack([frame.pixels for frame in shots])
    return {"pixels": pixels}, {"things": things, "setting": scene.surroundings}


def _shown_in(scene: Scene, shots: Sequence[Frame]) -> list[list[Shown]]:
    """What each frame shows plainly."""
    largest = {
        thing.id: max((frame.boxes[thing.id].area for frame in shots if thing.id in frame.boxes), default=1.0)
        for thing in scene.things
    }
    return [
        [
            Shown(thing.name, thing.attribute, paint_name(thing.name, thing.look), box, box.area / largest[thing.id])
            for thing in scene.things
            if (box := frame.boxes.get(thing.id)) and _is_plain(box)
        ]
        for frame in shots
    ]


def _is_plain(box: Box) -> bool:
    """Whether enough of a thing is in view to learn from."""
    return min(box.x2 - box.x1, box.y2 - box.y1) >= MIN_SIDE and box.area >= MIN_AREA


def _shown(item: Mapping[str, Any]) -> Shown:
    return Shown(**{**item, "box": Box(*item["box"])})
