"""Numbers and texts from files that other programs wrote: bounded, with messages that name the place."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from spa2v.core.errors import LayoutError
from spa2v.core.types.layout import MAX_NAME
from spa2v.core.untrusted import parse_json, read_bytes, reason_of

MAX_FILE_BYTES = 256 * 1024**2


def read_file(path: Path) -> bytes:
    """The bytes of an annotation file.

    Raises:
        LayoutError: it cannot be read, or is too large.
    """
    try:
        return read_bytes(path, MAX_FILE_BYTES)
    except (OSError, ValueError) as error:
        raise LayoutError(f"cannot read {str(path)!r}: {reason_of(error)}") from error


def read_text(path: Path) -> str:
    """The text of an annotation file, in UTF-8."""
    try:
        return read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LayoutError(f"{str(path)!r} is not text in UTF-8") from error


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file."""
    try:
        data = parse_json(read_file(path))
    except ValueError as error:
        raise LayoutError(f"{str(path)!r} is not JSON: {str(error)[:200]}") from error
    if not isinstance(data, dict):
        raise LayoutError(f"{str(path)!r} holds a {type(data).__name__}", "expected a JSON object")
    return data


def number(value: Any, where: str) -> float:
    """A finite number, from a number or its text."""
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise TypeError
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        raise LayoutError(f"{where}: {str(value)[:60]!r} is not a number") from None
    if not math.isfinite(found) or abs(found) > 1e9:
        raise LayoutError(f"{where}: {str(value)[:60]} is not a usable number")
    return found


def whole(value: Any, where: str) -> int:
    """A whole number, from a number or its text."""
    found = number(value, where)
    if found != int(found):
        raise LayoutError(f"{where}: {str(value)[:60]} is not a whole number")
    return int(found)


def name_of(value: Any, where: str) -> str:
    """The name of an object: text, not empty, not too long."""
    if not isinstance(value, str) or not value.strip():
        raise LayoutError(f"{where}: {str(value)[:60]!r} is not a name")
    return value.strip()[:MAX_NAME]


def items_of(value: Any, where: str) -> list[Any]:
    """A list of a JSON file."""
    if not isinstance(value, list):
        raise LayoutError(f"{where}: a {type(value).__name__}", "expected a list")
    return value


def entries_of(value: Any, where: str) -> list[dict[str, Any]]:
    """A list of objects of a JSON file."""
    found = items_of(value, where)
    for place, item in enumerate(found):
        if not isinstance(item, dict):
            raise LayoutError(f"{where}[{place}]: a {type(item).__name__}", "expected an object")
    return found
