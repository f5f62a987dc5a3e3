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
MOST_FILES = 40
ROUGHLY = 0.1
"""Share of an expected size by which the size on the hub may differ without a word."""

Settings = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Settings that win over the config."),
]


Dry = Annotated[bool, typer.Option("--dry", help="Load and fetch nothing; compare with what the hub lists.")]


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
def check(
    overrides: Settings = None,
    config: opt.Sources = None,
    dry: Dry = False,
) -> None:
    """Load the weights of a config on the CPU; name what is missing, and the keys that do not fit."""
    from spa2v.core.errors import WeightsError
    from spa2v.core.protocols import ChecksWeights, capability, weights_of
    from spa2v.core.runtime import Run
    from spa2v.core.weights import find

    pipeline = opt.pipeline(config or DEFAULT, overrides)
    if dry:
        _check_listing(pipeline)
        return
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


def _check_listing(pipeline: Pipeline) -> None:
    """Prints the files that would be fetched, with their sizes; names what the hub does not list."""
    from spa2v.core import hub
    from spa2v.core.errors import WeightsError
    from spa2v.core.weights import find, is_local, split_source

    problems, total = [], 0
    for name, _, need in _needs(pipeline):
        what = f"{name}: the {need.role} {need.source!r}"
        if find(need) is not None:
            typer.echo(f"{what} is here")
            continue
        if is_local(need.source):
            problems.append(f"{what} does not exist")
            continue
        repository, filename = split_source(need.source)
        try:
            files, gated = hub.listing(repository)
        except OSError as error:
            problems.append(f"{what} cannot be listed: {str(error).splitlines()[0]}")
            continue
        chosen, lacking = hub.select(files, filename, need.patterns)
        problems += [f"{what} has no {alternatives}" for alternatives in lacking]
        loaded = sum(files[file] or 0 for file in chosen)
        total += loaded
        other = need.size_mb is not None and abs(loaded / 1e6 - need.size_mb) > ROUGHLY * need.size_mb
        expected = f" ({need.size_mb} MB expected)" * other + ", after consent and a login on the hub" * gated
        typer.echo(f"{what}: {len(chosen)} of {len(files)} files, {_megabytes(loaded)}{expected}")
        for file in chosen[:MOST_FILES]:
            typer.echo(f"  {file if file.isprintable() else repr(file)}  {_megabytes(files[file])}")
        if len(chosen) > MOST_FILES:
            typer.echo(f"  and {len(chosen) - MOST_FILES} more")
    if problems:
        raise WeightsError("not all weights can be had as the config names them", *problems)
    typer.echo(f"to fetch: {_megabytes(total)}")


@app.command("fetch")
def fetch(overrides: Settings = None, config: opt.Sources = None, quiet: opt.Quiet = False) -> None:
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


def _megabytes(size: int | None) -> str:
    return "size unknown" if size is None else f"{size / 1e6:.3g} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"


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
