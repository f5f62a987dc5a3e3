"""Sound on its way: when it left, how much of it arrives, and reading a signal between its samples.

A moving source is heard at t as it was at the earlier time e with `t - e = |p(e) - m| / c`. For uniform motion that is
a quadratic equation with an exact solution, so Doppler shift and delay come from the geometry alone.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spa2v.world.scene import SPEED_OF_SOUND_M_S, Path

Floats = NDArray[np.float64]
TAPS, PHASES = 16, 1024
MIN_DISTANCE_M = 0.3


def emission_times(path: Path, place: Floats, times_s: Floats) -> Floats:
    """When the sound that arrives at `place` at `times_s` left a source that moves on `path`.

    Solves (c^2 - v^2) e^2 - 2 (q.v + c^2 t) e + c^2 t^2 - q^2 = 0 with q = start - place; the earlier root is the
    causal one. For speeds below the speed of sound.
    """
    c2 = SPEED_OF_SOUND_M_S**2
    start = np.asarray(path.start) - place
    velocity = np.asarray(path.velocity)
    a = c2 - velocity @ velocity
    b = start @ velocity + c2 * times_s
    return np.asarray((b - np.sqrt(b**2 - a * (c2 * times_s**2 - start @ start))) / a)


@lru_cache(maxsize=1)
def sinc_table() -> Floats:
    """Windowed sinc kernels for PHASES + 1 fractions of a sample, shape (PHASES + 1, TAPS), each summing to 1."""
    fractions = np.arange(PHASES + 1)[:, None] / PHASES
    offsets = np.arange(TAPS)[None, :] - (TAPS // 2 - 1) - fractions
    window = np.i0(8.0 * np.sqrt(np.clip(1 - (offsets / (TAPS / 2)) ** 2, 0, 1))) / np.i0(8.0)
    kernels = np.sinc(offsets) * window
    return np.asarray(kernels / kernels.sum(axis=1, keepdims=True))


def read_between(samples: NDArray[np.float32], positions: Floats) -> NDArray[np.float32]:
    """A signal at fractional sample positions, by windowed sinc interpolation; zero outside the signal.

    Args:
        samples: shape (n,).
        positions: shape (m,), in samples.
    """
    padded = np.pad(samples, TAPS)
    whole = np.floor(positions)
    phase = np.rint((positions - whole) * PHASES).astype(np.intp)
    first = np.clip(whole + TAPS - (TAPS // 2 - 1), 0, len(padded) - TAPS).astype(np.intp)
    windows = np.lib.stride_tricks.sliding_window_view(padded, TAPS)
    result = np.empty(len(positions), np.float32)
    table = sinc_table().astype(np.float32)
    for start in range(0, len(positions), 1 << 15):  # bounds the memory of the gathered windows
        part = slice(start, start + (1 << 15))
        result[part] = np.einsum("ij,ij->i", windows[first[part]], table[phase[part]])
    return result


def place_impulses(response: Floats, delays: Floats, gains: Floats) -> None:
    """Adds impulses to a response at fractional sample delays, shape (n,) each; late ones fall off the end."""
    whole = np.floor(delays)
    kernels = sinc_table()[np.rint((delays - whole) * PHASES).astype(np.intp)] * gains[:, None]
    index = whole.astype(np.intp)[:, None] + np.arange(TAPS)[None, :] - (TAPS // 2 - 1)
    inside = (index >= 0) & (index < len(response))
    np.add.at(response, index[inside], kernels[inside])
