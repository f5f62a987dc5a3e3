"""Whether two results are the same, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def difference(one: Any, other: Any, where: str = "the result") -> str | None:
    """Where two results first differ, in words; None when they are the same."""
    if type(one) is not type(other):
        return f"{where} is a {type(one).__name__} once and a {type(other).__name__} then"
    if is_dataclass(one) and not isinstance(one, type):
        pairs = [(getattr(one, f.name), getattr(other, f.name), f"{where}.{f.name}") for f in fields(one)]
        return _first(pairs)
    if isinstance(one, np.ndarray):
        return None if np.array_equal(one, other) else f"{where} differs"
    if isinstance(one, Mapping):
        if list(one) != list(other):
            return f"{where} has the keys {list(one)} once and {list(other)} then"
        return _first([(one[key], other[key], f"{where}[{key!r}]") for key in one])
    if isinstance(one, Sequence) and not isinstance(one, (str, bytes)):
        if len(one) != len(other):
            return f"{where} has {len(one)} entries once and {len(other)} then"
        return _first([(a, b, f"{where}[{i}]") for i, (a, b) in enumerate(zip(one, other, strict=True))])
    return None if one == other else f"{where} is {one!r} once and {other!r} then"


def _first(pairs: list[tuple[Any, Any, str]]) -> str | None:
    return next((found for one, other, where in pairs if (found := difference(one, other, where))), None)
