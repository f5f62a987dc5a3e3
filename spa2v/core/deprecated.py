"""Names of earlier releases, honored for one more version with a `DeprecationWarning`."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from spa2v.core.runtime import Run
    from spa2v.core.types import VideoSceneLayout

MOVED = {
    "spa2v.core.batch": "spa2v.jobs.batch",
    "spa2v.core.replay": "spa2v.jobs.replay",
    "spa2v.evaluation.errors": "spa2v.core.errors",
    "spa2v.evaluation.metrics.boxes": "spa2v.dsp.boxes",
    "spa2v.evaluation.metrics": "spa2v.plugins.metrics",
    "spa2v.world.training.seeing": "spa2v.training.detector",
    "spa2v.world.training.shipping": "spa2v.training.export",
    "spa2v.world.training.workshop": "spa2v.training.stages",
    "spa2v.world.training.words": "spa2v.training.tokenizer",
    "spa2v.world.training": "spa2v.training",
}
"""Packages and modules, and where they are now; a longer name comes before what it starts with."""


class MovedModules:
    """Imports the modules of `MOVED`, and those inside them, under their earlier names."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if not fullname.startswith("spa2v."):
            return None
        old = next((name for name in MOVED if f"{fullname}.".startswith(f"{name}.")), None)
        if old is None:
            return None
        loader: Any = self
        return ModuleSpec(fullname, loader, origin=MOVED[old] + fullname.removeprefix(old))

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        assert spec.origin is not None  # find_spec
        warn(spec.name, spec.origin)
        module = import_module(spec.origin)
        spec.loader_state = module.__spec__  # the import system puts `spec` in its place
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def install() -> None:
    """Lets modules be imported under their earlier names."""
    if not any(isinstance(finder, MovedModules) for finder in sys.meta_path):
        sys.meta_path.insert(0, MovedModules())  # before the finder of files, which would load a second copy


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
