"""`spa2v bench`: data sets in the benchmark format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spa2v.cli import options as opt
from spa2v.core.errors import counted

if TYPE_CHECKING:
    from spa2v.core.runtime import Run
    from spa2v.core.types import AudioClip, VideoSceneLayout
    from spa2v.evaluation.bench.build.annotating import Captioner

app = typer.Typer()


@app.callback()
def bench() -> None:
    """Data sets in the benchmark format."""


@app.command("index")
def index(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of a data set in the benchmark format.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the index; DATA/example_index by default.")
    ] = None,
    split: Annotated[
        str, typer.Option("--split", help="Whose clips are candidates: database, test or all.")
    ] = "database",
    clap: Annotated[
        str | None, typer.Option("--clap", metavar="MODEL", help="Add the embedding of this CLAP model to the key.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Build again even where nothing changed.")] = False,
    config: opt.Sources = None,
    overrides: opt.Overrides = None,
    quiet: opt.Quiet = False,
) -> None:
    """Measure a data set once, so that planners find in-context examples in it."""
    from spa2v.plugins.layout_planners.mllm.examples.building import build_index
    from spa2v.plugins.layout_planners.mllm.examples.index import FOLDER

    pipeline = opt.pipeline(config, overrides, quiet=quiet)
    run = pipeline.new_run()
    extractors = [{"name": item.name, "options": dict(item.options)} for item in pipeline.config.cue_extractors]
    folder = out or data / FOLDER
    built = build_index(data, folder, pipeline.measure, extractors, run, split=split, clap=clap, force=force)
    opt.say(f"{counted(len(built.clips), 'clip')} in {folder}")
    opt.say(f"use it: layout_planner.options.examples={folder}")


@app.command("validate")
def validate(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of a data set in the benchmark format.")],
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; as many as pay by default.")
    ] = None,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Check a data set: every line, every file, what they say of each other; all faults at once."""
    import json

    from spa2v.core.errors import ConfigError
    from spa2v.core.runtime import Run
    from spa2v.evaluation.bench.checks import check_bench
    from spa2v.evaluation.bench.reading import count_kinds

    clips, faults = check_bench(data, Run(quiet=quiet), workers)
    if as_json:
        found = {"clips": clips, "counts": count_kinds(faults), "faults": [fault.to_json() for fault in faults]}
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
    if faults:
        lines = [f"{fault.kind}: {fault.where}: {fault.text}" for fault in faults]
        things = counted(len(faults), "thing is", "things are")
        raise ConfigError(f"{things} wrong with {str(data)!r} ({counted(clips, 'clip')} can be read)", *lines)
    opt.say(f"{counted(clips, 'clip')}, nothing is wrong")


@app.command("build")
def build(
    media: Annotated[Path, typer.Argument(metavar="MEDIA_DIR", help="Folder of stereo videos.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the data set.")],
    labels: Annotated[str, typer.Option("--labels", help="What the detector finds, with commas between.")],
    detector: Annotated[
        str, typer.Option("--detector", help="toyworld, owlv2[:MODEL] or grounding_dino[:MODEL].")
    ] = "owlv2",
    captions: Annotated[
        list[str] | None,
        typer.Option("--captions", metavar="PRESET|FILE", help="A config whose planner writes the captions."),
    ] = None,
    length: Annotated[float, typer.Option("--length", min=0.5, metavar="S", help="Of the clips.")] = 5.0,
    least: Annotated[float, typer.Option("--least", min=0.1, metavar="S", help="Shorter rests are dropped.")] = 2.0,
    frames: Annotated[int, typer.Option("--frames", min=2, max=256, help="Of a clip.")] = 16,
    width: Annotated[int, typer.Option("--width", min=32, max=4096, help="Of the pictures.")] = 512,
    agreement: Annotated[
        float, typer.Option("--agreement", min=0.0, max=1.0, help="Least spatial alignment of sound and picture.")
    ] = 0.55,
    twins: Annotated[bool, typer.Option(help="Add the mirrored (or reversed) twin of each clip.")] = True,
    test_share: Annotated[float, typer.Option("--test-share", min=0.0, max=1.0)] = 0.1,
    device: Annotated[str, typer.Option("--device", help="Of the detector: auto, cpu, cuda, cuda:N, mps.")] = "auto",
    quiet: opt.Quiet = False,
) -> None:
    """Make a data set of your own stereo videos: cut, filter with reasons, annotate, augment."""
    from spa2v.core.errors import ConfigError
    from spa2v.core.runtime import Run
    from spa2v.evaluation.bench.build.building import REJECTED, Recipe, Tools, build_bench
    from spa2v.evaluation.bench.build.filtering import Limits
    from spa2v.evaluation.chosen import Chosen
    from spa2v.world.augment import AUGMENTATIONS

    words = tuple(word.strip() for word in labels.split(",") if word.strip())
    if not words:
        raise ConfigError("--labels names nothing", "as in --labels car,bus,piano")
    limits = Limits(agreement=agreement)
    recipe = Recipe(words, length, least, frames, width, test_share, twins, limits)
    if out.resolve().is_relative_to(media.resolve()):
        raise ConfigError(f"the output {str(out)!r} lies in the folder of the media", "name a folder outside of it")
    found = Chosen.parse("detectors", detector, where="--detector")
    tools = Tools(found.component, _captioner(captions), AUGMENTATIONS)
    built = build_bench(media, out, recipe, tools, Run(device=device, quiet=quiet))
    opt.say(f"{counted(built.clips, 'clip')} in {out}")
    for kind, count in built.rejected.items():
        opt.say(f"rejected: {count} x {kind}; see {out / REJECTED}")


def _captioner(sources: list[str] | None) -> Captioner:
    from spa2v.evaluation.bench.build.annotating import RuleCaptioner

    return PlannerCaptioner(sources) if sources else RuleCaptioner()


class PlannerCaptioner:
    """Captions by the planner of a config, which hears the clip: an MLLM, for instance. Its boxes are not used."""

    def __init__(self, sources: list[str]) -> None:
        self._pipeline = opt.pipeline(sources, None, quiet=True)

    @property
    def name(self) -> str:
        """The planner with its options."""
        choice = self._pipeline.config.layout_planner
        return f"{choice.name} {dict(choice.options)}"

    def caption(self, audio: AudioClip, layout: VideoSceneLayout, run: Run) -> str:
        """The caption of the layout that the planner makes of the sound."""
        return self._pipeline.plan(audio).caption
