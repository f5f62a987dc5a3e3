"""`spa2v study`: blind ranking of videos by people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spa2v.cli import options as opt
from spa2v.core.errors import counted

app = typer.Typer()


@app.command("make")
def make(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the study.")],
    method: Annotated[
        list[str], typer.Option("--method", "-m", metavar="NAME=DIR", help="A method and its videos; two or more.")
    ],
    clips: Annotated[int | None, typer.Option("--clips", min=1, help="Draw so many clips; all by default.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the drawing and the order.")] = 0,
    quiet: opt.Quiet = False,
) -> None:
    """Make the page for raters (study.html) and the key that stays here (key.json)."""
    from spa2v.core.errors import ConfigError
    from spa2v.evaluation.study.making import KEY, PAGE, make_study

    methods: dict[str, Path] = {}
    for text in method:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder) or name in methods:
            raise ConfigError(f"--method {text!r} is not of the form NAME=DIR, or stands twice")
        methods[name] = Path(folder)
    made = make_study(methods, out, clips, seed)
    for fault in made.missing:
        opt.warn(f"left out: {fault.where}: {fault.text}")
    opt.say(f"{counted(made.clips, 'clip')} of {counted(len(methods), 'method')}")
    opt.say(f"send to raters: {out / PAGE}\nkeep to yourself: {out / KEY}")


@app.command("results")
def results(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of the study, or its key.json.")],
    ranks: Annotated[list[Path], typer.Argument(metavar="RANKS...", help="The files that raters sent back.")],
    markdown: Annotated[Path | None, typer.Option("--markdown", metavar="FILE", help="Write the table.")] = None,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Unblind the answers: mean ranks with intervals, the paper's beside."""
    import json

    from spa2v.core.errors import ConfigError
    from spa2v.core.media.outputs import refuse_inputs
    from spa2v.evaluation import tables
    from spa2v.evaluation.study.making import KEY
    from spa2v.evaluation.study.results import mean_ranks, read_key, read_ranks, study_grid

    key = read_key(study)
    refuse_inputs([markdown], [study / KEY if study.is_dir() else study, *ranks])
    found = [rank for path in ranks for rank in read_ranks(path, key)]
    asked = [(rank.rater, rank.clip, rank.criterion, rank.method) for rank in found]
    if len(set(asked)) < len(asked):
        raise ConfigError("two files are of the same rater", "give each rater a name of their own")
    if not found:
        raise ConfigError("the files hold no answers")
    grid = study_grid(found, key)
    for path in tables.publish([grid], [], markdown):
        opt.say(f"wrote {path}")
    if as_json:
        means = mean_ranks(found)
        typer.echo(
            json.dumps({m: {c: cell.to_json() for c, cell in row.items()} for m, row in means.items()}, indent=1)
        )
    else:
        tables.show([grid])
