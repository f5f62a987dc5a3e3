"""Components of an evaluation by name: built once in each process that uses them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from spa2v.core.components import Components
from spa2v.core.host import Host
from spa2v.evaluation.engine.journal import digest
from spa2v.jobs.code_marks import code_mark, package_mark


class Chosen:
    """A metric, detector, feature extractor or label map, by name.

    Args:
        family, name: in the registry.
        options: of its constructor.
        registries: registry files that hold further names.
        component: an object in place of an entry of the registry.
    """

    def __init__(
        self,
        family: str,
        name: str,
        options: Mapping[str, Any] | None = None,
        registries: Sequence[Path] = (),
        component: Any = None,
    ) -> None:
        self.family, self.name, self.options = family, name, dict(options or {})
        self.registries, self._component = tuple(registries), component

    @classmethod
    def parse(cls, family: str, word: str, registries: Sequence[Path] = (), where: str = "", **options: Any) -> Chosen:
        """From "NAME" or "NAME:ARGUMENT", as on the command line, and further options.

        Raises:
            UnknownComponent, MissingDependency, ComponentLoadError, ContractError, ConfigError: it cannot be built.
        """
        name, named = _host(tuple(registries)).registry.parse(family, word, where or family)
        chosen = cls(family, name, named | options, registries)
        _ = chosen.component  # what is wrong with it is reported before anything runs
        return chosen

    @property
    def component(self) -> Any:
        if self._component is None:
            self._component = _components(self.registries).get(self.family, self.name, self.options, self.family)
        return self._component

    def part(self, family: str, name: str, options: Mapping[str, Any]) -> Any:
        """Another component of the same registry, for `Run.component`."""
        return _components(self.registries).part(family, name, options)

    @property
    def loads_a_model(self) -> bool:
        """Whether it needs further packages, and so had better run in one process."""
        found = [item for item in _host(self.registries).registry.components(self.family) if item.name == self.name]
        return any(item.entry.needs for item in found)

    def describe(self) -> dict[str, Any]:
        """What results depend on: name, options, the content of files that options name."""
        files = {str(v): digest(Path(v)) for v in self.options.values() if isinstance(v, str) and Path(v).is_file()}
        return {"name": self.name, "options": self.options, "files": files}

    @property
    def code(self) -> Any:
        """The code behind it, for keys of results; see `code_mark`."""
        if self._is_entry:
            return _code(self.registries, self.family, self.name)
        return [type(self._component).__qualname__, package_mark(type(self._component).__module__.partition(".")[0])]

    @property
    def home(self) -> Path:
        """The file or folder of its code, for messages."""
        if self._is_entry:
            return _components(self.registries).origin(self.family, self.name).home
        return Path(inspect.getfile(type(self._component)))

    @property
    def _is_entry(self) -> bool:
        return any(item.name == self.name for item in _host(self.registries).registry.components(self.family))

    def __getstate__(self) -> dict[str, Any]:
        """For worker processes: what the registry holds is built there."""
        return {**vars(self), "_component": None} if self._is_entry else vars(self)


@cache
def _host(registries: tuple[Path, ...]) -> Host:
    return Host(registries)


@cache  # like the components, which keep the code that they were loaded with
def _code(registries: tuple[Path, ...], family: str, name: str) -> Any:
    registry = _host(registries).registry
    return code_mark(registry.find(family, name), registry)


@cache
def _components(registries: tuple[Path, ...]) -> Components:
    return Components(_host(registries))
