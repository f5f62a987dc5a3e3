"""The layout of a clip, and its line in the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spa2v import ClipObject, KeyFrame, SceneObject, VideoSceneLayout

from spa2v_dcase.annotations import FRAME_S, Event
from spa2v_dcase.camera import Camera
from spa2v_dcase.things import Thing, attribute_of, boxes_of, side_of, things_of

WHERE = {
    "left": "at the left",
    "center": "in the middle",
    "right": "at the right",
    "left_to_right": "and moves from left to right",
    "right_to_left": "and moves from right to left",
    "approaching": "and comes closer",
    "receding": "and moves away",
}
NOTE = "The boxes were derived from annotated directions and distances and from usual sizes; nobody drew them."


@dataclass(frozen=True)
class Scene:
    """What a clip shows.

    Args:
        layout: of the things in the picture.
        objects: of the manifest.
        offscreen: things that sound and are never in the picture.
    """

    layout: VideoSceneLayout
    objects: tuple[ClipObject, ...]
    offscreen: tuple[dict[str, Any], ...]


def make_scene(events: Sequence[Event], duration_s: float, camera: Camera, hold: bool) -> Scene | None:
    """The scene of a clip; None where nothing that sounds is in the picture."""
    frames = max(1, round(duration_s / FRAME_S))
    things = things_of(events)
    paths = {thing.id: boxes_of(thing, camera, frames, hold) for thing in things}
    shown = [thing for thing in things if any(paths[thing.id])]
    if not shown:
        return None
    attributes = {thing.id: attribute_of(paths[thing.id]) for thing in shown}
    moving = any(word not in ("left", "center", "right") for word in attributes.values())
    keyframes = []
    for frame in range(frames):
        boxes = [(thing, paths[thing.id][frame]) for thing in shown]
        objects = tuple(SceneObject(thing.id, thing.name, box) for thing, box in boxes if box is not None)
        time_s = min((frame + 0.5) * FRAME_S, duration_s)
        keyframes.append(KeyFrame(time_s, _frame_caption(objects), objects))
    layout = VideoSceneLayout(
        duration_s=duration_s,
        caption=_caption(shown, attributes),
        keyframes=tuple(keyframes),
        scenario="translational" if moving else "stationary",
        attributes=attributes,
        notes=(NOTE,),
    )
    listed = tuple(ClipObject(one.id, one.name, attributes[one.id], cues=_cues(one)) for one in shown)
    hidden = tuple({"name": one.name, **_cues(one)} for one in things if one not in shown)
    return Scene(layout, listed, hidden)


def _caption(things: Sequence[Thing], attributes: dict[str, str]) -> str:
    parts = [f"a {thing.name} {' and '.join(thing.verbs)} {WHERE[attributes[thing.id]]}" for thing in things]
    return _sentence(parts)


def _frame_caption(objects: Sequence[SceneObject]) -> str:
    return _sentence([f"a {item.name} {WHERE[side_of(item.box.center[0])]}" for item in objects] or ["an empty room"])


def _sentence(parts: Sequence[str]) -> str:
    text = ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _cues(thing: Thing) -> dict[str, float]:
    """Means over the frames in which it sounds: azimuth, positive at the right, and distance where it is known."""
    events = list(thing.events.values())
    facts = {"azimuth_deg": sum(event.azimuth_deg for event in events) / len(events)}
    distances = [event.distance_m for event in events if event.distance_m is not None]
    facts |= {"distance_m": sum(distances) / len(distances)} if distances else {}
    return {name: round(value, 2) for name, value in facts.items()}
