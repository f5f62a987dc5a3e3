"""The list of sounds that the tagger learns from: a table with one row a file."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spa2v.core.errors import ConfigError
from spa2v.core.media.files import atomic_path
from spa2v.vocabulary import vocabulary

COLUMNS = ("path", "labels", "source", "license", "recording")
SUFFIXES = frozenset((".wav", ".flac", ".ogg", ".oga", ".mp3", ".opus", ".aif", ".aiff", ".au"))
UNKNOWN = "?"  # a sound that only a teacher labels
HELD_OUT = 0.11  # part of the recordings that are not learned from


@dataclass(frozen=True)
class Sound:
    """One file.

    Args:
        path: absolute, or beside the index.
        labels: classes of the vocabulary; none for a sound that only a teacher labels.
        source: the collection that it is from.
        license: of the recording.
        recording: the same for all takes of one recording; they are learned from together or not at all.
    """

    path: Path
    labels: tuple[str, ...]
    source: str
    license: str
    recording: str

    @property
    def held_out(self) -> bool:
        """Whether it measures instead of teaching."""
        digest = hashlib.sha256(f"{self.source}/{self.recording}".encode()).digest()
        return digest[0] < HELD_OUT * 256


def index_folder(folder: Path, source: str, license_name: str) -> list[Sound]:
    """The sounds of a folder with a folder for each class ("dog", "church bell" in `bell`), named as in the vocabulary.

    Files whose names differ in a number or letter at the end are takes of one recording.

    Raises:
        ConfigError: there is no such folder, or none of its folders is a class.
    """
    if not folder.is_dir():
        raise ConfigError(f"{str(folder)!r} is no folder", "expected a folder with a folder of sounds for each class")
    known = [*vocabulary().classes, UNKNOWN]
    found = []
    for name in known:
        place = folder / ("unknown" if name == UNKNOWN else name.replace(" ", "_"))
        labels = () if name == UNKNOWN else (name,)
        files = sorted(path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES) if place.is_dir() else []
        found += [Sound(path.resolve(), labels, source, license_name, recording_of(path)) for path in files]
    if not found:
        raise ConfigError(
            f"{str(folder)!r} holds no sounds",
            "expected folders named after classes, spaces as underscores: " + ", ".join(list(vocabulary().classes)[:8]),
        )
    return found


def recording_of(path: Path) -> str:
    """The name of a file without the number or letter of its take."""
    return re.sub(r"[^a-z]", "", re.sub(r"[^a-z]*\d+[a-z]?$", "", path.stem.lower())) or path.stem.lower()


def write_index(path: Path, sounds: Iterable[Sound]) -> None:
    """Writes the table, tabs between columns and "|" between labels."""
    with atomic_path(path) as target, open(target, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(COLUMNS)
        for each in sounds:
            labels = "|".join(each.labels) or UNKNOWN
            writer.writerow((each.path, labels, each.source, each.license, each.recording))


def read_index(path: Path) -> list[Sound]:
    """Reads the table.

    Raises:
        ConfigError: it cannot be read, lacks a column, or names a class that is not in the vocabulary.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"the index {str(path)!r} cannot be read", str(error)[:200]) from error
    if not rows or any(row.get(name) is None for row in rows for name in COLUMNS):
        raise ConfigError(f"the index {str(path)!r} has no rows or lacks a column", f"columns: {', '.join(COLUMNS)}")
    return [_sound(path, row) for row in rows]


def _sound(index: Path, row: dict[str, str]) -> Sound:
    labels = () if row["labels"] == UNKNOWN else tuple(row["labels"].split("|"))
    if strange := [label for label in labels if label not in vocabulary().classes]:
        raise ConfigError(f"the index {str(index)!r} has a label {strange[0]!r}", "expected a class of the vocabulary")
    return Sound(index.parent / row["path"], labels, row["source"], row["license"], row["recording"])
