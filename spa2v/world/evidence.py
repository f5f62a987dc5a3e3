"""What an ideal listener could hear of each thing: measured on its own part of the sound and on the geometry.

A benchmark that asks where something is should count the clips in which that can be heard at all. The rules below never
see the estimate of any localizer; they compare the cue that the receiver got with what people and good localizers
resolve (about 1 dB, about 60 microseconds).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from spa2v.core.types.benchmark import ClipObject
from spa2v.world.acoustics import Recording
from spa2v.world.acoustics.receivers import ears
from spa2v.world.scene import SPEED_OF_SOUND_M_S, Scene, Thing

Floats = NDArray[np.float64]
BAND_HZ = (200.0, 8000.0)
AUDIBLE_DB, AUDIBLE_US = 1.0, 60.0
CENTERED_DB, CENTERED_US = 0.7, 40.0
REACH_DB, REACH_US = 1.5, 60.0
CROSSING_DB, CROSSING_US = 1.5, 80.0
DISTANCE_DB = 4.0
MIN_SNR_DB, MIN_OVER_OTHERS_DB = 6.0, -6.0
NONE_DB = 99.0  # stands for "nothing to compare with"
SIDE_COLUMN = 0.2
SILENT = 1e-4


@dataclass(frozen=True)
class Cues:
    """Cues of one thing alone.

    Args:
        level_difference_db: right over left in 200 to 8000 Hz, while it sounds.
        level_difference_trend_db: last quarter minus first.
        delay_us: of the direct sound, positive when the right channel comes first; in the middle.
        delay_trend_us: middle of the last quarter minus middle of the first.
        level_change_db: last quarter over first, in 200 to 8000 Hz.
        snr_db: over the background noise, in 200 to 8000 Hz.
        over_others_db: over all other things together, in 200 to 8000 Hz; 99 when it is alone.
    """

    level_difference_db: float
    level_difference_trend_db: float
    delay_us: float
    delay_trend_us: float
    level_change_db: float
    snr_db: float
    over_others_db: float

    def to_json(self) -> dict[str, float]:
        return {name: round(float(value), 2) for name, value in vars(self).items()}


def measure(scene: Scene, recording: Recording) -> dict[str, Cues]:
    """The cues of every thing, by id."""
    rate = recording.audio.sample_rate
    stems = {name: _in_band(stem, rate) for name, stem in recording.stems.items()}
    noise = _in_band(recording.noise, rate)
    return {thing.id: _cues_of(scene, thing, stems, noise, rate) for thing in scene.things}


def _cues_of(scene: Scene, thing: Thing, stems: Mapping[str, Floats], noise: Floats, rate: int) -> Cues:
    """Over the part of the clip from its first sound, as it arrives, to the end of its last."""
    start, end = thing.sounding_s(scene.duration_s)
    if thing.sounds:
        travel = float(np.linalg.norm(thing.sound_at(start) - (0.0, scene.camera.height_m, 0.0))) / SPEED_OF_SOUND_M_S
        start, end = start + travel, min(end + travel, scene.duration_s)
    part = slice(round(start * rate), max(round(end * rate), round(start * rate) + 4))
    powers = {name: float(np.mean(stem[:, part] ** 2)) + 1e-20 for name, stem in stems.items()}
    others = sum(powers.values()) - powers[thing.id]
    background = float(np.mean(noise[:, part] ** 2))
    quarters = _quarters(stems[thing.id][:, part])
    quarters = np.maximum(quarters, SILENT * quarters.mean()) + 1e-20  # a quarter may fall into a pause
    return _cues(scene, thing, quarters, background, others, (start, end))


def judge(scene: Scene, cues: dict[str, Cues]) -> tuple[ClipObject, ...]:
    """The things of a scene as objects of a benchmark, with whether their attribute can be heard."""
    return tuple(_judged(scene, thing, cues[thing.id]) for thing in scene.things)


def _judged(scene: Scene, thing: Thing, cues: Cues) -> ClipObject:
    audible = cues.snr_db >= MIN_SNR_DB and cues.over_others_db >= MIN_OVER_OTHERS_DB
    lateral = distance = None
    if thing.attribute in ("approaching", "receding"):
        sign = 1 if thing.attribute == "approaching" else -1
        distance = audible and sign * cues.level_change_db >= DISTANCE_DB
    elif thing.attribute == "center":
        still = abs(cues.level_difference_db) <= CENTERED_DB and abs(cues.delay_us) <= CENTERED_US
        lateral = audible and still and _reaches_sides(scene, thing)
    elif thing.attribute in ("left", "right"):
        sign = 1 if thing.attribute == "right" else -1
        level, delay = sign * cues.level_difference_db, sign * cues.delay_us
        lateral = audible and (level >= AUDIBLE_DB or (delay >= AUDIBLE_US and level >= -CENTERED_DB / 2))
    else:
        sign = 1 if thing.attribute == "left_to_right" else -1
        level, delay = sign * cues.level_difference_trend_db, sign * cues.delay_trend_us
        lateral = audible and (level >= CROSSING_DB or delay >= CROSSING_US)
    return ClipObject(thing.id, thing.name, thing.attribute, lateral, distance, cues.to_json())


def _cues(scene: Scene, thing: Thing, power: Floats, noise: float, others: float, span: tuple[float, float]) -> Cues:
    own = float(power.mean())
    difference = 10 * np.log10(power[1] / power[0])
    whole = power.sum(axis=1)
    delays = direct_delay_us(scene, thing, span[0] + (span[1] - span[0]) * np.array([1 / 8, 1 / 2, 7 / 8]))
    return Cues(
        float(10 * np.log10(whole[1] / whole[0])),
        float(difference[-1] - difference[0]),
        float(delays[1]),
        float(delays[2] - delays[0]),
        float(10 * np.log10(power[:, -1].sum() / power[:, 0].sum())),
        _ratio_db(own, noise),
        _ratio_db(own, others) if len(scene.things) > 1 else NONE_DB,
    )


def _ratio_db(power: float, other: float) -> float:
    return float(min(NONE_DB, 10 * np.log10(power / other))) if other > 0 else NONE_DB


def _in_band(channels: NDArray[np.float32], rate: int) -> Floats:
    sections = signal.butter(2, [BAND_HZ[0], min(BAND_HZ[1], 0.45 * rate)], "bandpass", fs=rate, output="sos")
    return np.asarray(signal.sosfilt(sections, channels, axis=1))


def _quarters(heard: Floats) -> Floats:
    """Mean power in four equal parts, shape (2, 4)."""
    return np.stack([np.mean(part**2, axis=1) for part in np.array_split(heard, 4, axis=1)], axis=1)


def direct_delay_us(scene: Scene, thing: Thing, times_s: Floats) -> Floats:
    """Arrival time difference of the direct sound at the given times, positive when the right channel comes first."""
    places = thing.sound_at(times_s) * (scene.side, 1.0, 1.0)
    left, right = (_way_m(scene, places, index) for index in (0, 1))
    return np.asarray((left - right) / SPEED_OF_SOUND_M_S * 1e6)


def _way_m(scene: Scene, places: Floats, channel: int) -> Floats:
    ear = ears(scene.receiver, scene.camera.height_m, scene.is_mirrored)[channel]
    offsets = places - ear.place
    return np.asarray(np.linalg.norm(offsets, axis=-1) + ear.extra_m(offsets))


def _reaches_sides(scene: Scene, thing: Thing) -> bool:
    """Whether a thing at the side would give this receiver a clear cue, so that the middle means something."""
    depth = float(thing.path.start[2])
    place = np.array([[scene.camera.x_at(SIDE_COLUMN, depth), thing.sound_height_m, depth]])
    pair = ears(scene.receiver, scene.camera.height_m, False)
    gains = [float(ear.gains(place - ear.place)[1][0]) for ear in pair]
    level = 20 * abs(np.log10(gains[1] / gains[0]))
    delay = abs(float(_way_m(scene, place, 0)[0] - _way_m(scene, place, 1)[0])) / SPEED_OF_SOUND_M_S * 1e6
    return bool(level >= REACH_DB or delay >= REACH_US)
