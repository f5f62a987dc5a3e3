"""From a JSON value to frames and objects, for the usual names of the keys. Numbers and ids are checked later."""

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

_FRAMES = ("frames", "keyframes", "key_frames", "layouts")
_OBJECTS = ("objects", "layout", "boxes")
_BOXES = ("box", "bbox", "bounding_box", "box_2d", "bbox_2d")
_NAMES = ("name", "label", "class")
_IDS = ("id", "object_id", "track_id")
_NUMBERS = ("frame", "frame_index", "index")
_CORNERS = ("x1", "y1", "x2", "y2")
_SIZES = ("x", "y", "width", "height")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf", re.IGNORECASE)


@dataclass(frozen=True)
class RawObject:
    """An object as written: `box` has shape (4,), NaN where no number could be read."""

    id: str
    name: str
    box: NDArray[np.float64]
    percent: bool = False


@dataclass(frozen=True)
class RawFrame:
    """A frame as written; `number` counts from 0 or 1, where it is given."""

    caption: str
    objects: tuple[RawObject, ...]
    number: float | None = None


@dataclass(frozen=True)
class RawAnswer:
    """An answer as written. A frame that cannot be read is None."""

    reasoning: str
    caption: str
    frames: tuple[RawFrame | None, ...]


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
        reasoning=plain_text(holder.get("reasoning")),
        caption=plain_text(_first(holder, ("caption", "video_caption", "global_caption"))),
        frames=tuple(_frame(frame, key, repairs) for key, frame in frames[:MAX_FRAMES]),
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
    for inner in list(value.values())[:20]:
        if isinstance(inner, dict) and (found := _find_frames(inner, depth + 1)):
            return found
    return None


def _is_frame(value: Any) -> bool:
    if isinstance(value, dict):
        return any(isinstance(value.get(key), (list, dict)) for key in _OBJECTS)
    return isinstance(value, list) and bool(value) and all(isinstance(i, dict) and _has_box(i) for i in value[:64])


def _has_box(value: dict[str, Any]) -> bool:
    return any(key in value for key in _BOXES) or all(key in value for key in _CORNERS)


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


def _frame(value: Any, key: Any, repairs: Repairs) -> RawFrame | None:
    if not _is_frame(value):
        repairs.note("unreadable frame")
        return None
    data: dict[str, Any] = value if isinstance(value, dict) else {"objects": value}
    written: Any = next(data[name] for name in _OBJECTS if isinstance(data.get(name), (list, dict)))
    if isinstance(written, dict):
        written = [{"name": name, **inner} if isinstance(inner, dict) else inner for name, inner in written.items()]
    if len(written) > MAX_FRAME_OBJECTS:
        repairs.note("objects beyond the limit dropped", len(written) - MAX_FRAME_OBJECTS)
    objects = [_object(item, repairs) for item in written[:MAX_FRAME_OBJECTS]]
    caption = plain_text(_first(data, ("caption", "frame_caption", "description")))
    number = _number(key.replace("-", " ") if isinstance(key, str) else _first(data, _NUMBERS))
    return RawFrame(caption, tuple(filter(None, objects)), number if math.isfinite(number) else None)


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
    if key == "box_2d":  # Gemini's convention for pictures: y before x
        numbers = [numbers[1], numbers[0], numbers[3], numbers[2]]
    return np.array(numbers), _percent(value)


def _named_box(data: dict[str, Any]) -> NDArray[np.float64]:
    if all(key in data for key in _CORNERS):
        return np.array([_number(data[key]) for key in _CORNERS])
    x, y, width, height = (_number(data.get(key)) for key in _SIZES)
    return np.array([x, y, x + width, y + height])


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
