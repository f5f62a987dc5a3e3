"""Keys are read from the environment where they are used, and taken out of everything that is shown or kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from spa2v.core.errors import ConfigError

_NAMES = {"GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY"}
"""Variables that hold keys; a further one joins when it is read."""
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")


def read_key(names: Iterable[str]) -> str:
    """The first key that is set.

    Raises:
        ConfigError: none is.
    """
    names = list(names)
    _NAMES.update(names)
    for name in names:
        if value := os.environ.get(name, "").strip():
            return value
    raise ConfigError(
        f"{' or '.join(names)} is not set",
        "the planner asks a paid service and reads its key from the environment only",
        "to see what would be sent without a key: spa2v plan --dump-prompt ...",
        "planners that need no key: spa2v components layout_planners",
    )


def redact(text: str) -> str:
    """The text with every known key, and user names and passwords in addresses, taken out."""
    for name in _NAMES:
        value = os.environ.get(name, "").strip()
        if len(value) >= 4:
            text = text.replace(value, "[key]")
    return _USER_INFO.sub("[user]@", text)


def safe_cause(error: BaseException) -> BaseException | None:
    """The error as the cause of another, unless its own text shows a key."""
    return error if redact(str(error)) == str(error) else None
