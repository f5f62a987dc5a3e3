"""`check_component`: holds a component against the contract of its family."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from spa2v.core.errors import ConfigError, ContractError, near
from spa2v.core.faults import crash_line, home_of
from spa2v.core.host import Host
from spa2v.core.options import bind_options
from spa2v.core.registry import FAMILIES, Component, Entry, check_contract
from spa2v.core.weights import offline
from spa2v.testing.rules import Broken, Rule, Subject, Unchecked
from spa2v.testing.toys import registries_used

__all__ = ["Contract", "Report", "Rule", "check_component", "rules"]


@dataclass(frozen=True)
class Report:
    """What was found.

    Args:
        component: who was checked.
        kept: names of the rules that hold.
        unchecked: names of the rules that could not be checked, each with the reason.
        facts: what was seen on the way; "grounds" says whether an injector changes what is drawn.
    """

    component: str
    kept: tuple[str, ...]
    unchecked: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


def rules(family: str) -> tuple[Rule, ...]:
    """The rules of a family, in the order in which they are checked.

    Raises:
        ConfigError: the family is unknown.
    """
    if family not in FAMILIES:
        raise ConfigError(f"unknown family {family!r}", near(family, FAMILIES))
    return import_module(f"spa2v.testing.{family}").RULES


class Contract:
    """The contract of one component, to be checked rule by rule.

    Args:
        family: as in the catalog.
        component: a name from the catalog (built in, from an installed extension or a registry file), or a class.
        registries: registry files that hold further names.
        options: for the constructor.

    Raises:
        ConfigError, ComponentLoadError, ContractError: it is unknown, cannot be loaded, lacks the method, or does not
            take the options.
    """

    def __init__(
        self,
        family: str,
        component: str | type[Any],
        registries: Sequence[str | Path] = (),
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.rules = rules(family)
        found, loaded = _load(family, component, registries)
        fitting = bind_options(loaded, options or {}, found.name)
        self.subject = Subject(family, found.name, found.entry.target, loaded, fitting)
        self.who = f"{found.name!r} of {family}"
        self._registries = registries
        self._crashes: dict[str, str] = {}  # line of code and error to the first rule that met it

    def check(self, rule: Rule) -> None:
        """Holds the component against one rule.

        Raises:
            ContractError: it is broken; says which rule, what was seen, and how to fix it.
            Unchecked: it cannot be checked here, or breaks off with a crash that another rule has met.
        """
        try:
            with registries_used(self._registries), offline():
                rule.check(self.subject)
        except Broken as broken:
            crash, line = broken.__cause__, []
            if crash is not None:
                line = crash_line(crash, home_of(self.subject.target))
                where = line[0] if line else str(crash)
                first = self._crashes.setdefault(f"{type(crash).__name__} {where}", rule.name)
                if first != rule.name:
                    raise Unchecked(f"it meets the crash that breaks {first!r}") from broken
            raise ContractError(f"{self.who} breaks its contract", *_explain(rule, broken, line)) from broken

    def check_all(self) -> Report:
        """Holds the component against every rule.

        Raises:
            ContractError: one or more are broken; lists all of them.
        """
        kept, unchecked, problems = [], {}, []
        for rule in self.rules:
            try:
                self.check(rule)
                kept.append(rule.name)
            except Unchecked as reason:
                unchecked[rule.name] = str(reason)
            except ContractError as problem:
                problems.append(problem)
        if problems:
            details = [line for problem in problems for line in problem.details]
            hidden = [name for name, reason in unchecked.items() if "the crash that breaks" in reason]
            details += [f"the same crash hides: {', '.join(hidden)}"] if hidden else []
            raise ContractError(f"{self.who} breaks its contract", *details) from problems[0].__cause__
        facts = {key: value for key, value in self.subject.facts.items() if key == "grounds"}
        return Report(self.who, tuple(kept), unchecked, facts)


def _load(family: str, component: str | type[Any], registries: Sequence[str | Path]) -> tuple[Component, type[Any]]:
    if isinstance(component, str):
        registry = Host([Path(path) for path in registries]).registry
        return registry.find(family, component), registry.load(family, component)
    if not inspect.isclass(component):
        raise ConfigError(f"{component!r} is neither a name nor a class")
    target = f"{component.__module__}:{component.__name__}"
    found = Component(family, component.__name__, Entry(target), component.__module__)
    check_contract(component, found)
    return found, component


def _explain(rule: Rule, broken: Broken, line: Sequence[str]) -> tuple[str, ...]:
    at = [f"  at {line[0]}"] if line else []
    return (f"rule {rule.name!r}: {rule.says}", f"  seen: {broken}", *at, f"  fix: {rule.fix}")


def check_component(
    family: str, component: str | type[Any], registries: Sequence[str | Path] = (), /, **options: Any
) -> Report:
    """Holds a component against the contract of its family: types, invariants, determinism, edge cases, reversibility.

    Args:
        family: as in the catalog, such as layout_planners or metrics.
        component: a name from the catalog (built in, from an installed extension or a registry file), or a class.
        registries: registry files that hold further names.
        options: for the constructor, as in a config.

    Raises:
        ContractError: rules are broken; for each, what was seen and how to fix it.
        ConfigError, ComponentLoadError: the component is unknown or cannot be loaded.
        WeightsError: it needs weights that are not there; give options that name small ones.
    """
    return Contract(family, component, registries, options).check_all()
