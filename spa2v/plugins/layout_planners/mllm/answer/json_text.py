"""The JSON value in the text of a model, repaired where it is broken.

Size and depth are bounded before anything is parsed. What the standard parser refuses goes through `json_repair`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spa2v.core.errors import LayoutError
from spa2v.plugins.layout_planners.mllm.answer.repairs import Repairs

MAX_CHARACTERS = 200_000
MAX_DEPTH = 40

_FENCE = re.compile(r"```[a-zA-Z0-9_-]*[ \t]*\r?\n?(.*?)(?:```|\Z)", re.DOTALL)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|[\[\]{}()]', re.DOTALL)


@dataclass(frozen=True)
class FoundJson:
    """A JSON value from an answer.

    Args:
        value: an object or a list.
        cut: the text ended before the value did.
        last_whole: for a cut text, whether the last element of the outer list is whole.
    """

    value: Any
    cut: bool = False
    last_whole: bool = True


def find_json(text: str, score: Callable[[Any], int], repairs: Repairs) -> FoundJson:
    """The JSON value in `text` that is an answer.

    Args:
        text: what the model wrote.
        score: how many frames a value holds; 0 where it is no answer.
        repairs: collects what had to be repaired.

    Raises:
        LayoutError: too long, too deep, or nothing in it that scores.
    """
    if len(text) > MAX_CHARACTERS:
        raise LayoutError(f"the answer has {len(text)} characters", f"at most {MAX_CHARACTERS} are read")
    text = text.lstrip("\ufeff").strip()
    if not text:
        raise LayoutError("the answer is empty")
    if (whole := _strict(text, score)) is not None:
        return FoundJson(whole)
    text = text.rpartition("</think>")[2] or text  # local models think aloud first
    fences = [body for body in _FENCE.findall(text) if "{" in body or "[" in body]
    body = max(fences, key=len).strip() if fences else text
    start = _answer_start(body)
    if start < 0:
        raise LayoutError("the answer holds no JSON", f"it begins: {text[:80]!r}")
    body = body[start:]
    if (found := _strict(body, score, to_end=False)) is not None:
        repairs.note("text around the JSON")
        return FoundJson(found)
    return _repaired(body, score, repairs)


def _strict(text: str, score: Callable[[Any], int], to_end: bool = True) -> Any:
    """The answer in the valid JSON at the start of a text, else None; `to_end`: nothing may follow it."""
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return _best(value, score) if end == len(text) or not to_end else None


def _best(value: Any, score: Callable[[Any], int]) -> Any:
    """The value, or the item of a list, with the most frames; None where none has any."""
    found = max([value, *(value if isinstance(value, list) else [])], key=score)
    return found if score(found) > 0 else None


def _answer_start(body: str) -> int:
    """Index of the brace before the first known key, so that a brace in a preface does no harm; -1 without any."""
    key = re.search(r"[{\[][{\s]{0,20}['\"]?(?:reasoning|caption|frames|keyframes)\b", body)
    bracket = key or re.search(r"[{\[]", body)
    return bracket.start() if bracket else -1


def _repaired(body: str, score: Callable[[Any], int], repairs: Repairs) -> FoundJson:
    depth, deepest, close_end, close_depth = _brackets(body)
    if deepest > MAX_DEPTH:
        raise LayoutError(f"the answer is nested {deepest} levels deep", f"at most {MAX_DEPTH} are read")
    cut = depth > 0
    value = _repair(body[:close_end] if cut and close_end else body)
    found = _best(value, score)
    if found is None:
        reason = "it is cut off before the first whole frame" if cut else f"it begins: {body[:80]!r}"
        raise LayoutError("the answer holds no frames that can be read", reason)
    repairs.note("answer cut off" if cut else "broken JSON")
    return FoundJson(found, cut, close_depth <= 2)


def _brackets(text: str) -> tuple[int, int, int, int]:
    """Depth at the end, greatest depth, end of the last closing brace, depth after it; strings are skipped."""
    depth = deepest = close_end = close_depth = round_depth = 0
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark in "{[":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "}]":
            depth = max(depth - 1, 0)
            if mark == "}":
                close_end, close_depth = token.end(), depth
        elif mark in "()":
            round_depth += 1 if mark == "(" else -1
            deepest = max(deepest, round_depth)
    return depth, deepest, close_end, close_depth


def _repair(text: str) -> Any:
    import json_repair

    try:
        return json_repair.loads(text)
    except (ValueError, RecursionError, IndexError) as error:
        raise LayoutError("the answer is not JSON and could not be repaired", str(error)[:200]) from error
