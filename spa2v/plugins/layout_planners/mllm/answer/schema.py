"""The strict form of an answer: its JSON Schema, and a layout written in that form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spa2v.core.errors import ConfigError
from spa2v.core.types import VideoSceneLayout, keyframe_times

BOX_UNITS = ("fraction", "permille", "pixels")


@dataclass(frozen=True)
class AnswerForm:
    """The requested form of an answer.

    Args:
        duration_s: of the clip, in seconds.
        keyframes: how many frames the model plans, spread over the clip as in `keyframe_times`.
        reasoning: whether the answer starts with the model's reasoning.
        box_units: "fraction" (0..1), "permille" (0..1000) or "pixels" of a picture of `width` x `height`.
        max_objects: objects that a layout may hold; the least shown ones beyond it are dropped.

    Raises:
        ConfigError: a value out of range.
    """

    duration_s: float
    keyframes: int = 16
    reasoning: bool = True
    box_units: str = "fraction"
    width: int = 512
    height: int = 320
    max_objects: int = 8

    def __post_init__(self) -> None:
        if self.box_units not in BOX_UNITS:
            raise ConfigError(f"box_units: {self.box_units!r}", f"expected one of: {', '.join(BOX_UNITS)}")
        for name, low, high in (
            ("keyframes", 1, 128),
            ("max_objects", 1, 64),
            ("width", 16, 8192),
            ("height", 16, 8192),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ConfigError(f"{name}: {value!r}", f"expected a whole number from {low} to {high}")

    @property
    def scale(self) -> tuple[float, float]:
        """Width and height of the frame in the requested unit."""
        return {
            "fraction": (1.0, 1.0),
            "permille": (1000.0, 1000.0),
            "pixels": (float(self.width), float(self.height)),
        }[self.box_units]


def answer_schema(form: AnswerForm) -> dict[str, Any]:
    """The JSON Schema of an answer, the reasoning first so that it is written before what it explains."""
    number = {"type": "integer"} if form.box_units != "fraction" else {"type": "number"}
    thing = _object_schema(
        {
            "id": {"type": "integer", "description": "the same number for the same thing in every frame"},
            "name": {"type": "string", "description": "a short noun"},
            "box": {
                "type": "array",
                "items": {**number, "minimum": 0, "maximum": max(form.scale)},
                "minItems": 4,
                "maxItems": 4,
                "description": "[x1, y1, x2, y2], origin top left",
            },
        }
    )
    frame = _object_schema(
        {
            "frame": {"type": "integer", "description": "1 for the first frame"},
            "caption": {"type": "string"},
            "objects": {"type": "array", "items": thing, "maxItems": form.max_objects},
        }
    )
    frames = {"type": "array", "items": frame, "minItems": form.keyframes, "maxItems": form.keyframes}
    head = {"reasoning": {"type": "string"}} if form.reasoning else {}
    return _object_schema({**head, "caption": {"type": "string"}, "frames": frames})


def _object_schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def answer_of_layout(layout: VideoSceneLayout, form: AnswerForm) -> dict[str, Any]:
    """A layout as the answer to its recording, for in-context examples.

    The layout is read at the key frame times of `form`, stretched to its own duration; ids become numbers in the
    order of first appearance.
    """
    numbers = {object_id: index for index, object_id in enumerate(layout.names)}
    frames = []
    for index, time_s in enumerate(keyframe_times(layout.duration_s, form.keyframes)):
        moment = layout.at(float(time_s))
        objects = [
            {"id": numbers[item.id], "name": item.name, "box": _written(item.box, form)}
            for item in moment.objects[: form.max_objects]
        ]
        frames.append({"frame": index + 1, "caption": moment.caption, "objects": objects})
    head = {"reasoning": layout.reasoning} if form.reasoning else {}
    return {**head, "caption": layout.caption, "frames": frames}


def _written(box: tuple[float, ...], form: AnswerForm) -> list[float]:
    scaled = [value * form.scale[index % 2] for index, value in enumerate(box)]
    if form.box_units == "fraction":
        return [round(value, 3) for value in scaled]
    return [round(value) for value in scaled]
