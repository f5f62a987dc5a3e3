"""Labels by a table of synonyms."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from spa2v.core.errors import ConfigError
from spa2v.core.runtime import Run
from spa2v.core.untrusted import read_json, reason_of
from spa2v.plugins.label_maps.normalized import normalized

MAX_TABLE_BYTES = 16 * 1024**2


class TableLabels:
    """Equal after `normalized` and a table of synonyms, word to word.

    Args:
        path: a JSON object of texts, such as {"automobile": "car"}; read on first use.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.name = f"table {self.path.name}"
        self._synonyms: dict[str, str] | None = None

    def table(self, labels: Collection[str], vocabulary: Collection[str], run: Run) -> dict[str, str]:
        """Raises:
        ConfigError: no such file, something else in it, or a chain of replacements.
        """
        if self._synonyms is None:
            self._synonyms = _read(self.path)
        return {label: self._synonyms.get(normalized(label), normalized(label)) for label in labels}


def _read(path: Path) -> dict[str, str]:
    try:
        data: Any = read_json(path, MAX_TABLE_BYTES)
    except (OSError, ValueError) as error:
        raise ConfigError(f"label table {str(path)!r} cannot be read", reason_of(error)) from error
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise ConfigError(f"label table {str(path)!r} is not an object of texts", 'as in {"automobile": "car"}')
    plain = {normalized(key): normalized(value) for key, value in data.items()}
    chained = sorted(key for key, value in plain.items() if plain.get(value, value) != value)
    if chained:
        raise ConfigError(f"label table: {chained[0]!r} leads to a word that is itself replaced", "map it directly")
    return plain
