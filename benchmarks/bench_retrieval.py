"""Choosing examples among 7,000 candidates against reading the clip that asks for them.

`python -m benchmarks.bench_retrieval` prints the seconds of each and the ratio;
`pytest benchmarks/bench_retrieval.py --benchmark-only` compares them as one group.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa2v import AudioClip
from spa2v.core.media.audio import read_audio, write_audio
from spa2v.plugins.layout_planners.mllm.examples.features import blocks
from spa2v.plugins.layout_planners.mllm.examples.search import distances, key_weights, nearest

CANDIDATES, SECONDS, RATE = 7_000, 10.0, 44_100


def search(rng: np.random.Generator) -> Callable[[], Any]:
    """Distances to all candidates and the three nearest, as the planners do it for one clip."""
    size = blocks()[-1].stop
    keys = rng.normal(size=(CANDIDATES, size)).astype(np.float32)
    query, weights, allowed = keys[0] + 0.1, key_weights(size), np.ones(CANDIDATES, dtype=np.bool_)
    return lambda: nearest(distances(keys, query, weights), 3, allowed)


def clip_file(folder: Path, rng: np.random.Generator) -> Path:
    """Ten seconds of stereo noise as FLAC."""
    path = folder / "clip.flac"
    write_audio(path, AudioClip(rng.normal(0, 0.1, (2, int(SECONDS * RATE))), RATE))
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return clip_file(tmp_path, np.random.default_rng(0))


@pytest.mark.benchmark(group="7,000 candidates against one clip")
def test_search(benchmark: Any) -> None:
    assert len(benchmark(search(np.random.default_rng(0)))) == 3


@pytest.mark.benchmark(group="7,000 candidates against one clip")
def test_read_clip(benchmark: Any, clip: Path) -> None:
    assert benchmark(lambda: read_audio(clip)).channels == 2


def seconds(call: Callable[[], Any], rounds: int = 20) -> float:
    """The median time of a call."""
    call()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def main() -> None:
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = clip_file(Path(folder), rng)
        searched, read = seconds(search(rng)), seconds(lambda: read_audio(path))
    print(f"search among {CANDIDATES} candidates: {searched * 1e3:.2f} ms")
    print(f"read {SECONDS:.0f} s of stereo FLAC:        {read * 1e3:.2f} ms")
    print(f"ratio: {searched / read:.3f}")


if __name__ == "__main__":
    main()
