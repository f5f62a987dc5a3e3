"""`spa2v generate`: both stages."""

from __future__ import annotations

from pathlib import Path

from spa2v.cli import options as opt


def generate(
    audio: opt.Audio,
    overrides: opt.Overrides = None,
    out: opt.Out = None,
    config: opt.Sources = None,
    run_dir: opt.RunDir = None,
    start: opt.Start = None,
    duration: opt.Duration = None,
    quiet: opt.Quiet = False,
) -> None:
    """Plan a recording and draw the plan: AUDIO in, a video out (.mp4, .gif, or .png for a contact sheet)."""
    from spa2v.core.media.files import check_output
    from spa2v.core.media.video import SUFFIXES, write_video

    pipeline = opt.pipeline(config, overrides, start, duration, quiet)
    target = out or (run_dir / "video.mp4" if run_dir else Path(audio.stem + ".mp4"))
    check_output(target, SUFFIXES, check_folder=out is not None)
    with pipeline.recorded(run_dir) as (run, manifest):
        clip = pipeline.read(audio)
        result = pipeline(clip, run)
        run.step("write", {"video": result.video}, lambda: write_video(target, result.video, clip))
        manifest.output("video", target)
    opt.say(f"{result.layout.caption}\nwrote {target}")
