"""The retrieval key of a recording: kind of object, direction of arrival and its change, level, coarse spectrum.

A mono embedding cannot tell left from right, so the key holds level difference, delay and azimuth (mean, change over
the clip, spread), the level over time and its change, the number of sources, the kinds of objects by the tags, and a
coarse spectrum. Everything is divided by a typical size; `search.WEIGHTS` holds the weight of each part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import AudioClip, SpatialCues, Track
from spa2v.plugins.layout_planners.stereo_rules.motion import ObjectCues, estimate_motion
from spa2v.plugins.layout_planners.stereo_rules.priors import find_class, mobility_of
from spa2v.vocabulary import is_background

Array = NDArray[np.float64]

VERSION = 3
SEGMENTS = 6
BANDS = 20
LOW_HZ, HIGH_HZ = 60.0, 7_600.0
FRAME_S = 0.064
_TRACKS = (("level_difference", 1.5), ("delay", 60.0), ("azimuth", 10.0))
"""Track and the size that is clearly to one side, in the unit of the track."""
_LEVEL_DB, _SLOPE_DB, _SPECTRUM_DB, _SPREAD = 5.0, 6.0, 10.0, 0.5
MAX_COUNT = 4
KINDS = ("vehicle", "aircraft", "instrument", "person", "animal", "device", "background")
MIN_TAG = 0.1  # confidence under which the tags give no kind
MIN_SOURCE = 0.5  # confidence under which a separated source is taken for a part of the main one


@dataclass(frozen=True)
class Block:
    """A part of the key: its name and its range in the vector."""

    name: str
    start: int
    stop: int


def blocks() -> tuple[Block, ...]:
    """The parts of a key in order."""
    sizes = [(name, 3) for name, _ in _TRACKS]
    sizes += [("level", SEGMENTS), ("slope", 1), ("count", 1), ("kind", len(KINDS)), ("motion", 4), ("spectrum", BANDS)]
    ends = np.cumsum([size for _, size in sizes])
    return tuple(Block(name, int(end) - size, int(end)) for (name, size), end in zip(sizes, ends, strict=True))


def retrieval_key(audio: AudioClip, cues: SpatialCues) -> Array:
    """The key of a recording, shape (D,); NaN in the parts that the cues do not hold."""
    evidence = float(np.clip(cues.measures.get("lateral_evidence", 1.0), 0.0, 1.0))
    lateral = [_lateral(cues, name, size) * np.sqrt(evidence) for name, size in _TRACKS]
    count = min(cues.measures.get("source_count", np.nan), MAX_COUNT)
    return np.concatenate([*lateral, _level(cues), [count], _kinds(cues), _motion(cues), _spectrum(audio)])


def _kinds(cues: SpatialCues) -> Array:
    """Confidence of the tags by kind of object, 1 for the best kind, shape (KINDS,); NaN without tags.

    Where several sources were separated each counts with its own tags, else the tags of the recording.
    """
    sources = [source for source in cues.sources if source.confidence >= MIN_SOURCE and source.tags]
    kinds = np.zeros(len(KINDS))
    for tags in [source.tags for source in sources] if len(sources) > 1 else [cues.tags]:
        own = np.zeros(len(KINDS))
        for tag in tags:
            known = find_class(tag.label)
            kind = "background" if is_background(tag.label) else known.kind if known else ""
            if kind in KINDS:
                own[KINDS.index(kind)] = max(own[KINDS.index(kind)], tag.confidence)
        if own.max() >= MIN_TAG:
            kinds = np.maximum(kinds, own / own.max())
    return kinds if kinds.any() else np.full(len(KINDS), np.nan)


def _motion(cues: SpatialCues) -> Array:
    """What the rule-based localizer makes of the whole recording: moves (0 or 1), sideways, closer, side (-1..1)."""
    if not cues.tracks:
        return np.full(4, np.nan)
    evidence = cues.measures.get("lateral_evidence", 0.0)
    motion = estimate_motion(ObjectCues(cues.tracks, evidence, mobility_of(cues.tags)))
    sideways = {"left_to_right": 1.0, "right_to_left": -1.0}.get(motion.attribute, 0.0)
    closer = {"approaching": 1.0, "receding": -1.0}.get(motion.attribute, 0.0)
    side = 0.0 if motion.moves else float(np.tanh(motion.azimuth_deg / 10.0))
    return np.array([float(motion.moves), sideways, closer, side])


def _lateral(cues: SpatialCues, name: str, size: float) -> Array:
    """Mean, change over the clip and spread of a track, each in -1..1; loud and sure frames count most."""
    track = cues.tracks.get(name)
    if track is None:
        return np.full(3, np.nan)
    weights = track.weights * _loudness(cues, track)
    values, sure = _segments(track, weights, cues.duration_s)
    total = float(weights.sum())
    if total < 1e-9:
        return np.zeros(3)
    mean = float(values @ sure) / float(sure.sum())
    middle = float(weights @ track.values) / total
    spread = float(np.sqrt(weights @ (track.values - middle) ** 2 / total))
    return np.tanh([mean / size, _slope(values, sure) / (2 * size), spread / (2 * size)]) * [1.0, 1.0, _SPREAD]


def _loudness(cues: SpatialCues, track: Track) -> Array:
    """Amplitude at the times of a track, 1 for the loudest."""
    level = cues.tracks.get("level")
    if level is None:
        return np.ones(len(track.times_s))
    decibels = level.at(track.times_s)
    return np.asarray(10.0 ** ((decibels - decibels.max()) / 20.0))


def _segments(track: Track, weights: Array, duration_s: float) -> tuple[Array, Array]:
    """Weighted mean and mean weight of a track in each of `SEGMENTS` equal parts of the clip."""
    where = np.clip((track.times_s / duration_s * SEGMENTS).astype(int), 0, SEGMENTS - 1)
    weight = np.bincount(where, weights, SEGMENTS)
    total = np.bincount(where, weights * track.values, SEGMENTS)
    count = np.maximum(np.bincount(where, minlength=SEGMENTS), 1)
    mean = np.divide(total, weight, out=np.zeros(SEGMENTS), where=weight > 1e-9)
    return mean, weight / count


def _slope(values: Array, weights: Array) -> float:
    """Change over the whole clip along the weighted line through the segments."""
    x = np.linspace(-0.5, 0.5, SEGMENTS)
    x = x - np.average(x, weights=weights)
    spread = float(weights @ (x * x))
    return float((weights * x) @ values) / spread if spread > 1e-9 else 0.0


def _level(cues: SpatialCues) -> Array:
    """The level over time around its mean, then its change over the clip, each in -1..1."""
    track = cues.tracks.get("level")
    if track is None:
        return np.full(SEGMENTS + 1, np.nan)
    mean, _ = _segments(track, track.weights, cues.duration_s)
    shape = mean - mean.mean()
    return np.tanh(np.append(shape / _LEVEL_DB, _slope(shape, np.ones(SEGMENTS)) / _SLOPE_DB))


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
