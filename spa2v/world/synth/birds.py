"""A bird: a songbird that whistles, chirps and trills, or a crow that caws."""

from __future__ import annotations

import numpy as np

from spa2v.world.synth.animals import Voice, calls, edges, in_groups
from spa2v.world.synth.tools import Samples, cycle, oscillate, unit

CROW = Voice(
    pitch_hz=(460, 620),
    contour=(0.65, 1.25, 1.05, 1.15, 0.75),
    length_s=(0.24, 0.34),
    first_hz=(1700, 1970, 1700),
    ratios=((1.9, 1.55, 1.73), 1.45),
    gains=(0.4, 0.4),
    width=0.13,
    tilt=0.4,
    breath=0.6,
    rough=0.17,
    rise_s=0.045,
    fall_s=0.08,
    pause_s=(0.35, 0.75),
    group=(2, 4),
    within_s=(0.1, 0.25),
)


def bird(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Song between two and seven kilohertz, or, one time in five, caws."""
    return crow(rng, count, rate) if rng.random() < 0.2 else songbird(rng, count, rate)


def songbird(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Phrases of a small repertoire: sweeps up or down, repeated chirps, fast trills, held whistles."""
    base = rng.uniform(2600, 4300)
    repertoire = [_phrase(rng, base, rate) for _ in range(int(rng.integers(3, 6)))]

    def phrase() -> Samples:
        return repertoire[int(rng.integers(len(repertoire)))]

    return in_groups(rng, count, rate, phrase, (0.15, 0.55), (1, 3), (0.03, 0.12))


def _phrase(rng: np.random.Generator, base: float, rate: int) -> Samples:
    """One to fifteen equal syllables: a chirp, a trill or a whistle."""
    kind = int(rng.integers(3))
    start, end = base * rng.uniform(0.75, 1.5, 2)
    chirp, trill, whistle = (
        (int(rng.integers(2, 5)), 0.09, 0.05),
        (int(rng.integers(7, 16)), 0.035, 0.02),
        (1, 0.3, 0.0),
    )
    times, length, gap = (chirp, trill, whistle)[kind]
    length *= float(rng.uniform(0.8, 1.3))
    turn = (start + end) / 2 * (rng.uniform(0.85, 1.2) if kind < 2 else 1.0)
    syllable = _whistle([start, turn, end], length, rate)
    rest = np.zeros(int(gap * rate), np.float32)
    return unit(np.concatenate([syllable, rest] * times))


def _whistle(pitch_hz: list[float], length_s: float, rate: int) -> Samples:
    """A nearly pure tone that glides through the given pitches, at most 7 kHz."""
    count = int(length_s * rate)
    glide = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(pitch_hz)), np.clip(pitch_hz, 1800, 7000))
    tone = oscillate(cycle([1.0, 0.06]), np.minimum(glide, 0.22 * rate), count, rate)
    return tone * edges(count, rate, 0.25 * length_s, 0.4 * length_s)


def crow(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Caws in groups: harsh, nasal, falling."""
    return calls(rng, count, rate, CROW)
