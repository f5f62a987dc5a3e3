"""Robust trends of a track (Theil 1950, Sen 1968; Kendall 1938)."""

from __future__ import annotations

import numpy as np

from spa2v.dsp.stft import Array

MAX_POINTS = 80  # 3160 pairs


def thinned(values: Array) -> Array:
    """At most `MAX_POINTS` means of neighboring values, symmetric in time."""
    if len(values) <= MAX_POINTS:
        return values
    edges = np.linspace(0, len(values), MAX_POINTS + 1)
    cumulative = np.concatenate([[0.0], np.cumsum(values)])
    whole = np.interp(edges, np.arange(len(values) + 1), cumulative)
    return np.asarray(np.diff(whole) / np.diff(edges))


def change_over_clip(values: Array) -> float:
    """The Theil-Sen slope times the length: how much a steady trend changes from the first to the last value."""
    points = thinned(values)
    if len(points) < 2:
        return 0.0
    first, second = np.triu_indices(len(points), 1)
    slopes = (points[second] - points[first]) / (second - first)
    return float(np.median(slopes) * (len(points) - 1))


def steadiness(values: Array) -> float:
    """Kendall's tau of the values against time, -1..1: 1 when they only rise."""
    points = thinned(values)
    if len(points) < 2:
        return 0.0
    first, second = np.triu_indices(len(points), 1)
    return float(np.mean(np.sign(points[second] - points[first])))
