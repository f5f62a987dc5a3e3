"""Repairs of an answer, counted for the manifest."""

from __future__ import annotations

from collections import Counter


class Repairs:
    """Counts repairs by kind."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def note(self, kind: str, count: int = 1) -> None:
        """Remembers a repair; a count of zero is none."""
        if count > 0:
            self._counts[kind] += count

    def listed(self) -> list[str]:
        """One line a kind, in the order of first use, with the count where it is above one."""
        return [kind if count == 1 else f"{kind} ({count} times)" for kind, count in self._counts.items()]
