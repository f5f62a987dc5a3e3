"""`spa2v generate`: both stages, for a recording or as a run did them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spa2v.cli import options as opt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spa2v.core.pipeline import Pipeline
    from spa2v.jobs.replay import Replay
    from spa2v.jobs.tries import Tries

FromRun = Annotated[
    Path | None,
    typer.Option("--from-run", metavar="RUN", help="Replay the run in this folder: its config, seed and recording."),
]


def generate(
    audio: Annotated[
        Path | None,
        typer.Argument(metavar="AUDIO", help="A recording: wav, flac, ogg, mp3, m4a, or a video.", show_default=False),
    ] = None,
    overrides: opt.Overrides = None,
    out: opt.Out = None,
    config: opt.Sources = None,
    run_dir: opt.RunDir = None,
    from_run: FromRun = None,
    start: opt.Start = None,
    duration: opt.Duration = None,
    tries: opt.TryCount = None,
    until: opt.Until = None,
    detector: opt.DetectorName = None,
    strict_media: opt.Strict = False,
    quiet: opt.Quiet = False,
) -> None:
    others = any(value is not None for value in (tries, until, detector))
    if from_run is not None:
        if config or overrides or start is not None or duration is not None or strict_media or others:
            raise typer.BadParameter("takes its settings from the run; give no others", param_hint="'--from-run'")
        _replay(from_run, audio, out, run_dir, quiet)
    elif audio is None:
        raise typer.BadParameter("missing", param_hint="'AUDIO'")
    else:
        pipeline = opt.pipeline(config, overrides, start, duration, quiet, strict_media)
        wanted = opt.tries(tries, until, detector, pipeline)
        _generate(pipeline, audio, out, run_dir, opt.read_files(pipeline, config, audio), wanted)


def _replay(run: Path, audio: Path | None, out: Path | None, run_dir: Path | None, quiet: bool) -> None:
    from spa2v.core.pipeline import Pipeline
    from spa2v.jobs.replay import Replay

    replay = Replay.read(run)
    pipeline = Pipeline(replay.config, quiet=quiet)
    audio = audio or replay.audio()
    inputs = opt.read_files(pipeline, None, audio, replay.origin, replay.layout())
    _generate(pipeline, audio, out, run_dir, inputs, replay.tries(), replay)


def _generate(
    pipeline: Pipeline,
    audio: Path,
    out: Path | None,
    run_dir: Path | None,
    inputs: Sequence[Path],
    tries: Tries | None,
    replay: Replay | None = None,
) -> None:
    from spa2v.core.media.outputs import refuse_inputs
    from spa2v.jobs.job import Job, held

    target = opt.video_target(out, run_dir, audio, inputs)
    refuse_inputs(opt.run_files(run_dir), inputs)
    with held(run_dir), Job.opened(pipeline, audio, replay.layout() if replay else None, run_dir, tries=tries) as job:
        if replay:
            replay.check(job)
        layout = job.layout()
        job.write(job.draw(layout, opt.offer(target, run_dir)), target)
    opt.say_kept(job.run)
    opt.say_plan(layout, job.run, target)
    for line in replay.compare(job.manifest.data["sha256"]) if replay else ():
        opt.warn(line)
