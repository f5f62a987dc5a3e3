"""What a contract is made of: rules, and the component that they are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from spa2v.core.errors import MissingDependency, WeightsError

T = TypeVar("T")
LACKING = (MissingDependency, WeightsError)
"""What a component raises where this machine lacks something; no rule is broken by that."""


class Broken(Exception):
    """A rule does not hold; says what was seen."""


class Unchecked(Exception):
    """A rule cannot be checked here; says why."""


@dataclass(frozen=True)
class Subject:
    """The component under test.

    Args:
        family, name: as in the catalog.
        target: "module:Class" or "file.py:Class".
        loaded: the class.
        options: for the constructor.
        facts: what checks share and remember, by name.
    """

    family: str
    name: str
    target: str
    loaded: type[Any]
    options: Mapping[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)

    def make(self) -> Any:
        """A new component."""
        with trying("building the component"):
            return self.loaded(**self.options)

    def remember(self, key: str, compute: Callable[[], T]) -> T:
        """A value that several rules look at, computed once."""
        if key not in self.facts:
            self.facts[key] = compute()
        return self.facts[key]


@dataclass(frozen=True)
class Rule:
    """One rule of a contract.

    Args:
        name: one word or two, joined by "_".
        says: what must hold, in one sentence.
        fix: what to change where it does not.
        check: raises `Broken` or `Unchecked`.
    """

    name: str
    says: str
    fix: str
    check: Callable[[Subject], None]


def demand(holds: object, seen: str) -> None:
    """Raises `Broken` unless something holds."""
    if not holds:
        raise Broken(seen)


@contextmanager
def trying(what: str) -> Iterator[None]:
    """Turns whatever a component raises into a broken rule; what this machine lacks stays as it is."""
    try:
        yield
    except (Broken, Unchecked, *LACKING):
        raise
    except (Exception, SystemExit) as error:
        raise Broken(f"{what}: raised {type(error).__name__}: {error}") from error


def typed(value: Any, kind: type[T], what: str) -> T:
    """The value, if it is of a kind.

    Raises:
        Broken: it is of another.
    """
    demand(isinstance(value, kind), f"{what}: a {type(value).__name__} came back, expected a {kind.__name__}")
    return value
