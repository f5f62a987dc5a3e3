"""Scores what is there: stage 1, stage 2 or both; parallel, resumable, with everything that is amiss reported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from spa2v.core.manifest import make_folder, versions
from spa2v.core.media.files import write_text
from spa2v.core.parallel import spread
from spa2v.core.runtime import Run
from spa2v.core.types.benchmark import BenchmarkClip
from spa2v.evaluation.aggregate import Bootstrap, ClipInfo, summarize
from spa2v.evaluation.bench.reading import Bench, Fault
from spa2v.evaluation.engine.inputs import ClipFiles, Outputs, gather
from spa2v.evaluation.engine.journal import Journal, content_key, digest
from spa2v.evaluation.engine.result import NAME, ClipPaths, Evaluation, StageResult
from spa2v.evaluation.engine.stage1 import Stage1, label_marks, score_layouts
from spa2v.evaluation.engine.stage2 import Stage2, gather_features, score_seen, score_video, take_features
from spa2v.evaluation.metrics.fvd import fvd_clip_scores, fvd_table
from spa2v.evaluation.scores import ClipScore

BATCH = 32
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
"""Flags of scores that are faults of what was given, and the kinds under which they are counted."""


@dataclass(frozen=True)
class Asked:
    """What is evaluated.

    Args:
        bench, split: the clips.
        layouts, videos: the outputs, those that are asked for.
        stage1, stage2: how they are scored.
        name: for tables.
        config: what made the outputs, if known.
        missing: clip id to the reason why its output could not be made, where that is known.
    """

    bench: Bench
    split: str
    layouts: Outputs | None
    videos: Outputs | None
    stage1: Stage1 = field(default_factory=Stage1)
    stage2: Stage2 = field(default_factory=lambda: Stage2(Stage1().options))
    name: str = "evaluation"
    config: Mapping[str, Any] | None = None
    missing: Mapping[str, Fault] = field(default_factory=dict)


def evaluate(asked: Asked, out: Path, run: Run, workers: int = 1, bootstrap: Bootstrap | None = None) -> Evaluation:
    """Scores all clips and writes `evaluation.json`; what a former run in the same folder scored is not done again.

    Args:
        asked: what to evaluate.
        out: folder of the results, made if needed.
        run: gives progress, and the device of detectors and features.
        workers: processes. The result does not depend on it, nor on kills and restarts.
        bootstrap: how intervals are made.
    """
    make_folder(out)
    clips = asked.bench.split(asked.split)
    files = gather(clips, asked.bench.folder, asked.layouts, asked.videos)
    infos = {clip.id: info_of(clip) for clip in clips}
    journal = Journal(out / JOURNAL)
    stages: dict[str, StageResult] = {}
    if asked.layouts is not None:
        stages["1"] = _stage1(asked, files, infos, journal, run, workers, bootstrap)
    if asked.videos is not None:
        stages["2"] = _stage2(asked, files, infos, journal, run, workers, bootstrap)
    made = Evaluation(
        name=asked.name,
        data=str(asked.bench.folder),
        split=asked.split,
        infos=infos,
        files={item.clip.id: _paths(item) for item in files},
        faults=tuple(_faults(asked, stages)),
        stages=stages,
        options=_options(asked),
        config=asked.config,
        versions=versions(),
    )
    write_evaluation(out / NAME, made)
    return made


def write_evaluation(path: Path, made: Evaluation) -> None:
    """Writes it as JSON, whole or not at all."""
    import json

    write_text(path, json.dumps(made.to_json(), ensure_ascii=False) + "\n")


def info_of(clip: BenchmarkClip) -> ClipInfo:
    """S and M follow the clip's own word, "single" or "multiple"."""
    objects = 1 if clip.quantity == "single" else max(2, len(clip.objects))
    return ClipInfo(clip.id, clip.scenario, objects, clip.source_id)


def _options(asked: Asked) -> dict[str, Any]:
    stages = {"1": asked.stage1.describe() if asked.layouts else None}
    stages["2"] = asked.stage2.describe() if asked.videos else None
    return {stage: found for stage, found in stages.items() if found}


def _paths(files: ClipFiles) -> ClipPaths:
    def text(path: Path | None) -> str | None:
        return None if path is None else str(path)

    return ClipPaths(str(files.truth), str(files.audio), text(files.layout), text(files.video), text(files.real_video))


def _kept(
    journal: Journal,
    keys: Mapping[str, str],
    files: Sequence[ClipFiles],
    batches: Iterator[Results],
    title: str,
    run: Run,
) -> Results:
    """Results of all clips: those of the journal, then those that `batches` make, kept as they come."""
    found = {clip: result for clip, key in keys.items() if (result := journal.get(key)) is not None}
    with run.progress(title, total=len(files)) as step:
        step(len(found))
        for batch in batches:
            journal.put({keys[clip]: result for clip, result in batch.items()})
            step(len(batch))
    return {clip: result for clip, key in keys.items() if (result := journal.get(key)) is not None}


def _missing(journal: Journal, keys: Mapping[str, str], files: Iterable[ClipFiles]) -> list[ClipFiles]:
    return [item for item in files if journal.get(keys[item.clip.id]) is None]


def _stage1(
    asked: Asked,
    files: Sequence[ClipFiles],
    infos: Mapping[str, ClipInfo],
    journal: Journal,
    run: Run,
    workers: int,
    bootstrap: Bootstrap | None,
) -> StageResult:
    stage = asked.stage1
    keys = {item.clip.id: _stage1_key(item, stage) for item in files}
    todo = _missing(journal, keys, files)
    batches = (todo[start : start + BATCH] for start in range(0, len(todo), BATCH))
    done = spread(partial(score_layouts, stage), batches, workers if len(todo) > BATCH else 1)
    results = _marked(_kept(journal, keys, files, done, "Stage 1", run), infos)
    scores = tuple(_scores(results, files))
    return StageResult(summarize(scores, infos, bootstrap), scores)


def _stage1_key(files: ClipFiles, stage: Stage1) -> str:
    manifest = files.layout.parent / "manifest.json" if files.layout and files.layout.name == "layout.json" else None
    inputs = [digest(files.truth), digest(files.layout), digest(manifest)]
    heard = digest(files.audio) if stage.spatial or manifest else None
    asked = [stage.describe(), label_marks(stage.options)]
    return content_key("stage 1", asked, files.clip.id, _things(files), inputs, heard)


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


def _stage2(
    asked: Asked,
    files: Sequence[ClipFiles],
    infos: Mapping[str, ClipInfo],
    journal: Journal,
    run: Run,
    workers: int,
    bootstrap: Bootstrap | None,
) -> StageResult:
    stage = asked.stage2
    marks = {i.clip.id: [digest(i.truth), digest(i.audio), digest(i.video), _things(i)] for i in files}

    def keys(part: str, *more: Any) -> dict[str, str]:
        return {clip: content_key("stage 2", part, clip, found, *more) for clip, found in marks.items()}

    plain = keys("plain")
    todo = _missing(journal, plain, files)
    done = ({item.clip.id: result} for item, result in spread(_named_score, todo, workers if len(todo) > 1 else 1))
    sets = [_kept(journal, plain, files, done, "Stage 2", run)]
    inner = copy(run)
    inner.quiet = True  # one progress bar at a time
    if stage.detector is not None:
        seen = keys("seen", stage.describe(), label_marks(stage.options))
        done = ({i.clip.id: score_seen(i, stage, inner)} for i in _missing(journal, seen, files))
        sets.append(_kept(journal, seen, files, done, "Detecting", run))
    scores = [score for results in sets for score in _scores(results, files)]
    tables = summarize(scores, infos, bootstrap)
    if (extractor := stage.features) is not None:
        real_marks = {i.clip.id: digest(i.real_video) for i in files}
        wide = {clip: content_key(key, real_marks[clip]) for clip, key in keys("features", extractor.name).items()}
        done = ({i.clip.id: take_features(i, extractor, inner)} for i in _missing(journal, wide, files))
        features = _kept(journal, wide, files, done, "Video features", run)
        real, generated = gather_features(extractor.name, features)
        tables["fvd"] = fvd_table(real, generated, infos, run=run)
        scores += fvd_clip_scores(real, generated, list(infos))
    return StageResult(tables, tuple(scores))


def _things(files: ClipFiles) -> list[str]:
    return sorted(item.name for item in files.clip.objects)


def _named_score(files: ClipFiles) -> tuple[ClipFiles, dict[str, Any]]:
    return files, score_video(files)


def _scores(results: Results, files: Sequence[ClipFiles]) -> Iterator[ClipScore]:
    """In the order of the clips, whatever order they were made in."""
    for item in files:
        yield from (ClipScore.from_json(score) for score in results[item.clip.id]["scores"])


def _faults(asked: Asked, stages: Mapping[str, StageResult]) -> Iterator[Fault]:
    """Faults of the benchmark, of the outputs, and of single clips; each clip's fault once."""
    yield from asked.bench.faults
    ids = [clip.id for clip in asked.bench.clips]
    for outputs in (asked.layouts, asked.videos):
        yield from outputs.strangers(ids) if outputs is not None else ()
    told: set[tuple[str, str]] = set()
    for stage in stages.values():
        for score in stage.scores:
            for flag in score.flags:
                kind = _FAULT_FLAGS.get(flag)
                if kind is None or (kind, score.clip) in told:
                    continue
                told.add((kind, score.clip))
                yield _fault(asked, kind, flag, score)


def _fault(asked: Asked, kind: str, flag: str, score: ClipScore) -> Fault:
    known = asked.missing.get(score.clip)
    if known is not None and flag in ("no_layout", "no_video"):
        return replace(known, kind=kind)
    return Fault(kind, score.clip, " ".join(score.reasons))
