"""Whether sources that were told apart by place are one thing after all, whose lines a room spreads."""

from __future__ import annotations

import numpy as np

from spa2v.core.types import AudioClip
from spa2v.dsp.separation.onsets import onsets_of
from spa2v.dsp.separation.spatial import Split
from spa2v.dsp.separation.streams import Layer
from spa2v.dsp.separation.tf_bins import Cells
from spa2v.dsp.stft import Spectra

UNISON = 0.93  # lines of one voice or bow keep to 0.95 together, whatever the room
SCATTER = 0.08  # in sine: starts of one thing come from within 0.07 of one place
MIN_STARTS = 4
EVEN_PART = 0.3  # what the layer is to the weakest source, over what it is to the strongest one
EVEN_MOVING = 0.7  # the same where one of them moves: a car that passes a singer takes a part of the voice along


def is_one(audio: AudioClip, spectra: Spectra, cells: Cells, layer: Layer, split: Split) -> bool:
    """Whether one layer makes up all the sources, and its lines move as one or its starts come from one place.

    In a room every line of an instrument has a place of its own, but all lines of a voice glide at once, and the first
    milliseconds of a note or a hit come straight from its source.
    """
    if not _in_all(spectra, cells, layer, split):
        return False
    if layer.choir is not None:
        return layer.choir.unison >= UNISON
    return _from_one_place(audio, cells)


def _from_one_place(audio: AudioClip, cells: Cells) -> bool:
    """Whether all that starts comes from one place; played backwards, all that ends at once."""
    both = (onsets_of(audio), onsets_of(audio.reversed()))
    starts = max(both, key=lambda grains: len(np.unique(grains.event)))
    _, place, weight = starts.places_of_events(cells)
    if len(place) < MIN_STARTS or weight.sum() <= 0:
        return False
    middle = float(np.average(place, weights=weight))
    return float(np.average((place - middle) ** 2, weights=weight)) < SCATTER**2


def _in_all(spectra: Spectra, cells: Cells, layer: Layer, split: Split) -> bool:
    """Whether every source holds about as much of the layer as of the whole sound."""
    grains = layer.grains
    held = split.mine[:, grains.steps(cells), grains.bands(cells, spectra.cue_lines.start)] @ grains.power
    whole = np.sum((cells.left + cells.right) * split.mine, axis=(1, 2))
    part = held / np.maximum(whole, 1e-30)
    moves = bool((np.ptp(split.paths, axis=1) > 0).any())
    return float(part.min()) >= (EVEN_MOVING if moves else EVEN_PART) * float(part.max())
