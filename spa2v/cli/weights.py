"""`spa2v weights`: what a config needs, whether it is there and fits, and fetching it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spa2v.cli import options as opt

if TYPE_CHECKING:
    from spa2v.core.pipeline import Pipeline
    from spa2v.core.weights import Weights

app = typer.Typer()

DEFAULT = ["spa2v"]
Settings = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Settings that win over the config."),
]


@app.command("list")
def list_(overrides: Settings = None, config: opt.Sources = None, as_json: opt.Json = False) -> None:
    """List the weights of a config (the preset spa2v by default): id or path, size, license, present or not."""
    pipeline = opt.pipeline(config or DEFAULT, overrides)
    found = [_describe(component, need) for component, _, need in _needs(pipeline)]
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    elif not found:
        opt.say("this config needs no weights")
    else:
        _print(found)


@app.command("check")
def check(overrides: Settings = None, config: opt.Sources = None) -> None:
    """Load the weights of a config on the CPU; name what is missing, and the keys that do not fit."""
    from spa2v.core.errors import WeightsError
    from spa2v.core.protocols import ChecksWeights, capability, weights_of
    from spa2v.core.runtime import Run
    from spa2v.core.weights import find

    pipeline = opt.pipeline(config or DEFAULT, overrides)
    run, problems = Run(device="cpu", dtype="float32"), []
    for name, component in _components(pipeline):
        needs = weights_of(component)
        missing = [need for need in needs if find(need) is None]
        problems += [f"{name}: the {need.role} {need.source!r} is missing" for need in missing]
        try:
            if missing or not needs:
                continue
            checks = capability(component, ChecksWeights)
            if checks is not None:
                checks.check_weights(pipeline.motion_backbone, run)
            typer.echo(f"{name}: " + ("is here, and cannot be tried alone" if checks is None else "fits"))
        except WeightsError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise WeightsError("not all weights are in place", *problems, "run `spa2v weights fetch` for those on the hub")


@app.command("fetch")
def fetch(overrides: Settings = None, config: opt.Sources = None) -> None:
    """Fetch the weights of a config that are on the Hugging Face hub and not here yet."""
    from spa2v.core.errors import WeightsError
    from spa2v.core.weights import find, locate

    problems = []
    for name, _, need in _needs(opt.pipeline(config or DEFAULT, overrides)):
        if find(need) is not None:
            opt.say(f"{name}: the {need.role} is here")
            continue
        opt.say(f"{name}: fetching the {need.role} {need.source!r} ({_size(need)}; license: {need.license})")
        try:
            typer.echo(str(locate(need)))
        except WeightsError as error:
            problems.append(str(error))
    if problems:
        raise WeightsError("not all weights could be fetched", *problems)


def _components(pipeline: Pipeline) -> Iterator[tuple[str, Any]]:
    """(name, component) of every role, the backbone before what attaches to it."""
    choices = pipeline.config
    yield choices.motion_backbone.name, pipeline.motion_backbone
    yield choices.grounding_injector.name, pipeline.grounding_injector
    yield choices.layout_planner.name, pipeline.layout_planner
    yield from pipeline.cue_extractors.items()


def _needs(pipeline: Pipeline) -> Iterator[tuple[str, Any, Weights]]:
    """(name, component, need) of all that components say they need; each source once."""
    from spa2v.core.protocols import weights_of

    seen: set[str] = set()
    for name, component in _components(pipeline):
        for need in weights_of(component):
            if need.source not in seen:
                seen.add(need.source)
                yield name, component, need


def _size(need: Weights) -> str:
    return "size unknown" if need.size_mb is None else f"{need.size_mb} MB"


def _describe(component: str, need: Weights) -> dict[str, Any]:
    from spa2v.core.weights import find

    found = find(need)
    return {
        "component": component,
        "role": need.role,
        "source": need.source,
        "option": need.option,
        "size_mb": need.size_mb,
        "license": need.license,
        "path": None if found is None else str(found),
    }


def _print(found: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("component", "weights", "source", "size", "license", "here", expand=True)
    for item in found:
        size = "unknown" if item["size_mb"] is None else f"{item['size_mb']} MB"
        cells = (
            item["component"],
            item["role"],
            item["source"],
            size,
            item["license"],
            "yes" if item["path"] else "no",
        )
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))
    Console().print(table)
