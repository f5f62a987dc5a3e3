"""Exact nearest neighbors among the candidates of an index."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from spa2v.plugins.layout_planners.mllm.examples.features import blocks

WEIGHTS: Mapping[str, float] = {
    "level_difference": 1.0,
    "delay": 1.0,
    "azimuth": 1.0,
    "level": 0.1,
    "slope": 2.0,
    "count": 1.0,
    "kind": 10.0,
    "motion": 15.0,
    "spectrum": 0.01,
    "embedding": 0.5,
}
"""The weight of each part of the key in the squared distance."""
SPECTRAL_ONLY: Mapping[str, float] = {"spectrum": 1.0, "embedding": 1.0}


def key_weights(size: int, weights: Mapping[str, float] = WEIGHTS) -> NDArray[np.float32]:
    """The weight of each number of a key of `size` numbers; what follows the known parts is an embedding."""
    parts = blocks()
    known = [np.full(part.stop - part.start, weights.get(part.name, 0.0)) for part in parts]
    rest = np.full(size - parts[-1].stop, weights.get("embedding", 0.0))
    return np.concatenate([*known, rest]).astype(np.float32)


def distances(
    keys: NDArray[np.float32], query: NDArray[np.float32], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Weighted distance of each candidate (N, D) to the query (D,), shape (N,).

    A number that the query or a candidate lacks (NaN) does not count for that pair.
    """
    used = np.isfinite(query) & (weights > 0)
    difference = keys[:, used] - query[used]
    squares = np.nan_to_num(difference * difference) @ weights[used]
    return np.sqrt(squares)


def nearest(distance: NDArray[np.float32], count: int, allowed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The allowed candidates with the smallest distances, nearest first; ties by order in the index."""
    rows = np.flatnonzero(allowed)
    return rows[np.argsort(distance[rows], kind="stable")[:count]]
