"""A saxophone: a reed on a cone, in phrases with rests."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from spa2v.world.synth.strings import scale_of, walk
from spa2v.world.synth.tools import Samples, cycle, degree, drift, noise_band, oscillate, pitch_hz, resonance

FORMANTS = ((520, 220, 1.0), (1250, 420, 0.9), (2300, 700, 0.6), (3400, 1000, 0.3))
SCOOP_S, TONGUE_S, RELEASE_S = 0.05, 0.025, 0.05


def saxophone(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """A swinging tune: notes that are scooped from below and end in vibrato, breath between them."""
    scale, root, beat = scale_of(rng), 46 + int(rng.integers(0, 8)), rng.uniform(0.36, 0.55)
    starts, steps, time = [], [], -rng.uniform(0, 1)
    while time < count / rate:
        size = int(rng.integers(5, 10))
        for step in walk(rng, size, 0, 11):
            starts.append(time)
            steps.append(step)
            time += beat * float(rng.choice([0.66, 0.34, 1.0, 2.0], p=[0.35, 0.35, 0.2, 0.1]))
        starts.append(time)
        steps.append(-1)  # a rest, to breathe
        time += beat * 0.5
    times, begins = np.arange(count) / rate, np.array([*starts, time])
    index = np.searchsorted(begins, times, side="right") - 1
    since, left = times - begins[index], begins[index + 1] - times
    notes, rests = np.array([pitch_hz(degree(scale, root, max(step, 0))) for step in steps]), np.array(steps) < 0
    late = np.clip((since - 0.18) / 0.2, 0, 1)
    vibrato = 1 + 0.011 * late * np.sin(2 * np.pi * rng.uniform(4.8, 5.8) * times)
    pitch = notes[index] * vibrato * (1 - 0.03 * np.exp(-since / SCOOP_S))
    order = np.arange(1, 36)
    reed = oscillate(cycle(1 / order**0.45), pitch * (1 + 0.004 * drift(rng, count, rate, 40)), count, rate)
    loud = np.where(rests[index], 0.0, np.minimum(1, np.minimum(since / TONGUE_S, left / RELEASE_S)))
    loud = uniform_filter1d(np.maximum(loud, 0.0), max(1, int(0.012 * rate))).astype(np.float32)
    breath = noise_band(rng, count, rate, 900, 6000) * (0.035 + 0.05 * loud)
    buzzing = reed * (1 + 0.12 * drift(rng, count, rate, 90))
    body = np.float32(0.2) * buzzing
    for center, width, gain in FORMANTS:
        body = body + np.float32(gain) * resonance(buzzing, rate, center, width)
    return body * loud + breath
