"""Plans that cannot be drawn: objects in one place, too small, or out of the picture; and a repaired plan to offer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from spa2v.core.types import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.core.types.layout import DEFAULT_FRAMES, frame_spans
from spa2v.dsp.boxes import iou

LEAST_SIDE = 0.03
"""Of the width or height: 8 of 256 pixels, one latent cell of Stable Diffusion. Nothing smaller has a form."""
SAME_PLACE = 0.6
"""IoU of two objects that would cover each other: a guitar in a man's arms and a car that passes another have less."""
SHARE = 0.5
"""Of the frames with both objects: who only passes is not in one place."""
LEAST_VISIBLE = 0.1
"""Of the width or height of an object at the edge: with less of it in the picture there is nothing to recognize."""


@dataclass(frozen=True)
class Problem:
    """Why a plan cannot be drawn.

    Args:
        kind: "small", "outside" or "same_place".
        objects: ids.
        text: a sentence for the user.
    """

    kind: str
    objects: tuple[str, ...]
    text: str


def problems(layout: VideoSceneLayout, frames: int = DEFAULT_FRAMES) -> list[Problem]:
    """What keeps a plan from being drawn, over `frames` frames that span it; empty for an ordinary plan."""
    shown = layout.frames(frames)
    found = []
    for key in layout.names:
        items = {at: item for at, frame in enumerate(shown) if (item := frame.get(key))}
        outside = [at for at, item in items.items() if _is_outside(item)]
        small = [at for at, item in items.items() if min(_sides(item.box)) < LEAST_SIDE and at not in outside]
        if small:
            found.append(Problem("small", (key,), f"{key} is too small to be drawn in frames {frame_spans(small)}"))
        if outside:
            text = f"{key} is all but outside of the picture in frames {frame_spans(outside)}"
            found.append(Problem("outside", (key,), text))
    for pair, at in _in_one_place(shown):
        text = f"{' and '.join(pair)} are in one place in frames {frame_spans(at)}"
        found.append(Problem("same_place", pair, text))
    return found


def repaired(layout: VideoSceneLayout) -> VideoSceneLayout:
    """A plan that can be drawn: small boxes grown, slivers at the edge left out, objects in one place side by side."""
    out = {item for problem in problems(layout) if problem.kind == "outside" for item in problem.objects}
    frames = [_grown(frame, out) for frame in layout.keyframes]
    if not any(frame.objects for frame in frames):  # all of it was slivers: rather those than nothing
        frames = [_grown(frame, set()) for frame in layout.keyframes]
    for pair, _ in _in_one_place(replace(layout, keyframes=tuple(frames), attributes={}).frames()):
        frames = [_side_by_side(frame, pair) for frame in frames]
    kept = {item.id for frame in frames for item in frame.objects}
    attributes = {key: value for key, value in layout.attributes.items() if key in kept}
    return replace(layout, keyframes=tuple(frames), attributes=attributes)


def _sides(box: Box) -> tuple[float, float]:
    return box.x2 - box.x1, box.y2 - box.y1


def _is_outside(item: SceneObject) -> bool:
    """A sliver at an edge: of the whole object where the plan says how far it reaches, else much narrower than high."""
    if any(item.beyond):
        return item.box.area < LEAST_VISIBLE * item.whole.area
    (width, height), box = _sides(item.box), item.box
    at_side, at_end = box.x1 <= 0 or box.x2 >= 1, box.y1 <= 0 or box.y2 >= 1
    return (at_side and width < LEAST_VISIBLE * height) or (at_end and height < LEAST_VISIBLE * width)


def _in_one_place(frames: Sequence[KeyFrame]) -> Iterator[tuple[tuple[str, str], list[int]]]:
    ids = list(dict.fromkeys(item.id for frame in frames for item in frame.objects))
    for place, first in enumerate(ids):
        for second in ids[place + 1 :]:
            both = {at: (a, b) for at, f in enumerate(frames) if (a := f.get(first)) and (b := f.get(second))}
            same = [at for at, (a, b) in both.items() if iou(a.box, b.box) > SAME_PLACE]
            if same and len(same) >= SHARE * len(both):
                yield (first, second), same


def _grown(frame: KeyFrame, out: set[str]) -> KeyFrame:
    kept = [item for item in frame.objects if item.id not in out or not _is_outside(item)]
    return replace(frame, objects=tuple(replace(item, box=_at_least(item.box)) for item in kept))


def _at_least(box: Box) -> Box:
    """The box with sides of at least `LEAST_SIDE`, in the frame; sides that are long enough stay as they are."""
    (x1, x2), (y1, y2) = (_wide(box.x1, box.x2), _wide(box.y1, box.y2))
    return Box(x1, y1, x2, y2)


def _wide(low: float, high: float) -> tuple[float, float]:
    if high - low >= LEAST_SIDE:
        return low, high
    low = min(max((low + high - LEAST_SIDE) / 2, 0.0), 1.0 - LEAST_SIDE)
    return low, low + LEAST_SIDE


def _side_by_side(frame: KeyFrame, pair: tuple[str, str]) -> KeyFrame:
    """Both objects beside each other about their common middle, the first at the left, narrower where they must be."""
    a, b = (frame.get(key) for key in pair)
    if a is None or b is None:
        return frame
    widths = [_sides(item.box)[0] for item in (a, b)]
    scale = min(1.0, 1.0 / sum(widths))
    widths = [width * scale for width in widths]
    middle = (min(a.box.x1, b.box.x1) + max(a.box.x2, b.box.x2)) / 2
    left = min(max(middle - sum(widths) / 2, 0.0), 1.0 - sum(widths))
    edges = {a.id: (left, left + widths[0]), b.id: (left + widths[0], min(left + sum(widths), 1.0))}
    objects = [
        replace(item, box=Box(edges[item.id][0], item.box.y1, edges[item.id][1], item.box.y2))
        if item.id in edges
        else item
        for item in frame.objects
    ]
    return replace(frame, objects=tuple(objects))
