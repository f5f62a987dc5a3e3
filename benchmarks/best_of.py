"""Best of several tries against one, on held-out moving ToyWorld clips.

    python -m benchmarks.best_of [--clips N] [--tries N] [--judge NAME[:ARG]] [--registry FILE]

`spa2v render --tries` selects with the detector that comes with the small weights and the sound; another detector of
the registry judges what was selected. The same videos give the rows of fewer tries, so one row differs from the next by
the selection alone.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.small_weights import HELD_OUT, MOVES, judge, known_classes
from spa2v.core.pipeline import Pipeline
from spa2v.core.protocols import Detector
from spa2v.core.runtime import Run
from spa2v.core.types import VideoSceneLayout
from spa2v.evaluation.chosen import Chosen
from spa2v.jobs.judge import RANKING
from spa2v.jobs.judge import judge as rank
from spa2v.world.clips import ToyClip, render_clip
from spa2v.world.sampling import Choice, sample_scene

FIRST = HELD_OUT + 1_000_000


@dataclass(frozen=True)
class Try:
    """One video: its rank, mean IoU and share of right classes by the judge, whether the class holds, seconds."""

    score: float
    iou: float
    right: float
    holds: bool
    seconds: float


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--tries", type=int, default=4)
    parser.add_argument("--judge", default="toyworld")
    parser.add_argument("--registry", type=Path, action="append", default=[])
    asked = parser.parse_args()
    judging = Chosen.parse("detectors", asked.judge, [path.resolve() for path in asked.registry]).component
    pipeline = Pipeline.from_preset("toyworld", overrides=["run.device=cpu"])
    rows, classes = [], known_classes()
    for index in range(asked.clips):
        choice = Choice(None, "single", MOVES[index % 4], classes=classes)
        clip = render_clip(sample_scene(FIRST + index, choice))
        rows.append([one_try(pipeline, clip, seed, judging) for seed in range(asked.tries)])
        print(index, *(f"{t.score:.3f}/{t.iou:.3f}/{t.holds:d}" for t in rows[-1]), flush=True)
    print("| tries | score | IoU a frame | right class | class holds | seconds a clip |\n|---|---|---|---|---|---|")
    for count in range(1, asked.tries + 1):
        best = [max(tries[:count], key=lambda t: t.score) for tries in rows]
        values = [np.mean([getattr(t, key) for t in best]) for key in ("score", "iou", "right", "holds")]
        seconds = np.mean([sum(t.seconds for t in tries[:count]) for tries in rows])
        print(f"| {count} | {values[0]:.3f} | {values[1]:.3f} | {values[2]:.3f} | {values[3]:.2f} | {seconds:.1f} |")


def one_try(pipeline: Pipeline, clip: ToyClip, seed: int, judging: Detector) -> Try:
    """Draws a clip with a seed, ranks it as `Tries` does, and asks the judge."""
    started, run = time.perf_counter(), pipeline.new_run().seeded(seed)
    video = pipeline.render(clip.layout, run)
    ranked = rank(video, run.component("detectors", "toyworld"), run, clip.layout, clip.audio, metrics=RANKING)
    seconds = time.perf_counter() - started
    rows = judged(clip.layout, video.frames, judging, run)
    found = [row for frame in rows for row in frame]
    iou, right = (float(np.mean([row[place] for row in found])) for place in (1, 2))
    return Try(ranked.score or 0.0, iou, right, all(row[2] for row in found), seconds)


def judged(layout: VideoSceneLayout, frames: np.ndarray, judging: Detector, run: Run) -> list[list[tuple]]:
    """For each frame, each planned object with what the judge finds on it; see `small_weights.judge`."""
    detections = judging.detect(frames, known_classes(), run)
    named = [[_Find(d.label, d.box) for d in frame] for frame in detections]
    planned = layout.frames(len(frames))
    return [
        judge([(o.id, o.name, o.box) for o in key.objects], finds) for key, finds in zip(planned, named, strict=True)
    ]


@dataclass(frozen=True)
class _Find:
    name: str
    box: tuple[float, ...]


if __name__ == "__main__":
    main()
