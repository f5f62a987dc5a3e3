"""`spa2v cues`: what is measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from spa2v.cli import options as opt

if TYPE_CHECKING:
    from spa2v.core.types import SpatialCues


def cues(
    audio: opt.Audio,
    overrides: opt.Overrides = None,
    config: opt.Sources = None,
    start: opt.Start = None,
    duration: opt.Duration = None,
    strict_media: opt.Strict = False,
    as_json: opt.Json = False,
) -> None:
    pipeline = opt.pipeline(config, overrides, start, duration, strict=strict_media)
    found = pipeline.measure(pipeline.read(audio))
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=1))
    else:
        _print(found)


def _print(found: SpatialCues) -> None:
    from rich.console import Console
    from rich.table import Table

    tracks = Table("track", "unit", "start", "middle", "end", "confidence", title=f"{found.duration_s:.2f} s")
    for name, track in found.tracks.items():
        middle = len(track.values) // 2
        points = [f"{track.values[index]:.4g}" for index in (0, middle, -1)]
        tracks.add_row(name, track.unit, *points, f"{float(track.weights.mean()):.2f}")
    measures = Table("measure", "value")
    for name, value in found.measures.items():
        measures.add_row(name, f"{value:.4g}")
    sounds = Table("sounds like", "confidence", "because")
    for tag in found.tags[:8]:
        sounds.add_row(tag.label, f"{tag.confidence:.2f}", tag.reason)
    console = Console()
    for table in (tracks, measures, sounds):
        console.print(table)
    for source in found.sources:
        label = source.tags[0].label if source.tags else "?"
        console.print(f"source {source.id}: {label}, {source.share:.0%} of the energy", highlight=False)
    for note in found.notes:
        console.print(note, highlight=False, markup=False)
