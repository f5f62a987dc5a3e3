"""How notebooks show the types. What draws lies in a room above; it is found by name when a notebook asks."""

from __future__ import annotations

from importlib import import_module

DRAWS = "spa2v.evaluation.report.notebook"


class Displayed:
    """An object with a view in notebooks."""

    def _repr_html_(self) -> str:
        shown: str = import_module(DRAWS).html_of(self)
        return shown
