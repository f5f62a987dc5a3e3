"""The entry `stereo_rules`: options, key frames, scenario."""

from __future__ import annotations

from collections.abc import Sequence

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
from spa2v.plugins.layout_planners.stereo_rules.camera import Camera, trajectory
from spa2v.plugins.layout_planners.stereo_rules.captions import (
    SILENT_CAPTION,
    PlannedObject,
    frame_caption,
    reasoning,
    video_caption,
)
from spa2v.plugins.layout_planners.stereo_rules.motion import estimate_motion, position_word
from spa2v.plugins.layout_planners.stereo_rules.objects import SelectedObject, select_objects
from spa2v.plugins.layout_planners.stereo_rules.trends import Array

SILENT_NOTE = "Nothing is heard, so the plan has no object."
MAX_OBJECTS = 16
KEYFRAMES, KEYFRAMES_HZ = 1024, 2.0


class StereoRules:
    """Plans from the cues alone: which objects, how many, the position or movement of each, and its boxes.

    Args:
        objects: names of the objects, where the user knows them; then only positions and movements are inferred.
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
        self.objects = _names(objects)
        self.keyframes = keyframes if keyframes == "auto" else int(_in_range("keyframes", keyframes, 1, KEYFRAMES))
        self.max_objects = _in_range("max_objects", max_objects, 1, MAX_OBJECTS)
        self.camera = Camera(_in_range("field_of_view_deg", field_of_view_deg, 20, 150))
        self.min_source_confidence = _in_range("min_source_confidence", min_source_confidence, 0, 1)

    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        """The layout of a clip. Silence gives a layout without objects that says so."""
        times = keyframe_times(audio.duration_s, count_for(self.keyframes, audio.duration_s, KEYFRAMES_HZ, KEYFRAMES))
        if cues.measures.get("silent", 0.0) > 0.5:
            return self._silence(audio, cues, times)
        selected = select_objects(cues, self.objects, int(self.max_objects), self.min_source_confidence)
        objects = [self._planned(item, times, audio.duration_s) for item in selected]
        moving = any(item.motion.moves for item in objects)
        scenario = "translational" if moving else "stationary"
        return VideoSceneLayout(
            duration_s=audio.duration_s,
            caption=video_caption(objects, scenario),
            keyframes=tuple(_keyframe(objects, index, float(time)) for index, time in enumerate(times)),
            reasoning=reasoning(objects, cues, scenario),
            scenario=scenario,
            attributes={item.id: item.attribute for item in objects},
            notes=cues.notes,
        )

    def _planned(self, item: SelectedObject, times: Array, duration_s: float) -> PlannedObject:
        motion = estimate_motion(item.cues)
        boxes = trajectory(item.cues, motion, item.cls, times, duration_s, self.camera)
        attribute = motion.attribute or position_word(next(box for box in boxes if box is not None).center[0])
        return PlannedObject(item.id, item.cls, item.cues, motion, boxes, attribute, item.tags, bool(self.objects))

    def _silence(self, audio: AudioClip, cues: SpatialCues, times: Array) -> VideoSceneLayout:
        frames = tuple(KeyFrame(float(time), SILENT_CAPTION) for time in times)
        notes = tuple(dict.fromkeys((*cues.notes, SILENT_NOTE)))
        return VideoSceneLayout(audio.duration_s, SILENT_CAPTION, frames, reasoning=SILENT_NOTE, notes=notes)


def _keyframe(objects: Sequence[PlannedObject], index: int, time_s: float) -> KeyFrame:
    seen = tuple(SceneObject(item.id, item.cls.name, box) for item in objects if (box := item.boxes[index]) is not None)
    return KeyFrame(time_s, frame_caption(objects, index), seen)


def _names(objects: Sequence[str] | str | None) -> tuple[str, ...]:
    given = [objects] if isinstance(objects, str) else list(objects or ())
    for name in given:
        if not isinstance(name, str) or not name.strip() or len(name) > 100:
            raise ConfigError(f"stereo_rules: objects holds {name!r}", "expected short names, as in objects=[car, bus]")
    if len(given) > MAX_OBJECTS:
        raise ConfigError(f"stereo_rules: {len(given)} objects are too many", f"the limit is {MAX_OBJECTS}")
    return tuple(name.strip() for name in given)


def _in_range(name: str, value: float | str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ConfigError(f"stereo_rules: {name} is {value!r}", f"expected {low} to {high}")
    return value
