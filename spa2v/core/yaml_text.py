"""A look at YAML before it is loaded: loaders recurse, and aliases can stand for far more than they take to write."""

from __future__ import annotations

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
