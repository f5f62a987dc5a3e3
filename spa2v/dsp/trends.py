"""Robust trends of a track (Theil 1950, Sen 1968; Kendall 1938).

`scipy.stats.theilslopes` gives the same slope, but importing `scipy.stats` takes longer than measuring a clip;
`scipy.stats.kendalltau` corrects for ties (tau-b), which raises the tau of a track that is mostly flat.
"""

from __future__ import annotations

import numpy as np

from spa2v.dsp.filters import Array

MAX_POINTS = 80  # 3160 pairs


def thinned(values: Array) -> Array:
    """Means of neighboring values, at most `MAX_POINTS`, symmetric in time."""
    if len(values) <= MAX_POINTS:
        return values
    edges = np.linspace(0, len(values), MAX_POINTS + 1)
    cumulative = np.concatenate([[0.0], np.cumsum(values)])
    whole = np.interp(edges, np.arange(len(values) + 1), cumulative)
    return np.asarray(np.diff(whole) / np.diff(edges))


def change_over_clip(values: Array) -> float:
    """The Theil-Sen slope of (N,) values times the length: the change of a steady trend from the first to the last."""
    points = thinned(values)
    if len(points) < 2:
        return 0.0
    first, second = np.triu_indices(len(points), 1)
    slopes = (points[second] - points[first]) / (second - first)
    return float(np.median(slopes) * (len(points) - 1))


def steadiness(values: Array) -> float:
    """Kendall's tau-a of (N,) values against time, -1..1: 1 when they only rise, 0 for fewer than two."""
    points = thinned(values)
    if len(points) < 2:
        return 0.0
    first, second = np.triu_indices(len(points), 1)
    return float(np.mean(np.sign(points[second] - points[first])))
