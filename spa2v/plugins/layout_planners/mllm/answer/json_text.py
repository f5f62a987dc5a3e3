"""Finds the JSON value in what a model wrote, and mends it where it is broken.

Size and depth are bounded before anything is parsed. What the standard parser refuses goes through `json_repair`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from spa2v.core.errors import LayoutError
from spa2v.plugins.layout_planners.mllm.answer.repairs import Repairs

MAX_CHARACTERS = 200_000
MAX_DEPTH = 40
MAX_STARTS = 40

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
    """The value in `text` that scores best; the later one where two score the same.

    Args:
        text: what the model wrote.
        score: how much a value looks like an answer; 0 or less is none.
        repairs: takes what had to be mended.

    Raises:
        LayoutError: too long, too deep, or nothing in it that scores.
    """
    if len(text) > MAX_CHARACTERS:
        raise LayoutError(f"the answer has {len(text)} characters", f"at most {MAX_CHARACTERS} are read")
    text = text.lstrip("\ufeff").strip()
    if not text:
        raise LayoutError("the answer is empty")
    whole = _strict(text)
    if whole is not None and score(whole) > 0:
        return FoundJson(whole)
    text = text.rpartition("</think>")[2] or text  # local models think aloud first
    found = _best(_strict_values(text), score)
    if found is not None:
        repairs.note("text around the JSON")
        return FoundJson(found)
    return _mended(text, score, repairs)


def _strict(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _strict_values(text: str) -> Iterator[Any]:
    for body in _FENCE.findall(text):
        yield _strict(body.strip())
    decoder, start = json.JSONDecoder(), -1
    for _ in range(MAX_STARTS):
        start = _next_start(text, start + 1)
        if start < 0:
            return
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        yield value
        start = end - 1


def _next_start(text: str, position: int) -> int:
    starts = [found for found in (text.find("{", position), text.find("[", position)) if found >= 0]
    return min(starts, default=-1)


def _best(values: Iterator[Any], score: Callable[[Any], int]) -> Any:
    best, best_score = None, 0
    for value in values:
        points = score(value) if isinstance(value, (dict, list)) else 0
        if points > 0 and points >= best_score:
            best, best_score = value, points
    return best


def _mended(text: str, score: Callable[[Any], int], repairs: Repairs) -> FoundJson:
    fences = [body for body in _FENCE.findall(text) if "{" in body or "[" in body]
    body = max(fences, key=len) if fences else text
    start = _answer_start(body)
    if start < 0:
        raise LayoutError("the answer holds no JSON", f"it begins: {_beginning(text)}")
    body = body[start:]
    depth, deepest, close_end, close_depth = _brackets(body)
    if deepest > MAX_DEPTH:
        raise LayoutError(f"the answer is nested {deepest} levels deep", f"at most {MAX_DEPTH} are read")
    cut = depth > 0
    value = _repair(body[:close_end] if cut and close_end else body)
    found = _best(iter([value, *(value if isinstance(value, list) else [])]), score)
    if found is None:
        reason = "it is cut off before the first whole frame" if cut else f"it begins: {_beginning(text)}"
        raise LayoutError("the answer holds no frames that can be read", reason)
    repairs.note("answer cut off" if cut else "broken JSON")
    return FoundJson(found, cut, close_depth <= 2)


def _answer_start(body: str) -> int:
    """Where the answer begins: at the brace before its first known key, so that a brace in a preface does no harm."""
    key = re.search(r"[{\[][{\s]{0,20}['\"]?(?:reasoning|caption|frames|keyframes)\b", body)
    return key.start() if key else _next_start(body, 0)


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
        raise LayoutError("the answer is not JSON and could not be mended", str(error)[:200]) from error


def _beginning(text: str) -> str:
    return repr(text[:80])
