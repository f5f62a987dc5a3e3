"""One synthesizer for each class. Each is varied by its generator and can be recognized by ear."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from spa2v.world.synth import (
    animals,
    bells,
    birds,
    crafts,
    drums,
    engines,
    loudspeakers,
    sirens,
    strings,
    voices,
    winds,
)
from spa2v.world.synth.tools import Samples, unit

LONGEST_PAUSE_S, ONSET, RISE_S, FALL_S = 2.0, 0.05, 0.005, 0.04

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
    "dog": animals.dog,
    "cat": animals.cat,
    "horse": animals.horse,
    "cow": animals.cow,
    "sheep": animals.sheep,
    "bird": birds.bird,
    "child": voices.child,
    "bicycle": crafts.bicycle,
    "boat": crafts.boat,
    "airplane": crafts.airplane,
    "helicopter": crafts.helicopter,
    "police car": sirens.police_car,
    "ambulance": sirens.ambulance,
    "fire engine": sirens.fire_engine,
    "cello": strings.cello,
    "saxophone": winds.saxophone,
    "bell": bells.bell,
    "loudspeaker": loudspeakers.loudspeaker,
}


def synthesize(name: str, seed: int, count: int, rate: int) -> Samples:
    """The sound of a class as recorded dry at a constant distance, unit RMS, shape (count,)."""
    return unit(SYNTHESIZERS[name](np.random.default_rng([seed, 0x50D]), count, rate))


def sounding(name: str, seed: int, count: int, rate: int) -> Samples:
    """As `synthesize`, but it sounds from its first sample on, and fades in and out at its ends."""
    longer = synthesize(name, seed, count + round(LONGEST_PAUSE_S * rate), rate)
    heard = np.abs(longer) > ONSET * np.abs(longer).max(initial=0.0)
    first = min(max(0, int(heard.argmax()) - round(RISE_S * rate)), len(longer) - count)
    part = longer[first : first + count].copy()
    for samples, seconds in ((part, RISE_S), (part[::-1], FALL_S)):
        length = min(round(seconds * rate), count)
        samples[:length] *= np.sin(np.linspace(0, np.pi / 2, length, dtype=np.float32)) ** 2
    return unit(part)
