"""`spa2v bench`: data sets in the benchmark format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spa2v.cli import options as opt

app = typer.Typer()


@app.callback()
def bench() -> None:
    """Data sets in the benchmark format."""


@app.command("index")
def index(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of a data set in the benchmark format.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the index; DATA/example_index by default.")
    ] = None,
    split: Annotated[
        str, typer.Option("--split", help="Whose clips are candidates: database, test or all.")
    ] = "database",
    clap: Annotated[
        str | None, typer.Option("--clap", metavar="MODEL", help="Add the embedding of this CLAP model to the key.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Build again even where nothing changed.")] = False,
    config: opt.Sources = None,
    overrides: opt.Overrides = None,
    quiet: opt.Quiet = False,
) -> None:
    """Measure a data set once, so that planners find in-context examples in it."""
    from spa2v.plugins.layout_planners.mllm.examples.building import build_index
    from spa2v.plugins.layout_planners.mllm.examples.index import FOLDER

    pipeline = opt.pipeline(config, overrides, quiet=quiet)
    run = pipeline.new_run()
    extractors = [{"name": item.name, "options": dict(item.options)} for item in pipeline.config.cue_extractors]
    folder = out or data / FOLDER
    built = build_index(data, folder, pipeline.measure, extractors, run, split=split, clap=clap, force=force)
    opt.say(f"{len(built.clips)} clips in {folder}")
    opt.say(f"use it: layout_planner.options.examples={folder}")
