"""`spa2v plan`: stage 1."""

from __future__ import annotations

from typing import Annotated

import typer

from spa2v.cli import options as opt


def plan(
    audio: opt.Audio,
    overrides: opt.Overrides = None,
    out: opt.Out = None,
    config: opt.Sources = None,
    run_dir: opt.RunDir = None,
    start: opt.Start = None,
    duration: opt.Duration = None,
    dump_prompt: Annotated[
        bool, typer.Option("--dump-prompt", help="Print what the planner would send, and send nothing.")
    ] = False,
    quiet: opt.Quiet = False,
) -> None:
    """Decide what stands where: AUDIO in, a layout file out (on stdout without -o)."""
    from spa2v.jobs.job import Job

    pipeline = opt.pipeline(config, overrides, start, duration, quiet)
    with Job.opened(pipeline, audio, folder=run_dir) as job:
        if dump_prompt:
            typer.echo(pipeline.describe_prompt(pipeline.read(audio), job.run))
            return
        layout = job.layout(out)
    if out is None:
        typer.echo(layout.dumps(), nl=False)
    else:
        opt.say(f"{layout.caption}\nwrote {out}")
