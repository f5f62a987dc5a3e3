"""`spa2v batch`: many clips, resumable, alone or under `accelerate launch`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spa2v.cli import options as opt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spa2v.jobs.batch import Batch, Item


def batch(
    manifest: Annotated[
        Path,
        typer.Argument(
            metavar="MANIFEST",
            help="A benchmark (folder or manifest.jsonl), a list of recordings, a folder of them, or a quoted glob.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the results; started again, it goes on.")],
    overrides: opt.Overrides = None,
    stage: Annotated[str, typer.Option("--stage", help="both, plan or render.")] = "both",
    config: opt.Sources = None,
    given_layouts: Annotated[
        bool, typer.Option("--given-layouts", help="With --stage render: draw the layouts that the manifest names.")
    ] = False,
    together: Annotated[
        int, typer.Option("--together", min=1, help="Clips drawn in one batch of the denoiser, where it can.")
    ] = 1,
    tries: opt.TryCount = None,
    until: opt.Until = None,
    detector: opt.DetectorName = None,
    planners: Annotated[int, typer.Option("--planners", min=1, max=64, help="Clips planned at once, ahead.")] = 1,
    max_failures: Annotated[
        int | None, typer.Option("--max-failures", min=0, help="Stop after more failed clips than this.")
    ] = None,
    fresh: opt.Fresh = False,
    strict_media: opt.Strict = False,
    quiet: opt.Quiet = False,
) -> None:
    from spa2v.core.config import raise_all
    from spa2v.core.errors import ConfigError, near
    from spa2v.core.runtime import joined_processes
    from spa2v.jobs.batch import STAGES, Batch, Goal, read_items

    if stage not in STAGES:
        raise ConfigError(f"unknown stage {stage!r}", near(stage, STAGES))
    if given_layouts and stage != "render":
        raise ConfigError("--given-layouts goes with --stage render", f"the stage is {stage!r}")
    items = read_items(manifest)
    pipeline = opt.pipeline(config, overrides, quiet=True, strict=strict_media)
    raise_all(pipeline.check())
    _refuse_inputs(out, manifest, items, opt.read_files(pipeline, config))
    goal = Goal(stage, pipeline.config, given_layouts, fresh, opt.tries(tries, until, detector, pipeline))
    with joined_processes(pipeline.config.run.device) as processes:
        work = Batch(pipeline, items, out, goal, processes, together, planners, max_failures)
        code = _run(work, quiet)
    if code:
        raise typer.Exit(code)


def _refuse_inputs(out: Path, manifest: Path, items: Sequence[Item], others: Sequence[Path]) -> None:
    from spa2v.core.media.outputs import refuse_inputs
    from spa2v.core.types.benchmark import MANIFEST
    from spa2v.jobs.batch.folders import CLIPS, VIDEO

    listed = manifest / MANIFEST if manifest.is_dir() else manifest
    inputs = [listed, *others, *(path for item in items for path in (item.audio, item.layout))]
    folders = [out / CLIPS / item.folder_name for item in items]
    files = [folder / name for folder in folders for name in (VIDEO, *opt.RUN_FILES)]
    refuse_inputs([out / MANIFEST, out / "summary.json", *files], inputs)  # a benchmark's own clips lie in such folders


def _run(work: Batch, quiet: bool) -> int:
    """The exit code. Only the first process of a launch reports the result of the batch."""
    import time

    from spa2v.core.errors import Spa2vError
    from spa2v.core.runtime import Run

    work.open()
    speaks, start = work.processes.index == 0, time.monotonic()
    try:
        with Run(quiet=quiet or not speaks).progress("clips", len(work.items)) as tick:
            work.run(tick)
    except KeyboardInterrupt:
        work.interrupts.asked = True
    except Spa2vError:
        _tell(work, time.monotonic() - start)
        raise
    code = _tell(work, time.monotonic() - start) if speaks else 0
    return work.interrupts.exit_code if work.interrupts.asked else code


def _tell(work: Batch, wall_s: float) -> int:
    from spa2v.core.errors import MediaError, shell
    from spa2v.jobs.batch import Summary, write_summary

    try:
        summary = write_summary(work, wall_s)
        typer.echo(str(work.out / "summary.json"))
    except MediaError as error:
        opt.warn(f"the summary is not kept: {error}")
        summary = Summary.of(work, wall_s)
    report = opt.warn if summary.exit_code or summary.count("left") else opt.say
    report("\n".join([*summary.lines(), f"see them with: spa2v report {shell(work.out)}"]))
    return summary.exit_code
