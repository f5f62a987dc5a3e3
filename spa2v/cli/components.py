"""`spa2v components`: the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spa2v.cli import options as opt

if TYPE_CHECKING:
    from spa2v.core.host import Host
    from spa2v.core.presets import ConfigFile
    from spa2v.core.registry import Component


FILES = {"presets": "preset", "ablations": "ablation"}


def components(
    family: Annotated[
        str | None, typer.Argument(metavar="[FAMILY]", help="Only one family, or presets, or ablations.")
    ] = None,
    config: opt.Sources = None,
    why: Annotated[str | None, typer.Option("--why", metavar="NAME", help="Explain one component.")] = None,
    as_json: opt.Json = False,
) -> None:
    host = _host(config)
    if family in FILES:
        _list_files(host.configs.files(FILES[family]), family, as_json)
        return
    if why is not None:
        _explain(host, family, why)
        return
    found = [_describe(component) for component in host.registry.components(family)]
    if as_json:
        _print_json(found)
    else:
        _print(found)


def _host(sources: list[str] | None) -> Host:
    from spa2v.core.host import Host

    host = Host()
    if not sources:
        return host
    from spa2v.core.config import load

    files = load(sources, [], host.configs).registries
    return Host([Path(path) for path in files]) if files else host


def _list_files(files: list[ConfigFile], title: str, as_json: bool) -> None:
    found = [{"name": file.name, "origin": file.origin, "path": str(file.path)} for file in files]
    if as_json:
        _print_json(found)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", expand=True)
    for head in ("name", "origin", "path"):
        table.add_column(head, overflow="fold", no_wrap=head != "path")
    for item in found:
        table.add_row(*map(Text, item.values()))
    Console(emoji=False).print(table)


def _print_json(found: list[dict[str, Any]]) -> None:
    import json

    typer.echo(json.dumps(found, indent=1))


def _describe(component: Component) -> dict[str, Any]:
    entry = component.entry
    return {
        "family": component.family,
        "name": component.name,
        "summary": entry.summary,
        "origin": component.origin,
        "target": entry.target,
        "installed": not entry.missing,
        "missing": list(entry.missing),
        "install": entry.install,
    }


def _print(found: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(emoji=False)  # does not import the table of emoji
    for family in dict.fromkeys(item["family"] for item in found):
        table = Table(title=family, title_justify="left", expand=True)
        for head in ("name", "summary", "origin", "installed"):
            table.add_column(head, overflow="fold")
        for item in found:
            if item["family"] == family:
                state = "yes" if item["installed"] else f"no, needs {', '.join(item['missing'])}: {item['install']}"
                table.add_row(*(Text(text) for text in (item["name"], item["summary"], item["origin"], state)))
        console.print(table)


def _explain(host: Host, family: str | None, name: str) -> None:
    from spa2v.core.errors import Spa2vError, UnknownComponent, near, shell

    found = [component for component in host.registry.components(family) if component.name == name]
    if not found:
        names = [component.name for component in host.registry.components(family)]
        raise UnknownComponent(f"unknown component {name!r}", near(name, names), *host.registry.remarks)
    failed = False
    for component in found:
        for key, value in _describe(component).items():
            if value not in ("", []):
                typer.echo(f"{key}: {', '.join(value) if isinstance(value, list) else _word(value)}")
        try:
            loaded = host.registry.load(component.family, component.name)
            typer.echo(f"loads: yes\noptions: {_options(loaded)}")
            registry = f" --registry {shell(component.origin)}" if Path(component.origin).is_file() else ""
            command = f"python -m spa2v.testing {component.family} {component.name}{registry}"
            typer.echo(f"check its contract: {command}")
        except Spa2vError as error:
            failed = True
            typer.echo(f"loads: no\n{error}")
    if failed:
        raise typer.Exit(1)


def _word(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _options(loaded: type[Any]) -> str:
    import inspect

    from spa2v.core.options import shown

    return ", ".join(map(shown, inspect.signature(loaded).parameters.values())) or "none"
