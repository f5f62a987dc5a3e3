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
    strict_media: opt.Strict = False,
    quiet: opt.Quiet = False,
) -> None:
    from spa2v.core.media.files import check_output
    from spa2v.core.media.outputs import refuse_inputs
    from spa2v.jobs.job import Job, held

    pipeline = opt.pipeline(config, overrides, start, duration, quiet, strict_media)
    refuse_inputs([out, *opt.run_files(run_dir)], opt.read_files(pipeline, config, audio))
    if out is not None:
        check_output(out, (out.suffix.lower(),))
    with held(run_dir), Job.opened(pipeline, audio, folder=run_dir) as job:
        if dump_prompt:
            typer.echo(pipeline.describe_prompt(pipeline.read(audio), job.run))
            return
        layout = job.layout(out)
    if out is None:
        typer.echo(layout.dumps(), nl=False)
    else:
        opt.say_plan(layout, job.run, out)
