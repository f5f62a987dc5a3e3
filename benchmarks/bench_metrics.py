"""Stage-1 metrics for a benchmark of AVLBench's size: 7,274 clips of 16 frames, exact, no sampling.

`python -m benchmarks.bench_metrics [CLIPS]` prints the seconds of each part;
`pytest benchmarks/bench_metrics.py --benchmark-enable --benchmark-only` compares one call with one a clip.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spa2v.core.runtime import Run
from spa2v.core.types import Box, KeyFrame, SceneObject, ScoredClip, VideoSceneLayout, frame_times
from spa2v.evaluation.aggregate import ClipInfo, summarize
from spa2v.evaluation.engine.scoring import Stage
from spa2v.evaluation.scores import ClipScore

CLIPS, FRAMES, DURATION_S = 7_274, 16, 2.56
NAMES = ("car", "bus", "truck", "piano", "guitar", "woman", "man", "drum")
COUNTS, SHARES = (1, 2, 3, 4, 5, 6), (0.70, 0.16, 0.07, 0.04, 0.02, 0.01)  # 70 % hold one thing, as in AVLBench


def _layout(rng: np.random.Generator, names: list[str], start: np.ndarray, step: np.ndarray) -> VideoSceneLayout:
    frames = []
    for i, time_s in enumerate(frame_times(DURATION_S, FRAMES)):
        center, half = np.clip(start[:, :2] + i * step, 0.2, 0.8), start[:, 2:] / 2
        objects = tuple(
            SceneObject(f"{name}_{k}", name, Box(*np.clip([*(center[k] - half[k]), *(center[k] + half[k])], 0, 1)))
            for k, name in enumerate(names)
        )
        frames.append(KeyFrame(float(time_s), "", objects))
    return VideoSceneLayout(DURATION_S, "", tuple(frames), scenario=str(rng.choice(["stationary", "translational"])))


def made_layouts(clips: int, seed: int = 0) -> list[tuple[VideoSceneLayout, VideoSceneLayout]]:
    """Ground truths and predictions: shifted boxes, one in five with a thing missing, added or renamed."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(clips):
        count = int(rng.choice(COUNTS, p=SHARES))
        names = [str(name) for name in rng.choice(NAMES, count)]
        start = np.concatenate([rng.uniform(0.2, 0.8, (count, 2)), rng.uniform(0.1, 0.4, (count, 2))], axis=1)
        step = rng.normal(0, 0.01, (count, 2))
        truth = _layout(rng, names, start, step)
        guess, wrong = list(names), rng.random() < 0.2
        moved = start + np.concatenate([rng.normal(0, 0.05, (count, 2)), np.zeros((count, 2))], axis=1)
        if wrong and count > 1 and rng.random() < 0.5:
            guess, moved, step = guess[:-1], moved[:-1], step[:-1]
        elif wrong:
            guess[0] = "dog"
        made.append((truth, _layout(rng, guess, moved, step)))
    return made


def _timed(title: str, compute: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    result = compute()
    print(f"{title:<44} {time.perf_counter() - start:8.2f} s")
    return result


def main(clips: int = CLIPS) -> None:
    """Prints the seconds of each part, from layouts in memory to the table with intervals."""
    layouts = made_layouts(clips)
    start = time.perf_counter()
    given = clips_of(layouts)
    _timed("frames of all layouts", lambda: [(clip.truth_frames, clip.layout_frames) for clip in given])
    scores = _timed("max_iou, lt_sim, doc_sim, track_iou", lambda: scored(given))
    infos = {f"c{i}": ClipInfo.of(f"c{i}", truth) for i, (truth, _) in enumerate(layouts)}
    tables = _timed("tables with 1,000 resamples a cell", lambda: summarize(scores, infos))
    print(f"{clips} clips of {FRAMES} frames in {time.perf_counter() - start:.2f} s")
    texts = [layout.dumps() for both in layouts for layout in both]
    _timed(f"beside: reading {len(texts)} layout files' text", lambda: [VideoSceneLayout.loads(text) for text in texts])
    for metric, table in tables.items():
        cell = table["all"]["C"]
        print(f"{metric:<10} {cell.value:.4f} [{cell.low:.4f}, {cell.high:.4f}] over {cell.count} clips")


def clips_of(layouts: list[tuple[VideoSceneLayout, VideoSceneLayout]]) -> list[ScoredClip]:
    """Clips as the metrics get them."""
    return [ScoredClip(f"c{i}", truth=truth, layout=guess) for i, (truth, guess) in enumerate(layouts)]


def scored(clips: list[ScoredClip]) -> list[ClipScore]:
    """All scores of stage 1."""
    return [
        ClipScore.of(clip.id, name, value)
        for chosen in Stage.default(1).metrics
        for clip, values in zip(clips, chosen.component.score(clips, Run()), strict=True)
        for name, value in values.items()
    ]


@pytest.fixture(scope="module")
def clips() -> list[ScoredClip]:
    return clips_of(made_layouts(256))


@pytest.mark.benchmark(group="stage-1 metrics, 256 clips")
def test_one_call_for_all_clips(benchmark: Any, clips: list[ScoredClip]) -> None:
    assert len(benchmark(scored, clips)) == 4 * 256


@pytest.mark.benchmark(group="stage-1 metrics, 256 clips")
def test_one_call_a_clip(benchmark: Any, clips: list[ScoredClip]) -> None:
    assert len(benchmark(lambda: [scored([clip]) for clip in clips])) == 256


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:2]))
