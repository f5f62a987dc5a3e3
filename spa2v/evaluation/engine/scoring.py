"""Scores of a batch of clips by the metrics of a stage; in any process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spa2v.core.errors import ContractError, Spa2vError
from spa2v.core.faults import crash_line
from spa2v.core.protocols import Metric, SetMetric, capability
from spa2v.core.runtime import Run
from spa2v.core.types import MetricInfo, Score, ScoredClip
from spa2v.core.types.layout import DEFAULT_FRAMES
from spa2v.evaluation.chosen import Chosen
from spa2v.evaluation.engine.clips import Inputs, read_drawn, read_planned
from spa2v.evaluation.engine.inputs import ClipFiles
from spa2v.evaluation.scores import ClipScore

LAYOUT_METRICS = ("max_iou", "lt_sim", "doc_sim", "track_iou")
DEFAULTS = {1: LAYOUT_METRICS, 2: ("av_align", "flicker", "lt_sim", "track_iou", "spatial_alignment", "fvd")}
"""The metrics of each stage where nothing else is chosen; those of stage 2 as far as their inputs are there."""
Result = dict[str, Any]
"""JSON of one clip: its scores, the vectors of set metrics, and marks by which equal layouts are found."""


@dataclass(frozen=True)
class Stage:
    """How a stage is scored.

    Args:
        number: 1 for layouts, 2 for videos.
        metrics: in the order of the tables.
        labels: which labels are the same.
        detector: finds the objects of the ground truth in videos; None leaves out what reads a layout in stage 2.
        features: of videos; None leaves out FVD.
        vocabulary: all labels of the ground truth.
        frames: at how many times planned layouts are compared.
        device: of metrics that need one.
    """

    number: int
    metrics: tuple[Chosen, ...]
    labels: Chosen = field(default_factory=lambda: Chosen("label_maps", "exact"))
    detector: Chosen | None = None
    features: Chosen | None = None
    vocabulary: frozenset[str] = frozenset()
    frames: int = DEFAULT_FRAMES
    device: str = "auto"

    @classmethod
    def default(cls, number: int, **settings: Any) -> Stage:
        """With the default metrics as far as their inputs are there."""
        stage = cls(number, (), **settings)
        metrics = [Chosen("metrics", name) for name in DEFAULTS[number]]
        return cls(number, tuple(item for item in metrics if not stage.lacks(item.component)), **settings)

    def lacks(self, metric: Metric) -> list[str]:
        """The inputs of a metric that no clip of this stage can have."""
        if self.number == 1:
            there = {"truth", "layout", "audio"}
        else:
            there = {"truth", "audio", "video", "real_video"}
            there |= {"layout"} if self.detector else set()
            there |= {"features", "real_features"} if self.features else set()
        return [name for name in metric.reads if name not in there]

    @property
    def reads(self) -> frozenset[str]:
        """What the metrics read."""
        return frozenset(name for chosen in self.metrics for name in chosen.component.reads)

    def named(self, metric: Metric, name: str) -> str:
        """A value's name with what the stage adds in brackets: another rule for labels, a planned layout."""
        reads = set(metric.reads)
        more = []
        if {"truth", "layout"} <= reads and self.labels.component.name != "exact":
            more.append(f"labels={self.labels.component.name}")
        if self.number == 1 and "truth" not in reads:
            more.append("layout")
        base, _, own = name.partition("[")
        parts = [*more, *([own.removesuffix("]")] if own else [])]
        return f"{base}[{', '.join(parts)}]" if parts else name

    @property
    def infos(self) -> dict[str, MetricInfo]:
        """How tables show each value, by its name in results."""
        return {
            self.named(chosen.component, name): info
            for chosen in self.metrics
            for name, info in chosen.component.values.items()
        }

    def describe(self) -> dict[str, object]:
        """The conventions, for results."""
        found: dict[str, object] = {
            "labels": self.labels.component.name,
            "metrics": {chosen.name: chosen.options for chosen in self.metrics},
        }
        if self.number == 1:
            return found | {"frames": self.frames}
        networks = {"detector": self.detector, "features": self.features}
        return found | {role: chosen.component.name if chosen else None for role, chosen in networks.items()}

    @property
    def key(self) -> list[Any]:
        """All that a clip's scores depend on beside its files, as JSON values."""
        chosen = [self.labels, *self.metrics]
        more = sorted(self.vocabulary) if self.labels.loads_a_model else []
        return [self.number, self.frames, [[item.describe(), item.code] for item in chosen], more]


@dataclass(frozen=True)
class Item:
    """A clip to score, with the records of stage 2."""

    files: ClipFiles
    seen: Mapping[str, Any] = field(default_factory=dict)
    vectors: Mapping[str, Any] = field(default_factory=dict)


def score_batch(stage: Stage, batch: Sequence[Item]) -> dict[str, Result]:
    """Clip id to the result of each clip of a batch; a clip's broken or missing files never raise.

    Raises:
        ContractError: a metric fails, or returns something else than its protocol says.
    """
    run = Run(device=stage.device, parts=stage.labels.part)
    read = [_read(stage, item) for item in batch]
    labels = sorted({label for inputs in read for label in inputs.labels})
    truth = {name for inputs in read if "truth" in inputs.given for name in inputs.given["truth"].names.values()}
    table = stage.labels.component.table(labels, sorted(stage.vocabulary or truth), run) if labels else {}
    clips = [inputs.clip(stage.number, _frames(stage, inputs), table) for inputs in read]
    results: dict[str, Result] = {
        inputs.files.clip.id: {"scores": [], "vectors": {}, "marks": inputs.marks} for inputs in read
    }
    for chosen in stage.metrics:
        for clip, scores in _by_metric(chosen, clips, read, run).items():
            for name, score in scores.items():
                full = stage.named(chosen.component, name)
                results[clip]["scores"].append(ClipScore.of(clip, full, score).to_json())
                if score.vector is not None:
                    results[clip]["vectors"][full] = [float(value) for value in score.vector]
    return results


def _read(stage: Stage, item: Item) -> Inputs:
    if stage.number == 1:
        return read_planned(item.files, stage.reads)
    return read_drawn(item.files, stage.reads, item.seen, item.vectors)


def _frames(stage: Stage, inputs: Inputs) -> int:
    return len(inputs.given["layout"].keyframes) if stage.number == 2 and "layout" in inputs.given else stage.frames


def _by_metric(
    chosen: Chosen, clips: Sequence[ScoredClip], read: Sequence[Inputs], run: Run
) -> dict[str, dict[str, Score]]:
    """Clip id to value name to score, for one metric."""
    metric: Metric = chosen.component
    found: dict[str, dict[str, Score]] = {}
    ready = []
    for clip, inputs in zip(clips, read, strict=True):
        lack = next((inputs.lacks[name] for name in metric.reads if name in inputs.lacks), None)
        if lack is None:
            ready.append(clip)
        else:
            found[clip.id] = {name: Score(None, tuple(lack[0]), tuple(lack[1])) for name in metric.values}
    for clip, values in zip(ready, _scored(chosen, ready, run), strict=True):
        found[clip.id] = {name: _with_layout_notes(metric, clip, _as_score(value)) for name, value in values.items()}
    return found


def _scored(chosen: Chosen, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Any]]:
    if not clips:
        return ()
    who, metric = f"metric {chosen.name!r}", chosen.component
    try:
        found = list(metric.score(clips, run))
    except Spa2vError:
        raise
    except (Exception, SystemExit) as error:
        fact, line = f"{who} raised {type(error).__name__}: {error}", crash_line(error, chosen.home)
        raise ContractError(fact, *line, f"on {clips[0].id!r}") from error
    if len(found) != len(clips):
        raise ContractError(f"{who} returned {len(found)} results for {len(clips)} clips")
    for values in found:
        if not isinstance(values, Mapping) or set(values) != set(metric.values):
            got = ", ".join(map(str, values)) if isinstance(values, Mapping) else type(values).__name__
            raise ContractError(f"{who} returned {got}", f"expected a mapping of {', '.join(metric.values)}")
    return found


def _as_score(value: Score | float | None) -> Score:
    return value if isinstance(value, Score) else Score(value)


def _with_layout_notes(metric: Metric, clip: ScoredClip, score: Score) -> Score:
    if "layout" not in metric.reads:
        return score
    flags, reasons = (*clip.flags, *score.flags), (*clip.reasons, *score.reasons)
    return Score(score.value, flags, reasons, score.details, score.vector)


def set_metrics(stage: Stage) -> dict[str, SetMetric]:
    """The set metrics of a stage, by the name of their value in results."""
    return {
        stage.named(chosen.component, name): chosen.component
        for chosen in stage.metrics
        if capability(chosen.component, SetMetric)
        for name in chosen.component.values
    }
