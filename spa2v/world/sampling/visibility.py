"""Whether every thing of a scene can be seen, and on the side that its attribute says."""

from __future__ import annotations

from spa2v.core.types import Box, frame_times
from spa2v.world.drawing import Renderer
from spa2v.world.scene import Scene, Thing

SIZE, MOMENTS = (64, 40), 6
MIN_SHARE = 0.4
COLUMNS = {
    "left": (0.0, 0.4),
    "center": (0.4, 0.6),
    "right": (0.6, 1.0),
}  # of the middle of a box


def is_true(scene: Scene) -> bool:
    """Whether the picture says what the attributes say: everything can be seen, and still things on their sides."""
    return all_on_their_sides(scene) and all_visible(scene)


def all_on_their_sides(scene: Scene) -> bool:
    """True when the middle of the visible box of every thing that stands still lies on the side of its attribute."""
    if scene.scenario == "translational":
        return True
    renderer = Renderer(scene, *SIZE, samples=1)
    boxes = {thing.id: renderer.frame(_moment(thing, scene)).boxes.get(thing.id) for thing in scene.things}
    return all(_on_its_side(boxes[thing.id], thing.attribute) for thing in scene.things)


def _moment(thing: Thing, scene: Scene) -> float:
    """When a thing is there."""
    return sum(thing.sounding_s(scene.duration_s)) / 2 if thing.appears else 0.0


def _on_its_side(box: Box | None, attribute: str) -> bool:
    low, high = COLUMNS[attribute]
    return box is not None and low <= box.center[0] <= high


def all_visible(scene: Scene) -> bool:
    """True when each thing shows at least `MIN_SHARE` of the area of its box in most moments that it is there.

    Judged on a small picture at a few moments, each thing alone against all together.
    """
    if len(scene.things) < 2:
        return True
    renderer = Renderer(scene, *SIZE, samples=1)
    still = scene.scenario == "stationary"
    times = [_moment(thing, scene) for thing in scene.things] if still else frame_times(scene.duration_s, MOMENTS)
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
