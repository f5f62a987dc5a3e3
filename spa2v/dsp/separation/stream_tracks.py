"""From the layers of a sound to sources, each with its own tracks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spa2v.core.types import SoundSource, Tag, Track
from spa2v.dsp.pitch import pitch_track
from spa2v.dsp.separation.components import Grains
from spa2v.dsp.separation.streams import Layer
from spa2v.dsp.separation.tf_bins import Cells
from spa2v.dsp.separation.trajectories import still
from spa2v.dsp.sound_kinds import BOWED, VOICE, voice_named
from spa2v.dsp.stft import Array, Spectra, decibel

BLUR = 5.0  # grid steps: in a room every line of one instrument has a place of its own, up to 0.3 apart in sine
COLORED_SURE = 0.2  # a level difference that is a coloration tells no place
PITCH_SURE = 0.2
MIN_PART = 0.15  # of the weight of a layer, for each of two voices
MIN_APART = 0.15  # in sine, 9 degrees: nearer ones are drawn in one place anyway
LIKELY, UNLIKELY = 0.65, 0.2  # gliding lines are a voice or a bowed string; the depth of the vibrato tells which


def strands_of(spectra: Spectra, cells: Cells, layers: Sequence[Layer], colored: bool) -> tuple[SoundSource, ...]:
    """A source for each layer, or two where two voices sing from two places; the loudest first."""
    total = max(float(np.sum(cells.left + cells.right)), 1e-30)
    trust = float(spectra.differs.any()) * (COLORED_SURE if colored else 1.0)
    strands = [(layer, grains) for layer in layers for grains in _voices(cells, layer, trust)]
    strands.sort(key=lambda strand: -float(strand[1].power.sum()))
    return tuple(
        SoundSource(
            id=f"source_{rank}",
            share=min(float(grains.power.sum()) / total, 1.0),
            tracks=_tracks(spectra, cells, grains, trust),
            tags=_tags(spectra, layer, grains),
            confidence=layer.sure,
        )
        for rank, (layer, grains) in enumerate(strands)
    )


def _voices(cells: Cells, layer: Layer, trust: float) -> list[Grains]:
    """The grains of a layer, parted where its lines glide as those of two voices do and come from two places."""
    if layer.voices < 2 or trust < 1.0:
        return [layer.grains]
    event, place, weight = layer.grains.places_of_events(cells)
    border = _border(place, weight)
    if border is None:
        return [layer.grains]
    right = (place > border)[event]
    return [layer.grains.part(~right), layer.grains.part(right)]


def _border(place: Array, weight: Array) -> float | None:
    """The place that parts events in two groups with the least scatter in each; None where they are too near.

    Exchanging the channels negates it: of several borders that part equally well the mean is taken.
    """
    order = np.argsort(place, kind="stable")
    place, weight = place[order], weight[order]
    total, below = float(weight.sum()), np.cumsum(weight)[:-1]
    sums = np.cumsum(weight * place)
    above = total - below
    apart = (sums[-1] - sums[:-1]) / np.maximum(above, 1e-30) - sums[:-1] / np.maximum(below, 1e-30)
    gain = np.where(np.minimum(below, above) >= MIN_PART * total, below * above * apart**2, 0.0)
    if not gain.any():
        return None
    best = np.flatnonzero(gain >= (1 - 1e-9) * gain.max())
    if apart[best].min() < MIN_APART:
        return None
    return float(np.mean((place[best] + place[best + 1]) / 2))


def _tracks(spectra: Spectra, cells: Cells, grains: Grains, trust: float) -> dict[str, Track]:
    times = step_times(spectra, cells)
    left, right = grains.over_time(grains.left, cells), grains.over_time(grains.right, cells)
    heard = grains.over_time(grains.telling, cells)
    sure = trust * np.clip(heard / max(0.5 * float(heard.max()), 1e-12), 0.0, 1.0)
    sine = still(grains.heights(cells), BLUR)
    known = (left > 0) & (right > 0)
    difference = np.where(known, decibel(right) - decibel(left), 0.0)
    power = left + right
    centroid = grains.over_time(grains.power * grains.hz, cells) / np.maximum(power, 1e-30)
    return {
        "level": Track(times, decibel(power / 2), "dBFS"),
        "level_difference": Track(times, difference, "dB", sure),
        "delay": Track(times, sine * cells.delay_gain * cells.delay_scale_s * 1e6, "us", sure),
        "azimuth": Track(times, np.degrees(np.arcsin(sine)), "deg", sure),
        "centroid": Track(times, centroid, "Hz", np.where(power > 0, 1.0, 0.0)),
    }


def step_times(spectra: Spectra, cells: Cells) -> Array:
    """Middles of the steps in time of the cells, (T,)."""
    return np.add.reduceat(spectra.times_s, cells.frames) / np.diff(np.append(cells.frames, len(spectra.times_s)))


def _tags(spectra: Spectra, layer: Layer, grains: Grains) -> tuple[Tag, ...]:
    if layer.choir is None:
        return (Tag(layer.kind, layer.sure * 0.9, layer.reason),)
    reason = layer.reason if grains is layer.grains else f"{layer.reason}, beside those of another that glide otherwise"
    voice = voice_named(_pitch_hz(spectra, grains))
    names = (voice, BOWED) if layer.kind == VOICE else (BOWED, voice)
    return tuple(Tag(name, sure, reason) for name, sure in zip(names, (LIKELY, UNLIKELY), strict=True))


def _pitch_hz(spectra: Spectra, grains: Grains) -> float:
    """Median fundamental of the lines of a layer; 0 where none is heard."""
    power = np.zeros_like(spectra.power)
    last = power.shape[1] - 1
    for shift in (-1, 0, 1):
        line = np.clip(grains.line + shift, 0, last)
        power[grains.frame, line] = spectra.power[grains.frame, line]
    pitch, clear = pitch_track(spectra, power)
    return float(np.median(pitch[clear > PITCH_SURE])) if (clear > PITCH_SURE).any() else 0.0
