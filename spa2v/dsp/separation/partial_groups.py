"""How the pitches of many partials move together: harmonics of one sound glide as one, those of two do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.dsp.separation.partials import Partials
from spa2v.dsp.stft import Array

CHOIR = 3  # so many partials must glide at once: harmonics of one sound go the same way, peaks of noise do not


@dataclass(frozen=True, eq=False)
class Choir:
    """How the chosen partials glide.

    Args:
        cents: mean change of pitch from frame to frame, 0 where no two of them glide, shape (F,).
        together: amplitude of those that glide the same way, in frames with at least `CHOIR` of them.
        unison: of amplitude times glide in these frames, the part that goes one way, 0..1; 1 where there are none.
    """

    cents: Array
    together: float
    unison: float

    @staticmethod
    def of(partials: Partials, chosen: NDArray[np.bool_], frames: int) -> Choir:
        frame, weight, glide = partials.frame[chosen], partials.amplitude[chosen], partials.glide_cents[chosen]
        count, heard, net, all_ways = (
            np.bincount(frame, values, minlength=frames)
            for values in (np.ones(len(frame)), weight, weight * glide, weight * np.abs(glide))
        )
        choir = (count >= CHOIR) & (all_ways > 0)
        agree = np.divide(np.abs(net), all_ways, out=np.zeros(frames), where=choir)
        cents = np.divide(net, heard, out=np.zeros(frames), where=(count >= 2) & (heard > 0))
        total = float(all_ways[choir].sum())
        unison = float(np.abs(net[choir]).sum()) / total if total > 0 else 1.0
        return Choir(cents, float(heard @ agree), unison)


def alike(one: Choir, other: Choir) -> float:
    """Correlation of the glides of two choirs where both are heard, -1..1; 0 where they never are."""
    both = (one.cents != 0) & (other.cents != 0)
    first, second = one.cents[both], other.cents[both]
    size = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / size if size > 0 else 0.0
