"""The entry `stereo_rules`: options, key frames, scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from spa2v.core.errors import ConfigError
from spa2v.core.runtime import Run
from spa2v.core.types import (
    AudioClip,
    KeyFrame,
    SceneObject,
    SpatialCues,
    VideoSceneLayout,
    count_for,
    keyframe_times,
)
from spa2v.core.types.layout import Beyond
from spa2v.plugins.layout_planners.stereo_rules.camera import Camera, trajectory
from spa2v.plugins.layout_planners.stereo_rules.captions import (
    SILENT_CAPTION,
    PlannedObject,
    frame_caption,
    identified,
    reasoning,
    video_caption,
)
from spa2v.plugins.layout_planners.stereo_rules.motion import estimate_motion, position_word
from spa2v.plugins.layout_planners.stereo_rules.objects import (
    SIDES,
    UNNAMED,
    SelectedObject,
    Wanted,
    select_objects,
    side_of,
)
from spa2v.plugins.layout_planners.stereo_rules.priors import class_named
from spa2v.plugins.layout_planners.stereo_rules.trends import Array

SILENT_NOTE = "Nothing is heard, so the plan has no object."
MAX_OBJECTS = 16
CROSSINGS = ("left_to_right", "right_to_left")
KEYFRAMES, KEYFRAMES_HZ = 1024, 2.0


class StereoRules:
    """Plans from the cues alone: which objects, how many, the position or movement of each, and its boxes.

    Args:
        objects: names of the objects, where the user knows them; then only positions and movements are inferred. Each
            name goes to the separated source whose tags fit it best. "man@left" says which one is where (left, center
            or right): it goes to the source heard there, and is placed there if none is.
        keyframes: number of key frames, 1 to 1024, or "auto": 2 a second, at least 16.
        max_objects: upper bound on the objects planned when they are not named.
        field_of_view_deg: horizontal angle that the picture shows, 20 to 150; a source outside it is out of frame.
        min_source_confidence: separated sources below this are taken for parts of the main one.

    Raises:
        ConfigError: an option is out of range.
    """

    def __init__(
        self,
        objects: Sequence[str] | str | None = None,
        keyframes: int | str = 16,
        max_objects: int = 4,
        field_of_view_deg: float = 65.0,
        min_source_confidence: float = 0.5,
    ) -> None:
        self.objects = _wanted(objects)
        self.keyframes = keyframes if keyframes == "auto" else int(_in_range("keyframes", keyframes, 1, KEYFRAMES))
        self.max_objects = _in_range("max_objects", max_objects, 1, MAX_OBJECTS)
        self.camera = Camera(_in_range("field_of_view_deg", field_of_view_deg, 20, 150))
        self.min_source_confidence = _in_range("min_source_confidence", min_source_confidence, 0, 1)

    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        """The layout of a clip. Silence gives a layout without objects that says so."""
        times = keyframe_times(audio.duration_s, count_for(self.keyframes, audio.duration_s, KEYFRAMES_HZ, KEYFRAMES))
        if cues.measures.get("silent", 0.0) > 0.5:
            return self._silence(audio, cues, times)
        selection = select_objects(cues, self.objects, int(self.max_objects), self.min_source_confidence)
        objects = [self._planned(item, times, audio.duration_s) for item in selection.objects]
        moving = any(item.motion.moves for item in objects)
        scenario = "translational" if moving else "stationary"
        run.record["planner"] = {"identified": identified(objects, selection.backgrounds)}
        return VideoSceneLayout(
            duration_s=audio.duration_s,
            caption=video_caption(objects, selection.backgrounds, scenario),
            keyframes=tuple(_keyframe(objects, index, float(time)) for index, time in enumerate(times)),
            reasoning=reasoning(objects, selection.backgrounds, cues, scenario),
            scenario=scenario,
            attributes={item.id: item.attribute for item in objects},
            notes=cues.notes,
        )

    def _planned(self, item: SelectedObject, times: Array, duration_s: float) -> PlannedObject:
        motion = estimate_motion(item.cues)
        if item.cls.name == UNNAMED and motion.attribute in CROSSINGS:
            # What passes from side to side is a vehicle far more often than anything else of the vocabulary.
            item = replace(item, id=item.id.replace(UNNAMED.replace(" ", "_"), "vehicle"), cls=class_named("vehicle"))
        if item.side and not motion.moves and side_of(motion.azimuth_deg) != item.side:
            motion = replace(motion, azimuth_deg=SIDES[item.side])
        views = trajectory(item.cues, motion, item.cls, times, duration_s, self.camera)
        boxes, beyond = [view and view[0] for view in views], [view[1] if view else Beyond() for view in views]
        attribute = motion.attribute or position_word(next(box for box in boxes if box is not None).center[0])
        named = bool(self.objects)
        return PlannedObject(
            item.id, item.cls, item.cues, motion, boxes, attribute, item.tags, named, item.side, beyond
        )

    def _silence(self, audio: AudioClip, cues: SpatialCues, times: Array) -> VideoSceneLayout:
        frames = tuple(KeyFrame(float(time), SILENT_CAPTION) for time in times)
        notes = tuple(dict.fromkeys((*cues.notes, SILENT_NOTE)))
        return VideoSceneLayout(audio.duration_s, SILENT_CAPTION, frames, reasoning=SILENT_NOTE, notes=notes)


def _keyframe(objects: Sequence[PlannedObject], index: int, time_s: float) -> KeyFrame:
    seen = tuple(
        SceneObject(item.id, item.cls.name, box, item.beyond[index])
        for item in objects
        if (box := item.boxes[index]) is not None
    )
    return KeyFrame(time_s, frame_caption(objects, index), seen)


def _wanted(objects: Sequence[str] | str | None) -> tuple[Wanted, ...]:
    if objects is None:
        return ()
    given = [objects] if isinstance(objects, str) else list(objects)
    if not given:
        raise ConfigError("stereo_rules: objects is empty", "name at least one object, or leave the option out")
    found = []
    for text in given:
        name, at, side = (part.strip() for part in text.partition("@")) if isinstance(text, str) else ("", "", "")
        if not name or len(name) > 100:
            raise ConfigError(f"stereo_rules: objects holds {text!r}", "expected short names, as in objects=[car, bus]")
        if at and side not in SIDES:
            raise ConfigError(
                f"stereo_rules: objects holds {text!r}",
                f"expected {', '.join(SIDES)} after the @, as in objects=[man@left, woman@right]",
            )
        found.append(Wanted(name, side))
    if len(given) > MAX_OBJECTS:
        raise ConfigError(f"stereo_rules: {len(given)} objects are too many", f"the limit is {MAX_OBJECTS}")
    return tuple(found)


def _in_range(name: str, value: float | str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ConfigError(f"stereo_rules: {name} is {value!r}", f"expected {low} to {high}")
    return value
