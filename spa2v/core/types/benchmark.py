"""The benchmark format: a folder with `manifest.jsonl`, one line a clip, and the files that the lines name.

`benchmark.schema.json` beside this module is the published JSON Schema of a line; docs/benchmark-format.md explains it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from spa2v.core.errors import ConfigError
from spa2v.core.types.layout import ATTRIBUTES, SCENARIOS
from spa2v.core.untrusted import parse_json, read_text

MANIFEST = "manifest.jsonl"
SPLITS = ("database", "test")
QUANTITIES = ("single", "multiple")
MAX_LINE, MAX_MANIFEST_BYTES = 1_000_000, 512 * 1024**2


@dataclass(frozen=True)
class ClipObject:
    """A sounding thing of a clip.

    Args:
        id: as in the layout.
        name: class.
        attribute: one of `ATTRIBUTES`, or None where nobody noted it.
        lateral_evidence: whether left, right or the crossing can be heard at all; None where it is not known.
        distance_evidence: whether the approach or retreat can be heard at all; None where it is not known.
        cues: measured facts behind the evidence, unit in the name.
    """

    id: str
    name: str
    attribute: str | None = None
    lateral_evidence: bool | None = None
    distance_evidence: bool | None = None
    cues: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"id": self.id, "name": self.name, "attribute": self.attribute}
        for key in ("lateral_evidence", "distance_evidence"):
            data |= {} if getattr(self, key) is None else {key: getattr(self, key)}
        return data | ({"cues": dict(self.cues)} if self.cues else {})


@dataclass(frozen=True)
class BenchmarkClip:
    """One clip of a benchmark.

    Args:
        id: unique in the benchmark.
        source_id: of the recording that it was made from; twins made by mirroring or reversing share it.
        split: "database" or "test"; all clips of a source are in the same.
        scenario: "stationary" or "translational".
        quantity: "single" or "multiple".
        duration_s: in seconds.
        objects: what sounds.
        audio, video, layout: paths relative to the folder of the manifest. `video` may be None.
        caption: of the whole video; the layout holds the captions of the frames and the reasoning.
        augmentation: what was done to the source: (), ("mirror",), ("reverse",) or both.
        facts: anything else that the maker notes, such as {"snr_db": 20.0}.
    """

    id: str
    source_id: str
    split: str
    scenario: str
    quantity: str
    duration_s: float
    objects: tuple[ClipObject, ...]
    audio: str
    layout: str
    video: str | None = None
    caption: str = ""
    augmentation: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "objects", tuple(self.objects))
        object.__setattr__(self, "augmentation", tuple(self.augmentation))
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))

    def to_json(self) -> dict[str, Any]:
        keys = ("id", "source_id", "split", "scenario", "quantity", "duration_s", "audio", "video", "layout", "caption")
        data = {key: getattr(self, key) for key in keys}
        data["objects"] = [item.to_json() for item in self.objects]
        data["augmentation"] = list(self.augmentation)
        return data | ({"facts": dict(self.facts)} if self.facts else {})

    @classmethod
    def from_json(cls, data: Any, where: str = "clip") -> BenchmarkClip:
        """A clip from parsed JSON; unknown keys are left alone.

        Raises:
            ConfigError: names the field, with `where` in front.
        """
        read = _Reader(data, where)
        video = data.get("video")
        return cls(
            id=read.text("id"),
            source_id=read.text("source_id"),
            split=read.one_of("split", SPLITS),
            scenario=read.one_of("scenario", SCENARIOS),
            quantity=read.one_of("quantity", QUANTITIES),
            duration_s=read.positive("duration_s"),
            objects=tuple(_object(item, f"{where}: objects[{i}]") for i, item in enumerate(read.items("objects"))),
            audio=read.path("audio"),
            layout=read.path("layout"),
            video=None if video is None else read.path("video"),
            caption=read.text("caption", empty=True),
            augmentation=tuple(map(str, read.items("augmentation"))) if "augmentation" in data else (),
            facts=data["facts"] if isinstance(data.get("facts"), dict) else {},
        )


def read_manifest(folder: str | Path) -> tuple[BenchmarkClip, ...]:
    """The clips of a benchmark, in the order of its manifest.

    Args:
        folder: the benchmark, or its manifest file.

    Raises:
        ConfigError: no manifest, a line that is not valid (with its number), or an id that stands twice.
    """
    path = Path(folder)
    path = path / MANIFEST if path.is_dir() else path
    try:
        text = read_text(path, MAX_MANIFEST_BYTES)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the manifest {str(path)!r}", f"{error}") from error
    return parse_manifest(text.splitlines(), path.name)


def parse_manifest(lines: Iterable[str], name: str = MANIFEST) -> tuple[BenchmarkClip, ...]:
    """The clips of the lines of a manifest; empty lines are skipped.

    Raises:
        ConfigError: a line that is not valid, or an id that stands twice.
    """
    clips: dict[str, BenchmarkClip] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name} line {number}"
        clip = BenchmarkClip.from_json(_parse(line, where), where)
        if clip.id in clips:
            raise ConfigError(f"{where}: the id {clip.id!r} stands twice")
        clips[clip.id] = clip
    return tuple(clips.values())


def manifest_text(clips: Iterable[BenchmarkClip]) -> str:
    """The text of a manifest file."""
    return "".join(json.dumps(clip.to_json(), ensure_ascii=False) + "\n" for clip in clips)


def _parse(line: str, where: str) -> Any:
    if len(line) > MAX_LINE:
        raise ConfigError(f"{where}: {len(line)} characters are too many", f"the limit is {MAX_LINE}")
    try:
        return parse_json(line)
    except ValueError as error:
        raise ConfigError(f"{where}: not JSON: {str(error)[:200]}") from error


def _object(data: Any, where: str) -> ClipObject:
    read = _Reader(data, where)
    attribute = data.get("attribute")
    cues = data.get("cues") if isinstance(data.get("cues"), dict) else {}
    return ClipObject(
        read.text("id"),
        read.text("name"),
        None if attribute is None else read.one_of("attribute", ATTRIBUTES),
        read.flag("lateral_evidence"),
        read.flag("distance_evidence"),
        {str(key): float(value) for key, value in cues.items() if _is_number(value)},
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and abs(value) < 1e300  # neither infinite nor NaN


class _Reader:
    """Fields of a JSON object, each checked, with messages that say where it stands."""

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, dict):
            raise ConfigError(f"{where}: {type(data).__name__} is not an object")
        self._data, self._where = data, where

    def _get(self, key: str) -> Any:
        if key not in self._data:
            raise ConfigError(f"{self._where}: {key} is missing")
        return self._data[key]

    def _refuse(self, key: str, value: Any, expected: str) -> ConfigError:
        return ConfigError(f"{self._where}: {key}: {repr(value)[:80]}", f"expected {expected}")

    def text(self, key: str, empty: bool = False) -> str:
        value = self._data.get(key, "") if empty else self._get(key)
        if not isinstance(value, str) or not (empty or value.strip()):
            raise self._refuse(key, value, "a text")
        return value

    def one_of(self, key: str, options: tuple[str, ...]) -> str:
        value = self._get(key)
        if value not in options:
            raise self._refuse(key, value, f"one of: {', '.join(options)}")
        return str(value)

    def positive(self, key: str) -> float:
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
            raise self._refuse(key, value, "a positive number")
        return float(value)

    def flag(self, key: str) -> bool | None:
        value = self._data.get(key)
        if value is not None and not isinstance(value, bool):
            raise self._refuse(key, value, "true or false")
        return value

    def items(self, key: str) -> list[Any]:
        value = self._get(key)
        if not isinstance(value, list):
            raise self._refuse(key, value, "a list")
        return value

    def path(self, key: str) -> str:
        """A path below the folder of the manifest: manifests come from others, so none may lead out of it."""
        value = self.text(key)
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts or "\\" in value or ":" in value or "\0" in value:
            raise self._refuse(key, value, "a path below the folder of the manifest")
        return value
