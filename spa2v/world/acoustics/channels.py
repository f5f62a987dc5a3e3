"""One sound on its way to one channel, in the open or in a room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from spa2v.world.acoustics.propagation import MIN_DISTANCE_M, emission_times, place_impulses, read_between
from spa2v.world.acoustics.receivers import Ear
from spa2v.world.acoustics.rooms import images
from spa2v.world.scene import SPEED_OF_SOUND_M_S, Path, Room

Samples = NDArray[np.float32]
RESPONSE_S = 0.25


def _split(dry: Samples, ear: Ear, rate: int) -> tuple[Samples, Samples | None]:
    """The part below and the part above the corner of a head; a microphone takes the whole signal at once."""
    if ear.corner_hz is None:
        return dry, None
    b, a = signal.butter(1, min(ear.corner_hz, 0.45 * rate), fs=rate)
    low = signal.lfilter(b, a, dry).astype(np.float32)
    return low, dry - low


def in_the_open(dry: Samples, path: Path, ear: Ear, lead_s: float, count: int, rate: int) -> Samples:
    """A moving sound in free space as one channel hears it, shape (count,): loss over distance, delay, Doppler shift.

    Args:
        dry: the sound as it leaves its source, beginning `lead_s` before the clip.
        path: of the sounding point.
        ear: the channel.
        lead_s: in seconds.
        count: samples of the clip.
        rate: in Hz.
    """
    arrival = np.arange(count) / rate
    emitted = emission_times(path, ear.place, arrival)
    offsets = path.at(emitted) - ear.place
    distance = np.maximum(np.linalg.norm(offsets, axis=1), MIN_DISTANCE_M)
    positions = (emitted - ear.extra_m(offsets) / SPEED_OF_SOUND_M_S + lead_s) * rate
    low_gain, high_gain = ear.gains(offsets)
    low, high = _split(dry, ear, rate)
    heard = (low_gain / distance).astype(np.float32) * read_between(low, positions)
    if high is not None:
        heard += (high_gain / distance).astype(np.float32) * read_between(high, positions)
    return heard


def in_room(dry: Samples, path: Path, room: Room, side: float, ear: Ear, rate: int) -> Samples:
    """A sound that stands still in a room, with its echoes, as one channel hears it; as long as `dry`.

    Args:
        dry: the sound, shape (n,).
        path: where it stands.
        room: the walls.
        side: -1 for a mirrored scene, else 1.
        ear: the channel.
        rate: in Hz.
    """
    places, kept = images(room, np.asarray(path.start), side)
    offsets = places - ear.place
    distance = np.maximum(np.linalg.norm(offsets, axis=1), MIN_DISTANCE_M)
    delays = (distance + ear.extra_m(offsets)) / SPEED_OF_SOUND_M_S * rate
    total = np.zeros(len(dry))
    for part, gains in zip(_split(dry, ear, rate), ear.gains(offsets), strict=True):
        if part is not None:
            response = np.zeros(int(RESPONSE_S * rate))
            place_impulses(response, delays, kept * gains / distance)
            total += signal.oaconvolve(part, response)[: len(dry)]
    return total.astype(np.float32)
