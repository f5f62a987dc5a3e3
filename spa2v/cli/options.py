"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from spa2v.core.pipeline import Pipeline
    from spa2v.core.runtime import Run
    from spa2v.core.types import VideoSceneLayout

Audio = Annotated[Path, typer.Argument(metavar="AUDIO", help="A recording: wav, flac, ogg, mp3, m4a, or a video.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Where to write the result.")]
Sources = Annotated[
    list[str] | None,
    typer.Option("--config", "-c", metavar="PRESET|FILE", help="A preset or a .yaml file; may be given several times."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Settings that win over the config, as in run.seed=3."),
]
RunDir = Annotated[
    Path | None, typer.Option("--run-dir", help="Keep config, cues, layout and manifest of the run in this folder.")
]
Start = Annotated[float | None, typer.Option("--start", metavar="S", help="Skip this many seconds of the recording.")]
Duration = Annotated[float | None, typer.Option("--duration", metavar="S", help="Use this many seconds of it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]


def pipeline(
    sources: list[str] | None,
    overrides: list[str] | None,
    start: float | None = None,
    duration: float | None = None,
    quiet: bool = False,
) -> Pipeline:
    """The pipeline that the options of a command describe."""
    from spa2v.core.pipeline import Pipeline

    cut = {"audio.start_s": start, "audio.duration_s": duration}
    extra = [f"{key}={value}" for key, value in cut.items() if value is not None]
    return Pipeline.from_preset(*(sources or []), overrides=[*(overrides or []), *extra], quiet=quiet)


def say_plan(layout: VideoSceneLayout, run: Run, target: Path) -> None:
    """How sure the planner is, where it says so (`run.record`), the caption, and the file that was written."""
    planner = run.record.get("planner")
    sure = planner.get("identified") if isinstance(planner, dict) else None
    say("\n".join([*([f"heard: {sure}"] if sure else []), layout.caption, f"wrote {target}"]))


def say(text: str) -> None:
    """A message for the person, on stderr; stdout is for machine-readable output."""
    typer.echo(text, err=True)
