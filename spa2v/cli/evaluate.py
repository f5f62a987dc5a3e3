"""`spa2v evaluate`: scores of layouts and videos against a benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spa2v.cli import options as opt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spa2v.core.runtime import Run
    from spa2v.core.types.benchmark import BenchmarkClip
    from spa2v.evaluation.bench.reading import Bench, Fault
    from spa2v.evaluation.engine.inputs import Outputs
    from spa2v.evaluation.engine.result import Evaluation

Data = Annotated[Path, typer.Option("--data", "-d", help="Folder of a benchmark (docs/evaluation.md).")]
Split = Annotated[str, typer.Option("--split", help="Whose clips: test, database or all.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes; all cores by default.")]
Markdown = Annotated[Path | None, typer.Option("--markdown", metavar="FILE", help="Write the tables as Markdown.")]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write every number as CSV.")]
Latex = Annotated[Path | None, typer.Option("--latex", metavar="FILE", help="Write the tables as LaTeX.")]
Labels = Annotated[
    str, typer.Option("--labels", help="exact, normalized, a .json table of synonyms, or embeddings:MODEL.")
]
OneEmpty = Annotated[
    float | None, typer.Option("--one-empty", help="LTSim of a frame that is empty on one side; exp(-1) by default.")
]
Orientation = Annotated[str, typer.Option("--orientation", help="intended, or reference as in the public codes.")]
DetectorName = Annotated[
    str | None,
    typer.Option("--detector", help="For stage-2 LTSim: toyworld, owlv2[:MODEL] or grounding_dino[:MODEL]."),
]
Features = Annotated[
    str | None,
    typer.Option("--features", help="For FVD: i3d:FILE, i3d:owner/repository:file (TorchScript), or toyworld."),
]
Sha = Annotated[str | None, typer.Option("--features-sha256", help="Of that file; it is refused if it is another.")]
Device = Annotated[str, typer.Option("--device", help="Of detectors and features: auto, cpu, cuda, cuda:N, mps.")]


def evaluate(
    data: Data,
    overrides: opt.Overrides = None,
    layouts: Annotated[
        Path | None, typer.Option("--layouts", help="Folder of layouts: CLIP.json or CLIP/layout.json.")
    ] = None,
    videos: Annotated[
        Path | None, typer.Option("--videos", help="Folder of videos: CLIP.mp4 or CLIP/video.mp4.")
    ] = None,
    config: opt.Sources = None,
    draw: Annotated[bool, typer.Option("--draw", help="With --config: also make the videos, and score them.")] = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the results.")] = Path("evaluation"),
    name: Annotated[str | None, typer.Option("--name", help="Of this evaluation in tables.")] = None,
    split: Split = "test",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many clips.")] = None,
    labels: Labels = "exact",
    one_empty: OneEmpty = None,
    orientation: Orientation = "intended",
    spatial: Annotated[
        bool, typer.Option("--spatial", help="Stage 1: also whether plans agree with the sides that sound.")
    ] = False,
    detector: DetectorName = None,
    features: Features = None,
    features_sha256: Sha = None,
    device: Device = "auto",
    workers: Workers = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 where anything is missing or amiss.")] = False,
    markdown: Markdown = None,
    csv: Csv = None,
    latex: Latex = None,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Score layouts (stage 1), videos (stage 2) or a configuration on a benchmark; goes on where it was stopped."""
    from spa2v.cli.scoring import Conventions, stage_options
    from spa2v.core.errors import ConfigError
    from spa2v.core.parallel import cores
    from spa2v.core.runtime import Run
    from spa2v.evaluation.bench.reading import file_stem, read_bench
    from spa2v.evaluation.engine.evaluate import Asked
    from spa2v.evaluation.engine.evaluate import evaluate as score
    from spa2v.evaluation.engine.result import NAME

    if layouts is not None and config is not None and not draw:
        raise ConfigError("--layouts and --config exclude each other", "with --draw, the layouts are drawn")
    if layouts is None and videos is None and config is None:
        raise ConfigError("nothing to evaluate", "give --layouts DIR, --videos DIR, or --config PRESET|FILE")
    bench = cut(read_bench(data), split, limit)
    stems = [file_stem(clip.id) for clip in bench.clips] if config is not None else []
    written = [out / NAME, markdown, csv, latex, *(out / "layouts" / f"{stem}.json" for stem in stems)]
    written += [out / "videos" / f"{stem}.mp4" for stem in stems] if draw else []
    given = [outputs.find(clip.id) for outputs in _given_outputs(layouts, videos) for clip in bench.clips]
    read = opt.read_files(opt.pipeline(config, overrides), config) if config is not None else []
    refuse_data(written, bench, *given, *read)
    run, count = Run(device=device, quiet=quiet), workers or cores()
    conventions = Conventions(labels, one_empty, orientation, spatial, detector, features, features_sha256)
    stage1, stage2 = stage_options(conventions, bench.clips, run)
    made = _outputs(bench, split, layouts, videos, config, overrides, draw, out, run, count)
    title = name or "+".join(config or [Path(layouts or videos or out).name])
    asked = Asked(bench, split, made.layouts, made.videos, stage1, stage2, title, made.config, made.failed)
    found = score(asked, out, run, 1 if labels.startswith("embeddings") else count)
    _tell(found, out, markdown, csv, latex, as_json)
    if strict and found.faults:
        raise ConfigError(f"{len(found.faults)} things are missing or amiss", f"see {out / 'evaluation.json'}")


def _given_outputs(layouts: Path | None, videos: Path | None) -> list[Outputs]:
    from spa2v.evaluation.engine.inputs import Outputs

    return [Outputs(folder, kind) for folder, kind in ((layouts, "layout"), (videos, "video")) if folder is not None]


def refuse_data(outputs: Iterable[Path | None], bench: Bench, *inputs: Path | None) -> None:
    """Refuses outputs that are files of the benchmark, or other inputs.

    Raises:
        MediaError: one is.
    """
    from spa2v.core.media.outputs import refuse_inputs
    from spa2v.core.types.benchmark import MANIFEST

    files = [bench.folder / name for clip in bench.clips for name in (clip.audio, clip.layout, clip.video) if name]
    refuse_inputs(outputs, [bench.folder / MANIFEST, *files, *inputs])


def cut(bench: Bench, split: str, limit: int | None) -> Bench:
    """The benchmark with only the first clips of the split; strangers are still told by all ids."""
    from dataclasses import replace

    chosen = bench.split(split)
    if limit is None:
        return bench
    kept = {clip.id for clip in chosen[:limit]}
    return replace(bench, clips=tuple(clip for clip in bench.clips if clip.id in kept))


class Made:
    """Outputs to score, with the configuration that made them and the clips that failed."""

    def __init__(
        self,
        layouts: Outputs | None,
        videos: Outputs | None,
        config: Mapping[str, object] | None = None,
        failed: Mapping[str, Fault] | None = None,
    ) -> None:
        self.layouts, self.videos, self.config, self.failed = layouts, videos, config, failed or {}


def _outputs(
    bench: Bench,
    split: str,
    layouts: Path | None,
    videos: Path | None,
    config: list[str] | None,
    overrides: list[str] | None,
    draw: bool,
    out: Path,
    run: Run,
    workers: int,
) -> Made:
    """What is there already, or made now by a configuration."""
    from spa2v.core.errors import ConfigError
    from spa2v.evaluation.engine.inputs import Outputs

    given = Outputs(layouts, "layout") if layouts else None
    shown = Outputs(videos, "video") if videos else None
    if config is None:
        if overrides or draw:
            raise ConfigError("settings need a configuration", "give --config PRESET|FILE")
        return Made(given, shown)
    from spa2v.evaluation.engine.planning import make_outputs

    pipeline = opt.pipeline(config, overrides, quiet=run.quiet)
    clips = bench.split(split)
    failed = make_outputs(
        pipeline.config,
        clips,
        bench.folder,
        out,
        run,
        draw=draw,
        given=_given(given, clips),
        workers=workers,
    )
    planned = given or Outputs(out / "layouts", "layout")
    drawn = Outputs(out / "videos", "video") if draw else shown
    return Made(planned, drawn, pipeline.config.to_dict(), failed)


def _given(layouts: Outputs | None, clips: Sequence[BenchmarkClip]) -> dict[str, Path] | None:
    if layouts is None:
        return None
    found = {clip.id: layouts.find(clip.id) for clip in clips}
    return {clip: path for clip, path in found.items() if path is not None}


def _tell(
    made: Evaluation, out: Path, markdown: Path | None, csv: Path | None, latex: Path | None, as_json: bool
) -> None:
    import json

    from spa2v.core.media.files import write_text
    from spa2v.evaluation import tables

    grids = [tables.stage_grid(made, stage) for stage in made.stages]
    for path, text in ((markdown, tables.to_markdown), (latex, tables.to_latex)):
        if path is not None:
            write_text(path, text(grids))
    if csv is not None:
        write_text(csv, tables.to_csv([made]))
    if as_json:
        typer.echo(json.dumps(made.to_json(), ensure_ascii=False))
    else:
        tables.show(grids)
    tell_faults(made)
    opt.say(f"wrote {out / 'evaluation.json'}; see it with: spa2v report {out}")


def tell_faults(made: Evaluation) -> None:
    """What is amiss, by kind, with the first of each; all of them are in the JSON."""
    for kind, count in made.counts()["faults"].items():
        first = next(fault for fault in made.faults if fault.kind == kind)
        line = " ".join(first.text.split())
        opt.say(f"{count} x {kind}: {first.where}: {line[:160]}" + (" ..." if count > 1 or len(line) > 160 else ""))
