"""The contract tests for authors: every rule of every family is kept by a good component and broken by a bad one."""

from __future__ import annotations

import broken_components as broken
import pytest

from spa2v import ContractError
from spa2v.core.registry import FAMILIES
from spa2v.testing import Contract, check_component
from spa2v.testing.contract import rules

EVERY_RULE = [(family, rule.name) for family in FAMILIES for rule in rules(family)]


@pytest.fixture(scope="module", autouse=True)
def offline() -> None:
    import os

    os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_good_component_keeps_every_rule(family: str) -> None:
    report = check_component(family, broken.FAMILIES[family][0])
    unchecked = {"sites", "text", "loop"} if family == "motion_backbones" else set()
    assert set(report.unchecked) == unchecked
    assert set(report.kept) | unchecked == {rule.name for rule in rules(family)}


@pytest.mark.parametrize(("family", "name"), EVERY_RULE, ids=[f"{family}-{name}" for family, name in EVERY_RULE])
def test_every_rule_can_be_broken(family: str, name: str) -> None:
    bad = getattr(broken.FAMILIES[family][1], name)
    contract = Contract(family, bad, options={})
    rule = next(rule for rule in contract.rules if rule.name == name)
    with pytest.raises(ContractError) as caught:
        contract.check(rule)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"'{name}' of {family} breaks its contract"
    assert lines[1] == f"  rule '{name}': {rule.says}"
    assert lines[2].startswith("    seen: ")
    assert lines[-1] == f"    to mend: {rule.mend}"
