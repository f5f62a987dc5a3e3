"""The command line. One module a command or group, imported when it is called; heavy imports are inside functions."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from spa2v.cli.lazy import HELP, LazyCommand, convert_without_pydantic
from spa2v.core.errors import Spa2vError
from spa2v.core.faults import DEBUG_VARIABLE, OUTSIDE

COMMANDS = {
    "generate": (
        "Plan a recording and draw the plan: AUDIO in, a video out (.mp4, .gif, or .png for a contact sheet)."
    ),
    "plan": "Decide which objects are where: AUDIO in, a layout file out (on stdout without -o).",
    "render": "Draw a layout file: LAYOUT.json in, a video out (.mp4, .gif, or .png for a contact sheet).",
    "cues": "Measure a recording and print the cues.",
    "components": (
        "List the components: name, summary, origin, installed or not, and why not. Also presets and ablations."
    ),
    "check": "Check a configuration: names, options, what is not installed. Nothing heavy is loaded.",
    "check-video": (
        "Score a video of any generator: its boxes and classes against a plan, its sides against its sound, flicker."
    ),
    "doctor": (
        "Try this machine: packages, device, encoders, presets, weights, keys, extensions, disk.\n\n"
        "Exit code 0 when the config (the preset default, if none is given) can run here, 1 with what to do otherwise."
    ),
    "batch": (
        "Plan and draw many clips. Finished ones are skipped; run it in as many processes as you like on one folder."
    ),
    "evaluate": (
        "Score layouts (stage 1), videos (stage 2) or a configuration on a benchmark; goes on where it was stopped."
    ),
    "ablate": (
        "Run every row of an ablation and print the paper's table. --config and KEY=VALUE go under each row's settings."
    ),
    "edit": ("Edit a layout in the browser: see and hear it, drag boxes, draw it. A recording is planned first."),
    "report": (
        "Make one self-contained HTML page that opens from disk. Several evaluations are compared with the first."
    ),
    "new": "Write an extension package that works at once: component, contract test, preset, README.",
}
"""Commands and their help; GROUPS alike. Both are here so that no module of a command is imported to list them."""
DEBUG = "--debug"
GROUPS = {
    "world": "The procedural audio-visual world.",
    "bench": "Benchmark data and candidate databases.",
    "layout": "Layout files: convert, check, show, compare.",
    "study": "Blind ranking of videos by people.",
    "train": "Train small weights on ToyWorld, in the formats of the full-size ones.",
    "weights": "The weights that a preset needs: list, check, fetch.",
}


def build() -> typer.Typer:
    """The whole command line as a typer application."""
    app = typer.Typer(
        name="spa2v",
        help="Stereo audio in, a video out in which things stand and move where they are heard.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": HELP},
    )
    app.callback(cls=_Root)(_root)
    return app


class _Root(TyperGroup):
    """The commands and groups, each imported when it is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        convert_without_pydantic(self)
        for name, text in (COMMANDS | GROUPS).items():
            self.add_command(LazyCommand(name, text, partial(_add, name=name, text=text)))


def _add(app: typer.Typer, name: str, text: str) -> None:
    word = name.replace("-", "_")
    module = import_module(f"spa2v.cli.{word}")
    if name in GROUPS:
        app.add_typer(module.app, name=name, help=text, no_args_is_help=True)
    else:
        app.command(name, help=text)(getattr(module, word))


def _version(wanted: bool) -> None:
    if wanted:
        from spa2v import __version__

        print(f"spa2v {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    debug: bool = typer.Option(False, DEBUG, help="With faults of components: the traceback. May stand anywhere."),
) -> None:
    pass


def main() -> None:
    """Runs the command line; exit code 0 done, 1 the user's input or config, 2 usage, 3 an outside service."""
    try:
        _run()
    except SystemExit as end:
        if any(thread.name.startswith("spa2v-") for thread in threading.enumerate()):
            # It waits for a service, say. While the interpreter shuts down it could free tensors, which aborts.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else 1 if end.code else 0)
        raise


def _run() -> None:
    if DEBUG in sys.argv:  # in the environment, for the processes of a command, too
        sys.argv.remove(DEBUG)
        os.environ[DEBUG_VARIABLE] = "1"
    try:
        build()()
    except Spa2vError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of stdout is gone (`spa2v ... | head`); keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if error.errno not in OUTSIDE:
            raise
        print(f"error: {error.strerror}" + (f": {error.filename!r}" if error.filename else ""), file=sys.stderr)
        sys.exit(1)
