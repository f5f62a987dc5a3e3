"""Building blocks of the synthesizers: noise bands, single-cycle tables, notes. All in float32, at any sample rate."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import signal

Samples = NDArray[np.float32]
TABLE = 2048


@lru_cache(maxsize=64)
def _band(low_hz: float, high_hz: float, rate: int) -> NDArray[np.float64]:
    high = min(high_hz, 0.45 * rate)
    return np.asarray(signal.butter(2, [min(low_hz, 0.7 * high), high], "bandpass", fs=rate, output="sos"))


def noise_band(rng: np.random.Generator, count: int, rate: int, low_hz: float, high_hz: float) -> Samples:
    """Noise between two frequencies with unit RMS, shape (count,)."""
    return unit(band(rng.standard_normal(count, dtype=np.float32), rate, low_hz, high_hz))


def band(samples: Samples, rate: int, low_hz: float, high_hz: float) -> Samples:
    """The part of a signal between two frequencies; at a low rate, what is left of that band below half of it."""
    return np.asarray(signal.sosfilt(_band(low_hz, high_hz, rate), samples), dtype=np.float32)


def resonance(samples: Samples, rate: int, center_hz: float, width_hz: float) -> Samples:
    """A two-pole resonator with unit gain at its center."""
    radius = np.exp(-np.pi * width_hz / rate)
    angle = 2 * np.pi * center_hz / rate
    poles = [1.0, -2 * radius * np.cos(angle), radius**2]
    gain = (1 - radius) * np.sqrt(1 - 2 * radius * np.cos(2 * angle) + radius**2)
    return np.asarray(signal.lfilter([gain], poles, samples), dtype=np.float32)


def unit(samples: Samples) -> Samples:
    """The signal with an RMS of 1; silence stays silence."""
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return samples if level == 0 else (samples / np.float32(level)).astype(np.float32)


def cycle(amplitudes: ArrayLike, rng: np.random.Generator | None = None) -> Samples:
    """One period, TABLE samples, of the harmonics 1, 2, ... with the given amplitudes; phases random, or all sines."""
    levels = np.asarray(amplitudes, dtype=np.float64)
    phases = np.zeros(len(levels)) if rng is None else rng.uniform(0, 2 * np.pi, len(levels))
    spectrum = np.zeros(TABLE // 2 + 1, complex)
    spectrum[1 : len(levels) + 1] = levels * np.exp(1j * (phases - np.pi / 2))
    return unit(np.fft.irfft(spectrum, TABLE).astype(np.float32))


def oscillate(table: Samples, frequency_hz: ArrayLike, count: int, rate: int, start: float = 0.0) -> Samples:
    """Repeats a period at a frequency that may change: a number, or shape (count,)."""
    step = np.broadcast_to(np.asarray(frequency_hz, dtype=np.float64) / rate, (count,))
    position = (start + np.cumsum(step)) % 1.0 * TABLE
    index = position.astype(np.intp)
    part = (position - index).astype(np.float32)
    return table[index % TABLE] * (1 - part) + table[(index + 1) % TABLE] * part


def drift(rng: np.random.Generator, count: int, rate: int, per_second: float = 2.0) -> Samples:
    """A slow random curve between -1 and 1 with about `per_second` turns a second."""
    knots = max(4, int(count / rate * per_second) + 4)
    values = rng.uniform(-1, 1, knots)
    return np.interp(np.linspace(0, knots - 1, count), np.arange(knots), values).astype(np.float32)


def ring(
    frequencies_hz: ArrayLike, levels: ArrayLike, decays_s: ArrayLike, length_s: float, rate: int, rise_s: float = 0.002
) -> Samples:
    """Decaying sines, as of a string that was plucked or struck.

    Args:
        frequencies_hz, levels, decays_s: of the partials; a decay is the time to fall by a factor e.
        length_s: of the result, faded at its end.
        rise_s: attack.
    """
    time = (np.arange(int(length_s * rate)) / rate).astype(np.float32)
    total = np.zeros_like(time)
    table = zip(np.atleast_1d(frequencies_hz), np.atleast_1d(levels), np.atleast_1d(decays_s), strict=True)
    for frequency, level, decay in table:
        if frequency < 0.45 * rate:
            total += (
                np.float32(level)
                * np.exp(time * np.float32(-1 / decay))
                * np.sin(time * np.float32(2 * np.pi * frequency))
            )
    rise, fall = max(2, int(rise_s * rate)), max(2, int(0.03 * rate))
    total[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)[: len(total[:rise])]
    total[-fall:] *= np.linspace(1, 0, fall, dtype=np.float32)[-len(total[-fall:]) :]
    return total


def put(track: Samples, sound: Samples, at: int, gain: float = 1.0) -> None:
    """Adds a sound to a track from a sample on; what lies outside is cut off."""
    first, last = max(at, 0), min(at + len(sound), len(track))
    if last > first:
        track[first:last] += np.float32(gain) * sound[first - at : last - at]


def pitch_hz(midi: float) -> float:
    """The frequency of a MIDI note number; 69 is 440 Hz."""
    return float(440.0 * 2 ** ((midi - 69) / 12))


MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)


def degree(scale: tuple[int, ...], root: int, step: int) -> int:
    """The MIDI note `step` steps up a scale from its root; negative steps go down."""
    octave, index = divmod(step, len(scale))
    return root + 12 * octave + scale[index]
