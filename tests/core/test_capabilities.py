"""Capabilities: how they are found, what is refused, and what earlier components still may do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import spa2v.core.weights
from spa2v import ContractError
from spa2v.core import protocols
from spa2v.core.protocols import (
    CAPABILITIES,
    AttachesSeveral,
    DrawsSeveral,
    NeedsWeights,
    Rewords,
    capability,
    weights_of,
)
from spa2v.testing import toy_layout, toy_run
from tests.kit.paths import ROOT


class Several:
    def generate_many(self, layouts: Any, run: Any, seeds: Any = None) -> list[Any]:
        return list(layouts)


def test_a_component_has_the_capabilities_whose_method_it_has() -> None:
    backbone = Several()
    assert capability(backbone, DrawsSeveral) is backbone
    assert capability(backbone, Rewords) is None
    assert weights_of(backbone) == ()


@pytest.mark.parametrize("protocol", CAPABILITIES)
def test_every_capability_has_a_method_that_is_documented(protocol: type[Any]) -> None:
    method = CAPABILITIES[protocol]
    assert (getattr(protocol, method).__doc__ or "").startswith(("Returns", "Loads", "Sets"))
    methods = {name: lambda self, nonsense: None for name in (*CAPABILITIES.values(), "score")}
    odd = type("Odd", (), {**methods, "values": {}, "reads": ()})()  # those of a metric too
    with pytest.raises(ContractError, match=f"has {method}\\(nonsense\\)\n  expected {method}\\("):
        capability(odd, protocol)


def test_an_option_that_is_kept_under_the_name_of_a_method_is_no_capability() -> None:
    class Keeps:
        def __init__(self, weights: str = "some/where") -> None:
            self.weights = weights

    assert capability(Keeps(), NeedsWeights) is None
    assert weights_of(Keeps()) == ()


def test_other_parameters_are_refused_with_the_name_of_the_class() -> None:
    class Odd:
        def reword(self, scene: Any, run: Any) -> Any: ...

    with pytest.raises(ContractError) as caught:
        capability(Odd(), Rewords)
    assert str(caught.value) == "Odd has reword(scene, run)\n  expected reword(layout, run)"


def test_earlier_names_of_capabilities_work_and_warn() -> None:
    class Old:
        attaches_many = True

        def attach(self, backbone: Any, layout: Any, run: Any) -> Any:
            return nullcontext(layout)

        def reworded(self, layout: Any, run: Any) -> Any:
            return layout

    scenes = (toy_layout(1), toy_layout(2))
    with pytest.warns(DeprecationWarning, match=r"Old\.attaches_many is deprecated; use attach_many"):
        injector = capability(Old(), AttachesSeveral)
    assert injector is not None
    with injector.attach_many(SimpleNamespace(), scenes, toy_run()) as attached:  # type: ignore[arg-type]
        assert attached == list(scenes)
    with pytest.warns(DeprecationWarning, match=r"Old\.reworded is deprecated; use reword "):
        backbone = capability(Old(), Rewords)
    assert backbone is not None
    assert backbone.reword(scenes[0], toy_run()) is scenes[0]
    with pytest.warns(DeprecationWarning, match=r"weights\.NeedsWeights is deprecated; use spa2v\.core\.protocols"):
        assert spa2v.core.weights.NeedsWeights is NeedsWeights


def lookups(path: Path) -> Iterator[str]:
    """The attribute names that a module asks for by `hasattr` and `getattr`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("hasattr", "getattr"):
            yield from (arg.value for arg in node.args[1:2] if isinstance(arg, ast.Constant))


def test_core_jobs_and_commands_look_no_capability_up_by_the_name_of_an_attribute() -> None:
    earlier = {"reworded", "attaches_many"}
    methods = {*CAPABILITIES.values(), *earlier, *(method for _, method in protocols.FAMILIES.values())}
    files = [file for room in ("core", "jobs", "cli", "plugins") for file in (ROOT / "spa2v" / room).rglob("*.py")]
    assert len(files) > 100
    assert {f"{file}: {name}" for file in files for name in lookups(file) if name in methods} == set()
