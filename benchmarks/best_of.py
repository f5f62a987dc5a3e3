"""Best of several tries against one, on held-out moving ToyWorld clips.

    python -m benchmarks.best_of [--clips N] [--tries N] [--judge NAME[:ARG]] [--registry FILE] [--look]

`spa2v render --tries` selects with the detector that comes with the small weights and the sound; another detector of
the registry judges what was selected. The same videos give the rows of fewer tries, so one row differs from the next by
the selection alone; the last row is the judge's view of the true renders. `--look` ranks each try once more, by what
the sampler predicts after half of the steps, and says how often the best try would have been kept by that.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from benchmarks.small_weights import HELD_OUT, MOVES, judge, known_classes, known_movers
from spa2v.core.pipeline import Pipeline
from spa2v.core.protocols import Detector
from spa2v.core.runtime import Run
from spa2v.core.types import GeneratedVideo, VideoSceneLayout
from spa2v.evaluation.chosen import Chosen
from spa2v.jobs.judge import RANKING
from spa2v.jobs.judge import judge as rank
from spa2v.plugins.motion_backbones.animatediff.sampling import Sampler
from spa2v.world.clips import ToyClip, render_clip
from spa2v.world.sampling import Choice, sample_scene

FIRST = HELD_OUT + 1_000_000


@dataclass(frozen=True)
class Try:
    """One video.

    Args:
        score: by which it is selected.
        iou, right: mean IoU and share of right classes, by the judge.
        holds: the judge finds the right class in all frames.
        seconds: to draw and rank it.
        look, look_s: score after half of the steps, and the seconds that decoding and ranking took; 0 without `--look`.
    """

    score: float
    iou: float
    right: float
    holds: bool
    seconds: float
    look: float = 0.0
    look_s: float = 0.0


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--tries", type=int, default=4)
    parser.add_argument("--judge", default="toyworld")
    parser.add_argument("--registry", type=Path, action="append", default=[])
    parser.add_argument("--look", action="store_true", help="rank after half of the steps, too")
    asked = parser.parse_args()
    judging = Chosen.parse("detectors", asked.judge, [path.resolve() for path in asked.registry]).component
    pipeline = Pipeline.from_preset("toyworld", overrides=["run.device=cpu"])
    rows, true, classes = [], [], known_movers()
    for index in range(asked.clips):
        choice = Choice(None, "single", MOVES[index % 4], classes=classes)
        clip = render_clip(sample_scene(FIRST + index, choice))
        rows.append([one_try(pipeline, clip, seed, judging, asked.look) for seed in range(asked.tries)])
        true.append(seen_in(clip, clip.video.frames, judging, pipeline.new_run()))
        print(index, *(f"{t.score:.3f}/{t.iou:.3f}/{t.holds:d}" for t in rows[-1]), int(true[-1][2]), flush=True)
    print("| tries | score | IoU a frame | right class | class holds | seconds a clip |\n|---|---|---|---|---|---|")
    for count in range(1, asked.tries + 1):
        best = [max(tries[:count], key=lambda t: t.score) for tries in rows]
        values = [np.mean([getattr(t, key) for t in best]) for key in ("score", "iou", "right", "holds")]
        seconds = np.mean([sum(t.seconds for t in tries[:count]) for tries in rows])
        print(f"| {count} | {values[0]:.3f} | {values[1]:.3f} | {values[2]:.3f} | {values[3]:.2f} | {seconds:.1f} |")
    values = [np.mean(column) for column in zip(*true, strict=True)]
    print(f"| true renders | | {values[0]:.3f} | {values[1]:.3f} | {values[2]:.2f} | |")
    seen = [tries for tries, (_, _, holds) in zip(rows, true, strict=True) if holds]
    for count in (1, asked.tries) if seen else ():
        held = np.mean([max(tries[:count], key=lambda t: t.score).holds for tries in seen])
        print(f"class holds in {held:.2f} of the {len(seen)} clips whose true renders hold it, {count} tries")
    if asked.look:
        look_table(rows)


def look_table(rows: Sequence[Sequence[Try]]) -> None:
    """What finishing only the tries that look best after half of the steps would keep, and its cost."""
    full = np.mean([t.seconds for tries in rows for t in tries])
    look = np.mean([t.look_s for tries in rows for t in tries])
    print(
        "| finished | score | IoU a frame | class holds | best kept | cost in full tries |\n|---|---|---|---|---|---|"
    )
    for count in range(1, len(rows[0]) + 1):
        kept = [sorted(tries, key=lambda t: -t.look)[:count] for tries in rows]
        best = [max(tries, key=lambda t: t.score) for tries in kept]
        values = [np.mean([getattr(t, key) for t in best]) for key in ("score", "iou", "holds")]
        same = np.mean([a.score == max(t.score for t in tries) for a, tries in zip(best, rows, strict=True)])
        cost = len(rows[0]) * (0.5 + look / full) + 0.5 * count
        print(f"| {count} | {values[0]:.3f} | {values[1]:.3f} | {values[2]:.2f} | {same:.2f} | {cost:.2f} |")


def one_try(pipeline: Pipeline, clip: ToyClip, seed: int, judging: Detector, look: bool) -> Try:
    """Draws a clip with a seed, ranks it as `Tries` does, and asks the judge."""

    def ranked(video: GeneratedVideo) -> float:
        detector = run.component("detectors", "toyworld")
        return rank(video, detector, run, clip.layout, clip.audio, metrics=RANKING).score or 0.0

    started, run, halfway = time.perf_counter(), pipeline.new_run().seeded(seed), list[torch.Tensor]()
    with kept_halfway(halfway) if look else nullcontext():
        video = pipeline.render(clip.layout, run)
    score = ranked(video)
    seconds = time.perf_counter() - started
    looked = ranked(decoded(pipeline, halfway[0], video, run)) if look else 0.0
    look_s = time.perf_counter() - started - seconds
    return Try(score, *seen_in(clip, video.frames, judging, run), seconds, looked, look_s)


def seen_in(clip: ToyClip, frames: np.ndarray, judging: Detector, run: Run) -> tuple[float, float, bool]:
    """Mean IoU, share of right classes, and whether the class holds in all frames, by the judge."""
    found = [row for frame in judged(clip.layout, frames, judging, run) for row in frame]
    iou, right = (float(np.mean([row[place] for row in found])) for place in (1, 2))
    return iou, right, all(row[2] for row in found)


@contextmanager
def kept_halfway(kept: list[torch.Tensor]) -> Iterator[None]:
    """Adds the clean latents that the sampler predicts after half of its steps; for v-prediction."""
    plain = Sampler._predict

    def predict(sampler: Sampler, latents: torch.Tensor, t: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        answer = plain(sampler, latents, t, text)
        if sampler.now.step == sampler.now.steps // 2 - 1:
            part = sampler.scheduler.alphas_cumprod[round(float(t))]
            kept.append(part.sqrt() * latents - (1 - part).sqrt() * answer)
        return answer

    with mock.patch.object(Sampler, "_predict", predict):
        yield


def decoded(pipeline: Pipeline, latents: torch.Tensor, like: GeneratedVideo, run: Run) -> GeneratedVideo:
    """The video of some latents, at another one's rate."""
    backbone: Any = pipeline.motion_backbone
    return GeneratedVideo(backbone.engine._decode(backbone.engine.pipeline(run).vae, latents, run)[0], like.fps)


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
