"""Small numerical functions that several modules of the signal library share."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

Array = NDArray[np.float64]

FLOOR_DB = -120.0


def decibel(power: Array) -> Array:
    """10 log10 of a power, at least -120 dB."""
    return 10.0 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))


@overload
def ramp(values: float, low: float, high: float) -> float: ...


@overload
def ramp(values: Array, low: float, high: float) -> Array: ...


def ramp(values: Array | float, low: float, high: float) -> Array | float:
    """0 up to `low`, 1 from `high`, linear between, for a number or an array of any shape."""
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def weighted_mean(values: Array, weights: Array) -> float:
    """Mean of (N,) values by (N,) weights; 0 where all weights are 0 (`numpy.average` raises)."""
    total = float(weights.sum())
    return float(values @ weights) / total if total > 0 else 0.0


def moving_mean(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Mean over an odd number of neighbors along the first axis, symmetric in time; ends repeat."""
    size = min(size, len(values)) | 1
    if size <= 1:
        return values
    return np.asarray(uniform_filter1d(values, size, axis=0, mode="nearest"))


def log_bands(hz: Array, count: int) -> NDArray[np.intp]:
    """First bin of each of at most `count` bands of equal ratio; bands narrower than a bin are merged.

    Args:
        hz: frequencies of the bins, above 0 and ascending, shape (K,).
        count: number of bands.

    The result, shape (B,) with B <= count, is what `numpy.add.reduceat` needs.
    """
    return np.unique(np.searchsorted(hz, np.geomspace(hz[0], hz[-1], count + 1)[:-1]))


def local_maxima(values: NDArray[Any]) -> NDArray[Any]:
    """The local maxima along the last axis with all other values set to 0, (..., N) to (..., N - 2).

    Both ends of a plateau count, so that reversing the order reverses the result; `scipy.signal.find_peaks` takes the
    middle of a plateau, rounded down.
    """
    inner = values[..., 1:-1]
    return np.where((inner >= values[..., :-2]) & (inner >= values[..., 2:]), inner, 0.0)


def parabolic_peak(below: Array, here: Array, above: Array, where: NDArray[np.bool_] | None = None) -> Array:
    """Offset of the vertex of the parabola through three neighbors, in steps from the middle one, at most half a step.

    0 where the three do not bend down, and outside `where`. Reversing the order of the three negates the result
    exactly. (Smith and Serra 1987, "PARSHL"; `scipy.signal.find_peaks` finds peaks but does not interpolate them.)
    """
    bend = 2.0 * here - below - above
    downward = bend > 0 if where is None else where & (bend > 0)
    return np.clip(np.divide(above - below, 2.0 * bend, out=np.zeros_like(here), where=downward), -0.5, 0.5)


def viterbi(scores: Array, steps: tuple[int, ...], move_cost: float) -> NDArray[np.int64]:
    """The path of highest score less its length through each of M maps, by dynamic programming (Viterbi 1967).

    Args:
        scores: of every state at every time, shape (T, M, S).
        steps: allowed moves from one time to the next, in states, increasing and symmetric about 0.
        move_cost: of one state of the way.

    Returns:
        The state at every time, shape (T, M). Ties go to the lower state: callers that need the symmetries also search
        the mirrored and reversed maps, which `librosa.sequence.viterbi` (a full transition matrix) would square.
    """
    frames, count, states = scores.shape
    reach = steps[-1]
    cost = move_cost * np.abs(np.array(steps, dtype=np.float64))[:, None]
    padded = np.full((count, states + 2 * reach), -np.inf)
    inner = padded[:, reach:-reach]
    shifted = [padded[:, reach + step : reach + step + states] for step in steps]
    options = np.empty((len(steps), count, states))
    came = np.empty((frames, count, states), dtype=np.int64)
    inner[:] = scores[0]
    for frame in range(1, frames):
        np.stack(shifted, out=options)
        options -= cost[:, None]
        np.argmax(options, axis=0, out=came[frame])
        np.add(options.max(axis=0), scores[frame], out=inner)
    moves = np.array(steps)
    path = np.empty((frames, count), dtype=np.int64)
    path[-1] = inner.argmax(axis=1)
    each = np.arange(count)
    for frame in range(frames - 1, 0, -1):
        path[frame - 1] = path[frame] + moves[came[frame, each, path[frame]]]
    return path
