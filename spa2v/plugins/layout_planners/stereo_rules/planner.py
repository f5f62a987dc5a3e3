"""The rule-based stereo localizer: from cues to a layout, offline, deterministic, with reasons in words."""

from __future__ import annotations

from collections.abc import Sequence

from spa2v.core.errors import ConfigError
from spa2v.core.runtime import Run
from spa2v.core.types import (
    AudioClip,
    KeyFrame,
    SceneObject,
    SpatialCues,
    Tag,
    VideoSceneLayout,
    keyframe_times,
)
from spa2v.plugins.layout_planners.stereo_rules.camera import Camera, path_of
from spa2v.plugins.layout_planners.stereo_rules.captions import (
    SILENT_CAPTION,
    Planned,
    frame_caption,
    reasoning,
    video_caption,
)
from spa2v.plugins.layout_planners.stereo_rules.motion import judge, place_word
from spa2v.plugins.layout_planners.stereo_rules.objects import Part, cast
from spa2v.plugins.layout_planners.stereo_rules.trends import Array

SILENT_NOTE = "Nothing is heard, so the plan has no object."
MAX_OBJECTS = 16


class StereoRules:
    """Plans from the cues alone: what sounds, how many, where each stands or how it moves, and boxes for it.

    Args:
        objects: names of the things, when the user knows them; then only places and movements are inferred.
        keyframes: number of key frames, 1 to 1024.
        max_objects: at most so many things are planned when they are not named.
        field_of_view_deg: horizontal angle that the picture shows, 20 to 150; what is heard outside is out of frame.
        min_source_confidence: separated sources below this are taken for parts of the main one.

    Raises:
        ConfigError: an option is out of range.
    """

    def __init__(
        self,
        objects: Sequence[str] | str | None = None,
        keyframes: int = 16,
        max_objects: int = 4,
        field_of_view_deg: float = 65.0,
        min_source_confidence: float = 0.5,
    ) -> None:
        self.objects = _names(objects)
        self.keyframes = _in_range("keyframes", keyframes, 1, 1024)
        self.max_objects = _in_range("max_objects", max_objects, 1, MAX_OBJECTS)
        self.camera = Camera(_in_range("field_of_view_deg", field_of_view_deg, 20, 150))
        self.min_source_confidence = _in_range("min_source_confidence", min_source_confidence, 0, 1)

    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        """The layout of a clip. Silence gives a layout without objects that says so."""
        times = keyframe_times(audio.duration_s, int(self.keyframes))
        if cues.measures.get("silent", 0.0) > 0.5:
            return self._silence(audio, cues, times)
        parts = cast(cues, self.objects, int(self.max_objects), self.min_source_confidence)
        things = [self._place(part, times, audio.duration_s) for part in parts]
        moving = any(item.verdict.moves for item in things)
        scenario = "translational" if moving else "stationary"
        return VideoSceneLayout(
            duration_s=audio.duration_s,
            caption=video_caption(things, scenario),
            keyframes=tuple(_keyframe(things, index, float(time)) for index, time in enumerate(times)),
            reasoning=reasoning(things, cues, scenario),
            scenario=scenario,
            attributes={item.id: item.attribute for item in things},
            notes=cues.notes,
        )

    def _place(self, part: Part, times: Array, duration_s: float) -> Planned:
        verdict = judge(part.heard)
        boxes = path_of(part.heard, verdict, part.thing, times, duration_s, self.camera)
        attribute = verdict.attribute or place_word(next(box for box in boxes if box is not None).center[0])
        tags: tuple[Tag, ...] = part.tags
        return Planned(part.id, part.thing, part.heard, verdict, boxes, attribute, tags, bool(self.objects))

    def _silence(self, audio: AudioClip, cues: SpatialCues, times: Array) -> VideoSceneLayout:
        frames = tuple(KeyFrame(float(time), SILENT_CAPTION) for time in times)
        notes = tuple(dict.fromkeys((*cues.notes, SILENT_NOTE)))
        return VideoSceneLayout(audio.duration_s, SILENT_CAPTION, frames, reasoning=SILENT_NOTE, notes=notes)


def _keyframe(things: Sequence[Planned], index: int, time_s: float) -> KeyFrame:
    objects = tuple(
        SceneObject(item.id, item.thing.name, box) for item in things if (box := item.boxes[index]) is not None
    )
    return KeyFrame(time_s, frame_caption(things, index), objects)


def _names(objects: Sequence[str] | str | None) -> tuple[str, ...]:
    given = [objects] if isinstance(objects, str) else list(objects or ())
    for name in given:
        if not isinstance(name, str) or not name.strip() or len(name) > 100:
            raise ConfigError(f"stereo_rules: objects holds {name!r}", "expected short names, as in objects=[car, bus]")
    if len(given) > MAX_OBJECTS:
        raise ConfigError(f"stereo_rules: {len(given)} objects are too many", f"the limit is {MAX_OBJECTS}")
    return tuple(name.strip() for name in given)


def _in_range(name: str, value: float, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ConfigError(f"stereo_rules: {name} is {value!r}", f"expected {low} to {high}")
    return value
