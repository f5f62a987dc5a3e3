"""The registry: a catalog of entries. It finds them, loads their classes and checks them against their family."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spa2v.core import faults
from spa2v.core.errors import (
    ComponentLoadError,
    ConfigError,
    ContractError,
    MissingDependency,
    RegistryError,
    UnknownComponent,
    near,
)
from spa2v.core.options import fitted, hint_of

FAMILIES = (
    "cue_extractors",
    "layout_planners",
    "grounding_injectors",
    "motion_backbones",
    "metrics",
    "detectors",
    "feature_extractors",
    "label_maps",
)


@dataclass(frozen=True)
class Entry:
    """One line of the catalog.

    Args:
        target: "package.module:Class", or "file.py:Class" beside the registry file that holds the entry.
        summary: one line for `spa2v components`.
        needs: import names that must be installed; looked up before the target is imported.
        install: the command that brings them.
    """

    target: str
    summary: str = ""
    needs: tuple[str, ...] = ()
    install: str = ""

    def __post_init__(self) -> None:
        module, _, name = self.target.rpartition(":")
        if not module or not name.isidentifier():
            raise RegistryError(f"target: {self.target!r}", "expected 'package.module:Class'")
        object.__setattr__(self, "needs", tuple(self.needs))

    @property
    def missing(self) -> tuple[str, ...]:
        """The needs that are not installed."""
        return tuple(name for name in self.needs if not _is_installed(name))


@dataclass(frozen=True)
class Component:
    """An entry of the registry: its name, family and origin."""

    family: str
    name: str
    entry: Entry
    origin: str


def _is_installed(name: str) -> bool:
    if name in sys.modules:
        return sys.modules[name] is not None
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


class Registry:
    """Entries of all families. A name is unique in its family; nothing wins silently."""

    def __init__(self) -> None:
        self._components: dict[str, dict[str, Component]] = {family: {} for family in FAMILIES}
        self.remarks: list[str] = []
        """Reported with every unknown component: extensions that could not be registered, and why."""

    def add_all(self, components: Iterable[Component]) -> None:
        """Adds components, all of them or none.

        Raises:
            RegistryError: a name is taken; both sides are named.
        """
        new: dict[tuple[str, str], Component] = {}
        for component in components:
            key = (component.family, component.name)
            taken = new.get(key) or self._components[component.family].get(component.name)
            if taken:
                raise RegistryError(
                    f"two components of {component.family} are named {component.name!r}",
                    f"one is {taken.entry.target} from {taken.origin}",
                    f"one is {component.entry.target} from {component.origin}",
                    "rename one of them",
                )
            new[key] = component
        for component in new.values():
            self._components[component.family][component.name] = component

    def components(self, family: str | None = None) -> list[Component]:
        """All components, or those of one family, in the order they were added."""
        if family is not None and family not in FAMILIES:
            raise ConfigError(f"unknown family {family!r}", near(family, FAMILIES))
        return [item for kind in FAMILIES if family in (None, kind) for item in self._components[kind].values()]

    def find(self, family: str, name: str) -> Component:
        """One component by name.

        Raises:
            UnknownComponent: with near names, and what could not be registered.
        """
        found = self._components[family].get(name)
        if found is None:
            elsewhere = [kind for kind in FAMILIES if name in self._components[kind]]
            hints = [f"{name!r} is one of {kind}" for kind in elsewhere] or [near(name, self._components[family])]
            raise UnknownComponent(
                f"unknown component {name!r} of {family}", *hints, *self.remarks, f"see: spa2v components {family}"
            )
        return found

    def load(self, family: str, name: str) -> type[Any]:
        """The class of a component, imported and checked against the contract of its family.

        Raises:
            UnknownComponent, MissingDependency, ComponentLoadError, ContractError.
        """
        component = self.find(family, name)
        if component.entry.missing:
            raise MissingDependency(
                f"{name!r} of {family} needs {', '.join(component.entry.missing)}, which is not installed",
                *([f"install with: {component.entry.install}"] if component.entry.install else []),
                f"from {component.origin}",
            )
        loaded = import_target(component)
        check_contract(loaded, component)
        return loaded

    def parse(self, family: str, word: str, where: str) -> tuple[str, dict[str, Any]]:
        """The name and options in "NAME" or "NAME:ARGUMENT"; the argument is for the first option of the constructor.

        Raises:
            ConfigError: there is no such component, or it takes no options.
        """
        name, colon, argument = word.partition(":")
        try:
            self.find(family, name)
        except UnknownComponent as error:
            raise UnknownComponent(f"{where}: {error.fact}", *error.details) from None
        if not colon:
            return name, {}
        loaded = self.load(family, name)
        first = next(iter(inspect.signature(loaded).parameters.values()), None)
        if first is None:
            raise ConfigError(f"{where}: {word!r}", f"{name!r} takes no options")
        return name, {first.name: fitted(argument, hint_of(loaded, first), f"{where}: {first.name}")}


def import_target(component: Component) -> type[Any]:
    """The class of a component, whatever it needs and keeps of its contract.

    Raises:
        ComponentLoadError, ContractError: it cannot be imported, or is no class.
    """
    module_name, _, class_name = component.entry.target.rpartition(":")
    what = f"cannot load {component.name!r} of {component.family} ({component.entry.target})"
    try:
        if module_name.endswith(".py"):
            module = _import_file(Path(module_name))
        else:
            module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # whatever a third-party module raises while it is imported
        fault = f"{type(error).__name__}: {error}"
        raise ComponentLoadError(what, fault, *_import_line(error, module_name), f"from {component.origin}") from error
    if not hasattr(module, class_name):
        names = [key for key, value in vars(module).items() if inspect.isclass(value)]
        raise ComponentLoadError(
            what, f"the module has no {class_name!r}; {near(class_name, names)}", f"from {component.origin}"
        )
    loaded = getattr(module, class_name)
    if not inspect.isclass(loaded):
        raise ContractError(what, f"{class_name!r} is a {type(loaded).__name__}, expected a class")
    return loaded


def _import_line(error: BaseException, module_name: str) -> list[str]:
    """The line of a file's code that could not be run; the message of a syntax error names it already."""
    return faults.crash_line(error, Path(module_name)) if module_name.endswith(".py") else []


def _import_file(path: Path) -> Any:
    if not path.is_file():
        raise ImportError(f"no file {str(path)!r}")
    import hashlib

    source = hashlib.sha256(str(path.resolve()).encode() + path.read_bytes()).hexdigest()
    name = f"_spa2v_file_{path.stem}_{source[:16]}"  # a file that was edited meanwhile is imported anew
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no file {str(path)!r}")
    if name not in sys.modules:
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def check_contract(loaded: type[Any], component: Component) -> None:
    """Checks that a class has the method of its family with the parameter names of the protocol.

    Raises:
        ContractError: the method is missing, or its parameters differ.
    """
    from spa2v.core import protocols

    protocol, method = protocols.FAMILIES[component.family]
    if problem := protocols.mismatch(loaded, protocol, method):
        who = f"{component.name!r} of {component.family} ({component.entry.target})"
        line = faults.line_of_method(loaded, method) or faults.line_of_class(loaded)
        raise ContractError(f"{who} {problem[0]}", *problem[1:], *line, f"from {component.origin}")


def located(entry: Entry, folder: Path) -> Entry:
    """The entry with a "file.py:Class" target made absolute against the folder of its registry file."""
    module, _, name = entry.target.rpartition(":")
    return replace(entry, target=f"{folder / module}:{name}") if module.endswith(".py") else entry
