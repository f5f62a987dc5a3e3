"""A woman, a man and a child who sing on changing vowels: a glottal pulse train through formants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from spa2v.world.synth.tools import MAJOR, MINOR, Samples, cycle, degree, noise_band, oscillate, pitch_hz, resonance

# The first four formants of five vowels of a man's voice, in Hz; a woman's lie about 17 percent higher.
VOWELS = (
    (730, 1090, 2440, 3400),
    (530, 1840, 2480, 3500),
    (270, 2290, 3010, 3600),
    (570, 840, 2410, 3300),
    (300, 870, 2240, 3300),
)
WIDTHS_HZ, GAINS = (80, 100, 140, 200), (1.0, 1.0, 0.8, 0.5)


def woman(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """A soprano to alto line around 220 to 440 Hz."""
    return _sung(rng, count, rate, root=57 + int(rng.integers(0, 6)), formant_shift=1.17, breath=0.05)


def man(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """A tenor to bass line around 98 to 220 Hz."""
    return _sung(rng, count, rate, root=43 + int(rng.integers(0, 6)), formant_shift=1.0, breath=0.03)


def child(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """A child's tune around 290 to 830 Hz, from a throat much shorter than an adult's."""
    return _sung(rng, count, rate, root=62 + int(rng.integers(0, 5)), formant_shift=1.5, breath=0.08)


def _sung(rng: np.random.Generator, count: int, rate: int, root: int, formant_shift: float, breath: float) -> Samples:
    syllable = rng.uniform(0.28, 0.5)
    total = int(count / rate / syllable) + 2
    scale = MAJOR if rng.random() < 0.6 else MINOR
    steps = np.clip(np.cumsum(rng.choice([-2, -1, 0, 1, 2], total)) + 3, 0, 8)
    times = np.arange(count) / rate + rng.uniform(0, syllable)
    index = np.minimum((times / syllable).astype(int), total - 1)
    glide = np.minimum(1, (times / syllable - index) * syllable / 0.06)
    notes = np.array([pitch_hz(degree(scale, root, int(step))) for step in steps])
    pitch = notes[np.maximum(index - 1, 0)] * (1 - glide) + notes[index] * glide
    vibrato = 1 + 0.012 * np.sin(2 * np.pi * rng.uniform(4.8, 6.0) * times)
    order = np.arange(1, 60)
    source = oscillate(cycle(1 / order**1.1), pitch * vibrato, count, rate)
    source = source + np.float32(breath) * noise_band(rng, count, rate, 1000, 6000)
    inside = times / syllable % 1.0
    loud = np.minimum(1, np.minimum(inside * syllable / 0.05, (1 - inside) * syllable / 0.06))
    return _vowels(source, index, rng.integers(len(VOWELS), size=total), rate, formant_shift) * (
        0.25 + 0.75 * loud
    ).astype(np.float32)


def _vowels(source: Samples, index: NDArray[np.intp], chosen: NDArray[np.intp], rate: int, shift: float) -> Samples:
    """Filters each syllable with the formants of its vowel, cross-faded so that nothing clicks."""
    total = np.zeros_like(source)
    for vowel in np.unique(chosen[index]):
        weight = uniform_filter1d((chosen[index] == vowel).astype(np.float32), max(1, int(0.03 * rate)))
        for center, width, gain in zip(VOWELS[vowel], WIDTHS_HZ, GAINS, strict=True):
            total += np.float32(gain) * resonance(source, rate, center * shift, width) * weight
    return total
