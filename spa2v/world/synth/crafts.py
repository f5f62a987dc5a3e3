"""Bicycle, boat, airplane and helicopter at constant speed."""

from __future__ import annotations

import numpy as np

from spa2v.world.synth.engines import engine_cycle, speed
from spa2v.world.synth.tools import TABLE, Samples, band, cycle, drift, noise_band, oscillate, put, ring, unit


def bicycle(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Thin tires on asphalt, a chain, the ticks of a freewheel while the rider coasts, a bell now and then."""
    tires = noise_band(rng, count, rate, 500, rng.uniform(2600, 4200))
    total = np.float32(0.28) * tires * (1 + 0.2 * drift(rng, count, rate, 8))
    shape = np.arange(int(0.02 * rate)) / rate
    click = noise_band(rng, len(shape), rate, 1200, 7500) * np.exp(-shape / 0.004).astype(np.float32)
    pace, time, coasts = rng.uniform(14, 24), 0.0, bool(rng.random() < 0.6)
    while time < count / rate:
        end = time + rng.uniform(1.0, 2.2)
        # Coasting, every tooth of the hub ticks; pedaling, the chain rattles softly with each link.
        step, gain = (1 / pace, 1.7) if coasts else (1 / (2.3 * pace), 0.4)
        for at in np.arange(time, end, step):
            put(total, click, int((at + 0.004 * rng.standard_normal()) * rate), gain * float(rng.uniform(0.7, 1.2)))
        time, coasts = end, not coasts
    if rng.random() < 0.75:
        ding = ring(
            rng.uniform(2300, 3300) * np.array([1, 1.006, 1.53, 2.31, 3.1]),
            [1, 0.8, 0.5, 0.6, 0.4],
            [0.4, 0.36, 0.25, 0.2, 0.12],
            1.0,
            rate,
            0.0005,
        )
        for start in np.arange(rng.uniform(0.1, 0.9), count / rate, rng.uniform(2.2, 4.0)):
            for stroke in range(int(rng.integers(5, 9))):  # the hammers of a thumb bell whirl around
                put(total, ding, int((start + 0.055 * stroke) * rate), 0.9 * float(rng.uniform(0.7, 1.1)))
    return total


def boat(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """An outboard motor or a slow diesel through a wet exhaust, splashing water, at times a horn."""
    outboard = rng.random() < 0.5
    turn = speed(rng, count, rate, rng.uniform(30, 48) if outboard else rng.uniform(5.5, 9.0), 0.03)
    table = engine_cycle(rng, 2, 60, 0.8, 0.5) if outboard else engine_cycle(rng, 2, 90, 0.45, 0.5)
    exhaust = np.tanh(1.4 * oscillate(table, turn, count, rate)).astype(np.float32)
    engine = unit(band(exhaust, rate, 35, 1300 if outboard else 700))
    gurgle = unit(noise_band(rng, count, rate, 150, 900) * np.abs(exhaust)) * (1 + 0.3 * drift(rng, count, rate, 5))
    wash = noise_band(rng, count, rate, 500, 5000) * (0.6 + 0.5 * np.maximum(drift(rng, count, rate, 2.5), 0))
    wet = 0.45 * gurgle + np.float32(rng.uniform(0.12, 0.22)) * wash
    total = np.asarray(engine + wet, dtype=np.float32)
    splash = noise_band(rng, int(0.5 * rate), rate, 700, 6000)
    shape = np.arange(len(splash)) / rate
    splash *= (np.minimum(1, shape / 0.05) * np.exp(-shape / 0.12)).astype(np.float32)
    for at in np.arange(rng.uniform(0, 0.8), count / rate, rng.uniform(0.8, 1.4)):
        put(total, splash, int(at * rate), float(rng.uniform(0.4, 0.9)))
    if rng.random() < 0.35:
        pitch = rng.uniform(150, 230)
        put(
            total, blast(rng, rate, (pitch, 1.26 * pitch), rng.uniform(0.8, 1.3)), int(rng.uniform(0, 0.5) * count), 2.0
        )
    return total


def blast(rng: np.random.Generator, rate: int, pitches_hz: tuple[float, ...], length_s: float) -> Samples:
    """A horn: a chord of bright tones with soft edges, unit RMS."""
    length = int(length_s * rate)
    table = cycle(1 / np.arange(1, 25) ** 0.6, rng)
    chord = np.zeros(length, np.float32)
    for pitch in pitches_hz:
        chord += oscillate(table, pitch, length, rate)
    edge = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.05 * rate))
    return unit(band(chord, rate, 120, 3500)) * edge.astype(np.float32)


def airplane(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """The roar of jets with the whine of their fans, or the drone of one or two propellers."""
    if rng.random() < 0.55:
        roar = noise_band(rng, count, rate, 45, rng.uniform(350, 550)) * (1 + 0.25 * drift(rng, count, rate, 3))
        hiss = noise_band(rng, count, rate, 400, 2200) * (1 + 0.15 * drift(rng, count, rate, 3))
        fan = rng.uniform(1500, 2800) * (1 + 0.004 * drift(rng, count, rate, 2))
        whine = oscillate(cycle([1.0, 0.4, 0.2]), fan, count, rate)
        return roar + np.float32(rng.uniform(0.3, 0.45)) * hiss + np.float32(rng.uniform(0.05, 0.1)) * whine
    blades, order = rng.uniform(70, 100), np.arange(1, 20)
    table = cycle(1 / order ** rng.uniform(0.9, 1.15), rng)
    drone = oscillate(table, speed(rng, count, rate, blades, 0.004), count, rate)
    if rng.random() < 0.6:  # a second engine, a little off, beats with the first
        drone = drone + oscillate(table, speed(rng, count, rate, blades * 1.012, 0.004), count, rate)
    flutter = noise_band(rng, count, rate, 120, 1500) * np.abs(drone)
    return unit(band(drone, rate, 50, 2000)) + 0.5 * unit(flutter) + 0.25 * noise_band(rng, count, rate, 60, 600)


def helicopter(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Blades that slap the air 10 to 20 times a second, a tail rotor and the whine of a turbine."""
    turn = rng.uniform(11, 18) * (1 + 0.01 * drift(rng, count, rate, 1))
    phase = np.linspace(0, 1, TABLE, endpoint=False, dtype=np.float32)
    pulse = np.exp(-phase / np.float32(rng.uniform(0.16, 0.26))) * np.minimum(1, phase / 0.06)
    slap = oscillate(pulse.astype(np.float32), turn, count, rate)
    chop = unit(noise_band(rng, count, rate, 60, rng.uniform(500, 1000)) * slap)
    thump = unit(band(slap, rate, 20, 160))
    tail = oscillate(cycle(1 / np.arange(1, 9) ** 0.8, rng), turn * rng.uniform(5.1, 6.3), count, rate)
    whine = oscillate(cycle([1.0, 0.3]), rng.uniform(2200, 4200), count, rate)
    wind = noise_band(rng, count, rate, 300, 3000) * (0.5 + 0.5 * slap)
    return chop + 0.7 * thump + 0.25 * tail + np.float32(rng.uniform(0.06, 0.12)) * whine + 0.35 * wind
