"""Trend of a track: robust change, Kendall's tau and significance, all odd under negation and under time reversal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import Track
from spa2v.dsp.trends import steadiness

Array = NDArray[np.float64]

BLOCKS = 16
END_BLOCKS = 5  # a third of the clip at either end
MIN_WEIGHT = 0.05  # of the best block


@dataclass(frozen=True)
class Trend:
    """How a track changes over the clip.

    Args:
        change: mean of the last third minus mean of the first third, in the unit of the track.
        tau: Kendall's tau of the block means against time, -1..1.
        significance: change over its standard error, from the scatter of neighboring blocks.
    """

    change: float = 0.0
    tau: float = 0.0
    significance: float = 0.0

    def strength(self, floor: float) -> float:
        """-1..1: 0 below `floor` or where chance explains it, sign as the change.

        A tau of 0.3 over 16 blocks happens by chance once in ten times, 0.55 once in 300 (Kendall).
        """
        if self.change * self.tau <= 0:
            return 0.0
        sure = ramp(abs(self.tau), 0.3, 0.55) * ramp(self.significance, 1.5, 3.5)
        return float(np.sign(self.change)) * sure * ramp(abs(self.change), floor, 3.0 * floor)


def ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high`, linear between."""
    return float(min(1.0, max(0.0, (value - low) / (high - low))))


def block_means(track: Track, count: int = BLOCKS) -> tuple[Array, Array]:
    """Weighted means and total weights of `count` consecutive parts of a track (fewer for a short one)."""
    starts = np.arange(min(count, len(track.values))) * len(track.values) // min(count, len(track.values))
    weights = np.add.reduceat(track.weights, starts)
    sums = np.add.reduceat(track.values * track.weights, starts)
    means = np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)
    return means, weights


def ends(track: Track) -> tuple[float, float]:
    """Means of the first and the last sixteenth that have weight, in the unit of the track."""
    means, weights = block_means(track)
    known = means[weights > MIN_WEIGHT * weights.max()]
    return (float(known[0]), float(known[-1])) if len(known) else (0.0, 0.0)


def trend(track: Track | None) -> Trend:
    """The trend over the whole clip; zero without a track, or where fewer than six blocks have weight."""
    if track is None:
        return Trend()
    means, weights = block_means(track)
    known = weights > MIN_WEIGHT * weights.max() if weights.max() > 0 else np.zeros(len(weights), dtype=bool)
    values = means[known]
    if len(values) < 6:
        return Trend()
    third = max(2, round(len(values) * END_BLOCKS / BLOCKS))
    change = float(values[-third:].mean() - values[:third].mean())
    scatter = float(np.sqrt(np.mean(np.diff(values, 2) ** 2) / 6.0))  # of one block around a straight line
    error = scatter * np.sqrt(2.0 / third)
    return Trend(change, steadiness(values), abs(change) / error if error > 1e-12 else (1e6 if change else 0.0))
