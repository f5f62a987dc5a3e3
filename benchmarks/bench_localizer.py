"""Speed of cues and plan as times real time: `pytest benchmarks/bench_localizer.py --benchmark-only`.

Ten seconds of 44.1 kHz stereo through the default extractors and `stereo_rules`, from samples to layout, nothing kept
from one round to the next. `extra_info.times_real_time` is 10 s over the fastest round in processor time, so that
other work on the machine does not count; run it with OMP_NUM_THREADS=1 for one core.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from benchmarks.real_clips import localize
from spa2v.core.types import AudioClip

RATE, SECONDS = 44_100, 10


def _noise(rng: np.random.Generator) -> np.ndarray:
    return 0.1 * rng.standard_normal(RATE * SECONDS)


def passing(rng: np.random.Generator) -> np.ndarray:
    """Noise that crosses from left to right and is loudest in the middle."""
    along = np.linspace(-5.0, 5.0, RATE * SECONDS)
    gain, sine = 1.0 / np.hypot(along, 1.0), along / np.hypot(along, 1.0)
    mono = gain * np.convolve(_noise(rng), np.hanning(12), mode="same")
    return np.stack([np.sqrt(1 - sine), np.sqrt(1 + sine)]) * mono + 0.01 * rng.standard_normal((2, len(mono)))


def melody(rng: np.random.Generator) -> np.ndarray:
    """Plucked notes a little to the left."""
    t = np.arange(RATE * SECONDS) / RATE
    since = t % 0.25
    base = rng.choice([196.0, 247.0, 294.0, 392.0], 4 * SECONDS)[(t / 0.25).astype(int)]
    mono = sum(np.exp(-since * (3 + k)) * np.sin(2 * np.pi * base * k * t) / k for k in range(1, 10))
    return np.stack([0.12 * mono, 0.08 * mono]) + 0.001 * rng.standard_normal((2, len(t)))


def two(rng: np.random.Generator) -> np.ndarray:
    """Plucked notes at the left and bursts of noise at the right."""
    t = np.arange(RATE * SECONDS) / RATE
    bursts = _noise(rng) * (np.sin(2 * np.pi * 1.3 * t) > 0)
    return melody(rng) + np.stack([0.3 * bursts, 0.9 * bursts])


SOUNDS = {"passing": passing, "melody": melody, "two": two}


@pytest.mark.parametrize("name", SOUNDS)
def test_cues_and_plan(benchmark: Any, name: str) -> None:
    samples = SOUNDS[name](np.random.default_rng(0)).astype(np.float32)
    localize(AudioClip(samples, RATE))  # imports and tables

    benchmark.pedantic(localize, setup=lambda: ((AudioClip(samples, RATE),), {}), rounds=15)
    if not benchmark.disabled:
        benchmark.extra_info["times_real_time"] = round(SECONDS / _fastest_s(samples), 1)


def _fastest_s(samples: np.ndarray) -> float:
    spent = []
    for _ in range(10):
        audio = AudioClip(samples, RATE)
        start = time.process_time()
        localize(audio)
        spent.append(time.process_time() - start)
    return min(spent)
