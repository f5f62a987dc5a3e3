"""The pytest plugin: one test a rule, and a skip with its reason where a component cannot be checked.

    @pytest.mark.spa2v_component("layout_planners", "my_planner", size=0.3)
    def test_contract(spa2v_rule):
        spa2v_rule()

Active wherever spa2v is installed; imports nothing of it before a test asks for `spa2v_rule`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

MARK = "spa2v_component"


def pytest_configure(config: pytest.Config) -> None:
    line = f"{MARK}(family, component, registries=(), /, **options): whose contract `spa2v_rule` checks, rule by rule"
    config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "spa2v_rule" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker(MARK)
    if mark is None or len(mark.args) < 2:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: mark it with @pytest.mark.{MARK}(family, component)")
    from spa2v.testing.contract import rules

    metafunc.parametrize("spa2v_rule", [rule.name for rule in rules(mark.args[0])], indirect=True)


@pytest.fixture(scope="module")
def _spa2v_contracts() -> dict[Any, Any]:
    """The contracts of a module, kept so that the rules of one component share what they compute."""
    return {}


@pytest.fixture
def spa2v_rule(request: pytest.FixtureRequest, _spa2v_contracts: dict[Any, Any]) -> Callable[[], None]:
    """One rule of the contract of the marked component; call it."""
    mark = request.node.get_closest_marker(MARK)
    name: str = request.param

    def check() -> None:
        __tracebackhide__ = True
        _check(mark, name, _spa2v_contracts)

    return check


def _check(mark: pytest.Mark, name: str, contracts: dict[Any, Any]) -> None:
    __tracebackhide__ = True
    from spa2v.core.errors import Spa2vError
    from spa2v.testing.contract import Contract
    from spa2v.testing.rules import LACKING, Unchecked

    end: Callable[[str], Any]

    family, component, registries = (*mark.args, ())[:3]
    key = repr((mark.args, mark.kwargs))
    try:
        if key not in contracts:
            contracts[key] = Contract(family, component, registries, mark.kwargs)
        contract = contracts[key]
        contract.check(next(rule for rule in contract.rules if rule.name == name))
        return
    except (Unchecked, *LACKING) as reason:
        end, text = pytest.skip, str(reason)
    except Spa2vError as problem:
        end, text = partial(pytest.fail, pytrace=False), str(problem)
    end(text)  # outside of `except`, so that pytest shows the text alone
