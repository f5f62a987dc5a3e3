"""Labels without case, extra spaces and leading articles."""

from __future__ import annotations

from collections.abc import Collection

from spa2v.core.runtime import Run

ARTICLES = ("a ", "an ", "the ")


def normalized(label: str) -> str:
    """Lower case, single spaces, no leading article: "A  Car " is "car"."""
    text = " ".join(label.casefold().split())
    return next((text[len(article) :] for article in ARTICLES if text.startswith(article)), text)


class NormalizedLabels:
    """Equal after `normalized`."""

    name = "normalized"

    def table(self, labels: Collection[str], vocabulary: Collection[str], run: Run) -> dict[str, str]:
        return {label: normalized(label) for label in labels}
