"""Commands that are imported when they are called, and arguments that are converted without pydantic."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import typer
from typer.core import TyperCommand

HELP = ["-h", "--help"]


class LazyCommand(TyperCommand):
    """A command or group in the list of commands; its own module is not imported before it is called.

    Args:
        name: as on the command line.
        help_text: for the list of commands.
        add: adds the command or group itself to an application.
    """

    def __init__(self, name: str, help_text: str, add: Callable[[typer.Typer], None]) -> None:
        super().__init__(name, help=help_text)
        self._add = add

    def resolved(self) -> Any:
        """The command or group itself."""
        app = typer.Typer(add_completion=False)
        app.callback()(lambda: None)  # keeps a single command below its name
        self._add(app)
        root: Any = typer.main.get_command(app)
        command = root.commands[self.name]
        convert_without_pydantic(command)
        return command

    def make_context(self, *args: Any, **options: Any) -> Any:
        """The context of the command itself."""
        return self.resolved().make_context(*args, **options)


def convert_without_pydantic(command: Any) -> None:
    """Lets `Conversion` convert the parameters of a command and of the commands in it."""
    by_pydantic = find_spec("typer._coercion") is not None  # a private part, which not every release has
    for parameter in command.get_params(typer.Context(command, help_option_names=HELP)):
        if by_pydantic and hasattr(parameter, "_runtime_param") and hasattr(parameter, "type_descriptor"):
            parameter._runtime_param = Conversion(parameter)
    for child in getattr(command, "commands", {}).values():
        convert_without_pydantic(child)


class Conversion:
    """Takes text and paths as they are; leaves numbers and what is wrong to typer.

    Importing pydantic for typer's own conversion takes longer than importing typer.
    """

    def __init__(self, parameter: Any) -> None:
        self._descriptor = parameter.type_descriptor
        self._is_many = parameter.multiple or parameter.nargs == -1
        self._kind = get_args(self._descriptor.annotation)[0] if self._is_many else self._descriptor.annotation

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value of a parameter; None and defaults of the right type stay what they are."""
        if value is None:
            return () if self._is_many else None
        if not isinstance(value, str) and isinstance(self._kind, type) and isinstance(value, self._kind):
            return value
        items = list(value) if self._is_many else [value]
        if self._kind in (str, Path) and all(isinstance(item, str) and _is_usable(self._kind, item) for item in items):
            found = [self._kind(item) for item in items]
            return found if self._is_many else found[0]
        from typer._coercion import build_runtime_param

        return build_runtime_param(self._descriptor).coerce(value, param=param, ctx=ctx)


def _is_usable(kind: type, text: str) -> bool:
    """Whether a path needs no message of typer's: one that exists must be readable."""
    return kind is str or os.access(text, os.R_OK) or not os.path.lexists(text)
