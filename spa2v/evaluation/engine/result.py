"""`Evaluation`: all results of an evaluation, as JSON and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from spa2v.core.errors import ConfigError
from spa2v.core.types import MetricInfo
from spa2v.core.untrusted import read_json, reason_of
from spa2v.evaluation.aggregate import Cell, ClipInfo, Table
from spa2v.evaluation.bench.reading import Fault, count_kinds
from spa2v.evaluation.catalog import metric_info
from spa2v.evaluation.scores import ClipScore

NAME = "evaluation.json"
VERSION = 1
MAX_BYTES = 2 * 1024**3


@dataclass(frozen=True)
class StageResult:
    """One stage: the tables by metric, and every score of every clip."""

    tables: Mapping[str, Table]
    scores: tuple[ClipScore, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "tables": {metric: _table_json(table) for metric, table in self.tables.items()},
            "scores": [score.to_json() for score in self.scores],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StageResult:
        tables = {metric: _table(found) for metric, found in data["tables"].items()}
        return cls(tables, tuple(ClipScore.from_json(score) for score in data["scores"]))


@dataclass(frozen=True)
class ClipPaths:
    """Where the files of a clip lay when they were scored, as texts; None for what was not there."""

    truth: str
    audio: str
    layout: str | None
    video: str | None
    real_video: str | None


@dataclass(frozen=True)
class Evaluation:
    """An evaluation.

    Args:
        name: for tables.
        data: folder of the benchmark.
        split: of the benchmark.
        infos: where each clip stands in the tables.
        files: of each clip.
        faults: everything that was wrong with the inputs; nothing is skipped without one.
        stages: "1" and "2", those that were scored.
        options: the conventions of each stage.
        metrics: how tables show each value; empty in evaluations of older releases.
        config: what planned or drew, where the evaluation did that itself.
        versions: of the packages.
    """

    name: str
    data: str
    split: str
    infos: Mapping[str, ClipInfo]
    files: Mapping[str, ClipPaths]
    faults: tuple[Fault, ...]
    stages: Mapping[str, StageResult]
    options: Mapping[str, Any]
    metrics: Mapping[str, MetricInfo] = field(default_factory=dict)
    config: Mapping[str, Any] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def info(self, metric: str) -> MetricInfo:
        """How tables show a value; variants carry their brackets in the title."""
        return metric_info(metric, self.metrics)

    def counts(self) -> dict[str, Any]:
        """Clips, and how many faults of each kind."""
        return {"clips": len(self.infos), "faults": count_kinds(self.faults)}

    def flags(self, stage: str) -> dict[str, int]:
        """How many clips carry each flag in a stage."""
        found = {(score.clip, flag) for score in self.stages[stage].scores for flag in score.flags}
        return dict(sorted(Counter(flag for _, flag in found).items()))

    def to_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "kind": "evaluation",
            "name": self.name,
            "data": self.data,
            "split": self.split,
            "counts": self.counts(),
            "faults": [fault.to_json() for fault in self.faults],
            "options": dict(self.options),
            "metrics": {name: asdict(info) for name, info in self.metrics.items()},
            "config": None if self.config is None else dict(self.config),
            "versions": dict(self.versions),
            "clips": {clip: {**vars(info), **vars(self.files[clip])} for clip, info in self.infos.items()},
            "stages": {stage: found.to_json() for stage, found in self.stages.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evaluation:
        """An evaluation from what `to_json` gave.

        Raises:
            ConfigError: it is none, or of another version.
        """
        if data.get("kind") != "evaluation" or data.get("version") != VERSION:
            raise ConfigError("this is no evaluation of this release", f"kind {data.get('kind')!r}")
        try:
            return cls(
                name=str(data["name"]),
                data=str(data["data"]),
                split=str(data["split"]),
                infos={clip: _info(found) for clip, found in data["clips"].items()},
                files={clip: _paths(found) for clip, found in data["clips"].items()},
                faults=tuple(Fault(**fault) for fault in data["faults"]),
                stages={stage: StageResult.from_json(found) for stage, found in data["stages"].items()},
                options=data["options"],
                metrics={name: MetricInfo(**info) for name, info in data.get("metrics", {}).items()},
                config=data["config"],
                versions=data["versions"],
            )
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise ConfigError("this is no whole evaluation", f"{type(error).__name__}: {error}") from error

    @classmethod
    def read(cls, path: str | Path) -> Evaluation:
        """From a file, or from the folder that holds `evaluation.json`.

        Raises:
            ConfigError: it cannot be read.
        """
        path = Path(path)
        path = path / NAME if path.is_dir() else path
        try:
            data = read_json(path, MAX_BYTES)
        except (OSError, ValueError) as error:
            raise ConfigError(f"cannot read the evaluation {str(path)!r}", reason_of(error)) from error
        if not isinstance(data, dict):
            raise ConfigError(f"{str(path)!r} is no evaluation")
        return cls.from_json(data)


def _table_json(table: Table) -> dict[str, Any]:
    return {name: {column: cell.to_json() for column, cell in row.items()} for name, row in table.items()}


def _table(data: Mapping[str, Any]) -> Table:
    return {name: {column: Cell(**cell) for column, cell in row.items()} for name, row in data.items()}


def _info(data: Mapping[str, Any]) -> ClipInfo:
    return ClipInfo(data["clip"], data["scenario"], data["objects"], data["source"])


def _paths(data: Mapping[str, Any]) -> ClipPaths:
    return ClipPaths(*(data[key] for key in ("truth", "audio", "layout", "video", "real_video")))
