"""A drum kit that plays a beat."""

from __future__ import annotations

import numpy as np

from spa2v.world.synth.tools import Samples, noise_band, put, ring, unit

# Eighth notes of a bar: kick, snare; the hi-hat plays on all.
PATTERNS = (((0, 4), (2, 6)), ((0, 3, 4), (2, 6)), ((0, 5), (2, 6)), ((0, 2, 4, 6), (2, 6)))


def drum(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Kick, snare and hi-hat in a bar of eighths, with a fill on the toms now and then."""
    kick, snare, hat = _kick(rng, rate), _snare(rng, rate), _hat(rng, rate)
    toms = [ring([f, f * 1.6], [1, 0.4], [0.16, 0.08], 0.45, rate) for f in (190, 150, 115)]
    track = np.zeros(count, np.float32)
    step, (kicks, snares) = rng.uniform(0.13, 0.22), PATTERNS[int(rng.integers(len(PATTERNS)))]
    start = -rng.uniform(0, 4 * step)
    for index in range(int(count / rate / step) + 6):
        at, place, swing = int((start + index * step) * rate), index % 8, float(rng.uniform(0.85, 1.1))
        if index % 32 >= 28:
            put(track, toms[min(index % 32 - 28, 2)], at, 0.9 * swing)
            continue
        put(track, hat, at, 0.5 * swing)
        if place in kicks:
            put(track, kick, at, 1.5 * swing)
        if place in snares:
            put(track, snare, at, 1.2 * swing)
    return track


def _kick(rng: np.random.Generator, rate: int) -> Samples:
    time = np.arange(int(0.3 * rate)) / rate
    sweep = 2 * np.pi * (rng.uniform(48, 60) * time + 90 * 0.03 * (1 - np.exp(-time / 0.03)))
    body = np.sin(sweep) * np.exp(-time / 0.1)
    click = noise_band(rng, len(time), rate, 1500, 5000) * np.exp(-time / 0.006) * 0.4
    return (body + click).astype(np.float32)


def _snare(rng: np.random.Generator, rate: int) -> Samples:
    time = np.arange(int(0.25 * rate)) / rate
    wires = noise_band(rng, len(time), rate, 1200, 9000) * np.exp(-time / 0.07)
    shell = np.sin(2 * np.pi * rng.uniform(180, 230) * time) * np.exp(-time / 0.05)
    return (0.55 * wires + 0.9 * shell).astype(np.float32)


def _hat(rng: np.random.Generator, rate: int) -> Samples:
    time = np.arange(int(0.09 * rate)) / rate
    return unit(
        (noise_band(rng, len(time), rate, 6000, 15000) * np.exp(-time / 0.025)).astype(np.float32)
    ) * np.float32(0.3)
