"""The presets as the docs tell them: made from the files in `configs/`, whose first comment says what they are for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from spa2v.core.config import ABLATIONS, SINGLE_ROLES, load, preset_names
from spa2v.core.pipeline import Pipeline
from spa2v.core.protocols import NeedsKeys, weights_of
from spa2v.core.weights import PACKAGED
from tests.kit.paths import ROOT

CONFIGS = ROOT / "configs"


def part(name: str) -> str:
    """The table of presets, their descriptions, or the table of ablations."""
    return PARTS[name]()


def _table() -> str:
    rows = [f"| [`{name}`](#{name}) | {' | '.join(_cells(name))} |" for name in preset_names(CONFIGS)]
    head = ["| preset | plans with | draws with | weights | key |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def _cells(name: str) -> Iterator[str]:
    """Planner, injector and backbone, weights and keys of the roles that a file itself sets."""
    told = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))
    pipeline = Pipeline(load([name], [], CONFIGS))
    components = {role: getattr(pipeline, role) for role in SINGLE_ROLES if role in told}
    used = {role: getattr(pipeline.config, role).name for role in components}
    yield f"`{used['layout_planner']}`" if "layout_planner" in used else ""
    yield ", ".join(f"`{used[role]}`" for role in ("grounding_injector", "motion_backbone") if role in used)
    yield _weights(components)
    keys = [item.keys() for item in components.values() if isinstance(item, NeedsKeys)]
    yield ", ".join(" or ".join(f"`{key}`" for key in names) for names in keys if names)


def _weights(components: dict[str, Any]) -> str:
    needs = [need for item in components.values() for need in weights_of(item)]
    if needs and all(need.source.startswith(PACKAGED) for need in needs):
        return "small ones of the package"
    sizes = [need.size_mb for need in needs]
    more = " and a LoRA" if None in sizes else ""
    return f"{sum(size or 0 for size in sizes) / 1000:.1f} GB{more}" if needs else ""


def _descriptions() -> str:
    return "\n".join(f"### {name}\n\n{_comment(CONFIGS / f'{name}.yaml')}\n" for name in preset_names(CONFIGS))


def _comment(path: Path) -> str:
    """The comment that a file starts with, a sentence after the other."""
    lines = path.read_text(encoding="utf-8").splitlines()
    first = next(index for index, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(line.removeprefix("#").strip() for line in lines[:first])


def _ablations() -> str:
    rows = []
    for path in sorted((CONFIGS / ABLATIONS).glob("*.yaml")):
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        stages = ", ".join(str(stage) for stage in told["stages"])
        rows.append(f"| `{path.stem}` | {told['title']} | {stages} | {' '.join(told.get('about', '').split())} |")
    return "\n".join(["| ablation | what it compares | stage | about |", "|---|---|---|---|", *rows]) + "\n"


PARTS: dict[str, Callable[[], str]] = {"table": _table, "descriptions": _descriptions, "ablations": _ablations}
