"""`spa2v world`: the procedural audio-visual world."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spa2v.cli import options as opt
from spa2v.cli import train

app = typer.Typer()
app.add_typer(train.app, name="train", hidden=True)  # the former place of `spa2v train`

Seed = Annotated[int, typer.Option("--seed", "-s", min=0, help="The same seed gives the same result.")]
Width = Annotated[int, typer.Option("--width", help="Of a frame, in pixels.")]
Height = Annotated[int, typer.Option("--height", help="Of a frame, in pixels.")]
Frames = Annotated[int, typer.Option("--frames", min=1, max=1024, help="How many frames span the clip.")]
Rate = Annotated[int, typer.Option("--sample-rate", metavar="HZ", help="Of the sound.")]
Scenario = Annotated[str | None, typer.Option("--scenario", help="stationary or translational.")]
Quantity = Annotated[str | None, typer.Option("--quantity", help="single or multiple.")]
Attribute = Annotated[
    str | None,
    typer.Option("--attribute", help="left, center, right, left_to_right, right_to_left, approaching or receding."),
]
Name = Annotated[str | None, typer.Option("--class", metavar="NAME", help="Of the first thing, such as car or piano.")]
Duration = Annotated[float | None, typer.Option("--duration", min=0.1, max=60.0, metavar="S", help="Of the clip.")]
Receiver = Annotated[str | None, typer.Option("--receiver", help="mono, coincident, spaced or sphere.")]
Snr = Annotated[float | None, typer.Option("--snr", metavar="DB", help="Level of the things over the noise.")]


@app.command("sample")
def sample(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The video; the other files lie beside it under its name.")
    ] = None,
    seed: Seed = 0,
    width: Width = 512,
    height: Height = 320,
    frames: Frames = 16,
    sample_rate: Rate = 44_100,
    scenario: Scenario = None,
    quantity: Quantity = None,
    attribute: Attribute = None,
    name: Name = None,
    duration: Duration = None,
    receiver: Receiver = None,
    snr: Snr = None,
    quiet: opt.Quiet = False,
) -> None:
    """Render one random scene: video with sound, sound alone, layout, and a sheet of its frames."""
    from spa2v.core.media.audio import write_audio
    from spa2v.core.media.files import atomic_path, check_output, write_text
    from spa2v.core.media.outputs import default_output, made_here, refuse_existing
    from spa2v.core.media.video import contact_sheet, write_video
    from spa2v.world.clips import render_clip
    from spa2v.world.sampling import Choice, sample_scene

    target = out if out is not None else default_output(Path(f"toyworld_{seed}.mp4"), [])[0]
    target = target if target.suffix else target.with_suffix(".mp4")
    check_output(target, (".mp4", ".gif"))
    beside = [target.with_suffix(suffix) for suffix in (".flac", ".json", ".png")]
    if not made_here(target):  # nobody named the files beside it, so none is replaced that is not of an older sample
        refuse_existing(beside)
    choice = Choice(scenario, quantity, attribute, name, duration, receiver, snr)
    clip = render_clip(sample_scene(seed, choice), (width, height), frames, sample_rate)
    write_video(target, clip.video, clip.audio)
    write_audio(beside[0], clip.audio)
    write_text(beside[1], clip.layout.dumps())
    with atomic_path(beside[2]) as sheet:
        contact_sheet(clip.video, cell_width=min(width, 384)).save(sheet)
    opt.say(clip.layout.caption)
    for path in (target, *beside):
        typer.echo(str(path))


@app.command("dataset")
def dataset(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the dataset.")],
    clips: Annotated[int, typer.Option("--clips", "-n", min=1, help="How many; a dataset can be made longer later.")],
    seed: Seed = 0,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; as many as pay by default.")
    ] = None,
    width: Width = 256,
    height: Height = 160,
    frames: Frames = 16,
    sample_rate: Rate = 44_100,
    twins: Annotated[bool, typer.Option(help="Make clips in pairs: a scene and its mirrored or reversed twin.")] = True,
    test_share: Annotated[float, typer.Option("--test-share", help="Part of the sources in the split test.")] = 0.1,
    scenario: Scenario = None,
    quantity: Quantity = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="Draw this class; repeatable. By default all.")
    ] = None,
    quiet: opt.Quiet = False,
) -> None:
    """Render a dataset in the benchmark format; started again, it goes on where it stopped."""
    from spa2v.core.runtime import Run
    from spa2v.world.dataset import Settings, write_dataset
    from spa2v.world.sampling import Choice

    choice = Choice(scenario, quantity, classes=tuple(only) if only else None)
    settings = Settings(seed, width, height, frames, sample_rate, twins, test_share, choice)
    typer.echo(str(write_dataset(out, clips, settings, workers, Run(quiet=quiet))))
