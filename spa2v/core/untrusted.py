"""Parsing of what comes from outside: bounded, and with errors that a caller can name beforehand."""

from __future__ import annotations

import codecs
import json
import os
import re
from pathlib import Path
from typing import Any

MAX_DIGITS = 300
_SURROGATES = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")

FAULTS = (
    RuntimeError,  # RecursionError is one
    EOFError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
)
"""What libraries raise on bytes that are not what they were written for, beside errors of their own."""


def message_of(error: BaseException) -> str:
    """The whole message; the kind of the error where it has none."""
    return str(error) or type(error).__name__


def reason_of(error: BaseException) -> str:
    """One line for people, of at most 200 characters: the operating system's, else the first of `message_of`."""
    if isinstance(error, FileNotFoundError) and error.filename is not None and os.path.islink(error.filename):
        return f"it is a link to {os.readlink(error.filename)!r}, which does not exist"[:200]
    reason: str = getattr(error, "strerror", None) or message_of(error).lstrip().split("\n", 1)[0]
    return reason[:200]


def read_text(path: Path, limit: int) -> str:
    """The text of a file of at most `limit` bytes: UTF-8, or UTF-16 where a byte order mark says so; without the mark.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is larger, or no text (UnicodeDecodeError).
    """
    raw = read_bytes(path, limit)
    return raw.decode("utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")


def parse_json(text: str | bytes) -> Any:
    """The value that JSON stands for; numbers may be NaN or infinite, whole ones fit a float.

    Half of a surrogate pair, which JSON can escape and no file or name can hold, becomes U+FFFD.

    Raises:
        ValueError: no JSON, nested too deep, or a whole number of over 300 digits.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text))
        value = json.loads(text, parse_int=_whole)
        return _mended(value) if _SURROGATES.search(text) else value
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(item) for item in value]
    return {_mended(key): _mended(item) for key, item in value.items()} if isinstance(value, dict) else value


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a whole number has {len(digits)} digits")
    return int(digits)


def read_bytes(path: Path, limit: int) -> bytes:
    """What a file of at most `limit` bytes holds.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is larger.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(limit + 1) if size <= limit else b""
    if max(size, len(data)) > limit:  # what is no regular file has no size
        raise ValueError(f"it is over {limit >> 20} MiB" if limit % 2**20 == 0 else f"it is over {limit} bytes")
    return data


def read_json(path: Path, limit: int) -> Any:
    """The value in a JSON file of at most `limit` bytes.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is larger, or as for `parse_json`.
    """
    return parse_json(read_bytes(path, limit))
