"""Arguments and options that several commands share."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spa2v.core.pipeline import Pipeline
    from spa2v.core.runtime import Run
    from spa2v.core.types import VideoSceneLayout
    from spa2v.jobs.tries import Tries

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
Strict = Annotated[
    bool, typer.Option("--strict-media", help="Refuse a damaged recording instead of using what decodes.")
]
TRIES = "Several tries"
TryCount = Annotated[
    int | None,
    typer.Option("--tries", metavar="N", min=1, max=64, rich_help_panel=TRIES, help="Draw N seeds and keep the best."),
]
Until = Annotated[
    float | None,
    typer.Option("--until", metavar="SCORE", min=0, max=1, rich_help_panel=TRIES, help="Stop at a score like 0.7."),
]
DetectorName = Annotated[
    str | None,
    typer.Option(
        "--detector",
        metavar="NAME[:ARG]",
        rich_help_panel=TRIES,
        help="What ranks the tries; toyworld for the weights that come with spa2v, owlv2 for others.",
    ),
]
Trackers = Annotated[
    list[str] | None,
    typer.Option(
        "--tracker",
        metavar="NAME",
        help="Log to tensorboard, wandb or another tracker of accelerate; may be given several times.",
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Do everything again; nothing finished is reused.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
_IS_QUIET = ContextVar("quiet", default=False)


def _hush(context: typer.Context, value: bool) -> bool:
    if value:
        token = _IS_QUIET.set(True)
        context.call_on_close(lambda: _IS_QUIET.reset(token))
    return value


Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", callback=_hush, help="Nothing on stderr but warnings and errors.")
]


def pipeline(
    sources: list[str] | None,
    overrides: list[str] | None,
    start: float | None = None,
    duration: float | None = None,
    quiet: bool = False,
    strict: bool = False,
) -> Pipeline:
    """The pipeline that the options of a command describe."""
    from spa2v.core.pipeline import Pipeline

    cut = {"audio.start_s": start, "audio.duration_s": duration}
    extra = [f"{key}={value}" for key, value in cut.items() if value is not None]
    extra += ["audio.strict=true"] if strict else []
    return Pipeline.from_preset(*(sources or []), overrides=[*(overrides or []), *extra], quiet=quiet)


def tries(count: int | None, until: float | None, detector: str | None, pipeline: Pipeline) -> Tries | None:
    """What the options of several tries ask for; a plan may cost money, so the detector is found before it.

    Raises:
        BadParameter: the others without --tries.
        UnknownComponent, ConfigError: no such detector, or none is known for the backbone.
    """
    if count is None:
        for name, value in (("--until", until), ("--detector", detector)):
            if value is not None:
                raise typer.BadParameter("goes with --tries N", param_hint=f"'{name}'")
        return None
    from spa2v.jobs.tries import Tries

    wanted = Tries(count, until, detector)
    wanted.detector_of(pipeline)
    return wanted


def read_files(pipeline: Pipeline, sources: list[str] | None, *paths: Path | None) -> list[Path]:
    """The files that a run of the pipeline reads; none of them may become an output."""
    given = [path for path in paths if path is not None]
    return [*given, *(Path(source) for source in sources or []), *pipeline.config.files()]


RUN_FILES = ("manifest.json", "config.yaml", "cues.json", "layout.json")
"""What `--run-dir` fills a folder with."""


def run_files(folder: Path | None, names: tuple[str, ...] = RUN_FILES) -> list[Path]:
    """The files that a run would write into its folder."""
    return [folder / name for name in names] if folder is not None else []


def video_target(out: Path | None, run_dir: Path | None, source: Path, inputs: Sequence[Path]) -> Path:
    """Where the video goes: `out`, else the run's folder, else the name of the source in the current folder.

    Raises:
        MediaError: it is a file that is read, or cannot be written.
    """
    from spa2v.core.media.files import check_output
    from spa2v.core.media.outputs import default_output, refuse_inputs
    from spa2v.core.media.video import SUFFIXES

    if out is not None:
        refuse_inputs([out], inputs)
        check_output(out, SUFFIXES)
        return out
    target, remark = default_output(run_dir / "video.mp4" if run_dir else Path(source.stem + ".mp4"), inputs)
    check_output(target, SUFFIXES, check_folder=False)
    if remark:
        warn(remark)
    return target


def offer(target: Path, run_dir: Path | None) -> Path:
    """Where a repaired plan goes: into the run's folder, else beside the video."""
    return run_dir / "repaired.json" if run_dir else target.with_suffix(".repaired.json")


def say_kept(run: Run) -> None:
    """Which try was kept, and the scores of all."""
    tries = run.record.get("tries", {})
    for entry in tries.get("scores", ()):
        score = "undefined" if entry["score"] is None else f"{entry['score']:.3f}"
        say(f"seed {entry['seed']}: {score}{' (kept)' if entry['seed'] == tries['kept'] else ''}")


def say_plan(layout: VideoSceneLayout, run: Run, target: Path) -> None:
    """How sure the planner is, where it says so (`run.record`), notes, the caption, and the file that was written."""
    planner = run.record.get("planner")
    sure = planner.get("identified") if isinstance(planner, dict) else None
    heard = f"heard: {sure}" if sure else ""
    heard = heard if len(heard) <= 80 else heard.replace("; ", "\n  ")
    notes = [f"note: {note}" for note in layout.notes]
    say("\n".join([*([heard] if heard else []), *notes, layout.caption, f"wrote {target}"]))


def say(text: str) -> None:
    """A message for the person, on stderr, unless the command is quiet; stdout is for machine-readable output."""
    if not _IS_QUIET.get():
        warn(text)


def warn(text: str) -> None:
    """A message on stderr that `--quiet` does not drop: what is wrong, or left out."""
    typer.echo(text, err=True)


def needs_extra(extra: str, *modules: str) -> None:
    """Refuses a command whose packages are not installed.

    Raises:
        MissingDependency: names the packages and the extra that brings them.
    """
    from importlib.util import find_spec

    from spa2v.core.errors import MissingDependency

    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise MissingDependency(f"this needs {', '.join(missing)}", f"pip install 'spa2v[{extra}]'")
