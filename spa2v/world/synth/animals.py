"""Dog, cat, horse, cow, sheep and crow: a voiced source with a gliding pitch through formants, in calls with pauses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import signal

from spa2v.world.synth.tools import Samples, cycle, drift, noise_band, oscillate, put, resonance, ring, unit

Range = tuple[float, float]


@dataclass(frozen=True)
class Voice:
    """How the calls of a species sound; ranges are drawn once for an animal, or (length, pauses) for each call.

    Args:
        pitch_hz: of a call's middle.
        contour: factors on the pitch at equal steps of a call; between them it glides.
        length_s: of a call.
        first_hz: the lowest formant at equal steps of a call; between them the throat opens or closes smoothly.
        ratios: of the second formant to the first, at the same steps, and of the third to the second.
        gains: of the second and third formant; the fourth has half the gain of the third.
        width: of the formants, as a part of their frequency.
        tilt: exponent by which harmonics fall.
        breath: level of noise in the source.
        rough: how irregular periods are, as a part of the pitch.
        rise_s, fall_s: of the loudness.
        tremor_hz: of the voice; `tremor` is how deep it is in loudness and in pitch, as parts.
        pause_s: between groups of calls; `group` is how many calls they have, `within_s` the pause between those.
        echo: level of the diffuse sound that dies away within a third of a second after a call.
    """

    pitch_hz: Range
    contour: tuple[float, ...]
    length_s: Range
    first_hz: tuple[float, ...]
    ratios: tuple[tuple[float, ...], float]
    gains: tuple[float, float]
    width: float
    tilt: float
    breath: float
    rough: float
    rise_s: float
    fall_s: float
    tremor_hz: Range = (0.0, 0.0)
    tremor: tuple[float, float] = (0.0, 0.0)
    pause_s: Range = (0.3, 0.55)
    group: tuple[int, int] = (1, 1)
    within_s: Range = (0.0, 0.0)
    echo: float = 0.0


DOG = Voice(
    pitch_hz=(380, 510),
    contour=(0.62, 0.95, 0.88, 0.78, 0.48),
    length_s=(0.2, 0.28),
    first_hz=(780, 950, 970),
    ratios=((1.8, 2.1, 2.1), 1.9),
    gains=(0.28, 0.12),
    width=0.13,
    tilt=1.3,
    breath=0.45,
    rough=0.27,
    rise_s=0.055,
    fall_s=0.18,
    pause_s=(0.25, 0.5),
    group=(2, 4),
    within_s=(-0.2, 0.0),
    echo=0.35,
)
SHEEP = Voice(
    pitch_hz=(300, 410),
    contour=(1.05, 1.2, 1.02, 1.0, 0.97),
    length_s=(0.6, 1.0),
    first_hz=(780, 1090, 670),
    ratios=((2.5, 1.7, 2.7), 1.73),
    gains=(0.46, 0.95),
    width=0.08,
    tilt=0.35,
    breath=0.2,
    rough=0.14,
    rise_s=0.04,
    fall_s=0.06,
    tremor_hz=(8.5, 10.0),
    tremor=(0.82, 0.035),
    pause_s=(0.3, 0.65),
)

HORSE = Voice(
    pitch_hz=(1000, 1250),
    contour=(0.75, 1.45, 1.1, 1.16, 0.56),
    length_s=(1.4, 1.9),
    first_hz=(700, 1490, 600),
    ratios=((1.6, 1.43, 2.1), 1.85),
    gains=(0.7, 0.84),
    width=0.106,
    tilt=0.3,
    breath=0.8,
    rough=0.0,
    rise_s=0.01,
    fall_s=0.09,
    tremor_hz=(8.8, 10.0),
    tremor=(0.43, 0.026),
    echo=0.3,
)

COW = Voice(
    pitch_hz=(165, 215),
    contour=(0.97, 1.25, 1.12, 0.95, 0.42),
    length_s=(1.0, 1.4),
    first_hz=(305, 700, 330),
    ratios=((2.7, 1.56, 2.64), 1.53),
    gains=(0.95, 0.78),
    width=0.08,
    tilt=0.62,
    breath=0.02,
    rough=0.075,
    rise_s=0.045,
    fall_s=0.1,
    echo=0.2,
)

CAT = Voice(
    pitch_hz=(699, 854),
    contour=(0.65, 1.23, 1.11, 1.07, 0.94),
    length_s=(0.58, 0.78),
    first_hz=(641, 1536, 1024),
    ratios=((2.33, 1.37, 1.27), 1.55),
    gains=(0.29, 1.07),
    width=0.07,
    tilt=0.24,
    breath=0.32,
    rough=0.008,
    rise_s=0.02,
    fall_s=0.05,
    tremor_hz=(20, 24),
    tremor=(0.19, 0.017),
    echo=0.26,
)


def dog(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Barks in groups: short bursts, rough, falling in pitch."""
    return calls(rng, count, rate, DOG)


def sheep(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Baas: a nasal voice that trembles eight to ten times a second."""
    return calls(rng, count, rate, SHEEP)


def cat(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Meows: the mouth opens and rounds, the pitch rises and falls."""
    return calls(rng, count, rate, CAT)


def horse(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Whinnies that leap up, shake and fall; half of the horses are also heard by their hooves."""
    track = calls(rng, count, rate, HORSE)
    return track + np.float32(0.8) * _hooves(rng, count, rate) if rng.random() < 0.5 else track


def _hooves(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Clip-clop: four beats in each stride, of slightly different pitch."""
    track, stride = np.zeros(count, np.float32), rng.uniform(0.7, 1.1)
    ground = rng.uniform(550, 850)
    for start in np.arange(-rng.uniform(0, stride), count / rate, stride):
        for beat, tone in enumerate((1.0, 0.8, 1.1, 0.85)):
            knock = ring(tone * ground * np.array([1.0, 1.7, 2.9]), [1.0, 0.5, 0.25], [0.014, 0.01, 0.006], 0.1, rate)
            put(track, knock, int((start + beat * stride / 4) * rate), float(rng.uniform(0.7, 1.1)))
    return track


def cow(rng: np.random.Generator, count: int, rate: int) -> Samples:
    """Long deep moos: the mouth opens and closes, the pitch rises and falls."""
    return calls(rng, count, rate, COW)


def calls(rng: np.random.Generator, count: int, rate: int, voice: Voice) -> Samples:
    """The calls of one animal: its size raises or lowers its pitch and its formants together."""
    pitch, tremor = float(rng.uniform(*voice.pitch_hz)), float(rng.uniform(*voice.tremor_hz))
    size = float(2 * pitch / sum(voice.pitch_hz)) ** 0.4

    def make() -> Samples:
        length = float(rng.uniform(*voice.length_s))
        return _call(rng, rate, length, voice, pitch * float(rng.uniform(0.94, 1.06)), tremor, size)

    return in_groups(rng, count, rate, make, voice.pause_s, voice.group, voice.within_s)


def in_groups(
    rng: np.random.Generator,
    count: int,
    rate: int,
    make: Callable[[], Samples],
    pause_s: Range,
    group: tuple[int, int],
    within_s: Range,
) -> Samples:
    """Sounds one after another, in groups of `group`, `within_s` apart, with longer pauses between the groups."""
    track, time = np.zeros(count, np.float32), float(rng.uniform(-0.2, 0.25))
    while time * rate < count:
        for _ in range(int(rng.integers(group[0], group[1] + 1))):
            sound = make()
            put(track, sound, int(time * rate), float(rng.uniform(0.75, 1.15)))
            time += len(sound) / rate + rng.uniform(*within_s)
        time += rng.uniform(*pause_s)
    return track


def _call(
    rng: np.random.Generator, rate: int, length: float, voice: Voice, pitch: float, tremor_hz: float, size: float
) -> Samples:
    """One call with unit RMS."""
    count = int(length * rate)
    place = np.linspace(0.0, 1.0, count)
    tremble = np.sin(2 * np.pi * (tremor_hz * place * length + rng.uniform()))
    glide = pitch * np.interp(place, np.linspace(0, 1, len(voice.contour)), voice.contour)
    uneven = 1 + 0.01 * drift(rng, count, rate, 12) + voice.rough * drift(rng, count, rate, 1.2 * pitch)
    order = np.arange(1, max(2, int(0.45 * rate / glide.max())) + 1)[:120]
    source = oscillate(cycle(order**-voice.tilt, rng), glide * uneven * (1 + voice.tremor[1] * tremble), count, rate)
    source = source + np.float32(voice.breath) * noise_band(rng, count, rate, 300, 9000)
    total, stages = np.zeros(count, np.float32), len(voice.first_hz) - 1
    for index, (first, ratio) in enumerate(zip(voice.first_hz, voice.ratios[0], strict=True)):
        weight = np.clip(1 - np.abs(place * stages - index), 0, 1).astype(np.float32)
        second, third = first * ratio, first * ratio * voice.ratios[1]
        levels = (1.0, voice.gains[0], voice.gains[1], 0.5 * voice.gains[1])
        for center, gain in zip((first, second, third, 1.4 * third), levels, strict=True):
            if center * size < 0.45 * rate:
                throat = resonance(source, rate, center * size, center * size * voice.width)
                total += np.float32(gain) * throat * weight
    loud = edges(count, rate, voice.rise_s, voice.fall_s) * (1 - voice.tremor[0] * (0.5 - 0.5 * tremble))
    sound = unit((total * loud).astype(np.float32))
    return _echoing(rng, rate, sound, voice.echo) if voice.echo else sound


def _echoing(rng: np.random.Generator, rate: int, sound: Samples, level: float) -> Samples:
    """A sound and the sum of its reflections, which fall by 60 dB in 0.35 s."""
    time = np.arange(int(0.35 * rate)) / rate
    response = rng.standard_normal(len(time)) * 10 ** (-3 * time / 0.35)
    late = unit(signal.fftconvolve(sound, response).astype(np.float32))
    late *= np.float32(level)
    late[: len(sound)] += sound
    return late


def edges(count: int, rate: int, rise_s: float, fall_s: float) -> Samples:
    """A rise, a plateau and a fall as raised cosines, shape (count,)."""
    time = np.arange(count) / rate
    ramp = np.minimum(1, np.minimum(time / rise_s, (count / rate - time) / fall_s))
    return (0.5 - 0.5 * np.cos(np.pi * np.clip(ramp, 0, 1))).astype(np.float32)
