"""Grains: small pieces of one sound, each with its time, frequency and place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.dsp.separation.tf_bins import GRID, PLACES, Cells
from spa2v.dsp.stft import IDENTICAL_RATIO_DB, Array, InBothChannels


@dataclass(frozen=True, eq=False)
class Grains(InBothChannels):
    """N pieces of a sound, in the order of their frames.

    Args:
        frame, line: of the spectra, shape (N,).
        hz: shape (N,).
        left, right: power, shape (N,).
        cross_real, cross_imag: right times conj(left), shape (N,).
        event: the line or the hit that each belongs to, shape (N,).
    """

    frame: NDArray[np.intp]
    line: NDArray[np.intp]
    hz: Array
    left: Array
    right: Array
    cross_real: Array
    cross_imag: Array
    event: NDArray[np.intp]

    def part(self, chosen: NDArray[np.bool_]) -> Grains:
        return Grains(*(values[chosen] for values in vars(self).values()))

    def joined(self, other: Grains) -> Grains:
        """Both, in the order of their frames; events keep their numbers, so both must count the same events."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        both = [np.concatenate(pair) for pair in pairs]
        order = np.argsort(both[0], kind="stable")
        return Grains(*(values[order] for values in both))

    @property
    def weight(self) -> Array:
        """Root of the amplitude: loud grains count for more, but never alone."""
        return np.sqrt(self.amplitude)

    @property
    def telling(self) -> Array:
        """The weight of those whose channels differ, 0 for the others: coders store parts of a sound in mono."""
        side = self.power - 2.0 * self.cross_real
        return np.where(side > 10 ** (IDENTICAL_RATIO_DB / 10) * self.power, self.weight, 0.0)

    @property
    def sine(self) -> Array:
        """(R - L) / (R + L)."""
        total = self.power
        return np.divide(self.right - self.left, total, out=np.zeros_like(total), where=total > 0)

    @property
    def phase(self) -> Array:
        return np.arctan2(self.cross_imag, self.cross_real)

    def steps(self, cells: Cells) -> NDArray[np.intp]:
        """The step in time of each, shape (N,)."""
        return np.searchsorted(cells.frames, self.frame, side="right") - 1

    def bands(self, cells: Cells, first_line: int) -> NDArray[np.intp]:
        """The band of each, shape (N,); `first_line` is the first of the cue band."""
        return np.maximum(np.searchsorted(cells.starts + first_line, self.line, side="right") - 1, 0)

    def heights(self, cells: Cells) -> Array:
        """Weight of every place at every step in time, (T, GRID)."""
        found = np.zeros((len(cells.frames), GRID))
        if len(self.frame):
            weighted = cells.likelihood_of(self.sine, self.phase, self.hz) * self.telling[:, None]
            steps, starts = np.unique(self.steps(cells), return_index=True)
            found[steps] = np.add.reduceat(weighted, starts, axis=0)
        return found

    def places_of_events(self, cells: Cells) -> tuple[NDArray[np.intp], Array, Array]:
        """The event of each grain, shape (N,), and the mean place and the weight of each of the E events, (E,)."""
        _, event = np.unique(self.event, return_inverse=True)
        telling = self.telling
        weight = np.asarray(np.bincount(event, telling), dtype=np.float64)
        place = cells.likelihood_of(self.sine, self.phase, self.hz) @ PLACES
        return event, np.bincount(event, telling * place) / np.maximum(weight, 1e-30), weight

    def over_time(self, values: Array, cells: Cells) -> Array:
        """Sums of values over the grains of each step in time, (N,) to (T,)."""
        return np.bincount(self.steps(cells), values, minlength=len(cells.frames)).astype(np.float64)
