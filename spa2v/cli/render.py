"""`spa2v render`: stage 2."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spa2v.cli import options as opt


def render(
    layout: Annotated[Path, typer.Argument(metavar="LAYOUT.json", help="A layout file, as `spa2v plan` writes it.")],
    overrides: opt.Overrides = None,
    audio: Annotated[Path | None, typer.Option("--audio", help="The recording that is muxed in.")] = None,
    out: opt.Out = None,
    config: opt.Sources = None,
    run_dir: opt.RunDir = None,
    start: opt.Start = None,
    duration: opt.Duration = None,
    tries: opt.TryCount = None,
    until: opt.Until = None,
    detector: opt.DetectorName = None,
    strict_media: opt.Strict = False,
    quiet: opt.Quiet = False,
) -> None:
    from spa2v.core.media.outputs import refuse_inputs
    from spa2v.jobs.job import Job, held

    pipeline = opt.pipeline(config, overrides, start, duration, quiet, strict_media)
    inputs = opt.read_files(pipeline, config, layout, audio)
    target = opt.video_target(out, run_dir, layout, inputs)
    refuse_inputs(opt.run_files(run_dir, ("manifest.json", "config.yaml", "cues.json")), inputs)
    with (
        held(run_dir),
        Job.opened(pipeline, audio, layout, run_dir, tries=opt.tries(tries, until, detector, pipeline)) as job,
    ):
        job.write(job.draw(job.layout(), opt.offer(target, run_dir)), target)
    opt.say_kept(job.run)
    opt.say(f"wrote {target}")
