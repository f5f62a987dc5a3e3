"""Time of ToyWorld, as ratios within one run: `pytest benchmarks/bench_world.py`.

Each benchmark notes in `extra_info` what it stands for: frames a second, or how many times faster than real time.
"""

from __future__ import annotations

from typing import Any

import pytest

from spa2v.core.types import frame_times
from spa2v.world.acoustics import record
from spa2v.world.clips import render_clip
from spa2v.world.drawing import Renderer
from spa2v.world.sampling import Choice, sample_scene

SEEDS = range(8)


@pytest.mark.parametrize("size", [(128, 80), (256, 160), (512, 320)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_frames_of_random_scenes(benchmark: Any, size: tuple[int, int]) -> None:
    """16 frames of each of eight scenes, without their surroundings being drawn anew."""
    renderers = [(Renderer(scene, *size), frame_times(scene.duration_s)) for scene in map(sample_scene, SEEDS)]
    benchmark.pedantic(lambda: [renderer.frames(times) for renderer, times in renderers], rounds=3, warmup_rounds=1)
    if benchmark.stats:
        benchmark.extra_info["frames_per_s"] = round(16 * len(renderers) / benchmark.stats["mean"], 1)


def test_surroundings(benchmark: Any) -> None:
    """What a new scene costs before its first frame, at 256 x 160."""
    scenes = [sample_scene(seed) for seed in SEEDS]
    benchmark.pedantic(lambda: [Renderer(scene, 256, 160) for scene in scenes], rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("scenario", ["stationary", "translational"])
def test_sound_of_one_thing(benchmark: Any, scenario: str) -> None:
    """Four seconds at 44.1 kHz on a receiver with two different channels."""
    choice = Choice(scenario, "single", duration_s=4.0, receiver="coincident")
    scenes = [sample_scene(seed, choice) for seed in SEEDS]
    benchmark.pedantic(lambda: [record(scene) for scene in scenes], rounds=3, warmup_rounds=1)
    if benchmark.stats:
        benchmark.extra_info["times_real_time"] = round(4.0 * len(scenes) / benchmark.stats["mean"], 1)


def test_a_whole_clip(benchmark: Any) -> None:
    """Scene, sound, 16 frames at 256 x 160, layout; as a data set makes it, without writing."""
    benchmark.pedantic(lambda: [render_clip(sample_scene(seed)) for seed in SEEDS], rounds=3, warmup_rounds=1)
    if benchmark.stats:
        benchmark.extra_info["clips_per_s"] = round(len(SEEDS) / benchmark.stats["mean"], 2)
