"""From a JSON value to frames and objects, whatever the keys are called. Numbers and ids are not judged here."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import LayoutError
from spa2v.plugins.layout_planners.mllm.answer.repairs import Repairs

MAX_FRAMES, MAX_FRAME_OBJECTS = 1_024, 64

_FRAMES = ("frames", "keyframes", "key_frames", "layouts", "layout", "frame_layouts", "scenes", "video")
_OBJECTS = ("objects", "layout", "boxes", "items", "instances", "detections")
_BOXES = ("box", "bbox", "bounding_box", "boundingBox", "bounding box", "box_2d", "coordinates", "position")
_NAMES = ("name", "label", "class", "object", "category", "type", "description")
_IDS = ("id", "object_id", "track_id", "ID")
_PLACES = ("frame", "frame_index", "index", "frame_id", "frame_number", "number")
_TIMES = ("time_s", "time", "timestamp", "t", "seconds")
_CORNERS = (
    ("x1", "y1", "x2", "y2"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("left", "top", "right", "bottom"),
    ("x0", "y0", "x1", "y1"),
)
_SIZES = (("x", "y", "width", "height"), ("x", "y", "w", "h"), ("left", "top", "width", "height"))
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf", re.IGNORECASE)


@dataclass(frozen=True)
class RawObject:
    """A thing as written: `box` has shape (4,), NaN where no number could be read."""

    id: str
    name: str
    box: NDArray[np.float64]
    percent: bool = False


@dataclass(frozen=True)
class RawFrame:
    """A frame as written; `place` is its number or time where it has one."""

    caption: str
    objects: tuple[RawObject, ...]
    place: float | None = None
    timed: bool = False


@dataclass(frozen=True)
class RawAnswer:
    """An answer as written. A frame that cannot be read is None. `size` is the frame size that it states, if any."""

    reasoning: str
    caption: str
    frames: tuple[RawFrame | None, ...]
    size: tuple[float, float] | None = None


def answer_score(value: Any) -> int:
    """How many frames a JSON value holds; 0 where it is no answer."""
    found = _find_frames(value)
    return len(found[1]) if found else 0


def shape_answer(value: Any, repairs: Repairs) -> RawAnswer:
    """Frames, objects and texts of a JSON value.

    Raises:
        LayoutError: it holds no frames.
    """
    found = _find_frames(value)
    if found is None:
        raise LayoutError("the answer holds no frames", 'expected {"reasoning", "caption", "frames": [...]}')
    holder, frames = found
    if len(frames) > MAX_FRAMES:
        repairs.note("frames beyond the limit dropped", len(frames) - MAX_FRAMES)
    return RawAnswer(
        reasoning=plain_text(_first(holder, ("reasoning", "thoughts", "analysis", "explanation"))),
        caption=plain_text(_first(holder, ("caption", "video_caption", "global_caption", "title", "summary"))),
        frames=tuple(_frame(frame, key, repairs) for key, frame in frames[:MAX_FRAMES]),
        size=_stated_size(holder),
    )


def _find_frames(value: Any, depth: int = 0) -> tuple[dict[str, Any], list[tuple[Any, Any]]] | None:
    """The object that holds the frames, and the frames with the keys they had; searched a few levels down."""
    if isinstance(value, list) and value and all(_is_frame(item) or item is None for item in value[:MAX_FRAMES]):
        return {}, [(None, item) for item in value]
    if not isinstance(value, dict) or depth > 3:
        return None
    for key in _FRAMES:
        inner = value.get(key)
        if isinstance(inner, list) and any(_is_frame(item) for item in inner[:MAX_FRAMES]):
            return value, [(None, item) for item in inner]
        if isinstance(inner, dict) and inner and all(_is_frame(item) for item in inner.values()):
            return value, list(inner.items())
    numbered = [(key, item) for key, item in value.items() if re.fullmatch(r"frame[ _-]?\d+", key, re.IGNORECASE)]
    if numbered and all(_is_frame(item) for _, item in numbered):
        return value, list(numbered)
    for inner in list(value.values())[:20]:
        if isinstance(inner, dict) and (found := _find_frames(inner, depth + 1)):
            return found
    return None


def _is_frame(value: Any) -> bool:
    if isinstance(value, dict):
        return any(isinstance(value.get(key), (list, dict)) for key in _OBJECTS)
    return isinstance(value, list) and bool(value) and all(isinstance(i, dict) and _has_box(i) for i in value[:64])


def _has_box(value: dict[str, Any]) -> bool:
    return any(key in value for key in _BOXES) or any(all(k in value for k in keys) for keys in _CORNERS + _SIZES)


def _first(data: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((data[key] for key in keys if data.get(key) is not None), None)


def plain_text(value: Any) -> str:
    """Any JSON value as one text without control characters or halves of characters."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "\n".join(filter(None, map(plain_text, value[:200])))
    if isinstance(value, dict):
        return "\n".join(f"{plain_text(key)}: {plain_text(item)}" for key, item in list(value.items())[:200])
    text = str(value)[:60_000].encode("utf-8", "ignore").decode("utf-8", "ignore")
    return "".join(char for char in text if char.isprintable() or char in "\n\t").strip()


def _stated_size(holder: dict[str, Any]) -> tuple[float, float] | None:
    size = _first(holder, ("frame_size", "image_size", "resolution", "size"))
    numbers = _numbers(size) if size is not None else [_number(holder.get("width")), _number(holder.get("height"))]
    if len(numbers) == 2 and all(math.isfinite(n) and 1 <= n <= 20_000 for n in numbers):
        return numbers[0], numbers[1]
    return None


def _frame(value: Any, key: Any, repairs: Repairs) -> RawFrame | None:
    if not _is_frame(value):
        repairs.note("unreadable frame")
        return None
    data: dict[str, Any] = value if isinstance(value, dict) else {"objects": value}
    things: Any = next(data[name] for name in _OBJECTS if isinstance(data.get(name), (list, dict)))
    if isinstance(things, dict):
        things = [{"name": name, **inner} if isinstance(inner, dict) else inner for name, inner in things.items()]
    if len(things) > MAX_FRAME_OBJECTS:
        repairs.note("objects beyond the limit dropped", len(things) - MAX_FRAME_OBJECTS)
    objects = [_object(thing, repairs) for thing in things[:MAX_FRAME_OBJECTS]]
    caption = plain_text(_first(data, ("caption", "frame_caption", "local_caption", "description")))
    place, timed = _place(data, key)
    return RawFrame(caption, tuple(thing for thing in objects if thing is not None), place, timed)


def _place(data: dict[str, Any], key: Any) -> tuple[float | None, bool]:
    if isinstance(key, str) and (digits := re.search(r"\d+", key)):
        return float(digits.group()[:9]), False
    for names, timed in ((_PLACES, False), (_TIMES, True)):
        number = _number(_first(data, names))
        if math.isfinite(number):
            return number, timed
    return None, False


def _object(value: Any, repairs: Repairs) -> RawObject | None:
    if not isinstance(value, dict):
        repairs.note("unreadable object dropped")
        return None
    box, percent = _box(value)
    if not np.all(np.isfinite(box)):
        repairs.note("box without four numbers")
    name = " ".join(plain_text(_first(value, _NAMES)).split())[:120]
    return RawObject(_id(_first(value, _IDS)), name, box, percent)


def _id(value: Any) -> str:
    """An id as text; 0, 0.0 and "0" are the same."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (bool, list, dict)) or value is None:
        return ""
    text = " ".join(plain_text(value).split())[:80]
    return text[:-2] if re.fullmatch(r"\d+\.0", text) else text


def _box(data: dict[str, Any]) -> tuple[NDArray[np.float64], bool]:
    """The box as four numbers x1, y1, x2, y2, and whether they were written with a percent sign."""
    key = next((key for key in _BOXES if key in data), None)
    value = data[key] if key else data
    if isinstance(value, dict):
        return _named_box(value), _percent(value)
    numbers = _numbers(value)
    if len(numbers) != 4:
        return np.full(4, np.nan), False
    if key == "box_2d":  # Gemini's own habit for pictures: y before x
        numbers = [numbers[1], numbers[0], numbers[3], numbers[2]]
    return np.array(numbers), _percent(value)


def _named_box(data: dict[str, Any]) -> NDArray[np.float64]:
    for keys in _CORNERS:
        if all(key in data for key in keys):
            return np.array([_number(data[key]) for key in keys])
    for keys in _SIZES:
        if all(key in data for key in keys):
            x, y, width, height = (_number(data[key]) for key in keys)
            return np.array([x, y, x + width, y + height])
    return np.full(4, np.nan)


def _percent(value: Any) -> bool:
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return any(isinstance(item, str) and "%" in item for item in values)


def _numbers(value: Any) -> list[float]:
    """The numbers in a list, a list of points or a text; NaN for what is none."""
    if isinstance(value, str):
        return [_number(found) for found in _NUMBER.findall(value[:200])]
    if not isinstance(value, list):
        return []
    if len(value) == 2 and all(isinstance(item, list) for item in value):
        value = [*value[0], *value[1]]
    return [_number(item) for item in value[:8]]


def _number(value: Any) -> float:
    if isinstance(value, bool) or value is None:
        return math.nan
    if isinstance(value, str):
        found = _NUMBER.search(value[:60])
        value = found.group() if found else "nan"
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) and abs(number) < 1e7 else math.nan
