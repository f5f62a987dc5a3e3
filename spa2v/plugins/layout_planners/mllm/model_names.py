"""Names of models: whether two mean the same one, and which are gone."""

from __future__ import annotations

import re

RETIRED = {
    "gemini-1.5": "2025-09-24",
    "gemini-2.0-flash": "2026-06-01",
    "gemini-2.5-flash": "2026-12-01",
    "gpt-4o-audio-preview": "2026-05-07",
    "gpt-4o-mini-audio-preview": "2026-05-07",
}
"""Beginning of a name to the day on which the service ended it, as announced."""


def same_model(asked: str, answered: str) -> bool:
    """Whether a service's name of a model is the asked one, apart from a path in front and a date or number behind."""
    asked, answered = (name.strip().lower() for name in (asked, answered))
    if answered.endswith("/" + asked) or asked.endswith("/" + answered):
        return True
    asked, answered = asked.removeprefix("models/"), answered.removeprefix("models/")
    return answered == asked or re.fullmatch(re.escape(asked) + r"(-\d[\d-]*)", answered) is not None


def retired_on(model: str) -> str | None:
    """The announced last day of a model, if it is known."""
    name = model.removeprefix("models/")
    found = [known for known in RETIRED if name == known or name.startswith(known + "-")]
    return RETIRED[max(found, key=len)] if found else None
