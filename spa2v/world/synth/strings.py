"""Piano, guitar, harp, violin and cello: short random tunes on one scale."""

from __future__ import annotations

import numpy as np

from spa2v.world.synth.tools import (
    MAJOR,
    MINOR,
    Samples,
    cycle,
    degree,
    drift,
    noise_band,
    oscillate,
    pitch_hz,
    put,
    resonance,
    ring,
)


def walk(rng: np.random.Generator, count: int, low: int, high: int) -> list[int]:
    """Scale steps of a tune: mostly neighbors, sometimes a leap, within low..high."""
    place, steps = int(rng.integers(low, high + 1)), []
    for _ in range(count):
        place += int(rng.choice([-3, -2, -1, -1, 1, 1, 2, 3]))
        place = low + abs(place - low) if place < low else place
        place = high - abs(place - high) if place > high else place
        steps.append(int(np.clip(place, low, high)))
    return steps


def scale_of(rng: np.random.Generator) -> tuple[int, ...]:
    return MAJOR if rng.random() < 0.6 else MINOR


def piano(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """A melody over broken chords; stiff strings (sharp upper partials), two stages of decay, a felt hammer."""
    track, scale, root = np.zeros(count, np.float32), scale_of(rng), 60 + int(rng.integers(-4, 5))
    beat = rng.uniform(0.22, 0.4)
    beats = int(count / rate / beat) + 2
    melody, chord = walk(rng, beats, 2, 12), (0, 2, 4, 2)
    first = -rng.uniform(0, beat)
    for index in range(beats):
        at = int((first + index * beat) * rate)
        bass = degree(scale, root - 12, chord[index % 4] + (3 if index // 8 % 2 else 0))
        put(track, _hammered(pitch_hz(bass), rate), at, 0.7)
        if rng.random() < 0.75:
            put(track, _hammered(pitch_hz(degree(scale, root, melody[index])), rate), at, float(rng.uniform(0.7, 1.1)))
    return track


def _hammered(frequency: float, rate: int) -> Samples:
    order = np.arange(1, 10)
    partials = frequency * order * np.sqrt(1 + 0.0004 * order**2)
    levels = np.sin(np.pi * order / 7.5) / order**0.9 * np.exp(-order * frequency / 5000)
    decays = 0.9 * (220 / frequency) ** 0.4 / order**0.6
    note = ring(partials, levels, decays, 1.1, rate)
    thump = ring([90, 180, 310], [0.25, 0.2, 0.1], [0.03, 0.025, 0.02], 0.12, rate)
    note[: len(thump)] += thump
    return note


def guitar(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Strummed and picked steel strings: harmonics as the plucking point gives them, bright at first."""
    track, scale, root = np.zeros(count, np.float32), scale_of(rng), 45 + int(rng.integers(0, 6))
    beat, strums = rng.uniform(0.2, 0.36), rng.random() < 0.5
    beats, start = int(count / rate / beat) + 2, -rng.uniform(0, beat)
    steps = walk(rng, beats, 0, 11)
    for index in range(beats):
        at = int((start + index * beat) * rate)
        if strums and index % 2 == 0:
            for string, step in enumerate((0, 2, 4, 7)):
                note = degree(scale, root, step + (index // 8 % 3))
                put(track, _plucked(pitch_hz(note), rate), at + int(string * 0.014 * rate), 0.6)
        else:
            put(track, _plucked(pitch_hz(degree(scale, root, steps[index])), rate), at, float(rng.uniform(0.7, 1.1)))
    return track + 0.8 * resonance(track, rate, 105, 40) + 0.5 * resonance(track, rate, 210, 60)


def _plucked(frequency: float, rate: int, where: float = 0.17) -> Samples:
    order = np.arange(1, 15)
    levels = np.abs(np.sin(np.pi * order * where)) / order**1.1
    decays = 0.5 / (1 + 0.25 * order) * (196 / frequency) ** 0.3 + 0.02
    note = ring(frequency * order, levels, decays, 0.7, rate, 0.001)
    scrape = ring([3100, 4700], [0.06, 0.05], [0.004, 0.003], 0.03, rate, 0.0005)
    note[: len(scrape)] += scrape
    return note


def harp(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Arpeggios up and down and a sweeping glissando; soft, almost pure strings that ring on."""
    track, scale, root = np.zeros(count, np.float32), scale_of(rng), 55 + int(rng.integers(-3, 4))
    time, end = -0.2, count / rate
    while time < end:
        if rng.random() < 0.4:
            steps, pace = range(0, 20), rng.uniform(0.035, 0.05)
        else:
            first = int(rng.integers(0, 6))
            steps, pace = range(first, first + 14, 2), rng.uniform(0.1, 0.16)
        order = list(steps) if rng.random() < 0.6 else list(steps)[::-1]
        for step in order:
            put(
                track,
                _fingered(pitch_hz(degree(scale, root, step)), rate),
                int(time * rate),
                float(rng.uniform(0.6, 1)),
            )
            time += pace
    return track


def _fingered(frequency: float, rate: int) -> Samples:
    order = np.arange(1, 6)
    levels = np.abs(np.sin(np.pi * order * 0.45)) / order**1.9
    return ring(frequency * order, levels, 0.85 / order**0.8 * (260 / frequency) ** 0.35, 1.0, rate, 0.0015)


def violin(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Bowed long notes with vibrato, body resonances and the noise of the bow."""
    scale, root = scale_of(rng), 67 + int(rng.integers(-3, 6))
    body = ((290, 60, 0.8), (470, 90, 1.0), (1050, 250, 0.7), (2600, 900, 1.2))
    return _bowed(rng, count, rate, scale, root, rng.uniform(0.35, 0.8), (5.2, 6.4), body)


def cello(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """The same an octave and a half lower, slower, in a large body."""
    scale, root = scale_of(rng), 45 + int(rng.integers(-4, 5))
    body = ((105, 25, 0.8), (190, 40, 1.1), (240, 60, 0.9), (430, 120, 0.9), (1500, 900, 1.0))
    return _bowed(rng, count, rate, scale, root, rng.uniform(0.5, 1.1), (4.6, 5.6), body)


def _bowed(
    rng: np.random.Generator,
    count: int,
    rate: int,
    scale: tuple[int, ...],
    root: int,
    length: float,
    vibrato_hz: tuple[float, float],
    body: tuple[tuple[float, float, float], ...],
) -> Samples:
    """A line of notes of `length` seconds through the resonances of a body: center and width in Hz, and gain."""
    notes = walk(rng, int(count / rate / length) + 2, 0, 10)
    times = np.arange(count) / rate + rng.uniform(0, length)
    index = np.minimum((times / length).astype(int), len(notes) - 1)
    pitches = np.array([pitch_hz(degree(scale, root, step)) for step in notes])[index]
    inside = times / length % 1.0
    vibrato = 1 + 0.006 * np.sin(2 * np.pi * rng.uniform(*vibrato_hz) * times) * np.minimum(1, inside * 4)
    order = np.arange(1, 22)
    unsteady = 1 + 0.0025 * drift(rng, count, rate, 35)
    bowed = oscillate(cycle(1 / order**0.85), pitches * vibrato * unsteady, count, rate)
    bowed = bowed * (1 + 0.25 * drift(rng, count, rate, 25))
    swell = (0.55 + 0.45 * np.minimum(1, np.minimum(inside * length / 0.07, (1 - inside) * length / 0.05))).astype(
        np.float32
    )
    total = bowed * np.float32(0.35)
    for center, width, gain in body:
        total = total + np.float32(gain) * resonance(bowed, rate, center, width)
    rosin = noise_band(rng, count, rate, 1500, 8000) * (1 + 0.5 * drift(rng, count, rate, 30))
    return np.asarray((total * (1 + 0.1 * drift(rng, count, rate, 3)) + 0.06 * rosin) * swell, dtype=np.float32)
