"""Sounds for the tests of the localizer: synthesized kinds of sources, and two ways to place them."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from spa2v.core.types import AudioClip

Array = NDArray[np.float64]
RATE = 44_100
SPACING_US = 0.18 / 343.0 * 1e6


def _unit(sound: Array) -> Array:
    made = 0.1 * np.asarray(sound) / np.sqrt(np.mean(np.square(sound)))
    made.setflags(write=False)  # the sounds are cached
    return made


def _band(sound: Array, low: float, high: float, rate: int = RATE) -> Array:
    return np.asarray(sosfilt(butter(2, (low, min(high, 0.45 * rate)), "bandpass", fs=rate, output="sos"), sound))


@cache
def white(seconds: float, seed: int = 0, rate: int = RATE) -> Array:
    return _unit(np.random.default_rng(seed).standard_normal(int(seconds * rate)))


@cache
def tones(seconds: float, seed: int = 0, rate: int = RATE) -> Array:
    """A harmonic tone with the lines of a clarinet-like spectrum."""
    rng = np.random.default_rng(seed)
    t, base = np.arange(int(seconds * rate)) / rate, rng.uniform(180, 400)
    return _unit(sum(np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6)) / k for k in range(1, 12)))


def _glottal(f0: Array, rate: int) -> Array:
    phase = np.cumsum(f0) / rate
    return np.asarray(2.0 * (phase % 1.0) ** 2 - (phase % 1.0))


@cache
def voice(seconds: float, seed: int = 0, rate: int = RATE, base: float | None = None) -> Array:
    """Speech-like: gliding pitch, 3.3 syllables a second (off the beat of the guitar), pauses."""
    rng = np.random.default_rng(seed)
    count = int(seconds * rate)
    t = np.arange(count) / rate
    base = base or rng.uniform(100, 230)
    syllables = max(2, round(3.3 * seconds))
    knots = np.linspace(0, seconds, syllables + 1)
    f0 = base * np.interp(t, knots, rng.uniform(0.85, 1.25, syllables + 1))
    source = _glottal(f0, rate)
    out = np.zeros(count)
    for index in range(syllables):
        window = np.interp(
            t, knots[index] + np.array([-0.04, 0.03, 0.16, 0.24]) / (3.3 * seconds / syllables), [0, 1, 1, 0]
        )
        for center in (rng.uniform(300, 800), rng.uniform(900, 2200), rng.uniform(2300, 3000)):
            out += rng.uniform(0.4, 1) * window * _band(source, center * 0.9, center * 1.1, rate)
    return _unit(out)


@cache
def guitar(seconds: float, seed: int = 0, rate: int = RATE) -> Array:
    """Plucked strings: notes of decaying harmonics, about four a second."""
    rng = np.random.default_rng(seed)
    count = int(seconds * rate)
    out = np.zeros(count)
    scale = 110.0 * 2.0 ** (np.array([0, 3, 5, 7, 10, 12, 15, 17, 19]) / 12)
    for start in np.arange(0.02, seconds - 0.02, 0.25) + rng.uniform(-0.02, 0.02):
        first = int(start * rate)
        t = np.arange(count - first) / rate
        base = rng.choice(scale)
        for k in range(1, 16):
            if base * k < 0.45 * rate:
                out[first:] += np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6)) * np.exp(-t * (2 + 0.9 * k)) / k
    return _unit(out)


@cache
def violin(seconds: float, seed: int = 0, rate: int = RATE, cents: float = 36.0) -> Array:
    """Bowed strings: sustained sawtooth notes with vibrato, `cents` to either side."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    notes = max(1, int(1.5 * seconds))
    pitch = 330 * 2.0 ** (rng.integers(0, 12, notes) / 12)
    f0 = pitch[np.minimum((t * notes / seconds).astype(int), notes - 1)] * 2 ** (
        cents / 1200 * np.sin(2 * np.pi * 5.5 * t)
    )
    bow = 0.6 + 0.4 * np.sin(np.pi * (t * notes / seconds % 1.0))
    return _unit(_band(_glottal(f0, rate) * bow, 250, 6000, rate) + 0.002 * rng.standard_normal(len(t)))


@cache
def sung(seconds: float, seed: int = 0, rate: int = RATE, base: float = 330.0, cents: float = 35.0) -> Array:
    """A singer on vowels: half a second a note, vibrato all the time, `cents` to either side."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    notes = base * 2.0 ** (rng.integers(-3, 5, int(2 * seconds) + 1) / 12)
    vibrato = 2 ** (cents / 1200 * np.sin(2 * np.pi * rng.uniform(5.0, 6.0) * t + rng.uniform(0, 6)))
    source = _glottal(np.interp(t, np.arange(len(notes)) * 0.5, notes) * vibrato, rate)
    loud = 0.3 + 0.7 * np.abs(np.sin(np.pi * t / 0.5))
    vowels = sum(_band(source, center * 0.85, center * 1.15, rate) for center in (700, 1200, 2600))
    return _unit(loud * (vowels + 0.1 * source))


@cache
def held(seconds: float, seed: int = 0, rate: int = RATE) -> Array:
    """A singer who holds a note straight, glides to the next, and has a vibrato on every other one."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    length = rng.uniform(0.5, 0.9)
    notes = 220.0 * 2.0 ** (rng.integers(0, 8, int(seconds / length) + 2) / 12)
    index, since = (t / length).astype(int), t % length
    glide = np.minimum(1.0, since / 0.15)
    pitch = notes[np.maximum(index - 1, 0)] * (1 - glide) + notes[index] * glide
    depth = 0.02 * (index % 2 == 0) * np.clip(8 * (since - 0.25), 0, 1)
    source = _glottal(pitch * (1 + depth * np.sin(2 * np.pi * 5.5 * t)), rate)
    return _unit(sum(_band(source, c * 0.9, c * 1.1, rate) for c in (600, 1200, 2500)) + 0.2 * source)


@cache
def strummed(seconds: float, seed: int = 0, rate: int = RATE) -> Array:
    """Steel strings struck by a pick in a beat: the noise of the pick up to 10 kHz with every chord."""
    rng = np.random.default_rng(seed)
    count = int(seconds * rate)
    t, out = np.arange(count) / rate, np.zeros(count)
    for start in np.arange(0.02, seconds - 0.05, 0.25):
        since = np.where(t >= start, t - start, np.inf)
        base = 110.0 * 2.0 ** (rng.integers(0, 5) / 12)
        chord = sum(np.sin(2 * np.pi * base * r * k * t) / k for r in (1.0, 1.5, 2.5) for k in range(1, 12))
        out += np.exp(-4.0 * since) * chord + 1.5 * np.exp(-60.0 * since) * rng.standard_normal(count)
    return _unit(out)


@cache
def drum(seconds: float, seed: int = 0, rate: int = RATE) -> Array:
    """Percussion: hits of filtered noise and low thumps that die within 0.15 s."""
    rng = np.random.default_rng(seed)
    count = int(seconds * rate)
    out = np.zeros(count)
    for index, start in enumerate(np.arange(0.03, seconds - 0.03, 0.2)):
        first = int((start + rng.uniform(-0.005, 0.005)) * rate)
        t = np.arange(min(count - first, int(0.4 * rate))) / rate
        snare = rng.standard_normal(len(t)) * np.exp(-t * rng.uniform(18, 40))
        thump = np.sin(2 * np.pi * (60 + 40 * np.exp(-30 * t)) * t) * np.exp(-t * 14)
        out[first : first + len(t)] += (0.8, 0.2)[index % 2] * thump + (0.15, 0.7)[index % 2] * snare
    return _unit(out)


@cache
def road(seconds: float, seed: int = 0, rate: int = RATE) -> Array:
    """A car: tyre noise that falls towards high frequencies, and the low harmonics of an engine."""
    rng = np.random.default_rng(seed)
    count = int(seconds * rate)
    t = np.arange(count) / rate
    noise = rng.standard_normal(count)
    tyres = _band(noise, 300, 1500, rate) + 0.4 * _band(noise, 1500, 6000, rate)
    base = rng.uniform(35, 90)
    engine = sum(np.sin(2 * np.pi * base * k * t + rng.uniform(0, 6)) / k for k in range(1, 9))
    return _unit(_unit(tyres) + rng.uniform(0.3, 1.0) * _unit(np.asarray(engine)))


@cache
def motorcycle(seconds: float, seed: int = 0, rate: int = RATE) -> Array:
    """A loud engine: many harmonics of a jittering low pulse, little noise."""
    rng = np.random.default_rng(seed)
    count = int(seconds * rate)
    knots = np.arange(0, count + 400, 400)
    jitter = np.interp(np.arange(count), knots, rng.standard_normal(len(knots)))
    pulse = _glottal(rng.uniform(60, 120) * (1 + 0.02 * jitter), rate)
    return _unit(_unit(_band(pulse, 60, 4000, rate)) + 0.3 * _unit(_band(rng.standard_normal(count), 300, 5000, rate)))


KINDS = {"white": white, "tones": tones, "voice": voice}


def level_panned(mono: Array, azimuth_deg: Array | float) -> Array:
    """Energy panning: (R^2 - L^2) / (R^2 + L^2) = sin(azimuth)."""
    sine = np.broadcast_to(np.sin(np.radians(azimuth_deg)), mono.shape)
    return np.stack([np.sqrt((1 - sine) / 2) * mono, np.sqrt((1 + sine) / 2) * mono]) * np.sqrt(2)


def delay_panned(mono: Array, azimuth_deg: Array | float, rate: int = RATE) -> Array:
    """Two microphones 0.18 m apart: the channels are read half the delay early and late, between samples."""
    half = np.broadcast_to(np.sin(np.radians(azimuth_deg)), mono.shape) * SPACING_US * 1e-6 * rate / 2
    up, taps = 8, np.arange(-32 * 8, 32 * 8 + 1) / 8
    fine = np.zeros(len(mono) * up)
    fine[::up] = mono
    fine = fftconvolve(fine, np.sinc(taps) * np.hanning(len(taps)), mode="same")
    index = np.arange(len(mono))
    return np.stack([np.interp((index + sign * half) * up, np.arange(len(fine)), fine) for sign in (-1, 1)])


def both_panned(mono: Array, azimuth_deg: Array | float, rate: int = RATE) -> Array:
    sine = np.broadcast_to(np.sin(np.radians(azimuth_deg)), mono.shape)
    gains = np.stack([np.sqrt((1 - sine) / 2), np.sqrt((1 + sine) / 2)]) * np.sqrt(2)
    return gains * delay_panned(mono, azimuth_deg, rate)


PANS = {"level": level_panned, "delay": delay_panned, "both": both_panned}


def with_noise(stereo: Array, snr_db: float, seed: int = 7) -> Array:
    """Unrelated white noise in both channels, each `snr_db` under the mean power of the channels."""
    power = np.mean(stereo**2) * 10 ** (-snr_db / 10)
    return stereo + np.sqrt(power) * np.random.default_rng((seed, 99)).standard_normal(stereo.shape)


def clip(stereo: Array, rate: int = RATE) -> AudioClip:
    return AudioClip(np.asarray(stereo, dtype=np.float32), rate)


def sweep(start_deg: float, end_deg: float, count: int) -> Array:
    """A straight path of azimuths."""
    return np.linspace(start_deg, end_deg, count)


def passing(mono: Array, seconds: float, speed: float, nearest_m: float = 8.0, rate: int = RATE) -> tuple[Array, Array]:
    """Azimuth (deg) and gain of a source that crosses in a straight line at `speed` m/s, nearest in mid-clip."""
    along = speed * (np.arange(len(mono)) / rate - seconds / 2)
    distance = np.hypot(along, nearest_m)
    return np.degrees(np.arctan2(along, nearest_m)), nearest_m / distance
