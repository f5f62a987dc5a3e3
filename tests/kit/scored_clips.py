"""Scores of layouts in memory, through the files and the code that `spa2v evaluate` uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spa2v.core.runtime import Run
from spa2v.core.types import KeyFrame, Score, ScoredClip, VideoSceneLayout
from spa2v.core.types.benchmark import BenchmarkClip, ClipObject
from spa2v.evaluation.chosen import Chosen
from spa2v.evaluation.engine.inputs import ClipFiles
from spa2v.evaluation.engine.scoring import Item, Stage, score_batch
from spa2v.evaluation.scores import ClipScore

Pair = tuple[VideoSceneLayout, VideoSceneLayout | None]


def write_pairs(folder: Path, pairs: Sequence[Pair]) -> list[Item]:
    """Clips c0, c1, ... with a ground truth and a predicted layout each."""
    items = []
    for number, (truth, predicted) in enumerate(pairs):
        names = [f"truth_{number}.json", f"layout_{number}.json"]
        for name, layout in zip(names, (truth, predicted), strict=True):
            if layout is not None:
                (folder / name).write_text(layout.dumps())
        objects = tuple(ClipObject(key, name) for key, name in truth.names.items()) or (ClipObject("x", "x"),)
        clip = BenchmarkClip(
            f"c{number}", f"s{number}", "test", "stationary", "single", truth.duration_s, objects, "a.wav", names[0]
        )
        items.append(Item(ClipFiles(clip, folder, folder / names[1] if predicted else None)))
    return items


def score_pairs(folder: Path, pairs: Sequence[Pair], stage: Stage | None = None) -> list[dict[str, ClipScore]]:
    """For each pair the scores by metric, of stage 1."""
    results = score_batch(stage or Stage.default(1), write_pairs(folder, pairs))
    return [
        {score.metric: score for score in map(ClipScore.from_json, results[f"c{number}"]["scores"])}
        for number in range(len(pairs))
    ]


def stage_of(*metrics: tuple[str, dict[str, Any]], labels: Chosen | None = None) -> Stage:
    """Stage 1 with metrics and their options."""
    chosen = tuple(Chosen("metrics", name, options) for name, options in metrics)
    return Stage(1, chosen, labels or Chosen("label_maps", "exact"))


def score_frames(
    metric: Any, layout: Sequence[KeyFrame], truth: Sequence[KeyFrame] = (), duration_s: float = 4.0, **inputs: Any
) -> Score:
    """The one value that a metric gives for key frames in memory."""
    sides = {"layout": layout, "truth": truth or layout}
    layouts = {side: VideoSceneLayout(duration_s, "", tuple(frames)) for side, frames in sides.items()}
    clip = ScoredClip("c", frames=len(layout), **{**layouts, **inputs})
    (values,) = metric.score([clip], Run())
    (value,) = values.values()
    return value
