"""Configurations: presets and files merge left to right, then overrides; a name and its options per role.

A layer that changes the `name` of a role drops the options beneath it. Everything that is wrong is found at once.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from spa2v.core.errors import ConfigError, Spa2vError, near
from spa2v.core.options import fitted
from spa2v.core.presets import Catalog
from spa2v.core.untrusted import FAULTS, message_of, reason_of
from spa2v.core.yaml_text import MAX_DEPTH

SINGLE_ROLES = {
    "layout_planner": "layout_planners",
    "grounding_injector": "grounding_injectors",
    "motion_backbone": "motion_backbones",
}
"""Role in a config to its family; `cue_extractors` is a list and has the name of its family."""
LIST_ROLE = "cue_extractors"
MAX_CONFIG_BYTES = 1_000_000
INCLUDE = "include"
"""Key of presets and files that the file is merged over."""
_SECRET = re.compile(r"oc\.env\s*:\s*\w*(KEY|TOKEN|SECRET|PASSWORD)", re.IGNORECASE)
_SECRET_NAME = re.compile("KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
SECRET_LENGTH = 8


@dataclass(frozen=True)
class Choice:
    """The component chosen for a role and the options of its constructor."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AudioConfig:
    """Which part of the recording is read, in seconds, and whether damage in it is an error."""

    start_s: float = 0.0
    duration_s: float | None = None
    max_duration_s: float = 600.0
    strict: bool = False


@dataclass(frozen=True)
class RunConfig:
    """Of a run.

    Args:
        seed: of everything random.
        device: auto, cpu, cuda, cuda:N or mps.
        dtype: auto, float32, float16 or bfloat16.
        trackers: of accelerate, where evaluations and ablations log their scores.
    """

    seed: int = 0
    device: str = "auto"
    dtype: str = "auto"
    trackers: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Config:
    """A resolved configuration."""

    layout_planner: Choice
    grounding_injector: Choice
    motion_backbone: Choice
    cue_extractors: tuple[Choice, ...] = ()
    registries: tuple[str, ...] = ()
    audio: AudioConfig = AudioConfig()
    run: RunConfig = RunConfig()

    def choices(self) -> list[tuple[str, str, Choice]]:
        """(where in the config, family, choice) of every role, in the order of a run."""
        extractors = [(f"{LIST_ROLE}.{item.name}", LIST_ROLE, item) for item in self.cue_extractors]
        return extractors + [(role, family, getattr(self, role)) for role, family in SINGLE_ROLES.items()]

    def files(self) -> list[Path]:
        """The files and folders that a run under this configuration reads: registries, and paths among the options."""
        values = [value for _, _, choice in self.choices() for value in texts_of(choice.options)]
        return [Path(path) for path in (*self.registries, *values) if _is_there(path)]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as it would be written in a file."""
        return {
            "registries": list(self.registries),
            LIST_ROLE: [_plain(choice) for choice in self.cue_extractors],
            **{role: _plain(getattr(self, role)) for role in SINGLE_ROLES},
            "audio": asdict(self.audio),
            "run": asdict(self.run),
        }

    def to_yaml(self) -> str:
        import yaml

        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)


def texts_of(options: Any) -> Iterator[str]:
    """All texts in nested options."""
    if isinstance(options, str):
        yield options
    elif isinstance(options, (list, tuple)):
        for item in options:
            yield from texts_of(item)
    elif isinstance(options, Mapping):
        for item in options.values():
            yield from texts_of(item)


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long for a name; a NUL
        return False


def _plain(choice: Choice) -> dict[str, Any]:
    return {"name": choice.name, "options": copy.deepcopy(dict(choice.options))}


@dataclass(frozen=True)
class Layer:
    """One source of settings: plain data, where it came from, and the folder that its relative paths start from."""

    data: dict[str, Any]
    origin: str
    folder: Path | None = None


def read_source(source: str | Path, catalog: Catalog, above: tuple[Path, ...] = ()) -> list[Layer]:
    """The layers of a preset or file: those of the presets and files that it includes, then its own.

    Raises:
        ConfigError: it is not there, is not YAML with a mapping at its top, or includes itself.
    """
    path = catalog.find(source)
    if path.resolve() in above:
        raise ConfigError(f"the config {str(path)!r} includes itself")
    data = read_yaml(path)
    included = data.pop(INCLUDE, [])
    included = [included] if isinstance(included, str) else included
    origin = path.name if catalog.is_packaged(path) else str(path)
    if not isinstance(included, list) or not all(isinstance(item, str) for item in included):
        raise ConfigError(f"{INCLUDE}: {included!r}", f"in {origin}", "expected presets or files")
    layers = []
    for item in included:
        is_file = Path(item).suffix in (".yaml", ".yml")
        layers += read_source(path.parent / item if is_file else item, catalog, (*above, path.resolve()))
    return [*layers, Layer(data, origin, path.resolve().parent)]


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file with a mapping at its top, unresolved.

    Raises:
        ConfigError: it is none.
    """
    import yaml

    from spa2v.core.yaml_text import load_yaml

    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError(f"the config {str(path)!r} is over {MAX_CONFIG_BYTES} bytes")
        data = load_yaml(path.read_text(encoding="utf-8"))
    except (*FAULTS, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read the config {str(path)!r}", message_of(error)) from error
    if not isinstance(data, dict):
        raise ConfigError(f"the config {str(path)!r} is not a mapping")
    return data


def read_overrides(overrides: Sequence[str]) -> list[Layer]:
    """One layer for each "key.key=value"; the value is YAML.

    Raises:
        ConfigError: not of that form.
    """
    import yaml

    from spa2v.core.yaml_text import load_yaml

    layers = []
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key or key.startswith("-"):
            raise ConfigError(f"override {text!r} is not of the form key=value", "as in run.seed=3")
        try:
            layers.append(Layer(nested({key: load_yaml(value)}), f"override {text!r}"))
        except (*FAULTS, yaml.YAMLError) as error:
            raise ConfigError(f"override {text[:200]!r} cannot be read", message_of(error)) from error
    return layers


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """{"a.b": 1, "a.c": 2} as {"a": {"b": 1, "c": 2}}; a role that is a bare name takes options, too."""
    made: dict[str, Any] = {}
    for key, value in settings.items():
        *folders, last = str(key).split(".")
        if len(folders) > MAX_DEPTH:
            raise ConfigError(f"the key {str(key)[:80]!r}... has {len(folders) + 1} parts")
        place = made
        for folder in folders:
            if place is made and folder in SINGLE_ROLES and isinstance(made.get(folder), str):
                made[folder] = {"name": made[folder]}
            place = place.setdefault(folder, {})
            if not isinstance(place, dict):
                raise ConfigError(f"the keys {key!r} and {folder!r} exclude each other")
        is_name = place is made and last in SINGLE_ROLES and isinstance(value, str) and last in made
        place[last] = {**made[last], "name": value} if is_name else value
    return made


def merge(layers: Sequence[Layer]) -> Config:
    """One configuration from layers, left to right.

    Raises:
        ConfigError: everything that is wrong with the shape of the layers, in one message.
    """
    problems: list[ConfigError] = []
    merged: dict[str, Any] = {}
    for layer in layers:
        _merge_layer(merged, layer, problems)
    for role in SINGLE_ROLES:
        if role not in merged and not problems:
            problems.append(ConfigError(f"the config names no {role}", "add for instance: --config default"))
    raise_all(problems)
    resolved = _resolve(merged)
    audio = _settings(AudioConfig, resolved.get("audio", {}), "audio", problems)
    run = _settings(RunConfig, resolved.get("run", {}), "run", problems)
    raise_all(problems)
    return Config(
        layout_planner=Choice(**resolved["layout_planner"]),
        grounding_injector=Choice(**resolved["grounding_injector"]),
        motion_backbone=Choice(**resolved["motion_backbone"]),
        cue_extractors=tuple(Choice(**item) for item in resolved.get(LIST_ROLE, [])),
        registries=tuple(resolved.get("registries", [])),
        audio=audio,
        run=run,
    )


def raise_all(problems: Sequence[Spa2vError]) -> None:
    """Raises one error for one or many problems; nothing for none."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ConfigError(f"{len(problems)} things are wrong with the config", *(str(problem) for problem in problems))


_SECTIONS = ("audio", "run")
_KEYS = ("registries", LIST_ROLE, *SINGLE_ROLES, *_SECTIONS)


def _merge_layer(merged: dict[str, Any], layer: Layer, problems: list[ConfigError]) -> None:
    where = f"in {layer.origin}"
    for key, value in layer.data.items():
        try:
            if key in SINGLE_ROLES:
                merged[key] = _merge_choice(merged.get(key), value, key, where)
            elif key == LIST_ROLE:
                merged[key] = _merge_extractors(merged.get(key, []), value, where)
            elif key == "registries":
                merged[key] = merged.get(key, []) + _paths(value, layer, where)
            elif key in _SECTIONS:
                merged[key] = {**merged.get(key, {}), **_mapping(value, key, where)}
            else:
                raise ConfigError(f"unknown key {key!r}", where, near(str(key), _KEYS))
        except ConfigError as problem:
            problems.append(problem)


def _mapping(value: Any, key: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{key}: {value!r} is not a mapping", where)
    return value


def _merge_choice(below: dict[str, Any] | None, value: Any, key: str, where: str) -> dict[str, Any]:
    value = {"name": value} if isinstance(value, str) else value
    if not isinstance(value, dict):
        raise ConfigError(f"{key}: {value!r}", where, "expected {name: ..., options: {...}}, or a name")
    for part in value:
        if part not in ("name", "options"):
            raise ConfigError(f"{key}: unknown key {part!r}", where, near(str(part), ("name", "options")))
    name = value.get("name", below["name"] if below else None)
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{key}: no name", where, "expected {name: ..., options: {...}}, or a name")
    options = value.get("options") or {}
    if not isinstance(options, dict):
        raise ConfigError(f"{key}.options: {options!r} is not a mapping", where)
    kept = below["options"] if below and below["name"] == name else {}
    return {"name": name, "options": _deep(kept, options)}


def _deep(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings inside options merge too; everything else is replaced."""
    merged = copy.deepcopy(dict(below))
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[str(key)] = _deep(merged[key], value) if both else copy.deepcopy(value)
    return merged


def _merge_extractors(below: list[dict[str, Any]], value: Any, where: str) -> list[dict[str, Any]]:
    """A list replaces the list beneath (options of kept names stay); a mapping changes single extractors by name."""
    known = {item["name"]: item for item in below}
    if isinstance(value, dict):
        for name, change in value.items():
            if name not in known:
                raise ConfigError(f"{LIST_ROLE}: {name!r} is not in the list", where, f"the list: {', '.join(known)}")
            known[name] = _merge_choice(known[name], change, f"{LIST_ROLE}.{name}", where)
        return list(known.values())
    if not isinstance(value, list):
        raise ConfigError(f"{LIST_ROLE}: {value!r}", where, "expected a list of {name, options}, or of names")
    made = [_merge_choice(None, item, f"{LIST_ROLE}[{i}]", where) for i, item in enumerate(value)]
    names = [item["name"] for item in made]
    if len(set(names)) < len(names):
        raise ConfigError(f"{LIST_ROLE}: a name stands twice in {names}", where)
    return [_merge_choice(known.get(item["name"]), item, LIST_ROLE, where) for item in made]


def _paths(value: Any, layer: Layer, where: str) -> list[str]:
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(item, str) and "\0" not in item for item in value):
        raise ConfigError(f"registries: {value!r}", where, "expected a list of paths")
    folder = layer.folder or Path.cwd()
    try:
        return [str((folder / item).resolve()) for item in value]
    except (OSError, ValueError) as error:  # links in a circle, half a surrogate pair
        raise ConfigError(f"registries: {value!r}", where, reason_of(error)) from error


def _resolve(merged: dict[str, Any]) -> dict[str, Any]:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    refusal = ConfigError("a config may not read a key from the environment", "components read their keys themselves")
    if _SECRET.search(repr(merged)):
        raise refusal
    try:
        resolved = OmegaConf.to_container(OmegaConf.create(merged), resolve=True)
        if _secrets_in(resolved) - _secrets_in(merged):  # however the interpolation was written
            raise refusal
        return resolved
    except (*FAULTS, OmegaConfBaseException) as error:
        raise ConfigError("the config cannot be resolved", message_of(error)) from error


def _secrets_in(data: Any) -> set[str]:
    """The values of environment variables named like keys that stand somewhere in some data."""
    names = [name for name in os.environ if _SECRET_NAME.search(name)]
    values = {os.environ[name] for name in names if len(os.environ[name]) >= SECRET_LENGTH}
    return {value for text in _texts(data) for value in values if value in text}


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _texts(key)
            yield from _texts(value)
    elif isinstance(data, list):
        for item in data:
            yield from _texts(item)
    elif isinstance(data, str):
        yield data


_NUMBERS = {"start_s": (0, 1e6), "duration_s": (0, 1e6), "max_duration_s": (0, 86_400), "seed": (0, 2**32 - 1)}


def _settings(kind: type[Any], data: Mapping[str, Any], key: str, problems: list[ConfigError]) -> Any:
    hints = get_type_hints(kind)
    good = {}
    for name, value in data.items():
        try:
            if name not in hints:
                raise ConfigError(f"unknown key {f'{key}.{name}'!r}", near(str(name), hints))
            good[name] = _ranged(value, hints[name], name, f"{key}.{name}")
        except ConfigError as problem:
            problems.append(problem)
    return kind(**good)


def _ranged(value: Any, hint: Any, name: str, where: str) -> Any:
    if name not in _NUMBERS:
        return fitted(value, hint, where)
    low, high = _NUMBERS[name]
    number = "a whole number" if hint is int else "a number"
    refusal = ConfigError(f"{where}: {value!r}", f"expected {number} from {low} to {high:.0f}")
    try:
        found = fitted(value, hint, where)
    except ConfigError:
        raise refusal from None
    if found is not None and not low <= found <= high:
        raise refusal
    return found


def load(sources: Sequence[str | Path], overrides: Sequence[str], catalog: Catalog, default: str = "default") -> Config:
    """A configuration from presets or files, left to right over the default preset, then overrides.

    Raises:
        ConfigError: everything that is wrong, in one message.
    """
    layers = [layer for source in (default, *sources) for layer in read_source(source, catalog)]
    return merge([*layers, *read_overrides(overrides)])
