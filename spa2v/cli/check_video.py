"""`spa2v check-video`: scores a video of any generator against a plan and its sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spa2v.cli import options as opt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spa2v.core.types import AudioClip
    from spa2v.jobs.judge import Verdict

DetectorName = Annotated[
    str | None,
    typer.Option(
        "--detector",
        metavar="NAME[:ARG]",
        help="toyworld, owlv2[:MODEL], grounding_dino[:MODEL]; by default toyworld for its own classes, else owlv2.",
    ),
]


def check_video(
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="A video: mp4, mov, mkv, webm, avi, gif.")],
    layout: Annotated[Path | None, typer.Option("--layout", metavar="FILE", help="The plan it should show.")] = None,
    audio: Annotated[Path | None, typer.Option("--audio", help="Its recording; by default its own sound.")] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="NAME", help="An object to detect, where there is no plan; repeatable."),
    ] = None,
    detector: DetectorName = None,
    registries: Annotated[
        list[Path] | None, typer.Option("--registry", metavar="FILE", help="A registry file with further detectors.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write what the detector finds, as a layout file.")
    ] = None,
    device: Annotated[str, typer.Option("--device", help="Of the detector: auto, cpu, cuda, cuda:N, mps.")] = "auto",
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    from spa2v.core.errors import ConfigError
    from spa2v.core.media.files import check_output, read_layout, write_text
    from spa2v.core.media.outputs import refuse_inputs
    from spa2v.core.media.video import read_video
    from spa2v.core.runtime import Run
    from spa2v.evaluation.chosen import Chosen
    from spa2v.jobs.judge import judge

    if out is not None:
        refuse_inputs([out], [path for path in (video, layout, audio, *(registries or ())) if path])
        check_output(out, (".json",))
    frames, plan = read_video(video), read_layout(layout) if layout else None
    labels = sorted({*(name.strip() for name in names or ()), *(plan.names.values() if plan else ())} - {""})
    if not labels:
        raise ConfigError("nothing to search for in the video", "give --layout FILE, or the objects: --name car")
    chosen = Chosen.parse("detectors", detector or _detector_for(labels), tuple(registries or ()), "--detector")
    run = Run(device=device, quiet=quiet, parts=chosen.part)
    if device != "auto":
        run.device  # noqa: B018 - one that is not there is an error, whether or not the detector asks for it
    if plan is not None and plan.spanning(frames.duration_s) is not plan:
        fact = f"{str(layout)!r} lasts {plan.duration_s:.2f} s, the video lasts {frames.duration_s:.2f} s"
        opt.warn(f"{fact}: the times of the plan are stretched")
    verdict = judge(frames, chosen.component, run, plan, _sound(video, audio), labels)
    if out is not None:
        write_text(out, verdict.seen.dumps())
    if as_json:
        typer.echo(json.dumps(_as_json(chosen.component.name, verdict), ensure_ascii=False))
    else:
        _print(chosen.component.name, verdict)


def _detector_for(labels: Sequence[str]) -> str:
    from spa2v.world.detector import found_classes

    if not set(labels) <= set(found_classes()):
        return "owlv2"
    opt.say("judged by the detector of ToyWorld's renders; for other videos: --detector owlv2")
    return "toyworld"


def _sound(video: Path, audio: Path | None) -> AudioClip | None:
    """The recording, or the video's own sound; None where it has none."""
    from spa2v.core.errors import AudioError
    from spa2v.core.media.audio import read_audio

    try:
        return read_audio(audio or video)
    except AudioError as error:
        if audio is not None:
            raise
        silent = video.suffix.lower() == ".gif"  # no damage: the format has no sound
        fact = f"{str(video)!r} is a GIF" if silent else error.fact
        opt.warn(f"without sound: {fact}; its recording: --audio FILE")
        return None


def _as_json(detector: str, verdict: Verdict) -> Mapping[str, Any]:
    values = {
        name: {"value": s.value, "flags": list(s.flags), "reasons": list(s.reasons), "details": dict(s.details)}
        for name, s in verdict.scores.items()
    }
    return {"score": verdict.score, "detector": detector, "values": values}


def _print(detector: str, verdict: Verdict) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("score", "value", "remarks", box=None, pad_edge=False)
    whole = "-" if verdict.score is None else f"{verdict.score:.3f}"
    table.add_row("all", whole, f"mean of boxes, classes and sides; detector {detector}")
    for name, score in verdict.scores.items():
        info = verdict.infos[name]
        table.add_row(info.title + ("" if info.higher else " (lower)"), info.text(score.value), " ".join(score.reasons))
    Console().print(table, highlight=False)
