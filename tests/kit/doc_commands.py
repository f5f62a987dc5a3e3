"""The command line as the docs tell it: a part for each command, made from the application itself."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import typer

from spa2v.cli import build

TOGETHER = ("train",)
"""Groups whose commands share a part, because they share their options."""


@cache
def application() -> Any:
    """The whole command line with all modules of commands imported, as typer runs it."""
    root: Any = typer.main.get_command(build())
    root.commands = {name: command.resolved() for name, command in root.commands.items()}
    return root


def leaves(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """(name, command) of everything that can be run, such as "world sample"."""
    command = command or application()
    if not hasattr(command, "commands"):
        yield " ".join(path), command
        return
    for name, child in command.commands.items():
        if not child.hidden:
            yield from leaves(child, (*path, name))


def names() -> list[str]:
    """The parts that the page of commands must have."""
    found = [name for name, _ in leaves()]
    alone = [name for name in found if not name.startswith(TOGETHER)]
    return [*alone, *TOGETHER]


def part(name: str) -> str:
    """What a command does, and its arguments and options; of a group, those of all its commands."""
    chosen = {path: command for path, command in leaves() if path == name or path.startswith(f"{name} ")}
    if name in chosen:
        return _told(name, chosen[name]) + "\n" + _table(chosen[name])
    rows = [f"| `{path.removeprefix(name + ' ')}` | {_plain(command.help)} |" for path, command in chosen.items()]
    lines = ["| command | what it does |", "|---|---|", *rows, ""]
    tables: dict[str, list[str]] = {}
    for path, command in chosen.items():
        tables.setdefault(_table(command), []).append(path.removeprefix(name + " "))
    for table, users in tables.items():
        lines += [f"Options of {', '.join(f'`{user}`' for user in users)}:", "", table]
    return "\n".join(lines)


def _told(name: str, command: Any) -> str:
    words = [_asked(item) for item in command.params if item.required or not _is_option(item)]
    options = " [OPTIONS]" if any(_is_option(item) and not item.required for item in command.params) else ""
    usage = f"spa2v {name} {' '.join(words)}".strip()
    return f"{_plain(command.help)}\n\nUsage: `{usage}{options}`\n"


def _is_option(item: Any) -> bool:
    return item.param_type_name == "option"


def _asked(item: Any) -> str:
    word = item.metavar or item.name.upper()
    if _is_option(item):
        return f"{item.opts[0]} {word}"
    return word if item.required or word.startswith("[") else f"[{word}]"


def _table(command: Any) -> str:
    rows = [f"| {_spelled(item)} | {_plain(item.help or '')} | {_default(item)} |" for item in command.params]
    return "\n".join(["| argument or option | meaning | default |", "|---|---|---|", *rows]) + "\n"


def _spelled(item: Any) -> str:
    if not _is_option(item):
        return _code(item.metavar or item.name.upper())
    value = "" if item.is_flag or not item.metavar else f" {item.metavar}"
    short = sorted(item.opts, key=len)
    words = [*short[:-1], short[-1] + value, *item.secondary_opts]
    return ", ".join(_code(word) for word in words)


def _code(word: str) -> str:
    """A word as code; a bar would end the cell, and Markdown does not agree on how to write one there."""
    return f"<code>{word.replace('|', '&#124;')}</code>" if "|" in word else f"`{word}`"


def _default(item: Any) -> str:
    if item.required:
        return "required"
    if item.default is None or item.default is False or item.default == ():
        return ""
    return f"`{item.opts[0]}`" if item.default is True else f"`{item.default}`"


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
