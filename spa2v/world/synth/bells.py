"""A church bell: strokes on partials that are no multiples of one another."""

from __future__ import annotations

import numpy as np

from spa2v.world.synth.tools import Samples, put, ring

# Hum, prime, tierce (a minor third), quint, nominal and what lies above, over the prime; level; decay of a large bell
# in seconds. After Lehr, "Partial groups in the bell sound" (JASA 79, 1986).
PARTIALS = (
    (0.5, 0.5, 4.0),
    (1.0, 0.8, 2.6),
    (1.2, 1.0, 2.2),
    (1.5, 0.4, 1.4),
    (2.0, 1.0, 1.5),
    (2.5, 0.35, 0.8),
    (2.67, 0.35, 0.7),
    (3.0, 0.5, 0.7),
    (4.0, 0.4, 0.45),
    (5.33, 0.3, 0.3),
)
LENGTH_S = 5.0


def bell(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Strokes every one to two seconds, each over the dying sound of those before."""
    prime = rng.uniform(230, 520)
    ratios, levels, decays = np.array(PARTIALS).T
    ratios = ratios * rng.uniform(0.992, 1.008, len(ratios))
    levels, decays = levels * rng.uniform(0.7, 1.3, len(levels)), decays * (300 / prime) ** 0.5
    # Each partial is a pair a little apart, since no bell is quite round: it beats.
    pairs = np.concatenate([ratios, ratios + rng.uniform(0.4, 1.6, len(ratios)) / prime])
    stroke = ring(
        prime * pairs,
        np.tile(levels, 2) * np.repeat((1.0, 0.45), len(ratios)),
        np.tile(decays, 2),
        LENGTH_S,
        rate,
        0.001,
    )
    clang = ring([9.1 * prime, 11.7 * prime, 14.2 * prime], [0.5, 0.4, 0.3], [0.05, 0.035, 0.025], 0.2, rate, 0.0005)
    stroke[: len(clang)] += clang
    track, period = np.zeros(count, np.float32), rng.uniform(1.0, 2.0)
    for at in np.arange(-period * rng.uniform(0.3, 1.0), count / rate, period):
        put(track, stroke, int((at + 0.03 * rng.standard_normal()) * rate), float(rng.uniform(0.75, 1.1)))
    return track
