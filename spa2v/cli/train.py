"""`spa2v train` (also `spa2v world train`): makes small weights from ToyWorld."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spa2v.cli import options as opt
from spa2v.training.plan import STAGES

app = typer.Typer(no_args_is_help=True, help="Train small weights on ToyWorld, in the formats of the full-size ones.")

Out = Annotated[Path, typer.Option("--out", help="Folder of the trainings; a stage goes on from its checkpoint there.")]
Steps = Annotated[int | None, typer.Option("--steps", help="Steps in all; by default the recipe's.")]
Batch = Annotated[int | None, typer.Option("--batch", help="Pictures (clips, for motion) a step.")]
Rate = Annotated[float | None, typer.Option("--rate", help="Highest learning rate; by default the recipe's.")]
Init = Annotated[Path | None, typer.Option("--init", help="Start from the weights in this folder instead of nothing.")]
Seed = Annotated[int, typer.Option("--seed", help="Of weights, pictures and noise.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")]
Pictures = Annotated[int | None, typer.Option("--stills", help="Scenes in the pool of single pictures.")]
Clips = Annotated[int | None, typer.Option("--clips", help="Clips in the pool for motion.")]
Classes = Annotated[
    str | None,
    typer.Option("--classes", help="The classes to draw, as in car,dog,bell*4: bells come first four times as often."),
]
Threads = Annotated[int | None, typer.Option("--threads", help="CPU threads; by default torch's choice.")]
Workers = Annotated[int, typer.Option("--workers", help="Processes that draw pictures and batches ahead.")]


def _make(stage: str, help_text: str) -> None:
    def command(
        out: Out,
        steps: Steps = None,
        batch: Batch = None,
        rate: Rate = None,
        init: Init = None,
        seed: Seed = 6,
        device: Device = "auto",
        stills: Pictures = None,
        clips: Clips = None,
        classes: Classes = None,
        threads: Threads = None,
        workers: Workers = 0,
        trackers: opt.Trackers = None,
        quiet: opt.Quiet = False,
    ) -> None:
        from spa2v.training.command import train

        train(
            (stage,),
            out,
            steps,
            batch,
            rate,
            init,
            seed,
            device,
            stills,
            clips,
            threads,
            workers,
            quiet,
            trackers or (),
            classes,
        )

    app.command(stage, help=help_text)(command)


for _stage, _info in STAGES.items():
    _make(_stage, _info.help)


@app.command("tagger-index")
def tagger_index(
    folder: Annotated[
        Path, typer.Argument(help="Has a folder of sounds for each class (dog, car_horn) and `unknown`.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The index, a table with one row a sound.")],
    source: Annotated[str, typer.Option("--source", help="Name of the collection, for the model card.")] = "own",
    license_name: Annotated[str, typer.Option("--license", help="Of the sounds, for the model card.")] = "unknown",
    quiet: opt.Quiet = False,
) -> None:
    """List the sounds of a folder for the training of the tagger."""
    from spa2v.training.tagger.command import make_index

    opt.say(make_index(folder, out, source, license_name))


@app.command("tagger")
def tagger(
    index: Annotated[Path, typer.Argument(help="The table of `tagger-index`, or several put together.")],
    out: Out,
    teacher: Annotated[str, typer.Option("--teacher", help="A YAMNet, as semantic_yamnet takes it, or none.")] = "",
    steps: Steps = None,
    batch: Annotated[int | None, typer.Option("--batch", help="Patches of sound a step.")] = None,
    seed: Seed = 6,
    device: Device = "auto",
    threads: Threads = None,
    workers: Workers = 0,
    trackers: opt.Trackers = None,
    quiet: opt.Quiet = False,
) -> None:
    """The tagger of stage 1: names kinds of sound; weights and model card go into `weights` of --out."""
    from spa2v.training.tagger.command import train_tagger

    train_tagger(index, out, steps, batch, teacher, seed, device, threads, workers, quiet, trackers)


@app.command("all")
def everything(
    out: Out,
    init: Init = None,
    seed: Seed = 6,
    device: Device = "auto",
    stills: Pictures = None,
    clips: Clips = None,
    classes: Classes = None,
    threads: Threads = None,
    workers: Workers = 0,
    trackers: opt.Trackers = None,
    quiet: opt.Quiet = False,
) -> None:
    """All stages in order, then the weights in the folder `weights` of --out."""
    from spa2v.training.command import export_all, train

    shared = (init, seed, device, stills, clips, threads, workers, quiet, trackers or (), classes)
    train(tuple(STAGES), out, None, None, None, *shared)
    opt.say(export_all(out, seed, device, out / "weights", (), init, classes))


@app.command()
def export(
    out: Out,
    to: Annotated[Path, typer.Option("--to", help="Folder to write the weights to.")],
    part: Annotated[
        list[str] | None, typer.Option("--part", help="Only this part; may be given several times.")
    ] = None,
    init: Init = None,
    classes: Classes = None,
    seed: Seed = 6,
    device: Device = "cpu",
    quiet: opt.Quiet = False,
) -> None:
    """Write what has been trained as half-precision weights that the product loads."""
    from spa2v.training.command import export_all

    opt.say(export_all(out, seed, device, to, part or (), init, classes))
