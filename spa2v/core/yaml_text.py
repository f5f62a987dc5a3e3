"""YAML of configs: checked before it is loaded, and scalars read so that nothing of what was written is lost.

Loaders recurse, and aliases can stand for far more than they take to write. YAML 1.1 takes `off`, `no`, `1e3`, `007`,
`12:30` and bare dates for other things than their writers meant: here only what has one spelling becomes a number, a
truth value or null; every other plain scalar stays text until the type of its option says what it means.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

MAX_DEPTH, MAX_NODES = 64, 100_000
TOO_DEEP = f"it is nested more than {MAX_DEPTH} deep"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_yaml(text: str) -> None:
    """Refuses YAML that is nested too deep, too large with its aliases written out, or inside itself.

    Raises:
        ValueError: which of them.
        yaml.YAMLError: not YAML.
    """
    open_nodes: list[tuple[str | None, int]] = []  # (anchor, nodes before it) of each collection around the event
    anchored: dict[str, int] = {}
    count = 0
    for event in _events(text):
        if isinstance(event, yaml.events.AliasEvent):
            count += anchored.get(event.anchor, 0)
            if any(anchor == event.anchor for anchor, _ in open_nodes):
                raise ValueError(f"the alias {event.anchor!r} stands inside itself")
        elif isinstance(event, yaml.events.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                anchored[anchor] = count - before
        elif isinstance(event, yaml.events.NodeEvent):
            count += 1
            if isinstance(event, yaml.events.CollectionStartEvent):
                open_nodes.append((event.anchor, count))
            elif event.anchor is not None:
                anchored[event.anchor] = 1
        if len(open_nodes) > MAX_DEPTH:
            raise ValueError(TOO_DEEP)
        if count > MAX_NODES:
            raise ValueError(f"it holds more than {MAX_NODES} values, aliases written out")


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        if "nesting depth" not in str(error.problem):
            raise
        raise ValueError(TOO_DEEP) from error  # libyaml looks ahead, and has a limit of its own since PyYAML 6.0.4


def load_yaml(text: str) -> Any:
    """The data of a YAML text, checked first; see the module for scalars.

    Raises:
        ValueError: too deep, too large, or inside itself; see `check_yaml`.
        yaml.YAMLError: not YAML, or a duplicate key in a mapping.
    """
    check_yaml(text)
    return yaml.load(text, Loader=_Plain)  # noqa: S506 - a safe loader


class _Plain(_Loader):  # type: ignore[misc]
    """Safe, with all plain scalars but merge keys read by `scalar`, and without duplicate keys."""

    yaml_implicit_resolvers = {"<": [("tag:yaml.org,2002:merge", re.compile("^<<$"))]}

    def scalar(self, node: Any) -> Any:
        value = self.construct_scalar(node)
        return value if node.style else scalar(value)  # plain: None, or "" from libyaml

    def mapping(self, node: Any) -> Iterator[dict[Any, Any]]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((key for key in keys if keys.count(key) > 1), None) if len(set(keys)) < len(keys) else None
        if twice is not None:
            raise yaml.constructor.ConstructorError(
                "while constructing a mapping", node.start_mark, f"found duplicate key {twice}", node.start_mark
            )
        return self.construct_yaml_map(node)


_Plain.add_constructor("tag:yaml.org,2002:str", _Plain.scalar)
_Plain.add_constructor("tag:yaml.org,2002:map", _Plain.mapping)


def scalar(text: str) -> Any:
    """A plain scalar where it is written as this package writes it (true, false, null, 12, 0.5); else its text."""
    if text in ("", "~"):
        return None
    found = number(text) if text not in _NAMED else _NAMED[text]
    return found if scalar_text(found) == text else text


def number(text: str) -> int | float | None:
    """The number that a text is in YAML 1.2 or Python (12, 1_000, 0x1f, 1e3, .5, -.inf); None for any other text."""
    if text.lower().lstrip("+-") in (".inf", ".nan"):
        return float(text.replace(".", "", 1))
    if not re.fullmatch(r"[-+]?(0x[0-9a-fA-F]+|0o[0-7]+|(\d[\d_]*\.?[\d_]*|\.\d+)([eE][-+]?\d+)?)", text):
        return None
    try:
        return int(text, 0 if "0x" in text or "0o" in text else 10)
    except ValueError:
        pass
    try:
        return found if math.isfinite(found := float(text)) else None
    except ValueError:  # 1__0
        return None


_NAMED = {"true": True, "false": False, "null": None}


def scalar_text(value: Any) -> str:
    """A value of a config in one line, as YAML writes it."""
    named = next((name for name, item in _NAMED.items() if item is value), None)
    return named or str(value)
