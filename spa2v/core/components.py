"""Components, built once each: those of a configuration, and those that other components are made of."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from threading import RLock
from typing import Any

from spa2v.core import protocols
from spa2v.core.errors import ConfigError, ContractError, near
from spa2v.core.faults import Origin, guarded, home_of
from spa2v.core.host import Host
from spa2v.core.options import bind_options


class Components:
    """Components by family, name and options.

    Args:
        host: where they come from.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._built: dict[tuple[str, str, str], Any] = {}
        self._lock = RLock()

    def get(self, family: str, name: str, options: Mapping[str, Any], where: str) -> Any:
        """The component; the same one for the same options.

        Args:
            family, name: as in the catalog.
            options: for the constructor.
            where: who asks for it, for messages.

        Raises:
            ConfigError, UnknownComponent, ComponentLoadError, ContractError: it cannot be had.
        """
        key = (family, name, json.dumps(dict(options), sort_keys=True, default=repr))
        with self._lock:
            if key not in self._built:
                loaded = self._host.registry.load(family, name)
                fitting = bind_options(loaded, options, f"{where} ({name})")
                with guarded(self.origin(family, name)):
                    self._built[key] = _made(loaded, fitting, f"{where} ({name})")
            return self._built[key]

    def origin(self, family: str, name: str) -> Origin:
        """A component as messages about it name it."""
        found = self._host.registry.find(family, name)
        who = f"{family.removesuffix('s').replace('_', ' ')} {name!r}"
        return Origin(who, found.origin, home_of(found.entry.target))

    def part(self, family: str, name: str, options: Mapping[str, Any]) -> Any:
        """A component for another one that is running; see `Run.component`."""
        if family not in protocols.FAMILIES:
            raise ConfigError(f"unknown family {family!r}", near(family, protocols.FAMILIES))
        found = self.get(family, name, options, f"run.component({family!r}, {name!r})")
        if _is_running(found, protocols.FAMILIES[family][1]):
            raise ContractError(
                f"{name!r} of {family} is made of itself",
                "it asks for a component that asks for it again, with the same options",
            )
        return found


def _made(loaded: type[Any], options: Mapping[str, Any], where: str) -> Any:
    try:
        return loaded(**options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}", f"options: {dict(options)}") from error


def _is_running(component: object, method: str) -> bool:
    """Whether a method of a component is being executed in this thread, which makes it a part of whoever asks."""
    code = getattr(inspect.unwrap(getattr(type(component), method)), "__code__", None)
    frame = inspect.currentframe()
    while frame is not None and code is not None:
        if frame.f_code is code and frame.f_locals.get(code.co_varnames[0]) is component:
            return True
        frame = frame.f_back
    return False
