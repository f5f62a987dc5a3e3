"""What counts as the same label: exact words by default; on request normalized, a table, or text embeddings.

Whatever is chosen is applied to both sides alike and named in the result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import ConfigError
from spa2v.core.untrusted import read_json, reason_of

MAX_TABLE_BYTES = 16 * 1024**2
ARTICLES = ("a ", "an ", "the ")


class LabelMapping(Protocol):
    """Decides which labels are one."""

    @property
    def name(self) -> str:
        """How results call it."""
        ...

    def table(self, labels: Collection[str], vocabulary: Collection[str]) -> dict[str, str]:
        """What each of `labels` becomes, given the labels of the whole ground truth."""
        ...


def normalized(label: str) -> str:
    """Lower case, single spaces, no leading article: "A  Car " is "car"."""
    text = " ".join(label.casefold().split())
    return next((text[len(article) :] for article in ARTICLES if text.startswith(article)), text)


@dataclass(frozen=True)
class ExactLabels:
    """Equal only when written alike: the strict metrics."""

    name: str = "exact"

    def table(self, labels: Collection[str], vocabulary: Collection[str]) -> dict[str, str]:
        return {label: label for label in labels}


@dataclass(frozen=True)
class NormalizedLabels:
    """Equal after `normalized`."""

    name: str = "normalized"

    def table(self, labels: Collection[str], vocabulary: Collection[str]) -> dict[str, str]:
        return {label: normalized(label) for label in labels}


@dataclass(frozen=True)
class TableLabels:
    """Equal after `normalized` and a table of synonyms, word to word, such as {"automobile": "car"}."""

    synonyms: Mapping[str, str]
    name: str = "table"

    def __post_init__(self) -> None:
        plain = {normalized(key): normalized(value) for key, value in self.synonyms.items()}
        chained = sorted(key for key, value in plain.items() if plain.get(value, value) != value)
        if chained:
            raise ConfigError(f"label table: {chained[0]!r} leads to a word that is itself replaced", "map it directly")
        object.__setattr__(self, "synonyms", MappingProxyType(plain))

    def table(self, labels: Collection[str], vocabulary: Collection[str]) -> dict[str, str]:
        return {label: self.synonyms.get(normalized(label), normalized(label)) for label in labels}

    @classmethod
    def read(cls, path: str | Path) -> TableLabels:
        """From a JSON object of texts.

        Raises:
            ConfigError: no such file, or something else in it.
        """
        try:
            data: Any = read_json(Path(path), MAX_TABLE_BYTES)
        except (OSError, ValueError) as error:
            raise ConfigError(f"label table {str(path)!r} cannot be read", reason_of(error)) from error
        if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
            raise ConfigError(f"label table {str(path)!r} is not an object of texts", 'as in {"automobile": "car"}')
        return cls(data, f"table {Path(path).name}")


Embed = Callable[[Sequence[str]], NDArray[Any]]
"""Texts to (n, d) vectors."""


@dataclass(frozen=True)
class EmbeddingLabels:
    """Every label takes the nearest word of the ground truth by cosine of text embeddings, if it is near enough.

    Args:
        embed: texts to (n, d) vectors, such as `spa2v.evaluation.text_embeddings.TextEmbeddings`.
        model: its name, for results.
        least: the smallest cosine at which a label is exchanged.
    """

    embed: Embed
    model: str
    least: float = 0.8
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"embeddings {self.model}, cosine >= {self.least:g}")

    def table(self, labels: Collection[str], vocabulary: Collection[str]) -> dict[str, str]:
        words = sorted({normalized(word) for word in vocabulary})
        found = {label: normalized(label) for label in labels}
        strangers = sorted(set(found.values()) - set(words))
        if strangers and words:
            nearest = self._nearest(strangers, words)
            found = {label: nearest.get(word, word) for label, word in found.items()}
        return found

    def _nearest(self, strangers: Sequence[str], words: Sequence[str]) -> dict[str, str]:
        cosines = _unit(self.embed(strangers)) @ _unit(self.embed(words)).T
        best = cosines.argmax(axis=1)
        near = cosines.max(axis=1) >= self.least
        return {label: words[best[i]] for i, label in enumerate(strangers) if near[i]}


def _unit(vectors: NDArray[Any]) -> NDArray[np.float64]:
    vectors = np.asarray(vectors, dtype=np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def changed(table: Mapping[str, str], labels: Iterable[str]) -> dict[str, str]:
    """The labels that a mapping exchanged, for results."""
    return {label: table[label] for label in sorted(set(labels)) if table.get(label, label) != label}
