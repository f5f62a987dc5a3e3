"""`spa2v edit`: the layout editor in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spa2v.cli import options as opt


def edit(
    source: Annotated[
        Path, typer.Argument(metavar="AUDIO|LAYOUT|RUN", help="A recording, a layout file, or the folder of a run.")
    ],
    overrides: opt.Overrides = None,
    audio: Annotated[Path | None, typer.Option("--audio", help="The recording of a layout.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Where to save the layout.")] = None,
    config: opt.Sources = None,
    start: opt.Start = None,
    duration: opt.Duration = None,
    host: Annotated[str, typer.Option("--host", help="The address to listen on; other machines reach 0.0.0.0.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="The port; a free one by default.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
    quiet: opt.Quiet = False,
) -> None:
    opt.needs_extra("edit", "starlette", "uvicorn")
    from spa2v.core.media.files import check_output
    from spa2v.edit.opening import open_source
    from spa2v.edit.serve import serve

    pipeline = opt.pipeline(config, overrides, start, duration, quiet)
    if out is not None:
        check_output(out, (".json",))
    opened = open_source(source, audio, out, pipeline)
    for remark in opened.remarks:
        opt.warn(remark)
    cut = {"audio.start_s": start, "audio.duration_s": duration}
    settings = [*(overrides or []), *(f"{key}={value}" for key, value in cut.items() if value is not None)]
    serve(opened, config or [], settings, opt.warn, host, port, browser)
