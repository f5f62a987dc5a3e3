"""Labels are compared as they are written."""

from __future__ import annotations

from collections.abc import Collection

from spa2v.core.runtime import Run


class ExactLabels:
    """Equal only when written alike: the strict metrics."""

    name = "exact"

    def table(self, labels: Collection[str], vocabulary: Collection[str], run: Run) -> dict[str, str]:
        return {label: label for label in labels}
