"""The command line. One module a command or group; each imports what it needs inside the command."""

from __future__ import annotations

import os
import sys
import threading
from importlib import import_module

import typer

from spa2v.core.errors import Spa2vError
from spa2v.core.faults import DEBUG_VARIABLE, OUTSIDE

COMMANDS = (
    "generate",
    "plan",
    "render",
    "cues",
    "components",
    "check",
    "check_video",
    "doctor",
    "batch",
    "evaluate",
    "ablate",
    "edit",
    "report",
    "new",
)
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
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in COMMANDS:
        app.command(name.replace("_", "-"))(getattr(import_module(f"spa2v.cli.{name}"), name))
    for name, text in GROUPS.items():
        app.add_typer(import_module(f"spa2v.cli.{name}").app, name=name, help=text, no_args_is_help=True)
    return app


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
