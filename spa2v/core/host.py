"""The host: the only manager of plugins. It registers registry files and extensions one by one and collects entries."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy
import yaml

from spa2v.core import hookspecs
from spa2v.core.errors import RegistryError, Spa2vError, near
from spa2v.core.faults import BUILT_IN
from spa2v.core.presets import Catalog, ConfigFile, config_files
from spa2v.core.registry import FAMILIES, Component, Entry, Registry, located
from spa2v.core.yaml_text import load_yaml

if TYPE_CHECKING:
    from spa2v.core.runtime import Run

EXTENSIONS_VARIABLE = "SPA2V_EXTENSIONS"
MAX_REGISTRY_BYTES = 1_000_000


def data_folder() -> Path:
    """Where `registry.yaml` and `configs/` lie: inside an installed package, at the top of a source tree."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_data"
    return installed if installed.is_dir() else package.parent


class RegistryFile:
    """A registry file as a plugin: it answers the contribution hooks from YAML.

    Raises:
        RegistryError: unreadable, not a mapping of families, or an invalid entry; names the file and the entry.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries = {family: self._family(family, items) for family, items in self._read().items()}

    def _read(self) -> dict[str, Any]:
        try:
            if self.path.stat().st_size > MAX_REGISTRY_BYTES:
                raise RegistryError(f"the registry file {str(self.path)!r} is over {MAX_REGISTRY_BYTES} bytes")
            data = load_yaml(self.path.read_text(encoding="utf-8")) or {}
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            raise RegistryError(f"cannot read the registry file {str(self.path)!r}", str(error)) from error
        if not isinstance(data, dict):
            raise RegistryError(f"the registry file {str(self.path)!r} is not a mapping of families")
        for family in data:
            if family not in FAMILIES:
                raise RegistryError(f"unknown family {family!r}", f"in {self.path}", near(str(family), FAMILIES))
        return data

    def _family(self, family: str, items: Any) -> dict[str, Entry]:
        items = {} if items is None else items
        if not isinstance(items, dict):
            raise RegistryError(f"{family} is not a mapping of names", f"in {self.path}")
        return {str(name): self._entry(f"{family}.{name}", value) for name, value in items.items()}

    def _entry(self, where: str, value: Any) -> Entry:
        value = {"target": value} if isinstance(value, str) else value
        known = ("target", "summary", "needs", "install")
        if not isinstance(value, dict) or not isinstance(value.get("target"), str):
            raise RegistryError(f"{where} has no target", f"in {self.path}", "expected target: package.module:Class")
        for key in value:
            if key not in known:
                raise RegistryError(f"{where} has an unknown key {key!r}", f"in {self.path}", near(str(key), known))
        needs = value.get("needs") or []
        if not isinstance(needs, list) or not all(isinstance(need, str) for need in needs):
            raise RegistryError(f"{where}.needs: {needs!r}", f"in {self.path}", "expected a list of import names")
        text = {key: str(value.get(key) or "") for key in ("summary", "install")}
        try:
            return located(Entry(value["target"], needs=tuple(needs), **text), self.path.resolve().parent)
        except RegistryError as error:
            raise RegistryError(f"{where}.{error.fact}", *error.details, f"in {self.path}") from None


def _contribution(family: str) -> Callable[[RegistryFile], Mapping[str, Entry]]:
    return hookspecs.hookimpl(lambda self: self._entries.get(family, {}))


for _family in FAMILIES:
    setattr(RegistryFile, f"spa2v_{_family}", _contribution(_family))


@cache  # the same in every host of a process; the editor makes one a preset
def _packaged(path: Path) -> RegistryFile:
    return RegistryFile(path)


@dataclass(frozen=True)
class Extension:
    """An installed extension package: its entry point's name, its package, and what is wrong with it, if anything."""

    name: str
    package: str
    version: str
    problem: str = ""


@cache
def _warn(message: str) -> None:
    """Prints a message once, however many hosts a command makes; of several processes the first alone speaks."""
    import multiprocessing

    if multiprocessing.parent_process() is None and os.environ.get("RANK", "0") == "0":
        print(message, file=sys.stderr)


class Host:
    """Plugins and the registry that they fill.

    Args:
        registries: further registry files, each reported separately when invalid.
        extensions: entry points to register; None takes the installed ones that `SPA2V_EXTENSIONS` allows
            (unset: all; empty: none; else a comma-separated list of names).
        warn: takes one message for each extension that is left out.
    """

    def __init__(
        self,
        registries: Sequence[Path] = (),
        extensions: Iterable[EntryPoint] | None = None,
        warn: Callable[[str], None] = _warn,
    ) -> None:
        self.registry = Registry()
        self.configs = Catalog()
        self.layout_formats: dict[str, tuple[str, str]] = {}  # of extensions: name to target and origin
        self.extensions: list[Extension] = []
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._add_file(_packaged(data_folder() / "registry.yaml"), BUILT_IN)
        self.configs.add_all(config_files(data_folder() / "configs", BUILT_IN))
        for path in registries:
            self._add_file(RegistryFile(path), str(path))
        for point in _installed_extensions() if extensions is None else extensions:
            self._add_extension(point, warn)

    def _add_file(self, plugin: RegistryFile, origin: str) -> None:
        self._manager.register(plugin, name=f"registry:{plugin.path}")
        self.registry.add_all(self._collect(plugin, origin))

    def _add_extension(self, point: EntryPoint, warn: Callable[[str], None]) -> None:
        package = point.dist.name if point.dist else "?"
        version = point.dist.version if point.dist else "?"
        origin = f"extension {package} {version}"
        plugin: Any = None
        try:
            plugin = point.load()
            self._manager.register(plugin, name=f"extension:{package}:{point.name}")
            self._manager.check_pending()
            _refuse_defaults(self._manager, plugin)
            components, files = self._collect(plugin, origin), self._collect_configs(plugin, origin)
            formats = self._collect_formats(plugin, origin)
            self.configs.refuse_taken(files)
            self.registry.add_all(components)
            self.configs.add_all(files)
            self.layout_formats |= formats
            self.extensions.append(Extension(point.name, package, version))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - one bad extension must not stop the rest
            if plugin is not None and self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            problem = str(error) if isinstance(error, Spa2vError) else f"{type(error).__name__}: {error}"
            problem += _near_hook(plugin) if isinstance(error, pluggy.PluginValidationError) else ""
            self.extensions.append(Extension(point.name, package, version, problem))
            self.registry.remarks.append(f"the {origin} is left out: {problem}")
            warn(f"warning: the {origin} is left out: {problem}\n  start without it: {EXTENSIONS_VARIABLE}= spa2v ...")

    def _collect(self, plugin: Any, origin: str) -> list[Component]:
        """The contributions of one plugin alone, so that each entry knows its origin."""
        return [
            _component(family, name, value, origin)
            for family in FAMILIES
            for result in self._call(plugin, f"spa2v_{family}")
            for name, value in _mapping(result, family, origin)
        ]

    def _collect_configs(self, plugin: Any, origin: str) -> list[ConfigFile]:
        found = []
        for folder in self._call(plugin, "spa2v_configs"):
            if not isinstance(folder, (str, Path)) or not Path(folder).is_dir():
                raise RegistryError(f"spa2v_configs returns {folder!r}", f"from {origin}", "expected a folder")
            found += config_files(Path(folder), origin)
        return found

    def _collect_formats(self, plugin: Any, origin: str) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        for result in self._call(plugin, "spa2v_layout_formats"):
            named = dict(result) if isinstance(result, Mapping) else {}
            if not named or not all(isinstance(item, str) for item in (*named, *named.values())):
                fact = f"spa2v_layout_formats returns {result!r}"
                raise RegistryError(fact, f"from {origin}", "expected names to targets")
            for name, target in named.items():
                if name in self.layout_formats:
                    taken = self.layout_formats[name][1]
                    raise RegistryError(f"the layout format {name!r} of {origin} has the name of one from {taken}")
                found[name] = (target, origin)
        return found

    def _call(self, plugin: Any, hook: str) -> list[Any]:
        """The results of a hook from one plugin alone."""
        others = [other for other in self._manager.get_plugins() if other is not plugin]
        return self._manager.subset_hook_caller(hook, remove_plugins=others)()

    def run_step(self, step: str, inputs: Mapping[str, Any], compute: Callable[[], Any], run: Run) -> Any:
        """Runs a step through the `spa2v_run_step` hook, and `compute` where no plugin answers."""
        result = self._manager.hook.spa2v_run_step(step=step, inputs=inputs, compute=compute, run=run)
        return compute() if result is None else result


def _installed_extensions() -> list[EntryPoint]:
    wanted = os.environ.get(EXTENSIONS_VARIABLE)
    names = None if wanted is None else {name.strip() for name in wanted.split(",")}
    if names == {""}:
        return []  # without reading the metadata of all that is installed, half the time of a host
    points = sorted(entry_points(group=hookspecs.PROJECT), key=lambda point: point.name)
    return points if names is None else [point for point in points if point.name in names]


def _near_hook(plugin: Any) -> str:
    """A further line that names the hook which an unknown one may have been meant to be."""
    hooks = [name for name in vars(hookspecs) if name.startswith("spa2v_")]
    unknown = [name for name in dir(plugin) if name.startswith("spa2v_") and name not in hooks]
    return f"\n  {near(unknown[0], hooks)}" if unknown else ""


def _refuse_defaults(manager: pluggy.PluginManager, plugin: Any) -> None:
    for caller in manager.get_hookcallers(plugin) or []:
        for implementation in caller.get_hookimpls():
            if implementation.plugin is plugin and implementation.kwargnames:
                names = ", ".join(implementation.kwargnames)
                raise RegistryError(f"the hook {caller.name!r} gives its parameter {names} a default", "leave it out")


def _mapping(result: Any, family: str, origin: str) -> Iterable[tuple[Any, Any]]:
    if not isinstance(result, Mapping):
        raise RegistryError(f"spa2v_{family} returns a {type(result).__name__}", f"from {origin}", "expected a mapping")
    return result.items()


def _component(family: str, name: Any, value: Any, origin: str) -> Component:
    if not isinstance(name, str) or not name.replace("-", "_").isidentifier():
        raise RegistryError(
            f"{name!r} of {family} is not a usable name", f"from {origin}", "use letters, digits, _ and -"
        )
    entry = Entry(value) if isinstance(value, str) else value
    if not isinstance(entry, Entry):
        raise RegistryError(f"{name!r} of {family} is a {type(value).__name__}", f"from {origin}", "expected an Entry")
    return Component(family, name, entry, origin)
