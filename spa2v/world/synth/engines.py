"""Car, bus, truck, motorcycle and train as heard from the roadside, at constant speed."""

from __future__ import annotations

import numpy as np

from spa2v.world.synth.tools import Samples, band, cycle, drift, noise_band, oscillate, put, unit


def engine_cycle(
    rng: np.random.Generator, cylinders: int, harmonics: int, falloff: float, unevenness: float
) -> Samples:
    """One turn of an engine: harmonics of the firing rate, and weaker ones between them from uneven cylinders."""
    order = np.arange(1, harmonics + 1)
    levels = (order / cylinders) ** -falloff * np.where(order % cylinders == 0, 1.0, unevenness)
    levels[: cylinders - 1] *= 0.5
    return cycle(levels * rng.uniform(0.6, 1.4, harmonics), rng)


def speed(rng: np.random.Generator, count: int, rate: int, base_hz: float, wander: float = 0.015) -> Samples:
    """Turns a second: a slow wander, and a little unevenness from turn to turn that blurs the high harmonics."""
    uneven = 0.012 * drift(rng, count, rate, 1.5 * base_hz)
    return np.asarray(base_hz * (1 + wander * drift(rng, count, rate, 1.0) + uneven), dtype=np.float32)


def car(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """A four-cylinder engine under the hiss of tires on asphalt."""
    table = engine_cycle(rng, 4, 80, rng.uniform(0.8, 1.1), 0.12)
    engine = oscillate(table, speed(rng, count, rate, rng.uniform(14, 22)), count, rate)
    tires = noise_band(rng, count, rate, 350, rng.uniform(2200, 3600)) * (1 + 0.15 * drift(rng, count, rate, 6))
    return engine + np.float32(rng.uniform(0.9, 1.3)) * tires + 0.25 * noise_band(rng, count, rate, 2500, 7000)


def bus(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """A slow six-cylinder diesel with a whining gear and compressed air let out now and then."""
    turn = speed(rng, count, rate, rng.uniform(6.5, 9.0))
    engine = oscillate(engine_cycle(rng, 6, 120, 1.0, 0.25), turn, count, rate)
    whine = oscillate(cycle([1.0, 0.3]), turn * rng.uniform(74, 96), count, rate)
    total = engine + 0.5 * noise_band(rng, count, rate, 200, 1200) + np.float32(rng.uniform(0.2, 0.35)) * whine
    hiss = noise_band(rng, int(0.5 * rate), rate, 3000, 8000)
    hiss *= np.exp(-np.arange(len(hiss)) / (0.15 * rate)).astype(np.float32)
    for at in np.arange(rng.uniform(0.1, 1.0), count / rate, rng.uniform(1.4, 2.2)):
        put(total, hiss, int(at * rate), 0.8)
    return total


def truck(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """A heavy diesel: deep, knocking at its firing rate, with a turbo whistle and a rattling body."""
    turn = speed(rng, count, rate, rng.uniform(4.2, 5.8))
    engine = oscillate(engine_cycle(rng, 6, 160, 0.75, 0.4), turn, count, rate)
    knock = 0.6 + np.maximum(oscillate(cycle(np.ones(4)), turn * 6, count, rate), 0)
    rattle = noise_band(rng, count, rate, 900, 4000) * unit(knock.astype(np.float32))
    whistle = oscillate(cycle([1.0]), turn * rng.uniform(420, 520), count, rate)
    rumble = noise_band(rng, count, rate, 60, 300)
    return engine + np.float32(rng.uniform(0.5, 0.8)) * rattle + 0.13 * whistle + 0.7 * rumble


def motorcycle(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """One or two cylinders with sharp, uneven exhaust pulses, a little up and down in speed."""
    table = engine_cycle(rng, int(rng.integers(1, 3)), 90, rng.uniform(0.45, 0.7), 0.6)
    turn = speed(rng, count, rate, rng.uniform(48, 85), wander=0.05)
    exhaust = np.tanh(1.6 * oscillate(table, turn, count, rate)).astype(np.float32)
    rasp = np.multiply(noise_band(rng, count, rate, 400, 5000), np.abs(exhaust), dtype=np.float32)
    return unit(exhaust) * (1 + 0.1 * drift(rng, count, rate, 3)) + 0.6 * unit(rasp)


def train(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Rolling noise of steel wheels, the double beat of rail joints, a squeal, at times a horn."""
    rolling = noise_band(rng, count, rate, 90, 900) * (1 + 0.3 * drift(rng, count, rate, 5))
    total = rolling + 0.35 * noise_band(rng, count, rate, 1200, 5000)
    clack = noise_band(rng, int(0.15 * rate), rate, 120, 2500)
    clack *= np.exp(-np.arange(len(clack)) / (0.022 * rate)).astype(np.float32)
    period, start = rng.uniform(0.45, 0.7), rng.uniform(0, 0.4)
    for beat in np.arange(start, count / rate, period):
        for offset, gain in ((0.0, 2.6), (0.13, 2.0)):
            put(total, clack, int((beat + offset) * rate), gain * float(rng.uniform(0.8, 1.2)))
    pitch = rng.uniform(2400, 3600) * (1 + 0.02 * drift(rng, count, rate, 25))
    total += 0.15 * oscillate(cycle([1.0, 0.2]), pitch, count, rate) * np.maximum(drift(rng, count, rate, 2), 0)
    if rng.random() < 0.25:
        put(total, _horn(rng, rate), int(rng.uniform(0.0, 0.5) * count), 0.5)
    return total


def _horn(rng: np.random.Generator, rate: int) -> Samples:
    length = int(rng.uniform(0.7, 1.2) * rate)
    table = cycle(1 / np.arange(1, 16) ** 0.7, rng)
    chord = sum(oscillate(table, frequency, length, rate) for frequency in (311.1, 370.0, 466.2))
    edge = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.06 * rate))
    return band(unit(np.asarray(chord, dtype=np.float32)), rate, 250, 4000) * edge.astype(np.float32)
