"""What a table must know of each metric: its title, which way is better, and the unit that papers print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from spa2v.core.errors import MetricError, near
from spa2v.core.host import Host
from spa2v.core.registry import import_target
from spa2v.core.types import MetricInfo


@cache
def built_in() -> Mapping[str, MetricInfo]:
    """The built-in metrics and their variants for sets."""
    classes = {item.name: import_target(item) for item in Host(extensions=[]).registry.components("metrics")}
    found: dict[str, MetricInfo] = dict(classes["max_iou"](set_level=True).values)
    for loaded in classes.values():
        found |= loaded().values
    return found


def metric_info(name: str, known: Mapping[str, MetricInfo] | None = None) -> MetricInfo:
    """Of a metric or one of its variants, whose title then carries the brackets.

    Args:
        name: as in results.
        known: of an evaluation; those of the built-in metrics are known anyway.

    Raises:
        MetricError: an unknown metric.
    """
    base, bracket, rest = name.partition("[")
    infos = {**built_in(), **{key.partition("[")[0]: info for key, info in (known or {}).items()}}
    if base not in infos:
        raise MetricError(f"there is no metric {name!r}", near(base, infos))
    info = infos[base]
    return replace(info, title=f"{info.title} [{rest}") if bracket else info
