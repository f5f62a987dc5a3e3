"""Police car, ambulance and fire engine on their way to a call: three sirens that differ in pitch and pace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spa2v.world.synth.crafts import blast
from spa2v.world.synth.engines import engine_cycle, speed
from spa2v.world.synth.tools import Samples, band, cycle, noise_band, oscillate, put, unit

HORN_HZ = (400.0, 4200.0)  # what the horn of an electronic siren lets through
CONTROL = 64  # samples between the values of a slow curve


def police_car(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """An electronic siren that wails (up and down in some four seconds) or yelps (three times a second)."""
    low, high = rng.uniform(550, 700), rng.uniform(1250, 1600)
    wail_s, yelp_s, stay_s = rng.uniform(3.0, 4.5), rng.uniform(0.26, 0.38), rng.uniform(3.0, 5.0)
    times, first = _times(count, rate) + rng.uniform(0, 4), int(rng.integers(2))
    yelps = (times // stay_s + first) % 2 == 1
    curve = np.where(yelps, _swing(times / yelp_s, 0.7), _swing(times / wail_s, 0.45))
    return _tone(rng, _finely(low * (high / low) ** curve, count), rate) + _driving(rng, count, rate)


def ambulance(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Two steady tones about a fourth apart, each for half a second or a little longer."""
    low, ratio, each_s = rng.uniform(560, 720), rng.uniform(1.28, 1.37), rng.uniform(0.42, 0.65)
    times = _times(count, rate) + rng.uniform(0, 2 * each_s)
    pitch = np.where((times // each_s) % 2 == 1, low * ratio, low)
    return _tone(rng, _finely(pitch, count), rate) + _driving(rng, count, rate)


def fire_engine(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """A mechanical siren that winds up and runs down slowly, a heavy diesel and blasts of an air horn."""
    low, high, cycle_s = rng.uniform(260, 330), rng.uniform(720, 900), rng.uniform(4.5, 6.5)
    times = _times(count, rate) + rng.uniform(0, 6)
    pitch = _finely(low * (high / low) ** _swing(times / cycle_s, 0.4), count)
    rotor = oscillate(cycle(1 / np.arange(1, 13) ** 0.75, rng), pitch, count, rate)
    diesel = oscillate(engine_cycle(rng, 6, 140, 0.8, 0.35), speed(rng, count, rate, rng.uniform(5, 8)), count, rate)
    total = unit(band(rotor, rate, 250, 3500)) + 0.45 * diesel + 0.2 * noise_band(rng, count, rate, 200, 2500)
    root = rng.uniform(165, 220)
    horn = blast(rng, rate, (root, 1.19 * root, 1.5 * root), rng.uniform(0.35, 0.8))
    for at in np.arange(rng.uniform(0.2, 1.5), count / rate, rng.uniform(2.4, 4.0)):
        put(total, horn, int(at * rate), 1.9)
    return total


def _driving(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """What is heard of the car below its siren."""
    return np.float32(0.2) * noise_band(rng, count, rate, 80, 1800)


def _times(count: int, rate: int) -> NDArray[np.float64]:
    """Seconds at every CONTROL-th sample, and at the end."""
    return np.arange(0, count + CONTROL, CONTROL) / rate


def _finely(curve: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """A curve at `_times` for every sample, shape (count,)."""
    return np.interp(np.arange(count), np.arange(len(curve)) * CONTROL, curve)


def _swing(turns: NDArray[np.float64], rise: float) -> NDArray[np.float64]:
    """From 0 up to 1 and down again in each turn, rounded; `rise` is the share of the way up."""
    inside = turns % 1.0
    ramp = np.where(inside < rise, inside / rise, (1 - inside) / (1 - rise))
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * ramp))


def _tone(rng: np.random.Generator, pitch_hz: NDArray[np.float64], rate: int) -> Samples:
    """A driven oscillator through the horn, unit RMS."""
    order = np.arange(1, 12)
    table = cycle(np.where(order % 2 == 1, 1.0, rng.uniform(0.1, 0.5)) / order**0.9)
    driven = np.tanh(1.5 * oscillate(table, pitch_hz, len(pitch_hz), rate)).astype(np.float32)
    return unit(band(driven, rate, *HORN_HZ))
