"""The Video Scene Layout (VSL): named boxes and a caption per key frame, a caption for the video, the reasoning.

The layout is a file of versioned JSON and the spine of the system: plan once, render many. Whoever made it, it passes
the same validation here. `layout.schema.json` beside this module is the published JSON Schema.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import LayoutError
from spa2v.core.types.display import Displayed
from spa2v.core.untrusted import parse_json

VERSION = 1
DEFAULT_FRAMES = 16
MAX_KEYFRAMES, MAX_OBJECTS = 1_024, 64
MAX_NAME, MAX_CAPTION, MAX_REASONING = 120, 4_000, 50_000
MAX_DURATION_S = 24 * 3600.0
SAME_DURATION_S = 0.05  # by so much a sound and what is made of it may differ in duration
SCENARIOS = ("stationary", "translational")
ATTRIBUTES = ("left", "center", "right", "left_to_right", "right_to_left", "approaching", "receding")


class Box(NamedTuple):
    """A box in parts of the frame, origin top left: 0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def center(self) -> tuple[float, float]:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    @property
    def area(self) -> float:
        return (self.x2 - self.x1) * (self.y2 - self.y1)

    def mirrored(self) -> Box:
        """The box with left and right exchanged."""
        return Box(1.0 - self.x2, self.y1, 1.0 - self.x1, self.y2)


class Beyond(NamedTuple):
    """How far an object reaches beyond each edge of the frame, in parts of its width (left, right) or height."""

    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0

    def mirrored(self) -> Beyond:
        """With left and right exchanged."""
        return Beyond(self.right, self.top, self.left, self.bottom)


MAX_BEYOND = 10.0


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise LayoutError(f"{where}: {_short(value)} is not a number")
    if not -1e9 < value < 1e9:  # also refuses NaN, Inf and integers too large for a float
        raise LayoutError(f"{where}: {_short(value)} is not a usable number")
    return float(value)


def _text(value: Any, where: str, limit: int, *, empty: bool = True) -> str:
    if not isinstance(value, str):
        raise LayoutError(f"{where}: {_short(value)} is not text")
    if len(value) > limit:
        raise LayoutError(f"{where}: {len(value)} characters are too many", f"the limit is {limit}")
    if not empty and not value.strip():
        raise LayoutError(f"{where}: the text is empty")
    if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise LayoutError(f"{where}: the text holds half a character (a lone surrogate)")
    return value


def _short(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > 200:  # Python refuses to print very large integers
        return f"an integer of {value.bit_length()} bits"
    text = repr(value) if not isinstance(value, (list, dict)) else type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."


def _field(data: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in data:
        raise LayoutError(f"{where}{key}: missing")
    return data[key]


def _items(value: Any, where: str, limit: int) -> list[Any]:
    if not isinstance(value, list):
        raise LayoutError(f"{where}: {_short(value)} is not a list")
    if len(value) > limit:
        raise LayoutError(f"{where}: {len(value)} entries are too many", f"the limit is {limit}")
    return value


@dataclass(frozen=True)
class SceneObject:
    """A thing in a key frame: the same id is the same thing in every key frame; an absent thing is not listed.

    Args:
        id, name: of the thing.
        box: what of it is in the frame.
        beyond: how far it reaches beyond the frame; counts at those edges that the box touches.
    """

    id: str
    name: str
    box: Box
    beyond: Beyond = Beyond()  # noqa: RUF009 - immutable

    def __post_init__(self) -> None:
        _text(self.id, "object.id", MAX_NAME, empty=False)
        _text(self.name, "object.name", MAX_NAME, empty=False)
        if len(self.box) != 4:
            raise LayoutError(f"object {self.id!r}.box: {len(self.box)} numbers", "expected [x1, y1, x2, y2]")
        box = Box(*(_number(value, f"object {self.id!r}.box") for value in self.box))
        for low, high, axis in ((box.x1, box.x2, "x"), (box.y1, box.y2, "y")):
            if not 0.0 <= low < high <= 1.0:
                raise LayoutError(
                    f"object {self.id!r}.box: {axis}1={low:.6g} and {axis}2={high:.6g}",
                    f"expected 0 <= {axis}1 < {axis}2 <= 1, in parts of the frame",
                )
        object.__setattr__(self, "box", box)
        beyond = Beyond(*(_number(value, f"object {self.id!r}.beyond") for value in self.beyond))
        if not all(0.0 <= value <= MAX_BEYOND for value in beyond):
            raise LayoutError(f"object {self.id!r}.beyond: {list(beyond)}", f"expected 0 to {MAX_BEYOND:g}")
        object.__setattr__(self, "beyond", beyond)

    @property
    def whole(self) -> Box:
        """The box of the whole thing: at an edge that it touches it continues beyond the frame, below 0 or above 1."""
        (x1, y1, x2, y2), more = self.box, self.beyond
        left, top = (low - far if low <= 0 else low for low, far in ((x1, more.left), (y1, more.top)))
        right, bottom = (high + far if high >= 1 else high for high, far in ((x2, more.right), (y2, more.bottom)))
        return Box(left, top, right, bottom)

    def mirrored(self) -> SceneObject:
        """With left and right exchanged."""
        return replace(self, box=self.box.mirrored(), beyond=self.beyond.mirrored())

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"id": self.id, "name": self.name, "box": list(self.box)}
        return data | ({"beyond": list(self.beyond)} if any(self.beyond) else {})


@dataclass(frozen=True)
class KeyFrame:
    """The objects at one time. `caption` describes this moment."""

    time_s: float
    caption: str = ""
    objects: tuple[SceneObject, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "time_s", _number(self.time_s, "keyframe.time_s"))
        _text(self.caption, "keyframe.caption", MAX_CAPTION)
        object.__setattr__(self, "objects", tuple(self.objects))
        if len(self.objects) > MAX_OBJECTS:
            raise LayoutError(f"keyframe.objects: {len(self.objects)} are too many", f"the limit is {MAX_OBJECTS}")
        ids = [item.id for item in self.objects]
        for item in ids:
            if ids.count(item) > 1:
                raise LayoutError(f"keyframe.objects: the id {item!r} stands twice")

    def get(self, object_id: str) -> SceneObject | None:
        return next((item for item in self.objects if item.id == object_id), None)


def frame_times(duration_s: float, frames: int = DEFAULT_FRAMES) -> NDArray[np.float64]:
    """When each of `frames` frames that span the clip is first shown, in seconds: i * duration / frames."""
    return np.arange(frames, dtype=np.float64) * (duration_s / frames)


def frame_spans(frames: Iterable[int]) -> str:
    """Numbers of frames as text: 3, 4, 5, 9 as "3-5, 9"."""
    spans: list[list[int]] = []
    for frame in sorted(frames):
        if spans and frame == spans[-1][1] + 1:
            spans[-1][1] = frame
        else:
            spans.append([frame, frame])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def count_for(value: int | str, duration_s: float, rate_hz: float, most: int) -> int:
    """A number of frames: a whole number as it is; "auto" as `rate_hz` a second, at least 16 and at most `most`."""
    if value != "auto":
        return int(value)
    return min(most, max(DEFAULT_FRAMES, math.ceil(duration_s * rate_hz)))


def keyframe_times(duration_s: float, count: int = DEFAULT_FRAMES, frames: int = DEFAULT_FRAMES) -> NDArray[np.float64]:
    """`count` times from the first to the last of `frames` frames, evenly; for count == frames the frame times."""
    if count == 1:
        return np.zeros(1)
    return np.linspace(0.0, duration_s * (1.0 - 1.0 / frames), count)


@dataclass(frozen=True)
class VideoSceneLayout(Displayed):
    """A whole plan.

    Args:
        duration_s: of the clip, in seconds, positive.
        caption: of the whole video.
        keyframes: at least one, times strictly increasing in 0..duration_s.
        reasoning: why, in words.
        scenario: "stationary", "translational" or None where it is unknown or nothing sounds.
        attributes: per object id, one of `ATTRIBUTES`; optional.
        notes: remarks for a reader, such as "The recording is silent."

    Raises:
        LayoutError: names the field.
    """

    duration_s: float
    caption: str
    keyframes: tuple[KeyFrame, ...]
    reasoning: str = ""
    scenario: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        duration = _number(self.duration_s, "duration_s")
        if not 0.0 < duration <= MAX_DURATION_S:
            raise LayoutError(f"duration_s: {self.duration_s!r}", f"expected more than 0, at most {MAX_DURATION_S:.0f}")
        object.__setattr__(self, "duration_s", duration)
        _text(self.caption, "caption", MAX_CAPTION)
        _text(self.reasoning, "reasoning", MAX_REASONING)
        if self.scenario is not None and self.scenario not in SCENARIOS:
            raise LayoutError(f"scenario: {_short(self.scenario)}", f"expected one of: {', '.join(SCENARIOS)}")
        for name in ("keyframes", "notes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "attributes", MappingProxyType(dict(self.attributes)))
        self._check_keyframes()
        self._check_attributes()

    def _check_keyframes(self) -> None:
        if not 1 <= len(self.keyframes) <= MAX_KEYFRAMES:
            raise LayoutError(f"keyframes: there are {len(self.keyframes)}", f"expected 1 to {MAX_KEYFRAMES}")
        names: dict[str, str] = {}
        before = -math.inf
        for index, frame in enumerate(self.keyframes):
            where = f"keyframes[{index}]"
            if not 0.0 <= frame.time_s <= self.duration_s * (1 + 1e-9):
                raise LayoutError(f"{where}.time_s: {frame.time_s:.6g}", f"expected 0 to {self.duration_s:.6g}")
            if frame.time_s <= before:
                raise LayoutError(f"{where}.time_s: {frame.time_s:.6g}", "times must increase")
            before = frame.time_s
            for item in frame.objects:
                if names.setdefault(item.id, item.name) != item.name:
                    raise LayoutError(
                        f"{where}.objects: {item.id!r} is a {item.name!r} here and a {names[item.id]!r} before",
                        "the same id must be the same thing",
                    )

    def _check_attributes(self) -> None:
        for object_id, attribute in self.attributes.items():
            if attribute not in ATTRIBUTES:
                raise LayoutError(
                    f"attributes[{object_id!r}]: {_short(attribute)}", f"expected one of: {', '.join(ATTRIBUTES)}"
                )
            if object_id not in self.names:
                raise LayoutError(f"attributes[{object_id!r}]: no key frame holds this object")

    @property
    def names(self) -> dict[str, str]:
        """Object id to name, in the order of first appearance."""
        return {item.id: item.name for frame in self.keyframes for item in frame.objects}

    def relabeled(self, table: Mapping[str, str]) -> VideoSceneLayout:
        """The layout with names replaced; the same layout where the table has none of them."""
        if not set(self.names.values()) & set(table):
            return self

        def renamed(item: SceneObject) -> SceneObject:
            return replace(item, name=table.get(item.name, item.name))

        return replace(
            self, keyframes=tuple(replace(f, objects=tuple(map(renamed, f.objects))) for f in self.keyframes)
        )

    def boxes(self, object_id: str, times_s: Iterable[float]) -> list[Box | None]:
        """The boxes of one thing at the given times; see `at`."""
        return [found.box if (found := self.at(t).get(object_id)) else None for t in times_s]

    def at(self, time_s: float) -> KeyFrame:
        """The scene at any time.

        Between two key frames, a thing in both moves linearly; a thing in one of them is shown on that one's half of
        the way. Before the first and after the last key frame they hold. The caption is the nearest key frame's.
        """
        frames = self.keyframes
        times = [frame.time_s for frame in frames]
        right = int(np.searchsorted(times, time_s, side="right"))
        if right == 0 or right == len(frames):
            held = frames[0 if right == 0 else -1]
            return KeyFrame(time_s, held.caption, held.objects)
        a, b = frames[right - 1], frames[right]
        part = (time_s - a.time_s) / (b.time_s - a.time_s)
        near = a if part < 0.5 else b
        objects = []
        for item in (*a.objects, *(new for new in b.objects if a.get(new.id) is None)):
            start, end = a.get(item.id), b.get(item.id)
            if start and end:
                sides = ((start.box, end.box), (start.beyond, end.beyond))
                box, beyond = ([float(p + (q - p) * part) for p, q in zip(*side, strict=True)] for side in sides)
                objects.append(SceneObject(item.id, item.name, Box(*box), Beyond(*beyond)))
            elif near.get(item.id):
                objects.append(item)
        return KeyFrame(time_s, near.caption, tuple(objects))

    def frames(self, count: int = DEFAULT_FRAMES) -> tuple[KeyFrame, ...]:
        """The scene at each of `count` frames that span the clip (`frame_times`)."""
        return tuple(self.at(float(t)) for t in frame_times(self.duration_s, count))

    def spanning(self, duration_s: float) -> VideoSceneLayout:
        """The same layout over another duration, its times stretched; itself where they agree to 50 ms."""
        if abs(self.duration_s - duration_s) <= SAME_DURATION_S:
            return self
        factor = duration_s / self.duration_s
        frames = tuple(replace(frame, time_s=min(frame.time_s * factor, duration_s)) for frame in self.keyframes)
        return replace(self, duration_s=duration_s, keyframes=frames)

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"version": VERSION, "duration_s": self.duration_s, "caption": self.caption}
        data |= {"reasoning": self.reasoning} if self.reasoning else {}
        data |= {"scenario": self.scenario} if self.scenario else {}
        data |= {"attributes": dict(self.attributes)} if self.attributes else {}
        data |= {"notes": list(self.notes)} if self.notes else {}
        data["keyframes"] = [
            {
                "time_s": frame.time_s,
                "caption": frame.caption,
                "objects": [item.to_json() for item in frame.objects],
            }
            for frame in self.keyframes
        ]
        return data

    def dumps(self) -> str:
        """The layout as text of a layout file."""
        return json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, data: Any) -> VideoSceneLayout:
        """A layout from parsed JSON. Keys that it does not know are left alone.

        Raises:
            LayoutError: names the field, as in `keyframes[3].objects[0].box`.
        """
        if not isinstance(data, dict):
            raise LayoutError(f"a layout is a JSON object, not {_short(data)}")
        version = _field(data, "version", "")
        if version != VERSION or isinstance(version, bool):
            raise LayoutError(f"version: {_short(version)}", f"this release reads version {VERSION}")
        keyframes = _items(_field(data, "keyframes", ""), "keyframes", MAX_KEYFRAMES)
        attributes = data.get("attributes", {})
        if not isinstance(attributes, dict) or not all(isinstance(v, str) for v in attributes.values()):
            raise LayoutError("attributes: expected an object of texts")
        notes = _items(data.get("notes", []), "notes", 1000)
        return cls(
            duration_s=_number(_field(data, "duration_s", ""), "duration_s"),
            caption=_text(_field(data, "caption", ""), "caption", MAX_CAPTION),
            keyframes=tuple(_keyframe(frame, f"keyframes[{i}]") for i, frame in enumerate(keyframes)),
            reasoning=_text(data.get("reasoning", ""), "reasoning", MAX_REASONING),
            scenario=data.get("scenario"),
            attributes=attributes,
            notes=tuple(_text(note, f"notes[{i}]", MAX_CAPTION) for i, note in enumerate(notes)),
        )

    @classmethod
    def loads(cls, text: str | bytes) -> VideoSceneLayout:
        """A layout from the text of a layout file.

        Raises:
            LayoutError: not JSON, or an invalid field.
        """
        try:
            data = parse_json(text)
        except ValueError as error:
            raise LayoutError(f"not JSON: {str(error)[:200]}") from error
        return cls.from_json(data)


def _keyframe(data: Any, where: str) -> KeyFrame:
    if not isinstance(data, dict):
        raise LayoutError(f"{where}: {_short(data)} is not an object")
    objects = _items(_field(data, "objects", f"{where}."), f"{where}.objects", MAX_OBJECTS)
    made = tuple(_object(item, f"{where}.objects[{i}]") for i, item in enumerate(objects))
    time_s = _number(_field(data, "time_s", f"{where}."), f"{where}.time_s")
    caption = _text(data.get("caption", ""), f"{where}.caption", MAX_CAPTION)
    try:
        return KeyFrame(time_s, caption, made)
    except LayoutError as error:
        raise LayoutError(error.fact.replace("keyframe", where, 1), *error.details) from None


def _object(data: Any, where: str) -> SceneObject:
    if not isinstance(data, dict):
        raise LayoutError(f"{where}: {_short(data)} is not an object")
    object_id = _text(_field(data, "id", f"{where}."), f"{where}.id", MAX_NAME, empty=False)
    name = _text(_field(data, "name", f"{where}."), f"{where}.name", MAX_NAME, empty=False)
    box: Sequence[Any] = _items(_field(data, "box", f"{where}."), f"{where}.box", 4)
    if len(box) != 4:
        raise LayoutError(f"{where}.box: {len(box)} numbers", "expected [x1, y1, x2, y2]")
    numbers = Box(*(_number(value, f"{where}.box[{i}]") for i, value in enumerate(box)))
    further: Sequence[Any] = _items(data.get("beyond", [0, 0, 0, 0]), f"{where}.beyond", 4)
    if len(further) != 4:
        raise LayoutError(f"{where}.beyond: {len(further)} numbers", "expected [left, top, right, bottom]")
    beyond = Beyond(*(_number(value, f"{where}.beyond[{i}]") for i, value in enumerate(further)))
    try:
        return SceneObject(object_id, name, numbers, beyond)
    except LayoutError as error:
        raise LayoutError(f"{where}.{error.fact.partition('.')[2]}", *error.details) from None
