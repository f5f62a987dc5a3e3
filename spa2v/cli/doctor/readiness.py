"""What a config still needs before it can run on this machine: packages, weights, keys. Nothing is loaded or sent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spa2v.core.config import SINGLE_ROLES, load, preset_names
from spa2v.core.errors import MissingDependency, Spa2vError
from spa2v.core.host import Host
from spa2v.core.pipeline import Pipeline, presets_folder
from spa2v.core.protocols import NeedsKeys, capability, weights_of
from spa2v.core.weights import (
    PACKAGED,
    PICKLE_SUFFIXES,
    SAFE_SUFFIXES,
    Weights,
    find,
    is_local,
    local_path,
)

SUFFIXES = (*SAFE_SUFFIXES, *PICKLE_SUFFIXES)
"""Of files that hold weights."""


@dataclass(frozen=True)
class Need:
    """One thing that is missing.

    Args:
        kind: "config", "package", "weights", "key", "device", "encoder" or "disk".
        fact: what is missing.
        help: what to do about it.
    """

    kind: str
    fact: str
    help: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Readiness:
    """What a config needs.

    Args:
        name: of the config.
        needs: what is missing.
        missing_mb: of weights that are not here, as far as their sizes are known.
        at_least: there are more of them, of unknown size, or of components that cannot be asked.
        asks: a component asks a model, mostly behind a service, which was not tried.
    """

    name: str
    needs: tuple[Need, ...]
    missing_mb: int = 0
    at_least: bool = False
    asks: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "runs": not self.needs,
            "needs": [need.to_json() for need in self.needs],
            "missing_gb": round(self.missing_mb / 1000, 2),
            "missing_at_least": self.at_least,
            "asks_a_model": self.asks,
        }


def of_presets(host: Host) -> list[Readiness]:
    """The readiness of every preset."""
    return [_of_preset(name, host) for name in preset_names(presets_folder())]


def _of_preset(name: str, host: Host) -> Readiness:
    try:
        return of([name], Pipeline(load([name], [], presets_folder()), host))
    except Spa2vError as error:
        return Readiness(name, (_refused(error),), at_least=True)


def of(names: Sequence[str], pipeline: Pipeline) -> Readiness:
    """The readiness of a pipeline whose config has been made from sources of these names."""
    try:
        return _of(names, pipeline)
    except Exception as error:  # noqa: BLE001 - a component of somebody else's must not stop the rest of the report
        problem = Need("config", f"{type(error).__name__}: {error}", "see: spa2v check")
        return Readiness("+".join(names), (problem,), at_least=True)


def _of(names: Sequence[str], pipeline: Pipeline) -> Readiness:
    refused = [_refused(error) for error in pipeline.check()]
    built = list(_built(pipeline))
    missing = [(role, need) for role, need in _weights(built) if not _is_there(need)]
    keys = [asks.keys() for _, component in built if (asks := capability(component, NeedsKeys))]
    needs = [*refused, *(_missing(role, need, names) for role, need in missing), *_unset(keys)]
    sizes = [need.size_mb for _, need in missing]
    at_least = None in sizes or any(need.kind == "package" for need in refused)
    return Readiness("+".join(names), tuple(needs), sum(size or 0 for size in sizes), at_least, bool(keys))


def _refused(error: Spa2vError) -> Need:
    kind = "package" if isinstance(error, MissingDependency) else "config"
    return Need(kind, error.fact, error.details[0] if error.details else "see: spa2v check")


def _built(pipeline: Pipeline) -> Iterator[tuple[str, Any]]:
    """(role, component) of those that can be built here."""
    for role in SINGLE_ROLES:
        with suppress(Spa2vError):
            yield role, getattr(pipeline, role)
    with suppress(Spa2vError):
        yield from ((f"cue_extractors.{name}", item) for name, item in pipeline.cue_extractors.items())


def _weights(built: Iterable[tuple[str, Any]]) -> list[tuple[str, Weights]]:
    """(role, need) of what components load, each source once."""
    needs = [(role, need) for role, item in built for need in weights_of(item)]
    return list({need.source: (role, need) for role, need in needs}.values())


def _is_there(need: Weights) -> bool:
    """Whether the weights are here; of a folder, whether each part that it should have holds weights."""
    path = find(need)
    if path is None or path.is_file():
        return path is not None
    parts = {path / Path(pattern.partition("|")[0]).parent for pattern in need.patterns if "*" not in pattern}
    return all(any(file.suffix in SUFFIXES for file in part.glob("*")) for part in parts)


def _missing(role: str, need: Weights, names: Sequence[str]) -> Need:
    if is_local(need.source):
        option = f"{role}.options.{need.option}"
        carried = "this release does not carry it; " if need.source.startswith(PACKAGED) else ""
        what = "is not complete" if local_path(need.source).exists() else "does not exist"
        return Need("weights", f"the {need.role} {need.source!r} {what}", f"{carried}set {option} to yours")
    size = "size unknown" if need.size_mb is None else f"{need.size_mb / 1000:.2f} GB"
    fetch = " ".join(["spa2v weights fetch", *(f"--config {name}" for name in names)])
    return Need("weights", f"the {need.role} {need.source!r} is not here ({size})", fetch)


def _unset(asked: Iterable[Sequence[str]]) -> Iterator[Need]:
    for names in asked:
        if names and not any(os.environ.get(name, "").strip() for name in names):
            yield Need("key", f"{' or '.join(names)} is not set", "set it, or take a planner that needs no key")


def of_machine(pipeline: Pipeline, device: dict[str, Any], encoders: Sequence[dict[str, Any]]) -> list[Need]:
    """What the machine itself lacks for a config: a device that works in the dtype, and the encoders of an .mp4."""
    broken = [item for item in encoders if item["suffix"] == ".mp4" and not item["usable"]]
    needs = [
        Need("encoder", f"{item['name']}: {item['problem']}", "pip install --force-reinstall av") for item in broken
    ]
    chosen = {(family, choice.name) for _, family, choice in pipeline.config.choices()}
    entries = [item.entry for item in pipeline.host.registry.components() if (item.family, item.name) in chosen]
    if device["torch"] is not None and any("torch" in entry.needs for entry in entries):
        needs += _device(pipeline.config.run.device, pipeline.config.run.dtype, device)
    return needs


def of_room(asked: Readiness, disk: Sequence[dict[str, Any]]) -> Iterator[Need]:
    """Whether the weights that are to be fetched find room."""
    cache = disk[0]
    if asked.missing_mb / 1000 > cache["free_gb"]:
        fact = f"{asked.missing_mb / 1000:.1f} GB are to be fetched, and {cache['free_gb']} GB are free"
        yield Need("disk", fact, f"make room at {cache['path']}, or set HF_HOME to another folder")


def _device(name: str, dtype: str, device: dict[str, Any]) -> Iterator[Need]:
    name = device["default"] if name == "auto" else name
    dtype = ("float16" if name.startswith("cuda") else "float32") if dtype == "auto" else dtype
    found = [item for item in device["devices"] if name in (item["name"], item["name"].partition(":")[0])]
    if not found:
        yield Need("device", f"run.device: {name!r} is not available", "set run.device=auto")
        return
    tried = next((item for item in found[0]["dtypes"] if item["name"] == dtype), None)
    if tried is not None and not tried["usable"]:
        yield Need("device", f"{name} does not work in {dtype}: {tried['problem']}", "set run.dtype=float32")
