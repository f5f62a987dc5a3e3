"""Synthesizes the bundled recording: `python -m spa2v.demo.make [OUT.flac]`.

A car drives on a straight line past a pair of microphones. Its sound leaves at one time and arrives at another, and
all that is heard follows from there: the fall of the pitch (Doppler), the rise and fall of the level (1/r), the arrival
time difference (two microphones) and the level difference (turned outwards). The same numbers come out on each run.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.signal import butter, sosfilt

from spa2v.demo import demo_recording

Signal = NDArray[np.float64]

RATE_HZ = 44_100
DURATION_S = 4.0
SOUND_M_S = 343.0
SEED = 20_250_802


@dataclass(frozen=True)
class Pass:
    """A car at constant speed; x to the right, y to the front, in meters from the microphones."""

    speed_m_s: float = 11.0
    distance_m: float = 12.0
    abeam_s: float = 2.0

    def emission_times(self, times_s: Signal, microphone_m: float) -> Signal:
        """When the sound left that arrives at `times_s`: solves t = s + r(s) / c for s."""
        v, c = self.speed_m_s, SOUND_M_S
        # x(s) = v s - offset; (c (t - s))^2 = x(s)^2 + distance^2, the root with s < t
        offset = v * self.abeam_s + microphone_m
        a = c * c - v * v
        b = c * c * times_s - v * offset
        rest = (c * times_s) ** 2 - offset**2 - self.distance_m**2
        return (b - np.sqrt(b * b - a * rest)) / a

    def position(self, times_s: Signal) -> tuple[Signal, Signal]:
        """Distance in meters and azimuth in radians, positive to the right."""
        x = self.speed_m_s * (times_s - self.abeam_s)
        return np.hypot(x, self.distance_m), np.arctan2(x, self.distance_m)


@dataclass(frozen=True)
class Microphone:
    """A wide cardioid; two of them 17 cm and 110 degrees apart make an ORTF pair."""

    x_m: float
    angle_rad: float
    omni: float = 0.62

    def gain(self, azimuth_rad: Signal) -> Signal:
        return self.omni + (1 - self.omni) * np.cos(azimuth_rad - self.angle_rad)


LEFT, RIGHT = Microphone(-0.085, -np.deg2rad(55)), Microphone(0.085, np.deg2rad(55))


def engine(times_s: Signal, noise: np.random.RandomState) -> Signal:
    """Four cylinders at 2500 a minute: multiples of half the firing rate, a little uneven."""
    half_firing_hz = 2500 / 60
    sway = _low_noise(len(times_s), 3.0, noise)
    phase = 2 * np.pi * (half_firing_hz * times_s + 0.03 * sway)
    orders = np.arange(1, 41)
    strength = np.where(orders % 2 == 0, 1.0, 0.45) / orders**0.55
    strength[orders % 4 == 0] *= 1.4
    starts = noise.uniform(0, 2 * np.pi, len(orders))
    tones = sum(g * np.sin(k * phase + p) for k, g, p in zip(orders, strength, starts, strict=True))
    return np.asarray(tones) * (1 + 0.1 * _low_noise(len(times_s), 8.0, noise))


def tires(count: int, noise: np.random.RandomState) -> Signal:
    """Rolling noise with its broad peak near 1 kHz, and the wind's rumble under it."""
    white = noise.standard_normal(count)
    rolling = sosfilt(butter(1, (500, 1800), "bandpass", fs=RATE_HZ, output="sos"), white)
    rolling = sosfilt(butter(2, 7000, fs=RATE_HZ, output="sos"), rolling)
    wind = sosfilt(butter(2, (60, 250), "bandpass", fs=RATE_HZ, output="sos"), noise.standard_normal(count))
    return rolling / rolling.std() + 0.4 * wind / wind.std()


def _low_noise(count: int, cutoff_hz: float, noise: np.random.RandomState) -> Signal:
    """Slow random motion with a standard deviation of one."""
    knots = noise.standard_normal(int(count / RATE_HZ * 2 * cutoff_hz) + 4)
    return CubicSpline(np.linspace(0, count, len(knots)), knots)(np.arange(count))


def car_passing() -> NDArray[np.float32]:
    """The recording, shape (2, n), full scale 1."""
    noise = np.random.RandomState(SEED)  # its numbers are frozen across numpy releases
    lead_s = 0.5  # sound that left before the recording begins
    source_s = np.arange(int((DURATION_S + lead_s) * RATE_HZ)) / RATE_HZ - lead_s
    motor = engine(source_s, noise)
    source = CubicSpline(source_s, 1.1 * motor / motor.std() + tires(len(source_s), noise))
    times_s = np.arange(int(DURATION_S * RATE_HZ)) / RATE_HZ
    channels = [_heard(source, times_s, microphone) for microphone in (LEFT, RIGHT)]
    street = sosfilt(
        butter(1, (80, 1500), "bandpass", fs=RATE_HZ, output="sos"), noise.standard_normal((2, len(times_s)))
    )
    mixed = np.stack(channels) / np.abs(channels).max() + 0.004 * street / street.std()
    fade = np.minimum(1, np.minimum(times_s, times_s[::-1]) / 0.02)
    return (0.35 * mixed / np.abs(mixed).max() * fade).astype(np.float32)


def _heard(source: CubicSpline, times_s: Signal, microphone: Microphone) -> Signal:
    path = Pass()
    left_s = path.emission_times(times_s, microphone.x_m)
    distance_m, azimuth_rad = path.position(left_s)
    return source(left_s) * microphone.gain(azimuth_rad) / distance_m


def write(path: Path) -> None:
    """Writes the recording as FLAC with 16 bits."""
    import soundfile

    soundfile.write(path, car_passing().T, RATE_HZ, format="FLAC", subtype="PCM_16")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else demo_recording())
