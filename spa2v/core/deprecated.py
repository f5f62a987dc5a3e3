"""Names of earlier releases, honored for one more version with a `DeprecationWarning`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from spa2v.core.runtime import Run
    from spa2v.core.types import VideoSceneLayout


def warn(old: str, new: str, stacklevel: int = 3) -> None:
    """Warns that a name is deprecated; by default at the line that called the caller."""
    warnings.warn(f"{old} is deprecated; use {new}", DeprecationWarning, stacklevel=stacklevel)


def moved(module: str, name: str, homes: Mapping[str, str]) -> Any:
    """For the `__getattr__` of a module: a name that now lives in another one.

    Args:
        module: where the name was.
        name: of the attribute.
        homes: moved names, and the modules that hold them now.

    Raises:
        AttributeError: the name is none of them.
    """
    if name not in homes:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    warn(f"{module}.{name}", f"{homes[name]}.{name}", stacklevel=4)
    return getattr(import_module(homes[name]), name)


@runtime_checkable
class _Reworded(Protocol):
    def reworded(self, layout: VideoSceneLayout, run: Run) -> VideoSceneLayout: ...


@runtime_checkable
class _AttachesMany(Protocol):
    attaches_many: bool

    def attach(self, backbone: Any, layout: Any, run: Run) -> AbstractContextManager[Any]: ...


class _Rewording:
    """A backbone with `reworded`, as one that `Rewords`."""

    def __init__(self, backbone: _Reworded) -> None:
        self._backbone = backbone

    def reword(self, layout: VideoSceneLayout, run: Run) -> VideoSceneLayout:
        return self._backbone.reworded(layout, run)


class _Attaching:
    """An injector with `attaches_many`, as one that `AttachesSeveral`."""

    def __init__(self, injector: _AttachesMany) -> None:
        self._injector = injector

    def attach_many(self, backbone: Any, layouts: Sequence[VideoSceneLayout], run: Run) -> AbstractContextManager[Any]:
        return self._injector.attach(backbone, list(layouts), run)


def adapted(component: object, capability: str) -> Any:
    """A component that has a capability under its earlier name, as one that has it now; None for any other."""
    who = type(component).__name__
    if capability == "Rewords" and isinstance(component, _Reworded):
        warn(f"{who}.reworded", "reword (see spa2v.core.protocols.Rewords)")
        return _Rewording(component)
    if capability == "AttachesSeveral" and isinstance(component, _AttachesMany) and component.attaches_many:
        warn(f"{who}.attaches_many", "attach_many (see spa2v.core.protocols.AttachesSeveral)")
        return _Attaching(component)
    return None
