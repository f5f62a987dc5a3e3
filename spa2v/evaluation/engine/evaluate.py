"""Scores the outputs of a benchmark: stage 1, stage 2 or both; parallel, resumable, all faults reported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spa2v.core.manifest import make_folder, versions
from spa2v.core.media.files import write_text
from spa2v.core.parallel import spread
from spa2v.core.runtime import Run
from spa2v.core.types.benchmark import BenchmarkClip
from spa2v.evaluation.aggregate import Bootstrap, ClipInfo, Table, summarize
from spa2v.evaluation.bench.reading import Bench, Fault
from spa2v.evaluation.engine import detecting
from spa2v.evaluation.engine.inputs import ClipFiles, Outputs, gather
from spa2v.evaluation.engine.journal import Journal, content_key, digest
from spa2v.evaluation.engine.planning import notice_reused
from spa2v.evaluation.engine.result import NAME, ClipPaths, Evaluation, StageResult
from spa2v.evaluation.engine.scoring import Item, Stage, score_batch, set_metrics
from spa2v.evaluation.scores import ClipScore
from spa2v.evaluation.set_tables import set_table

BATCHES = {1: 32, 2: 1}
"""Clips that a process scores at once; videos are large."""
JOURNAL = "scores.jsonl"
Results = dict[str, dict[str, Any]]
_FAULT_FLAGS = {
    "no_truth": "no_truth",
    "layout_unreadable": "layout_unreadable",
    "no_layout": "no_layout",
    "duration_differs": "duration_differs",
    "other_sound": "layout_of_another_clip",
    "truth_of_other_clip": "layout_of_another_clip",
    "video_unreadable": "video_unreadable",
    "no_video": "no_video",
    "no_audio": "no_audio",
}
"""Flags of scores that are faults of the inputs, and the kinds under which they are counted."""


@dataclass(frozen=True)
class Request:
    """What is evaluated.

    Args:
        bench, split: the clips.
        layouts, videos: the outputs; None leaves out their stage.
        stage1, stage2: how they are scored.
        name: for tables.
        config: what made the outputs, if known.
        missing: clip id to the reason why its output could not be made, where that is known.
    """

    bench: Bench
    split: str
    layouts: Outputs | None
    videos: Outputs | None
    stage1: Stage = field(default_factory=lambda: Stage.default(1))
    stage2: Stage = field(default_factory=lambda: Stage.default(2))
    name: str = "evaluation"
    config: Mapping[str, Any] | None = None
    missing: Mapping[str, Fault] = field(default_factory=dict)

    @property
    def stages(self) -> list[Stage]:
        """Those whose outputs are there."""
        both = ((self.stage1, self.layouts), (self.stage2, self.videos))
        return [stage for stage, outputs in both if outputs is not None]


def evaluate(
    request: Request,
    out: Path,
    run: Run,
    workers: int | None = 1,
    bootstrap: Bootstrap | None = None,
    *,
    fresh: bool = False,
) -> Evaluation:
    """Scores all clips and writes `evaluation.json`; what a former run in the same folder scored is not done again.

    Args:
        request: what to evaluate.
        out: folder of the results, made if needed.
        run: gives progress, and the device of detectors and features.
        workers: processes; None for as many as pay. The result does not depend on it, nor on kills and restarts.
        bootstrap: how intervals are made.
        fresh: score again what is scored.
    """
    make_folder(out)
    clips = request.bench.split(request.split)
    files = gather(clips, request.bench.folder, request.layouts, request.videos)
    infos = {clip.id: info_of(clip) for clip in clips}
    journal = Journal(out / JOURNAL, empty=fresh)
    stages = {
        str(stage.number): StageRun(stage, files, infos, journal, run, workers, request.name).result(bootstrap)
        for stage in request.stages
    }
    found = Evaluation(
        name=request.name,
        data=str(request.bench.folder),
        split=request.split,
        infos=infos,
        files={item.clip.id: _paths(item) for item in files},
        faults=tuple(_faults(request, stages)),
        stages=stages,
        options={str(stage.number): stage.describe() for stage in request.stages},
        metrics={name: info for stage in request.stages for name, info in stage.infos.items()},
        config=request.config,
        versions=versions(),
    )
    write_text(out / NAME, json.dumps(found.to_json(), ensure_ascii=False) + "\n")
    return found


def info_of(clip: BenchmarkClip) -> ClipInfo:
    """S and M follow the clip's own word, "single" or "multiple"."""
    objects = 1 if clip.quantity == "single" else max(2, len(clip.objects))
    return ClipInfo(clip.id, clip.scenario, objects, clip.source_id)


def _paths(files: ClipFiles) -> ClipPaths:
    def text(path: Path | None) -> str | None:
        return None if path is None else str(path)

    return ClipPaths(str(files.truth), str(files.audio), text(files.layout), text(files.video), text(files.real_video))


@dataclass(frozen=True)
class StageRun:
    """One stage of one evaluation.

    Args:
        stage: how it is scored.
        files, infos: of the clips.
        journal: keeps what is computed.
        run: gives progress, and the device of detector and feature extractor.
        workers: processes.
        name: of the evaluation, for the notice about reused scores.
    """

    stage: Stage
    files: Sequence[ClipFiles]
    infos: Mapping[str, ClipInfo]
    journal: Journal
    run: Run
    workers: int | None
    name: str = "evaluation"

    def result(self, bootstrap: Bootstrap | None) -> StageResult:
        """Scores and tables."""
        results = self._score()
        scores = [ClipScore.from_json(score) for item in self.files for score in results[item.clip.id]["scores"]]
        sets = set_metrics(self.stage)
        tables: dict[str, Table] = summarize((s for s in scores if s.metric not in sets), self.infos, bootstrap)
        for name, metric in sets.items():
            found = {clip: result["vectors"] for clip, result in results.items()}
            vectors = {clip: np.array(v[name], dtype=np.float64) for clip, v in found.items() if name in v}
            tables[name] = set_table(name, metric, vectors, scores, self.infos, run=self.run)
        return StageResult(tables, tuple(scores))

    def _score(self) -> Results:
        seen, vectors = self._detections(), self._features()
        items = [Item(item, seen.get(item.clip.id, {}), vectors.get(item.clip.id, {})) for item in self.files]
        stage_key = self.stage.key
        keys = {item.files.clip.id: content_key("scores", stage_key, *self._inputs(item)) for item in items}
        todo = [item for item in items if self.journal.get(keys[item.files.clip.id]) is None]
        size = BATCHES[self.stage.number]
        batches = [todo[start : start + size] for start in range(0, len(todo), size)]
        workers = 1 if self.stage.labels.loads_a_model else self.workers
        done = spread(partial(score_batch, self.stage), batches, workers)
        notice_reused(self.run, self.name, f"stage-{self.stage.number} scores", len(items) - len(todo), len(items))
        results = self._kept(keys, done, f"Stage {self.stage.number}")
        return _marked(results, self.infos) if self.stage.number == 1 else results

    def _inputs(self, item: Item) -> list[Any]:
        """What a clip's scores depend on."""
        files, reads = item.files, self.stage.reads
        marks: list[Any] = [files.clip.id, _labels(files), item.seen, item.vectors, digest(files.truth)]
        manifest = None
        if self.stage.number == 1 and files.layout is not None:
            beside = files.layout.parent / "manifest.json"
            manifest = digest(beside) if files.layout.name == "layout.json" else None
            marks.append(digest(files.layout))
        marks += [manifest, digest(files.audio) if "audio" in reads or manifest else None]
        videos = (("video", files.video), ("real_video", files.real_video))
        return [*marks, *(digest(path) if name in reads else None for name, path in videos)]

    def _detections(self) -> Results:
        """What the detector finds in each clip, where a metric reads it."""
        if self.stage.number == 1 or self.stage.detector is None or "layout" not in self.stage.reads:
            return {}
        detector = self.stage.detector
        marks = [detector.component.name, detector.describe(), detector.code]
        keys = {i.clip.id: content_key("seen", marks, digest(i.truth), digest(i.video)) for i in self.files}
        return self._records(keys, lambda files, run: detecting.detect(files, detector.component, run), "Detecting")

    def _features(self) -> Results:
        """The features of both videos of each clip, where a metric reads them."""
        if self.stage.features is None or not {"features", "real_features"} & self.stage.reads:
            return {}
        extractor = self.stage.features
        marks = [extractor.component.name, extractor.describe(), extractor.code]
        keys = {i.clip.id: content_key("features", marks, digest(i.video), digest(i.real_video)) for i in self.files}
        compute = lambda files, run: detecting.extract(files, extractor.component, run)  # noqa: E731
        return self._records(keys, compute, "Video features")

    def _records(
        self, keys: Mapping[str, str], compute: Callable[[ClipFiles, Run], dict[str, Any]], title: str
    ) -> Results:
        """Records of all clips, computed in this process, which has the device."""
        inner = copy(self.run)
        inner.quiet = True  # one progress bar at a time
        todo = [item for item in self.files if self.journal.get(keys[item.clip.id]) is None]
        return self._kept(keys, ({item.clip.id: compute(item, inner)} for item in todo), title)

    def _kept(self, keys: Mapping[str, str], batches: Iterable[Results], title: str) -> Results:
        """Results of all clips: those of the journal, then those of `batches`, kept as they come."""
        there = sum(self.journal.get(key) is not None for key in keys.values())
        with self.run.progress(title, total=len(keys)) as step:
            step(there)
            for batch in batches:
                self.journal.put({keys[clip]: result for clip, result in batch.items()})
                step(len(batch))
        return {clip: result for clip, key in keys.items() if (result := self.journal.get(key)) is not None}


def _marked(results: Results, infos: Mapping[str, ClipInfo]) -> Results:
    """Flags layouts that are exactly the ground truth of a clip of another source, and not their own."""
    truths: dict[str, list[str]] = {}
    for clip, result in results.items():
        truths.setdefault(result["marks"].get("truth", ""), []).append(clip)
    marked = {}
    for clip, result in results.items():
        mark = result["marks"].get("layout", "-")
        others = [o for o in truths.get(mark, []) if infos[o].source != infos[clip].source]
        own = mark == result["marks"].get("truth")
        marked[clip] = _with_flag(result, others[0]) if others and not own else result
    return marked


def _with_flag(result: Mapping[str, Any], other: str) -> dict[str, Any]:
    reason = f"The layout is exactly the ground truth of another clip, {other!r}."
    scores = [
        {**score, "flags": [*score["flags"], "truth_of_other_clip"], "reasons": [*score["reasons"], reason]}
        for score in result["scores"]
    ]
    return {**result, "scores": scores}


def _labels(files: ClipFiles) -> list[str]:
    return sorted(item.name for item in files.clip.objects)


def _faults(request: Request, stages: Mapping[str, StageResult]) -> Iterator[Fault]:
    """Faults of the benchmark, of the outputs, and of single clips; each clip's fault once."""
    yield from request.bench.faults
    ids = [clip.id for clip in request.bench.clips]
    for outputs in (request.layouts, request.videos):
        yield from outputs.strangers(ids) if outputs is not None else ()
    reported: set[tuple[str, str]] = set()
    for stage in stages.values():
        for score in stage.scores:
            for flag in score.flags:
                kind = _FAULT_FLAGS.get(flag)
                if kind is None or (kind, score.clip) in reported:
                    continue
                reported.add((kind, score.clip))
                yield _fault(request, kind, flag, score)


def _fault(request: Request, kind: str, flag: str, score: ClipScore) -> Fault:
    known = request.missing.get(score.clip)
    if known is not None and flag in ("no_layout", "no_video"):
        return replace(known, kind=kind)
    return Fault(kind, score.clip, " ".join(score.reasons))
