"""One synthesizer for each class. Each is varied by its generator and can be recognized by ear."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from spa2v.world.synth import drums, engines, strings, voices
from spa2v.world.synth.tools import Samples, unit

SYNTHESIZERS: Mapping[str, Callable[[np.random.Generator, int, int], Samples]] = {
    "car": engines.car,
    "bus": engines.bus,
    "truck": engines.truck,
    "motorcycle": engines.motorcycle,
    "train": engines.train,
    "piano": strings.piano,
    "guitar": strings.guitar,
    "drum": drums.drum,
    "violin": strings.violin,
    "harp": strings.harp,
    "woman": voices.woman,
    "man": voices.man,
}


def synthesize(name: str, seed: int, count: int, rate: int) -> Samples:
    """The sound of a class as recorded dry at a constant distance, unit RMS, shape (count,)."""
    return unit(SYNTHESIZERS[name](np.random.default_rng([seed, 0x50D]), count, rate))
