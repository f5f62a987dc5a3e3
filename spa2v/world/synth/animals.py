"""Dog, cat, horse, cow and sheep: a voiced source with a gliding pitch through formants, in calls with pauses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from spa2v.world.synth.tools import Samples, cycle, drift, noise_band, oscillate, put, resonance, unit

Formants = Sequence[tuple[float, float, float]]
"""Center in Hz, width in Hz and gain of each resonance."""


def call(
    rng: np.random.Generator,
    rate: int,
    length_s: float,
    pitch_hz: ArrayLike,
    formants: Sequence[Formants],
    tilt: float = 0.8,
    breath: float = 0.1,
    rough: float = 0.0,
    rise_s: float = 0.03,
    fall_s: float = 0.1,
) -> Samples:
    """One call with unit RMS.

    Args:
        rng: of phases, breath and roughness.
        rate: in Hz.
        length_s: of the call.
        pitch_hz: at equal steps from begin to end, shape (k,); between them it glides.
        formants: of the throat at equal steps from begin to end; between them they are cross-faded.
        tilt: exponent by which harmonics fall.
        breath: level of noise in the source.
        rough: how irregular periods are, as a part of the pitch.
        rise_s, fall_s: of the loudness.
    """
    count = int(length_s * rate)
    place = np.linspace(0.0, 1.0, count)
    pitch = np.interp(place, np.linspace(0, 1, len(np.atleast_1d(pitch_hz))), np.atleast_1d(pitch_hz))
    order = np.arange(1, max(2, int(0.45 * rate / pitch.max())) + 1)[:120]
    wobble = 1 + 0.01 * drift(rng, count, rate, 12) + rough * drift(rng, count, rate, 1.2 * float(pitch.mean()))
    source = oscillate(cycle(order**-tilt, rng), pitch * wobble, count, rate)
    source = source + np.float32(breath) * noise_band(rng, count, rate, 300, 7000)
    total = np.zeros(count, np.float32)
    for index, throat in enumerate(formants):
        near = np.clip(1 - np.abs(place * max(len(formants) - 1, 1) - index), 0, 1).astype(np.float32)
        weight = near if len(formants) > 1 else np.float32(1)
        for center, width, gain in throat:
            if center < 0.45 * rate:
                total += np.float32(gain) * resonance(source, rate, center, width) * weight
    return unit(total * edges(count, rate, rise_s, fall_s))


def edges(count: int, rate: int, rise_s: float, fall_s: float) -> Samples:
    """A rise, a plateau and a fall of a call, as raised cosines, shape (count,)."""
    time = np.arange(count) / rate
    ramp = np.minimum(1, np.minimum(time / rise_s, (count / rate - time) / fall_s))
    return (0.5 - 0.5 * np.cos(np.pi * np.clip(ramp, 0, 1))).astype(np.float32)


def calls(
    rng: np.random.Generator,
    count: int,
    rate: int,
    make: Callable[[], Samples],
    pause_s: tuple[float, float],
    group: tuple[int, int] = (1, 1),
    within_s: tuple[float, float] = (0.0, 0.0),
) -> Samples:
    """Calls one after another: groups of `group` calls, `within_s` apart, with pauses between the groups."""
    track, time = np.zeros(count, np.float32), float(rng.uniform(-0.2, 0.25))
    while time * rate < count:
        for _ in range(int(rng.integers(group[0], group[1] + 1))):
            sound = make()
            put(track, sound, int(time * rate), float(rng.uniform(0.75, 1.15)))
            time += len(sound) / rate + rng.uniform(*within_s)
        time += rng.uniform(*pause_s)
    return track


def dog(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Barks in groups: short bursts whose pitch jumps up and falls, rough and loud in the middle."""
    size, harsh = rng.uniform(0.75, 1.5), rng.uniform(0.25, 0.6)
    base = 420 / size

    def bark() -> Samples:
        top = base * rng.uniform(0.95, 1.15)
        throat = [(750 / size, 250, 1.0), (1350 / size, 300, 0.9), (2500 / size, 500, 0.5), (3800, 900, 0.2)]
        mouth = [(1000 / size, 300, 1.2), (1800 / size, 350, 1.0), (2900 / size, 600, 0.5), (4200, 900, 0.2)]
        length = rng.uniform(0.12, 0.2) * size**0.4
        glide = np.array([0.7, 1.3, 1.45, 1.3, 1.05, 0.75, 0.5]) * top
        sound = call(rng, rate, length, glide, [throat, mouth, throat], 0.5, harsh, 0.08, 0.012, 0.07)
        return np.tanh(1.5 * sound).astype(np.float32)

    return calls(rng, count, rate, bark, (0.35, 0.75), (1, 4), (0.1, 0.28))


def cat(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Meows: from a closed "mi" over an open "a" to "ow", pitch up and down again."""
    base = rng.uniform(430, 640)

    def meow() -> Samples:
        glide = base * rng.uniform(0.92, 1.08) * np.array([0.85, 1.1, 1.25, 1.22, 1.12, 1.0, 0.85])
        closed = [(480, 140, 1.0), (2400, 300, 0.35), (3600, 500, 0.15)]
        bright = [(900, 200, 1.0), (2100, 300, 0.9), (3500, 500, 0.4)]
        opened = [(1150, 220, 1.0), (1750, 280, 0.8), (3300, 500, 0.35)]
        rounded = [(700, 180, 1.0), (1100, 250, 0.5), (3000, 500, 0.12)]
        length = rng.uniform(0.55, 0.95)
        return call(rng, rate, length, glide, [closed, bright, opened, rounded], 0.7, 0.05, 0.004, 0.07, 0.2)

    return calls(rng, count, rate, meow, (0.35, 0.7))


def cow(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Long deep moos: a hum that opens, a little up in pitch, then down."""
    base, size = rng.uniform(95, 150), rng.uniform(0.9, 1.15)

    def moo() -> Samples:
        glide = base * rng.uniform(0.95, 1.05) * np.array([0.75, 0.92, 1.05, 1.15, 1.18, 1.12, 0.95, 0.7])
        humming = [(230 / size, 70, 1.0), (900 / size, 200, 0.12), (2100, 400, 0.04)]
        opened = [(420 / size, 110, 1.0), (780 / size, 160, 0.8), (1900 / size, 300, 0.25), (2800, 500, 0.12)]
        wide = [(520 / size, 120, 1.0), (950 / size, 180, 0.8), (2000 / size, 300, 0.3), (2900, 500, 0.15)]
        throats = [humming, opened, wide, opened, humming]
        return call(rng, rate, rng.uniform(1.1, 1.9), glide, throats, 0.6, 0.05, 0.012, 0.15, 0.3)

    return calls(rng, count, rate, moo, (0.3, 0.6))


def sheep(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Baas: a nasal voice that trembles eight to ten times a second, in loudness and in pitch."""
    base, tremor, depth = rng.uniform(190, 330), rng.uniform(8.0, 10.0), rng.uniform(0.6, 0.8)
    young = (base / 240) ** 0.4

    def baa() -> Samples:
        length = rng.uniform(0.7, 1.2)
        time = np.arange(int(length * rate)) / rate
        tremble = np.sin(2 * np.pi * (tremor * time + rng.uniform()))
        glide = base * rng.uniform(0.95, 1.05) * np.interp(time / length, [0, 0.2, 0.7, 1], [0.95, 1.08, 1.0, 0.82])
        nasal = [(650, 130, 1.0), (1500, 220, 0.7), (2500, 300, 0.6), (3500, 450, 0.3)]
        opened = [(780, 140, 1.0), (1650, 220, 0.9), (2600, 300, 0.6), (3600, 450, 0.3)]
        throats = [[(center * young, width, gain) for center, width, gain in throat] for throat in (nasal, opened, opened)]
        sound = call(rng, rate, length, glide * (1 + 0.05 * tremble), throats, 0.45, 0.12, 0.02, 0.06, 0.15)
        return unit((sound * (1 - depth * (0.5 - 0.5 * tremble))).astype(np.float32))

    return calls(rng, count, rate, baa, (0.3, 0.65))


def horse(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Whinnies: a high voice that shakes and falls, and a snort at its end; at times hooves on the ground."""
    base, shake = rng.uniform(800, 1150), rng.uniform(9, 13)

    def neigh() -> Samples:
        length = rng.uniform(1.2, 1.8)
        time = np.arange(int(length * rate)) / rate
        place = time / length
        glide = base * np.interp(place, [0, 0.08, 0.25, 0.6, 1.0], [0.65, 1.0, 1.12, 0.8, 0.42])
        tremble = np.sin(2 * np.pi * shake * time * (1 - 0.15 * place))
        bright = [(1100, 350, 1.0), (2000, 400, 0.9), (3200, 500, 0.6), (4400, 800, 0.3)]
        dull = [(800, 300, 1.0), (1500, 350, 0.8), (2600, 500, 0.4)]
        grow = np.interp(place, [0, 0.2, 1], [0.2, 0.7, 1.0])
        sound = call(rng, rate, length, glide * (1 + 0.07 * grow * tremble), [bright, bright, dull], 0.5, 0.15, 0.02, 0.05, 0.3)
        return unit((sound * (1 - 0.45 * grow * (0.5 - 0.5 * tremble))).astype(np.float32))

    track = calls(rng, count, rate, neigh, (0.35, 0.7))
    if rng.random() < 0.5:
        track += 0.8 * _hooves(rng, count, rate)
    return track


def _hooves(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Clip-clop: four beats in each stride, every other one a little deeper."""
    track, stride = np.zeros(count, np.float32), rng.uniform(0.7, 1.1)
    ground = rng.uniform(600, 1000)
    for start in np.arange(-rng.uniform(0, stride), count / rate, stride):
        for beat, tone in enumerate((1.0, 0.8, 1.1, 0.85)):
            knock = noise_band(rng, int(0.07 * rate), rate, 0.6 * tone * ground, 2.4 * tone * ground)
            fade = np.exp(-np.arange(len(knock)) / (0.012 * rate)).astype(np.float32)
            put(track, knock * fade, int((start + beat * stride / 4) * rate), 2.5 * float(rng.uniform(0.7, 1.1)))
    return track
