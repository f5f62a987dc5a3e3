"""Auditory streams: sounds that differ in how they move, wherever they are.

Partials that hold their pitch, partials that glide together and percussive onsets are grouped as listeners group them
(Bregman 1990, "Auditory Scene Analysis": common fate, synchrony of onsets).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import AudioClip, SoundSource, Tag, Track
from spa2v.dsp.filters import Array, decibel
from spa2v.dsp.pitch import median_pitch
from spa2v.dsp.separation.onsets import PercussiveOnsets, first_arrivals, percussive_onsets
from spa2v.dsp.separation.partials import PartialGroup, Partials, track_partials
from spa2v.dsp.separation.spatial import SpatialSplit, still_trajectory
from spa2v.dsp.separation.tf_bins import Components, TimeFrequencyBins
from spa2v.dsp.stft import StereoStft
from spa2v.dsp.timbre import BOWED, PERCUSSION, PLUCKED, VOICE, voice_label

Mask = NDArray[np.bool_]

# Streams
LOW_HZ = 300.0  # below, the pitch of one peak is read to a few cents only
STEADY_CENTS = 3.0  # a string that rings holds its pitch; what else moves it is the beat with its neighbors
NARROW_CENTS = 5.0  # a bow's vibrato goes 7 to 15 cents to either side, 5 to 11 in the mean square
WIDE_CENTS = 11.0  # a singer's 20 to 100; what is spoken glides farther
SMOOTH = 0.5  # smoothness of what belongs to a vibrato or a glide
MIN_STEADY, MIN_NARROW, MIN_WIDE = 0.03, 0.15, 0.02  # of the amplitude of all partials: twice what other kinds leave
MIN_PARTIALS = 0.25  # partials at a time, on average; a drum that rings leaves 0.05
CLEAR_SMOOTH, CLEAR_HZ = 0.95, 500.0  # partials that no other sound disturbs show best how many voices glide
ONE_VOICE = 0.88  # common glide of one voice among others is 0.95, of two voices 0.8
AT_ONCE = 0.25  # common part of two streams over time; one voice that holds and glides in turn stays below 0.2
ONE_VIBRATO = 0.5  # correlation of the glides of two streams from which both belong to one sound
PERCUSSION_CONFIDENCE = 0.9
WITHOUT_PARTIALS = 0.3  # of the hits that must come without the onset of a partial: a strummed string makes both

# Sources
BLUR = 5.0  # grid steps: in a room the azimuths of the partials of one instrument lie up to 0.3 apart in sine
COLORED_CONFIDENCE = 0.2  # a level difference that is a coloration shows no azimuth
MIN_VOICE = 0.15  # of the weight of a stream, for each of two voices
MIN_APART = 0.15  # in sine, 9 degrees: nearer ones are drawn at one position anyway
LIKELY, UNLIKELY = 0.65, 0.2  # gliding partials are a voice or a bowed string; the depth of the vibrato decides

# Single-source test
ONE_GLIDE = 0.93  # common glide of one voice or bow is 0.95, whatever the room
SCATTER = 0.08  # in sine: first arrivals of one source come from within 0.07 of one azimuth
MIN_ONSETS = 4
EVEN_PART = 0.3  # what the stream is to the weakest source, over what it is to the strongest one
EVEN_MOVING = 0.7  # the same where one of them moves: a car that passes a singer takes a part of the voice along


@dataclass(frozen=True, eq=False)
class Stream:
    """One auditory stream.

    Args:
        kind: what it sounds like, one of the kinds of `timbre`.
        components: its peaks or hits.
        confidence: 0.5..1, by how much there is of it.
        reason: in words.
        group: how its partials glide; None for percussion and for partials that do not.
        voices: 2 where partials glide in different ways as those of two singers or bows do, else 1.
    """

    kind: str
    components: Components
    confidence: float
    reason: str
    group: PartialGroup | None = None
    voices: int = 1


def find_streams(stft: StereoStft) -> list[Stream]:
    """The streams of a clip that sound at the same time, the strongest partials first, percussion last."""
    partials = track_partials(stft)
    if partials is None:
        return []
    frames = len(stft.times_s)
    streams = _simultaneous(_partial_streams(partials, frames), frames)
    hits = percussive_onsets(stft)
    if hits is not None and _share_without_partials(hits, partials, frames) >= WITHOUT_PARTIALS:
        reason = f"bursts of noise over a wide band in a beat, {hits.rate_hz:.0f} a second"
        streams.append(Stream(PERCUSSION, hits.components, PERCUSSION_CONFIDENCE, reason))
    return streams


def _partial_streams(partials: Partials, frames: int) -> list[Stream]:
    """Streams of partials: steady, with a narrow vibrato, with a wide one."""
    high = partials.peaks.hz > LOW_HZ
    total = float(partials.peaks.amplitude[high].sum())
    sustained, deviation = partials.sustained & high, partials.deviation_cents
    gliding = sustained & (partials.smoothness > SMOOTH) & (partials.glide_cents != 0)
    narrow = gliding & (deviation >= NARROW_CENTS) & (deviation < WIDE_CENTS)
    streams = (
        _steady(partials, sustained & (deviation < STEADY_CENTS), MIN_STEADY * total, frames),
        _gliding(partials, BOWED, narrow, MIN_NARROW * total, frames),
        _gliding(partials, VOICE, gliding & (deviation >= WIDE_CENTS), MIN_WIDE * total, frames),
    )
    return [stream for stream in streams if stream is not None]


def _steady(partials: Partials, chosen: Mask, least: float, frames: int) -> Stream | None:
    peaks = partials.peaks.select(chosen)
    amount = float(peaks.amplitude.sum())
    if amount <= 0 or amount < least or len(peaks.frame) < MIN_PARTIALS * frames:
        return None
    reason = "lines that hold their pitch while they ring"
    return Stream(PLUCKED, peaks, 1.0 - 0.5 * least / amount, reason)


def _gliding(partials: Partials, kind: str, chosen: Mask, least: float, frames: int) -> Stream | None:
    group, peaks = PartialGroup.of(partials, chosen, frames), partials.peaks.select(chosen)
    if group.amplitude <= 0 or group.amplitude < least or len(peaks.frame) < MIN_PARTIALS * frames:
        return None
    cents = float(np.average(partials.deviation_cents[chosen], weights=peaks.amplitude))
    reason = f"lines that glide up and down together by {cents:.0f} cents"
    clear = chosen & (partials.smoothness > CLEAR_SMOOTH) & (partials.peaks.hz > CLEAR_HZ)
    voices = 2 if PartialGroup.of(partials, clear, frames).common_glide < ONE_VOICE else 1
    return Stream(kind, peaks, 1.0 - 0.5 * least / group.amplitude, reason, group, voices)


def _simultaneous(streams: list[Stream], frames: int) -> list[Stream]:
    """The strongest first. A stream that alternates with a stronger one, or glides with it, is the same sound."""
    kept: list[Stream] = []
    for stream in sorted(streams, key=lambda each: -float(each.components.amplitude.sum())):
        same = [index for index, other in enumerate(kept) if _one_sound(stream, other, frames)]
        if same:
            first = kept[same[0]]
            kept[same[0]] = replace(first, components=first.components.joined(stream.components))
        else:
            kept.append(stream)
    return kept


def _one_sound(one: Stream, other: Stream, frames: int) -> bool:
    parts = (one.components, other.components)
    amplitudes = [np.bincount(part.frame, part.amplitude, minlength=frames) for part in parts]
    smooth = [np.convolve(each, np.ones(5), mode="same") / max(float(each.sum()), 1e-30) / 5 for each in amplitudes]
    if float(np.minimum(*smooth).sum()) < AT_ONCE:
        return True
    return one.group is not None and other.group is not None and one.group.correlation(other.group) > ONE_VIBRATO


def _share_without_partials(hits: PercussiveOnsets, partials: Partials, frames: int) -> float:
    """Part of the hits that come without the onset of partials; 1 where there are no partials."""
    starts = partials.onsets if hits.forward else partials.offsets
    count = np.bincount(partials.peaks.frame[starts], minlength=frames)
    near = np.convolve(count >= 2, np.ones(3), mode="same") > 0
    return float(1.0 - near[hits.frames].mean())


def stream_sources(
    stft: StereoStft, tf: TimeFrequencyBins, streams: Sequence[Stream], colored: bool
) -> tuple[SoundSource, ...]:
    """A source for each stream, or two where two voices sing from two azimuths; the loudest first.

    Args:
        stft, tf: of the clip.
        streams: as `find_streams` gives them.
        colored: as in `InterauralCues.colored`.
    """
    total = max(float(np.sum(tf.power)), 1e-30)
    trust = float(stft.differs.any()) * (COLORED_CONFIDENCE if colored else 1.0)
    parts = [(stream, part) for stream in streams for part in _voices(tf, stream, trust)]
    parts.sort(key=lambda each: -float(each[1].power.sum()))
    return tuple(
        SoundSource(
            id=f"source_{rank}",
            share=min(float(part.power.sum()) / total, 1.0),
            tracks=_tracks(tf, part, trust),
            tags=_tags(stft, stream, part),
            confidence=stream.confidence,
        )
        for rank, (stream, part) in enumerate(parts)
    )


def _voices(tf: TimeFrequencyBins, stream: Stream, trust: float) -> list[Components]:
    """The components of a stream, parted where its partials glide as two voices do and have two azimuths."""
    if stream.voices < 2 or trust < 1.0:
        return [stream.components]
    event, sine, weight = stream.components.event_azimuths(tf)
    threshold = _two_class_threshold(sine, weight)
    if threshold is None:
        return [stream.components]
    right = (sine > threshold)[event]
    return [stream.components.select(~right), stream.components.select(right)]


def _two_class_threshold(values: Array, weight: Array) -> float | None:
    """The threshold of least scatter within two classes (Otsu 1979); None where their means are too near.

    Exchanging the channels negates it: of several thresholds that part equally well the mean is taken.
    """
    order = np.argsort(values, kind="stable")
    values, weight = values[order], weight[order]
    total, below = float(weight.sum()), np.cumsum(weight)[:-1]
    sums = np.cumsum(weight * values)
    above = total - below
    apart = (sums[-1] - sums[:-1]) / np.maximum(above, 1e-30) - sums[:-1] / np.maximum(below, 1e-30)
    between = np.where(np.minimum(below, above) >= MIN_VOICE * total, below * above * apart**2, 0.0)
    if not between.any():
        return None
    best = np.flatnonzero(between >= (1 - 1e-9) * between.max())
    if apart[best].min() < MIN_APART:
        return None
    return float(np.mean((values[best] + values[best + 1]) / 2))


def _tracks(tf: TimeFrequencyBins, part: Components, trust: float) -> dict[str, Track]:
    left, right = part.sum_per_step(part.left, tf), part.sum_per_step(part.right, tf)
    weight = part.sum_per_step(part.spatial_weight, tf)
    confidence = trust * np.clip(weight / max(0.5 * float(weight.max()), 1e-12), 0.0, 1.0)
    sine = still_trajectory(part.histogram(tf), BLUR)
    difference = np.where((left > 0) & (right > 0), decibel(right) - decibel(left), 0.0)
    power = left + right
    centroid = part.sum_per_step(part.power * part.hz, tf) / np.maximum(power, 1e-30)
    return {
        "level": Track(tf.times_s, decibel(power / 2), "dBFS"),
        "level_difference": Track(tf.times_s, difference, "dB", confidence),
        "delay": Track(tf.times_s, tf.delay_us(sine), "us", confidence),
        "azimuth": Track(tf.times_s, np.degrees(np.arcsin(sine)), "deg", confidence),
        "centroid": Track(tf.times_s, centroid, "Hz", np.where(power > 0, 1.0, 0.0)),
    }


def _tags(stft: StereoStft, stream: Stream, part: Components) -> tuple[Tag, ...]:
    if stream.group is None:
        return (Tag(stream.kind, stream.confidence * 0.9, stream.reason),)
    parted = part is not stream.components
    reason = f"{stream.reason}, beside those of another that glide otherwise" if parted else stream.reason
    voice = voice_label(median_pitch(stft, _power_of(stft, part))[0])
    names = (voice, BOWED) if stream.kind == VOICE else (BOWED, voice)
    return tuple(Tag(name, likely, reason) for name, likely in zip(names, (LIKELY, UNLIKELY), strict=True))


def _power_of(stft: StereoStft, part: Components) -> NDArray[np.float32]:
    """The power of the clip at the peaks of a stream and in the bins beside them, 0 elsewhere, (F, K)."""
    power = np.zeros_like(stft.power)
    for shift in (-1, 0, 1):
        at = part.frame, np.clip(part.bin + shift, 0, power.shape[1] - 1)
        power[at] = stft.power[at]
    return power


def is_single_source(audio: AudioClip, tf: TimeFrequencyBins, stream: Stream, split: SpatialSplit) -> bool:
    """Whether sources that have different azimuths are a single one after all, whose partials a room spreads.

    In a room every partial of an instrument has a different azimuth, but all partials of a voice glide at once, and the
    first milliseconds of a note or a hit come straight from its source. So one stream must make up all the sources,
    and its partials must glide as one or its onsets come from one azimuth.

    Args:
        audio, tf: of the clip.
        stream: the only one of the clip.
        split: the sources in doubt.
    """
    if not _in_all(tf, stream.components, split):
        return False
    return _one_direction(audio, tf) if stream.group is None else stream.group.common_glide >= ONE_GLIDE


def _in_all(tf: TimeFrequencyBins, components: Components, split: SpatialSplit) -> bool:
    """Whether every source holds about as much of the stream as of the whole sound."""
    steps, bands = tf.steps_of(components.frame), tf.bands_of(components.bin)
    part = split.masks[:, steps, bands] @ components.power / np.maximum((tf.power * split.masks).sum((1, 2)), 1e-30)
    moves = bool((np.ptp(split.trajectories, axis=1) > 0).any())
    return float(part.min()) >= (EVEN_MOVING if moves else EVEN_PART) * float(part.max())


def _one_direction(audio: AudioClip, tf: TimeFrequencyBins) -> bool:
    """Whether all first arrivals have one azimuth; played backwards, all that ends at once."""
    both = (first_arrivals(audio), first_arrivals(audio.reversed()))
    arrivals = max(both, key=lambda components: len(np.unique(components.event)))
    _, sine, weight = arrivals.event_azimuths(tf)
    if len(sine) < MIN_ONSETS or weight.sum() <= 0:
        return False
    middle = float(np.average(sine, weights=weight))
    return float(np.average((sine - middle) ** 2, weights=weight)) < SCATTER**2
