"""`spa2v layout`: layout files by hand, and in the formats of other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spa2v.cli import options as opt
from spa2v.core.errors import counted

if TYPE_CHECKING:
    from spa2v.core.types import VideoSceneLayout
    from spa2v.layouts import LayoutDifference, Sampling

app = typer.Typer()

File = Annotated[Path, typer.Argument(metavar="FILE", help="A layout file, or a file of another format.")]
From = Annotated[str | None, typer.Option("--from", metavar="FORMAT", help="The format of the input.")]
Size = Annotated[str | None, typer.Option("--size", metavar="WxH", help="Pixels of a frame, as in 1280x720.")]
Fps = Annotated[float | None, typer.Option("--fps", metavar="RATE", help="Frames a second.")]
Frames = Annotated[int | None, typer.Option("--frames", metavar="N", help="Frames that span the clip.")]
Duration = Annotated[float | None, typer.Option("--duration", metavar="S", help="Of the clip, where IN has none.")]


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A layout, or a file of a format that can be read.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file or folder to write.")],
    to: Annotated[
        str | None, typer.Option("--to", metavar="FORMAT", help="The format of OUT; by its suffix else.")
    ] = None,
    form: From = None,
    size: Size = None,
    fps: Fps = None,
    frames: Frames = None,
    duration: Duration = None,
    quiet: opt.Quiet = False,
) -> None:
    """Convert a layout from or into the format of another program; says on stderr what is lost."""
    from spa2v.layouts import read_any, write_any

    wanted = _sampling(size, fps, frames, duration)
    layout, remarks = read_any(source, form, wanted)
    _say("not read", remarks)
    _say("not kept", write_any(layout, out, to, wanted))
    opt.say(f"wrote {out}")


@app.command()
def formats() -> None:
    """List the formats: name, direction, suffixes, summary, origin."""
    from rich.console import Console
    from rich.table import Table

    from spa2v.layouts import format_targets, get_format

    table = Table("format", "direction", "files", "summary", "origin", box=None, pad_edge=False)
    for name, (_, origin) in format_targets().items():
        form = get_format(name)
        files = ", ".join(suffix or "folder" for suffix in form.suffixes)
        table.add_row(name, "in and out" if form.read else "out", files, form.summary, origin)
    Console().print(table)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Layout files, or files of other formats.")],
    form: From = None,
    size: Size = None,
    fps: Fps = None,
    duration: Duration = None,
) -> None:
    """Check files: one line each, with the field that is wrong; exit code 1 where one is."""
    from spa2v.core.errors import LayoutError
    from spa2v.layouts import read_any

    wanted = _sampling(size, fps, None, duration)
    bad = 0
    for path in files:
        try:
            layout, remarks = read_any(path, form, wanted)
        except LayoutError as error:
            bad += 1
            print(f"{path}: {'; '.join([error.fact, *error.details])}")
            continue
        more = f" ({'; '.join(remarks)})" if remarks else ""
        sizes = f"{counted(len(layout.names), 'object')}, {counted(len(layout.keyframes), 'key frame')}"
        print(f"{path}: valid, {sizes}{more}")
    if bad:
        raise typer.Exit(1)


@app.command()
def show(
    file: File,
    form: From = None,
    size: Size = None,
    fps: Fps = None,
    duration: Duration = None,
    as_json: opt.Json = False,
) -> None:
    """Print what a layout says: captions, and for each object when and where it is."""
    from spa2v.layouts import read_any

    layout, remarks = read_any(file, form, _sampling(size, fps, None, duration))
    _say("not read", remarks)
    if as_json:
        print(layout.dumps(), end="")
    else:
        _print_layout(layout)


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(metavar="A", help="A layout, or a file of another format.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The other.")],
    size: Size = None,
    fps: Fps = None,
    duration: Duration = None,
    as_json: opt.Json = False,
) -> None:
    """Compare two layouts: the IoU of each object, and the other fields that differ; exit code 1 where any does."""
    from spa2v.layouts import compare, read_any

    wanted = _sampling(size, fps, None, duration)
    (a, _), (b, _) = read_any(first, None, wanted), read_any(second, None, wanted)
    found = compare(a, b)
    if as_json:
        print(json.dumps(found.to_json(), indent=1, ensure_ascii=False))
    else:
        _print_difference(found)
    if not found.same:
        raise typer.Exit(1)


def _sampling(size: str | None, fps: float | None, frames: int | None, duration: float | None) -> Sampling:
    from spa2v.layouts import Sampling

    if fps is not None and frames is not None:
        raise typer.BadParameter("give it or --frames, not both", param_hint="'--fps'")
    width, height = _size(size) if size else (None, None)
    return Sampling(width, height, frames, fps, duration)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise typer.BadParameter(f"{text!r} is no size; expected as in 1280x720", param_hint="'--size'")
    return int(width[:9]), int(height[:9])


def _say(what: str, parts: list[str]) -> None:
    if parts:
        opt.warn(f"{what}: {'; '.join(parts)}")


def _print_layout(layout: VideoSceneLayout) -> None:
    from rich.console import Console
    from rich.table import Table

    from spa2v.layouts.summary import object_rows

    console = Console()
    console.print(layout.caption or "(no caption)", markup=False, highlight=False)
    moved = f", {layout.scenario}" if layout.scenario else ""
    console.print(f"{layout.duration_s:g} s, {counted(len(layout.keyframes), 'key frame')}{moved}", highlight=False)
    table = Table(
        "id", "name", "seen (s)", "center first -> last", "size first -> last", "path", box=None, pad_edge=False
    )
    for row in object_rows(layout):
        table.add_row(*_plain(row))
    console.print(table)
    for note in layout.notes:
        console.print(f"note: {note}", markup=False, highlight=False)


def _print_difference(found: LayoutDifference) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("A", "B", "name", "IoU", "shift", "seen A", "seen B", box=None, pad_edge=False)
    for item in found.objects:
        renamed = f"{item.name} -> {item.second_name}" if item.second_name not in ("", item.name) else item.name
        shift = "" if item.shift is None else f"{item.shift:.3f}"
        cells = (item.first or "-", item.second or "-", renamed, f"{item.iou:.3f}", shift)
        table.add_row(*_plain((*cells, f"{item.seen[0]:.0%}", f"{item.seen[1]:.0%}")))
    console.print(table)
    if found.fields:
        console.print(f"differ: {', '.join(found.fields)}", highlight=False)
    if found.captions:
        console.print(f"captions of key frames that differ: {found.captions}", highlight=False)
    if found.same:
        console.print("the same", highlight=False)


def _plain(cells: tuple[str, ...]) -> list[Any]:
    from rich.text import Text

    return [Text(cell) for cell in cells]
