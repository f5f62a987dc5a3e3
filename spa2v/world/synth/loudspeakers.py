"""A loudspeaker: bursts of noise and tones that belong to no class."""

from __future__ import annotations

import numpy as np

from spa2v.world.synth.tools import Samples, cycle, noise_band, oscillate, put


def loudspeaker(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Bands of noise and plain tones by turns, each for a third of a second to one second, with short pauses."""
    track, time = np.zeros(count, np.float32), -rng.uniform(0, 0.5)
    while time < count / rate:
        length_s = rng.uniform(0.3, 1.0)
        length = int(length_s * rate)
        if rng.random() < 0.6:
            center, width = np.exp(rng.uniform(np.log(300), np.log(3500))), rng.uniform(1.3, 2.2)
            burst = noise_band(rng, length, rate, round(center / width), round(center * width))
        else:
            table = cycle([1.0, rng.uniform(0, 0.3), rng.uniform(0, 0.2)])
            burst = 0.8 * oscillate(table, np.exp(rng.uniform(np.log(250), np.log(2200))), length, rate)
        edge = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.02 * rate))
        put(track, burst * edge.astype(np.float32), int(time * rate))
        time += length_s + rng.uniform(0.03, 0.2)
    return track
