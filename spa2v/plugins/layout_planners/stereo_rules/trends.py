"""Does a track go somewhere? Robust change, steadiness and significance, all odd under negation and under reversal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import Track

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

    change: float
    tau: float
    significance: float

    def strength(self, floor: float) -> float:
        """-1..1: 0 below `floor` or where chance explains it, sign as the change.

        A tau of 0.3 over 16 blocks happens by chance once in ten times, 0.55 once in 300 (Kendall).
        """
        if self.change * self.tau <= 0:
            return 0.0
        sure = rise(abs(self.tau), 0.3, 0.55) * rise(self.significance, 1.5, 3.5)
        return float(np.sign(self.change)) * sure * rise(abs(self.change), floor, 3.0 * floor)


def rise(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high`, straight between."""
    return float(min(1.0, max(0.0, (value - low) / (high - low))))


def blocks(track: Track, count: int = BLOCKS) -> tuple[Array, Array]:
    """Weighted means and total weights of `count` consecutive parts of a track (fewer for a short one)."""
    starts = np.arange(min(count, len(track.values))) * len(track.values) // min(count, len(track.values))
    weights = np.add.reduceat(track.weights, starts)
    sums = np.add.reduceat(track.values * track.weights, starts)
    means = np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)
    return means, weights


def trend_of(track: Track) -> Trend:
    """The trend of a track over the whole clip; nothing where fewer than six blocks are known."""
    means, weights = blocks(track)
    known = weights > MIN_WEIGHT * weights.max() if weights.max() > 0 else np.zeros(len(weights), dtype=bool)
    values = means[known]
    if len(values) < 6:
        return Trend(0.0, 0.0, 0.0)
    third = max(2, round(len(values) * END_BLOCKS / BLOCKS))
    change = float(values[-third:].mean() - values[:third].mean())
    first, second = np.triu_indices(len(values), 1)
    tau = float(np.mean(np.sign(values[second] - values[first])))
    scatter = float(np.sqrt(np.mean(np.diff(values, 2) ** 2) / 6.0))  # of one block around a straight line
    error = scatter * np.sqrt(2.0 / third)
    return Trend(change, tau, abs(change) / error if error > 1e-12 else (1e6 if change else 0.0))


def monotone(values: Array, weights: Array, direction: float) -> Array:
    """The closest rising (direction > 0) or falling sequence by least squares (pool adjacent violators)."""
    sign = 1.0 if direction > 0 else -1.0
    pools: list[list[float]] = []
    for value, weight in zip(sign * values, np.maximum(weights, 1e-6), strict=True):
        pools.append([float(value), float(weight), 1.0])
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            value_b, weight_b, count_b = pools.pop()
            value_a, weight_a, count_a = pools[-1]
            total = weight_a + weight_b
            pools[-1] = [(value_a * weight_a + value_b * weight_b) / total, total, count_a + count_b]
    return sign * np.concatenate([np.full(int(count), value) for value, _, count in pools])


def softened(values: Array, size: int) -> Array:
    """Moving mean with mirrored ends; keeps a rising sequence rising and is symmetric in time."""
    half = min(size // 2, len(values) - 1)
    if half < 1:
        return values
    padded = np.concatenate([2 * values[0] - values[half:0:-1], values, 2 * values[-1] - values[-2 : -half - 2 : -1]])
    return np.convolve(padded, np.full(2 * half + 1, 1.0 / (2 * half + 1)), mode="valid")
