"""Where one source is over time: still or moving routes through a map of time and place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from spa2v.dsp.interaural import best_path
from spa2v.dsp.separation.tf_bins import GRID, PLACES
from spa2v.dsp.stft import Array

NEAR = 0.08  # how far from its route (in sine) a source still takes a cell, one standard deviation
MAX_SLICES = 40
STEPS = (-12, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 12)  # grid steps from one slice of time to the next
MOVE_PRICE = 0.3  # of one grid step, in mean weights of a place
FIRST_GAIN = 1.15  # what a moving route must gather more than a still one
STILL_BLUR = 1.5  # grid steps


@dataclass(frozen=True, eq=False)
class Route:
    """Sine of the azimuth over time, (T,), and whether it may change."""

    sine: Array
    moves: bool


def follow(heights: Array, blur: float = STILL_BLUR) -> Route:
    """The still route, unless a moving one gathers more by the factor `FIRST_GAIN`.

    Args:
        heights: weight of every place at every time, (T, GRID).
        blur: spread of a still source over the places, in grid steps.
    """
    here, along = still(heights, blur), moving(heights)
    if _gathered(heights, along) > FIRST_GAIN * _gathered(heights, here):
        return Route(along, True)
    return Route(here, False)


def _gathered(heights: Array, path: Array) -> float:
    return float(np.sum(heights * np.exp(-0.5 * ((PLACES - path[:, None]) / NEAR) ** 2)))


def still(heights: Array, blur: float = STILL_BLUR) -> Array:
    """The one place with the most weight around it, (T,)."""
    sums = gaussian_filter1d(heights.sum(axis=0), blur, mode="nearest")
    first, last = int(np.argmax(sums)), GRID - 1 - int(np.argmax(sums[::-1]))
    here = min(max((first + last) // 2, 1), GRID - 2)
    below, top, above = sums[here - 1], sums[here], sums[here + 1]
    bend = 2.0 * top - below - above
    shift = 0.5 * (above - below) / bend if bend > 0 and first == last else 0.0
    place = (first + last - (GRID - 1)) / (GRID - 1) + 2.0 * np.clip(shift, -0.5, 0.5) / (GRID - 1)
    return np.full(len(heights), float(np.clip(place, -1.0, 1.0)))


def moving(heights: Array) -> Array:
    """A smooth path of places through a map (T, GRID), symmetric in both directions."""
    size = max(1, -(-len(heights) // MAX_SLICES))
    sums = np.add.reduceat(heights, np.arange(0, len(heights), size), axis=0)
    level = sums / max(float(sums.sum(axis=1).mean()), 1e-12) * GRID
    level = gaussian_filter1d(level, 1.0, axis=1, mode="nearest")
    maps = np.stack([level, level[:, ::-1]], axis=1)
    found = best_path(maps, STEPS, MOVE_PRICE)
    coarse = (found[:, 0] - found[:, 1]) / (GRID - 1)  # the mean of a path and its twin prefers no side
    middles = np.minimum(np.arange(len(sums)) * size + (size - 1) / 2, len(heights) - 1)
    return np.interp(np.arange(len(heights)), middles, coarse)
