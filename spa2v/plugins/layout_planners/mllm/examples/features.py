"""The retrieval key of a recording: where it sounds and how that changes, beside what it sounds like.

A mono embedding cannot tell left from right, so the key holds level difference, delay and azimuth over time, the level
over time, their trends, and a coarse spectrum. Everything is divided by a typical size, so that distances weigh alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import AudioClip, SpatialCues, Track

Array = NDArray[np.float64]

VERSION = 1
SEGMENTS = 6
BANDS = 20
LOW_HZ, HIGH_HZ = 60.0, 7_600.0
FRAME_S = 0.064
_TRACKS = (("level_difference", 3.0), ("delay", 150.0), ("azimuth", 25.0))
"""Track and the size that counts as one."""
_LEVEL_DB, _SPECTRUM_DB, _TREND = 5.0, 10.0, 2.0


@dataclass(frozen=True)
class Block:
    """A part of the key: its name and where it stands in the vector."""

    name: str
    start: int
    stop: int


def blocks() -> tuple[Block, ...]:
    """The parts of a key in order."""
    sizes = [(name, SEGMENTS + 1) for name, _ in _TRACKS] + [("level", SEGMENTS + 1), ("spectrum", BANDS)]
    ends = np.cumsum([size for _, size in sizes])
    return tuple(Block(name, int(end) - size, int(end)) for (name, size), end in zip(sizes, ends, strict=True))


def retrieval_key(audio: AudioClip, cues: SpatialCues) -> Array:
    """The key of a recording, shape (D,); NaN in the parts that the cues do not hold."""
    evidence = float(np.clip(cues.measures.get("lateral_evidence", 1.0), 0.0, 1.0))
    parts = [_lateral(cues.tracks.get(name), cues.duration_s, size, evidence) for name, size in _TRACKS]
    return np.concatenate([*parts, _level(cues.tracks.get("level"), cues.duration_s), _spectrum(audio)])


def _segments(track: Track, duration_s: float) -> tuple[Array, Array]:
    """Weighted mean and weight of a track in each of `SEGMENTS` equal parts of the clip."""
    where = np.clip((track.times_s / duration_s * SEGMENTS).astype(int), 0, SEGMENTS - 1)
    weight = np.bincount(where, track.weights, SEGMENTS)
    total = np.bincount(where, track.weights * track.values, SEGMENTS)
    count = np.maximum(np.bincount(where, minlength=SEGMENTS), 1)
    centers = (np.arange(SEGMENTS) + 0.5) * duration_s / SEGMENTS
    mean = np.where(weight > 1e-6, total / np.maximum(weight, 1e-6), track.at(centers))
    return mean, np.clip(weight / count, 0.0, 1.0)


def _lateral(track: Track | None, duration_s: float, size: float, evidence: float) -> Array:
    if track is None:
        return np.full(SEGMENTS + 1, np.nan)
    mean, weight = _segments(track, duration_s)
    mean = np.clip(mean / size, -3.0, 3.0)
    return np.append(mean * np.sqrt(weight), _trend(mean, weight)) * evidence


def _level(track: Track | None, duration_s: float) -> Array:
    if track is None:
        return np.full(SEGMENTS + 1, np.nan)
    mean, _ = _segments(track, duration_s)
    shape = np.clip((mean - mean.mean()) / _LEVEL_DB, -3.0, 3.0)
    return np.append(shape, _trend(shape, np.ones(SEGMENTS)))


def _trend(values: Array, weights: Array) -> float:
    """From the first to the last segment along a weighted line, times its worth in the distance."""
    if weights.sum() < 1e-6:
        return 0.0
    x = np.linspace(-0.5, 0.5, SEGMENTS)
    x = x - np.average(x, weights=weights)
    spread = float(np.sum(weights * x * x))
    return float(np.sum(weights * x * values) / spread) * _TREND if spread > 1e-9 else 0.0


def _spectrum(audio: AudioClip) -> Array:
    """Mean level in bands of equal ratio between 60 and 7600 Hz, relative to the loudest band, shape (BANDS,)."""
    size = 2 ** int(np.round(np.log2(FRAME_S * audio.sample_rate)))
    mono = np.pad(audio.mono, (0, max(size - len(audio.mono), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(mono, size)[:: size // 2]
    power = np.zeros(size // 2 + 1)
    window = np.hanning(size)
    for chunk in np.array_split(frames, max(len(frames) // 64, 1)):  # bounds the memory for long recordings
        power += np.sum(np.abs(np.fft.rfft(chunk * window, axis=1)) ** 2, axis=0)
    edges = np.geomspace(LOW_HZ, HIGH_HZ, BANDS + 1) * size / audio.sample_rate
    which = np.digitize(np.arange(len(power)), edges) - 1
    inside = (which >= 0) & (which < BANDS)
    bands = np.bincount(which[inside], power[inside], BANDS) + 1e-12 * max(float(power.sum()), 1e-12)
    level = 10.0 * np.log10(bands)
    return np.clip((level - level.max()) / _SPECTRUM_DB, -6.0, 0.0)
