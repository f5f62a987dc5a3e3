"""`spa2v ablate`: a grid over config keys, in the paper's table layout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spa2v.cli import evaluate as shared
from spa2v.cli import options as opt


def ablate(
    ablation: Annotated[
        str, typer.Argument(metavar="NAME|FILE", help="An ablation of spa2v or of an extension, or a .yaml file.")
    ],
    data: shared.Data,
    overrides: opt.Overrides = None,
    config: opt.Sources = None,
    base: Annotated[
        list[str] | None,
        typer.Option(
            "--base", metavar="PRESET|FILE", help="In place of the file's base presets, as in --base toyworld."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the results; ablation-NAME by default.")
    ] = None,
    split: shared.Split = "test",
    limit: shared.Limit = None,
    metrics: shared.Metrics = None,
    registries: shared.Registries = None,
    labels: shared.Labels = "exact",
    one_empty: shared.OneEmpty = None,
    orientation: shared.Orientation = "intended",
    detector: shared.DetectorName = None,
    features: shared.Features = None,
    features_sha256: shared.Sha = None,
    device: shared.Device = "auto",
    workers: shared.Workers = None,
    markdown: shared.Markdown = None,
    csv: shared.Csv = None,
    latex: shared.Latex = None,
    as_json: shared.Json = False,
    trackers: opt.Trackers = None,
    fresh: opt.Fresh = False,
    quiet: opt.Quiet = False,
) -> None:
    from spa2v.cli.scoring import Conventions
    from spa2v.core.config import Layer, read_overrides, read_source
    from spa2v.core.errors import ConfigError
    from spa2v.core.host import Host
    from spa2v.core.runtime import Run
    from spa2v.evaluation.ablation.cells import NAME, Settings, run_ablation
    from spa2v.evaluation.ablation.spec import read_ablation
    from spa2v.evaluation.bench.reading import read_bench

    catalog = Host().configs
    spec = read_ablation(ablation, data, base or [], catalog)
    bench = shared.cut(read_bench(data), split, limit)
    for fault in bench.faults:
        opt.warn(f"{fault.kind}: {fault.where}: {fault.text}")
    folder = out or Path(f"ablation-{Path(ablation).stem}")
    sources = [Path(source) for source in (ablation, *(base or []), *(config or []))]
    shared.refuse_data([folder / NAME, markdown, csv, latex], bench, *sources)
    run = Run(device=device, quiet=quiet)
    files = shared.registry_files(registries, config)
    scoring = (labels, one_empty, orientation, False, detector, features, features_sha256, files, device)
    stage1, stage2 = Conventions(tuple(metrics or ()), *scoring).stages(bench.clips)
    layers = [layer for source in config or [] for layer in read_source(source, catalog)]
    above = [*layers, *read_overrides(overrides or [])]
    above += [Layer({"run": {"trackers": trackers}}, "--tracker")] if trackers else []
    settings = Settings(bench, split, stage1, stage2, tuple(above), workers, fresh)
    done = run_ablation(spec, settings, folder, run, opt.say)
    _print(done, folder, markdown, csv, latex, as_json)
    failed = [row.name for row in done.rows if row.status == "failed"]
    if failed and len(failed) == sum(row.status != "paper" for row in done.rows):
        raise ConfigError("every row failed", *(f"{row.name}: {row.error}" for row in done.rows if row.error))


def _print(made: object, out: Path, markdown: Path | None, csv: Path | None, latex: Path | None, as_json: bool) -> None:
    import json

    from spa2v.evaluation import tables
    from spa2v.evaluation.ablation.cells import Ablation
    from spa2v.evaluation.ablation.grid import ablation_grid

    assert isinstance(made, Ablation)
    grids = [ablation_grid(made)]
    scored = [row.evaluation for row in made.rows if row.evaluation is not None]
    written = tables.publish(grids, scored, markdown, csv, latex)
    if as_json:
        typer.echo(json.dumps(made.to_json(), ensure_ascii=False))
    else:
        tables.show(grids)
    shared.say_written(written, out / "ablation.json")
