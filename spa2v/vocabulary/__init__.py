"""The kinds of sound that taggers name: their nouns, their generic kinds, and the AudioSet classes that mean them.

Data in `classes.yaml`, read once. Labels of tags are names of classes ("dog", "man singing") or of groups ("person");
`object_of` gives the noun that a plan draws for a label, and `None` for a background.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml


@dataclass(frozen=True)
class SoundClass:
    """One kind of sound.

    Args:
        name: the label of a tag.
        noun: what a plan draws ("police car" for a siren); "" for a sound that names nothing (something falls).
        group: the generic kind above it, "" for none.
        background: no object makes it; it goes into the caption and plans nothing.
        caption: the sound in words.
        audioset: names of the AudioSet classes that mean it.
        gain: of YAMNet's score: above 1 for what it hears too seldom, below 1 for what it hears too often.
    """

    name: str
    noun: str
    group: str
    background: bool
    caption: str
    audioset: tuple[str, ...]
    gain: float = 1.0


@dataclass(frozen=True)
class SoundGroup:
    """A generic kind above classes; `is_object` where it may be drawn when none of its classes is sure.

    `below` is the group above it, "" for none.
    """

    name: str
    is_object: bool
    audioset: tuple[str, ...]
    below: str = ""


@dataclass(frozen=True)
class Vocabulary:
    """All classes in the order of the tagger's outputs, and all groups."""

    classes: Mapping[str, SoundClass]
    groups: Mapping[str, SoundGroup]

    def index(self, name: str) -> int:
        """The output of the tagger that belongs to a class."""
        return list(self.classes).index(name)

    def members(self, group: str) -> tuple[str, ...]:
        """The classes of a group."""
        return tuple(name for name, each in self.classes.items() if each.group == group)

    def under(self, group: str) -> tuple[str, ...]:
        """The classes of a group and of the groups below it."""
        lower = [name for name, each in self.groups.items() if each.below == group]
        return self.members(group) + tuple(member for name in lower for member in self.under(name))


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary of the package."""
    data = yaml.safe_load(files(__name__).joinpath("classes.yaml").read_text(encoding="utf-8"))
    groups = {name: _group(name, entry) for name, entry in data["groups"].items()}
    classes = {name: _class(name, entry) for name, entry in data["classes"].items()}
    return Vocabulary(MappingProxyType(classes), MappingProxyType(groups))


def _group(name: str, entry: Mapping[str, Any]) -> SoundGroup:
    return SoundGroup(name, bool(entry["object"]), tuple(entry["audioset"]), str(entry.get("below", "")))


def _class(name: str, entry: Mapping[str, Any]) -> SoundClass:
    return SoundClass(
        name,
        str(entry.get("object", name) or ""),
        str(entry.get("group", "")),
        bool(entry.get("background", False)),
        str(entry["caption"]),
        tuple(entry["audioset"]),
        float(entry.get("gain", 1.0)),
    )


def object_of(label: str) -> str | None:
    """The noun that a plan draws for a tag's label; None for a background, for a sound that names nothing, and for what
    is not in the vocabulary."""
    known = vocabulary().classes.get(label)
    if known is not None:
        return None if known.background else known.noun or None
    group = vocabulary().groups.get(label)
    return label if group is not None and group.is_object else None


def is_background(label: str) -> bool:
    """Whether a label is of a sound that no object makes."""
    known = vocabulary().classes.get(label)
    return known is not None and known.background


def caption_of(label: str) -> str:
    """The sound of a label in words; the label itself where the vocabulary has none."""
    known = vocabulary().classes.get(label)
    return known.caption if known is not None else label
