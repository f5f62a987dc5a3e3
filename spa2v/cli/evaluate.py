"""`spa2v evaluate`: scores of layouts and videos against a benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spa2v.cli import options as opt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from spa2v.core.runtime import Run
    from spa2v.core.types.benchmark import BenchmarkClip
    from spa2v.evaluation.bench.reading import Bench, Fault
    from spa2v.evaluation.engine.inputs import Outputs
    from spa2v.evaluation.engine.result import Evaluation

WHAT, CLIPS, SCORING, NETWORKS, RESULTS = "What is scored", "Clips", "Scoring", "Detector and features", "Results"


def _option(panel: str, *names: str, **settings: Any) -> Any:
    return typer.Option(*names, rich_help_panel=panel, **settings)


Data = Annotated[Path, _option(CLIPS, "--data", "-d", help="Folder of a benchmark (docs/evaluation.md).")]
Split = Annotated[str, _option(CLIPS, "--split", help="Whose clips: test, database or all.")]
Limit = Annotated[int | None, _option(CLIPS, "--limit", min=1, help="Only the first so many clips.")]
Workers = Annotated[int | None, _option(CLIPS, "--workers", min=1, help="Processes; as many as pay by default.")]
Metrics = Annotated[
    list[str] | None,
    _option(SCORING, "--metric", metavar="NAME[:ARG]", help="A further metric; may be given several times."),
]
Registries = Annotated[
    list[Path] | None,
    _option(SCORING, "--registry", metavar="FILE", help="A registry file with further metrics, detectors, ..."),
]
Labels = Annotated[
    str, _option(SCORING, "--labels", help="exact, normalized, a .json table of synonyms, or embeddings:MODEL.")
]
OneEmpty = Annotated[
    float | None,
    _option(SCORING, "--one-empty", help="LTSim of a frame that is empty on one side; exp(-1) by default."),
]
Orientation = Annotated[
    str, _option(SCORING, "--orientation", help="Of DocSim: intended, or reference as in the public codes.")
]
DetectorName = Annotated[
    str | None,
    _option(NETWORKS, "--detector", help="For stage-2 LTSim: toyworld, owlv2[:MODEL] or grounding_dino[:MODEL]."),
]
Features = Annotated[
    str | None,
    _option(NETWORKS, "--features", help="For FVD: i3d:FILE, i3d:owner/repository:file (TorchScript), or toyworld."),
]
Sha = Annotated[str | None, _option(NETWORKS, "--features-sha256", help="Of that file; any other file is refused.")]
Device = Annotated[str, _option(NETWORKS, "--device", help="Of detectors and features: auto, cpu, cuda, cuda:N, mps.")]
Markdown = Annotated[Path | None, _option(RESULTS, "--markdown", metavar="FILE", help="Write the tables as Markdown.")]
Csv = Annotated[Path | None, _option(RESULTS, "--csv", metavar="FILE", help="Write every number as CSV.")]
Latex = Annotated[Path | None, _option(RESULTS, "--latex", metavar="FILE", help="Write the tables as LaTeX.")]
Json = Annotated[bool, _option(RESULTS, "--json", help="Print JSON on stdout.")]


def evaluate(
    data: Data,
    overrides: opt.Overrides = None,
    layouts: Annotated[
        Path | None, _option(WHAT, "--layouts", help="Folder of layouts: CLIP.json or CLIP/layout.json.")
    ] = None,
    videos: Annotated[
        Path | None, _option(WHAT, "--videos", help="Folder of videos: CLIP.mp4 or CLIP/video.mp4.")
    ] = None,
    config: opt.Sources = None,
    draw: Annotated[bool, _option(WHAT, "--draw", help="With --config: also draw the videos, and score them.")] = False,
    out: Annotated[Path, _option(RESULTS, "--out", "-o", help="Folder of the results.")] = Path("evaluation"),
    name: Annotated[str | None, _option(RESULTS, "--name", help="Of this evaluation in tables.")] = None,
    split: Split = "test",
    limit: Limit = None,
    metrics: Metrics = None,
    registries: Registries = None,
    labels: Labels = "exact",
    one_empty: OneEmpty = None,
    orientation: Orientation = "intended",
    spatial: Annotated[
        bool, _option(SCORING, "--spatial", help="Stage 1: also whether plans agree with the sides that sound.")
    ] = False,
    detector: DetectorName = None,
    features: Features = None,
    features_sha256: Sha = None,
    device: Device = "auto",
    workers: Workers = None,
    strict: Annotated[
        bool, _option(RESULTS, "--strict", help="Exit with 1 where anything is missing or wrong.")
    ] = False,
    markdown: Markdown = None,
    csv: Csv = None,
    latex: Latex = None,
    as_json: Json = False,
    trackers: opt.Trackers = None,
    fresh: opt.Fresh = False,
    quiet: opt.Quiet = False,
) -> None:
    from spa2v.cli.scoring import Conventions
    from spa2v.core.errors import ConfigError, counted
    from spa2v.core.runtime import Run
    from spa2v.core.trackers import check_trackers
    from spa2v.evaluation.bench.reading import file_stem, read_bench
    from spa2v.evaluation.engine.evaluate import Request
    from spa2v.evaluation.engine.evaluate import evaluate as score
    from spa2v.evaluation.engine.result import NAME
    from spa2v.evaluation.tracked import track

    if layouts is not None and config is not None and not draw:
        raise ConfigError("--layouts and --config exclude each other", "with --draw, the layouts are drawn")
    if layouts is None and videos is None and config is None:
        raise ConfigError("nothing to evaluate", "give --layouts DIR, --videos DIR, or --config PRESET|FILE")
    bench = cut(read_bench(data), split, limit)
    stems = [file_stem(clip.id) for clip in bench.clips] if config is not None else []
    written = [out / NAME, markdown, csv, latex, *(out / "layouts" / f"{stem}.json" for stem in stems)]
    written += [out / "videos" / f"{stem}.mp4" for stem in stems] if draw else []
    given = [outputs.find(clip.id) for outputs in _given_outputs(layouts, videos) for clip in bench.clips]
    pipeline = opt.pipeline(config, overrides) if config is not None else None
    read = opt.read_files(pipeline, config) if pipeline is not None else []
    trackers = trackers or (pipeline.config.run.trackers if pipeline is not None else [])
    check_trackers(trackers)
    refuse_data(written, bench, *given, *read)
    run = Run(device=device, quiet=quiet)
    files = registry_files(registries, config, overrides)
    scoring = (labels, one_empty, orientation, spatial, detector, features, features_sha256, files, device)
    stage1, stage2 = Conventions(tuple(metrics or ()), *scoring).stages(bench.clips)
    how: Any = {"workers": workers, "fresh": fresh}
    outputs = _outputs(bench, split, layouts, videos, config, overrides, draw, out, run, how)
    title = name or "+".join(config or [Path(layouts or videos or out).name])
    sides = (outputs.layouts, outputs.videos, stage1, stage2)
    found = score(Request(bench, split, *sides, title, outputs.config, outputs.failed), out, run, **how)
    track(found, trackers, out)
    _print(found, out, markdown, csv, latex, as_json)
    if strict and found.faults:
        things = counted(len(found.faults), "thing is", "things are")
        raise ConfigError(f"{things} missing or wrong", f"see {out / 'evaluation.json'}")


def registry_files(
    given: list[Path] | None, config: list[str] | None, overrides: list[str] | None = None
) -> tuple[Path, ...]:
    """The registry files of the command line and of the configs."""
    named = opt.pipeline(config, overrides).config.registries if config else ()
    return tuple(dict.fromkeys([*(path.resolve() for path in given or ()), *map(Path, named)]))


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
    """The benchmark with only the first clips of the split; outputs of no clip are found by all ids."""
    from dataclasses import replace

    chosen = bench.split(split)
    if limit is None:
        return bench
    kept = {clip.id for clip in chosen[:limit]}
    return replace(bench, clips=tuple(clip for clip in bench.clips if clip.id in kept))


class Scored:
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
    how: Mapping[str, Any],
) -> Scored:
    """Those that are there already, or that a configuration makes now."""
    from spa2v.core.errors import ConfigError
    from spa2v.evaluation.engine.inputs import Outputs

    given = Outputs(layouts, "layout") if layouts else None
    shown = Outputs(videos, "video") if videos else None
    if config is None:
        if overrides or draw:
            raise ConfigError("settings need a configuration", "give --config PRESET|FILE")
        return Scored(given, shown)
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
        **how,
    )
    planned = given or Outputs(out / "layouts", "layout")
    drawn = Outputs(out / "videos", "video") if draw else shown
    return Scored(planned, drawn, pipeline.config.to_dict(), failed)


def _given(layouts: Outputs | None, clips: Sequence[BenchmarkClip]) -> dict[str, Path] | None:
    if layouts is None:
        return None
    found = {clip.id: layouts.find(clip.id) for clip in clips}
    return {clip: path for clip, path in found.items() if path is not None}


def _print(
    made: Evaluation, out: Path, markdown: Path | None, csv: Path | None, latex: Path | None, as_json: bool
) -> None:
    import json

    from spa2v.evaluation import tables

    grids = [tables.stage_grid(made, stage) for stage in made.stages]
    written = tables.publish(grids, [made], markdown, csv, latex)
    if as_json:
        typer.echo(json.dumps(made.to_json(), ensure_ascii=False))
    else:
        tables.show(grids)
    print_faults(made)
    say_written(written, out / "evaluation.json")


def say_written(files: Sequence[Path], result: Path) -> None:
    """The files that a command wrote, and how to look at its result."""
    from spa2v.core.errors import shell

    opt.say(f"wrote {', '.join(map(str, [*files, result]))}\nsee it with: spa2v report {shell(result.parent)}")


def print_faults(made: Evaluation) -> None:
    """Faults by kind, with the first of each; all of them are in the JSON."""
    for kind, count in made.counts()["faults"].items():
        first = next(fault for fault in made.faults if fault.kind == kind)
        line = " ".join(first.text.split())
        opt.warn(f"{count} x {kind}: {first.where}: {line[:160]}" + (" ..." if count > 1 or len(line) > 160 else ""))
