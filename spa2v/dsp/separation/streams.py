"""Layers of a sound, told apart by how they move: lines that hold their pitch, lines that glide together, hits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spa2v.dsp.separation.components import Grains
from spa2v.dsp.separation.partial_groups import Choir, alike
from spa2v.dsp.separation.partials import Partials, partials_of
from spa2v.dsp.separation.percussion import Bursts, bursts_of
from spa2v.dsp.sound_kinds import BOWED, PERCUSSION, PLUCKED, VOICE
from spa2v.dsp.stft import Spectra

Chosen = NDArray[np.bool_]

LOW_HZ = 300.0  # below, the pitch of one peak is read to a few cents only
STEADY_CENTS = 3.0  # a string that rings holds its pitch; what else moves it is the beat with its neighbors
NARROW_CENTS = 5.0  # a bow's vibrato goes 7 to 15 cents to either side, 5 to 11 in the mean square
WIDE_CENTS = 11.0  # a singer's 20 to 100; what is spoken glides farther
EVEN = 0.5  # evenness of what belongs to a vibrato or a glide
MIN_STEADY, MIN_NARROW, MIN_WIDE = 0.03, 0.15, 0.02  # of the amplitude of all partials: twice what other kinds leave
MIN_LINES = 0.25  # lines at a time, on average; a drum that rings leaves 0.05
CLEAR_EVEN, CLEAR_HZ = 0.95, 500.0  # lines that no other sound disturbs tell best how many glide
ONE_CHOIR = 0.88  # unison of one voice among others is 0.95, of two voices 0.8
AT_ONCE = 0.25  # common part of the courses of two layers; one voice that holds and glides in turn stays below 0.2
ONE_VIBRATO = 0.5  # correlation of the glides of two layers, from which both belong to one sound
HITS_SURE = 0.9
ALONE = 0.3  # part of the hits that must come without the start of a line: a strummed string makes both


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer.

    Args:
        kind: what it sounds like, of `kinds`.
        grains: its pieces.
        sure: 0.5..1, by how much there is of it.
        reason: in words.
        choir: how its lines glide; None for hits and for lines that do not.
        voices: 2 where lines that glide on their own ways show two singers or bows, else 1.
    """

    kind: str
    grains: Grains
    sure: float
    reason: str
    choir: Choir | None = None
    voices: int = 1


def layers_of(spectra: Spectra) -> list[Layer]:
    """The layers of a clip that sound at the same time, the strongest lines first, hits last."""
    partials = partials_of(spectra)
    if partials is None:
        return []
    frames = len(spectra.times_s)
    found = _told_apart(_lines(partials, frames), frames)
    bursts = bursts_of(spectra)
    if bursts is not None and _share_alone(bursts, partials, frames) >= ALONE:
        reason = f"bursts of noise over a wide band in a beat, {bursts.rate_hz:.0f} a second"
        found.append(Layer(PERCUSSION, bursts.grains, HITS_SURE, reason))
    return found


def _lines(partials: Partials, frames: int) -> list[Layer]:
    """Layers of partials: steady, with a narrow vibrato, with a wide one."""
    high = partials.hz > LOW_HZ
    total = float(partials.amplitude[high].sum())
    lasting, wobble = partials.lasting & high, partials.wobble_cents
    gliding = lasting & (partials.even > EVEN) & (partials.glide_cents != 0)
    steady = _steady(partials, lasting & (wobble < STEADY_CENTS), MIN_STEADY * total, frames)
    narrow = gliding & (wobble >= NARROW_CENTS) & (wobble < WIDE_CENTS)
    bowed = _gliding(partials, BOWED, narrow, MIN_NARROW * total, frames)
    voice = _gliding(partials, VOICE, gliding & (wobble >= WIDE_CENTS), MIN_WIDE * total, frames)
    return [layer for layer in (steady, bowed, voice) if layer is not None]


def _steady(partials: Partials, chosen: Chosen, least: float, frames: int) -> Layer | None:
    amount = float(partials.amplitude[chosen].sum())
    if amount <= 0 or amount < least or int(chosen.sum()) < MIN_LINES * frames:
        return None
    reason = "lines that hold their pitch while they ring"
    return Layer(PLUCKED, _grains(partials, chosen), 1.0 - 0.5 * least / amount, reason)


def _gliding(partials: Partials, kind: str, chosen: Chosen, least: float, frames: int) -> Layer | None:
    choir = Choir.of(partials, chosen, frames)
    if choir.together <= 0 or choir.together < least or int(chosen.sum()) < MIN_LINES * frames:
        return None
    cents = float(np.average(partials.wobble_cents[chosen], weights=partials.amplitude[chosen]))
    reason = f"lines that glide up and down together by {cents:.0f} cents"
    clear = chosen & (partials.even > CLEAR_EVEN) & (partials.hz > CLEAR_HZ)
    voices = 2 if Choir.of(partials, clear, frames).unison < ONE_CHOIR else 1
    return Layer(kind, _grains(partials, chosen), 1.0 - 0.5 * least / choir.together, reason, choir, voices)


def _grains(partials: Partials, chosen: Chosen) -> Grains:
    p = partials
    return Grains(p.frame, p.line, p.hz, p.left, p.right, p.cross_real, p.cross_imag, p.first).part(chosen)


def _told_apart(layers: list[Layer], frames: int) -> list[Layer]:
    """The strongest first. A layer that takes turns with a stronger one, or glides with it, is the same sound."""
    kept: list[Layer] = []
    for layer in sorted(layers, key=lambda each: -float(each.grains.amplitude.sum())):
        same = [index for index, other in enumerate(kept) if _one_sound(layer, other, frames)]
        if same:
            kept[same[0]] = replace(kept[same[0]], grains=kept[same[0]].grains.joined(layer.grains))
        else:
            kept.append(layer)
    return kept


def _one_sound(one: Layer, other: Layer, frames: int) -> bool:
    courses = [np.bincount(layer.grains.frame, layer.grains.amplitude, minlength=frames) for layer in (one, other)]
    smooth = [np.convolve(course, np.ones(5), mode="same") / max(float(course.sum()), 1e-30) / 5 for course in courses]
    if float(np.minimum(*smooth).sum()) < AT_ONCE:
        return True
    return one.choir is not None and other.choir is not None and alike(one.choir, other.choir) > ONE_VIBRATO


def _share_alone(bursts: Bursts, partials: Partials, frames: int) -> float:
    """Part of the hits that come without the start of a line; 1 where no lines are heard."""
    starts = partials.begins if bursts.forward else partials.ends
    count = np.bincount(partials.frame[starts], minlength=frames)
    near = np.convolve(count >= 2, np.ones(3), mode="same") > 0
    return float(1.0 - near[bursts.frames].mean())
