"""The recording of a scene: every thing through its path to both channels, plus noise, at the level of the scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from spa2v.core.types import AudioClip
from spa2v.world.acoustics.channels import RESPONSE_S, in_room, in_the_open
from spa2v.world.acoustics.propagation import TAPS, emission_times
from spa2v.world.acoustics.receivers import ears
from spa2v.world.classes import CLASSES
from spa2v.world.scene import Path, Room, Scene, Thing
from spa2v.world.synth import sounding, synthesize

Floats = NDArray[np.float64]
Samples = NDArray[np.float32]
DEFAULT_RATE_HZ = 44_100
MAX_PEAK = 0.98
LEAD_S = 0.5


@dataclass(frozen=True, eq=False)
class Recording:
    """What the receiver hears.

    Args:
        audio: two channels.
        stems: by thing id, its part of the sound, shape (2, n); with `noise` they add up to `audio`.
        noise: the background, shape (2, n).
    """

    audio: AudioClip
    stems: Mapping[str, Samples]
    noise: Samples


def record(scene: Scene, sample_rate: int = DEFAULT_RATE_HZ) -> Recording:
    """Renders the sound of a scene.

    Args:
        scene: what sounds, where, and how it is recorded.
        sample_rate: in Hz.

    Returns:
        The recording, at the RMS level of the scene unless a peak would exceed full scale.
    """
    count = round(scene.duration_s * sample_rate)
    stems = {thing.id: stem(scene, thing, count, sample_rate) for thing in scene.things}
    total = np.zeros((2, count))
    for part in stems.values():
        total += part
    noise = _background(scene, total, sample_rate)
    mixed = total + noise
    gain = _gain(mixed, scene.level_dbfs)
    audio = AudioClip((mixed * gain).astype(np.float32), sample_rate, source=f"scene {scene.seed}")
    scaled = {name: (gain * part).astype(np.float32) for name, part in stems.items()}
    return Recording(audio, scaled, (gain * noise).astype(np.float32))


def stem(scene: Scene, thing: Thing, count: int, rate: int) -> Samples:
    """One thing as heard by both channels, shape (2, count), before the level of the scene is set."""
    path = _path(scene, thing)
    lead = int(_lead_s(path, scene) * rate)
    dry = _dry(thing, count + lead + TAPS, lead, rate)
    dry = dry * np.float32(10 ** ((CLASSES[thing.name].level_db + thing.level_db) / 20))
    pair = ears(scene.receiver, scene.camera.height_m, scene.is_mirrored)
    heard = []
    for ear in pair[:1] if scene.receiver.is_mono else pair:
        if isinstance(scene.place, Room):
            heard.append(in_room(dry, path, scene.place, scene.side, ear, rate)[lead:][:count])
        else:
            heard.append(in_the_open(dry, path, ear, lead / rate, count, rate))
    return np.stack([heard[0], heard[-1]])


def _dry(thing: Thing, count: int, lead: int, rate: int) -> Samples:
    """What a thing sends out, shape (count,), the clip's start at sample `lead`; silence between its sounds."""
    if not thing.sounds:
        return synthesize(thing.name, thing.voice, count, rate)
    dry = np.zeros(count, np.float32)
    for number, (start, end) in enumerate(thing.sounds):
        first, length = lead + round(start * rate), round((end - start) * rate)
        part = dry[first : first + length]
        part += sounding(thing.name, thing.voice + number, length, rate)[: len(part)]
    return dry


def _path(scene: Scene, thing: Thing) -> Path:
    """The path of the sounding point, mirrored with the scene."""
    (x, y, z), (vx, vy, vz) = thing.path.start, thing.path.velocity
    return Path((scene.side * x, y + thing.sound_height_m, z), (scene.side * vx, vy, vz))


def _lead_s(path: Path, scene: Scene) -> float:
    """How long before the clip a source begins to sound, in steps of LEAD_S, so that its start is heard in no clip."""
    ear = np.array([0.0, scene.camera.height_m, 0.0])
    early = float(emission_times(path, ear, np.zeros(1))[0])
    return LEAD_S * float(np.ceil((RESPONSE_S - early) / LEAD_S))


def _background(scene: Scene, things: Floats, rate: int) -> Floats:
    """Pink-like noise, half of it common to both channels, `snr_db` below the things; the same in both for mono."""
    if scene.snr_db is None:
        return np.zeros_like(things)
    rng = np.random.default_rng([scene.seed, 0xBAC])
    white = rng.standard_normal((3, things.shape[1]))
    pink = signal.lfilter([1.0], [1.0, -0.96], white, axis=1) + 0.2 * white
    channels = pink[[0, 0]] if scene.receiver.is_mono else np.sqrt(0.5) * (pink[[0, 0]] + pink[1:])
    rumble = _rumble(scene, rng, things.shape[1], rate)
    level = np.sqrt(np.mean(things**2)) or 1.0
    channels *= level * 10 ** (-scene.snr_db / 20) / np.sqrt(np.mean(channels**2))
    channels += level * rumble
    return channels[::-1] if scene.is_mirrored else channels


def _rumble(scene: Scene, rng: np.random.Generator, count: int, rate: int) -> Floats:
    """Wind and handling noise below 100 Hz, louder in one channel, in units of the level of the things."""
    if scene.rumble_db is None:
        return np.zeros((2, count))
    sections = signal.butter(3, [15, 90], "bandpass", fs=rate, output="sos")
    channels = signal.sosfilt(sections, rng.standard_normal((2, count)), axis=1)
    if scene.receiver.is_mono:
        channels = channels[[0, 0]]
    else:
        channels *= np.array([[1.0], [10 ** (rng.uniform(-4, 4) / 20)]])
    return np.asarray(channels * 10 ** (scene.rumble_db / 20) / np.sqrt(np.mean(channels**2)))


def _gain(mixed: Floats, level_dbfs: float) -> float:
    level, peak = float(np.sqrt(np.mean(mixed**2))), float(np.abs(mixed).max())
    if level == 0:
        return 1.0
    return min(10 ** (level_dbfs / 20) / level, MAX_PEAK / peak)
