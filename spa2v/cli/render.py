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
    quiet: opt.Quiet = False,
) -> None:
    """Draw a layout file: LAYOUT.json in, a video out (.mp4, .gif, or .png for a contact sheet)."""
    from spa2v.core.media.files import check_output, read_layout
    from spa2v.core.media.video import SUFFIXES, write_video

    pipeline = opt.pipeline(config, overrides, start, duration, quiet)
    target = out or (run_dir / "video.mp4" if run_dir else Path(layout.stem + ".mp4"))
    check_output(target, SUFFIXES, check_folder=out is not None)
    plan = read_layout(layout)
    with pipeline.recorded(run_dir) as (run, manifest):
        manifest.input("layout", layout)
        clip = pipeline.read(audio) if audio else None
        if audio and clip is not None:
            manifest.input("audio", audio)
            pipeline.measure(clip, run)
        video = pipeline.render(plan, run)
        run.step("write", {"video": video}, lambda: write_video(target, video, clip))
        manifest.output("video", target)
    opt.say(f"wrote {target}")
