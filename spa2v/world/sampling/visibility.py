"""Whether every thing of a scene can be seen: the eye must find what the ear hears."""

from __future__ import annotations

from spa2v.core.types import Box, frame_times
from spa2v.world.drawing import Renderer
from spa2v.world.scene import Scene

SIZE, MOMENTS = (64, 40), 6
MIN_SHARE = 0.4


def all_visible(scene: Scene) -> bool:
    """True when each thing shows at least `MIN_SHARE` of the area of its own box in most moments that it is there.

    Judged on a small picture at a few moments, each thing alone against all together.
    """
    if len(scene.things) < 2:
        return True
    renderer = Renderer(scene, *SIZE, samples=1)
    times = frame_times(scene.duration_s, MOMENTS) if scene.scenario == "translational" else [0.0]
    together = [renderer.frame(float(t)).boxes for t in times]
    for thing in scene.things:
        others = [other.id for other in scene.things if other.id != thing.id]
        alone = [renderer.frame(float(t), hidden=others).boxes.get(thing.id) for t in times]
        shown = [_share(boxes.get(thing.id), box) for boxes, box in zip(together, alone, strict=True) if box]
        if not shown or sum(part >= MIN_SHARE for part in shown) <= len(shown) / 2:
            return False
    return True


def _share(seen: Box | None, whole: Box) -> float:
    return 0.0 if seen is None else seen.area / whole.area
