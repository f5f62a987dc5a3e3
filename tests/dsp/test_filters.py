"""The shared functions keep the symmetries that the rest relies on, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from spa2v.dsp.filters import (
    decibel,
    local_maxima,
    log_bands,
    moving_mean,
    parabolic_peak,
    ramp,
    viterbi,
    weighted_mean,
)


def test_the_vertex_of_a_parabola_is_found_and_turns_with_its_ends() -> None:
    for vertex in (-0.4, 0.0, 0.3):
        below, here, above = (np.array([-((x - vertex) ** 2)]) for x in (-1.0, 0.0, 1.0))
        assert parabolic_peak(below, here, above)[0] == pytest.approx(vertex, abs=1e-12)
        assert parabolic_peak(above, here, below)[0] == -parabolic_peak(below, here, above)[0]
    flat = np.zeros(1)
    assert parabolic_peak(flat, flat, flat)[0] == 0.0
    assert parabolic_peak(flat, flat, np.ones(1))[0] == 0.0  # it bends up


def test_both_ends_of_a_plateau_are_maxima() -> None:
    values = np.array([[0.0, 2.0, 2.0, 1.0, 3.0, 0.0]])
    assert local_maxima(values).tolist() == [[2.0, 2.0, 0.0, 3.0]]
    assert np.array_equal(local_maxima(values[:, ::-1]), local_maxima(values)[:, ::-1])


def test_a_moving_mean_is_symmetric_in_time() -> None:
    values = np.random.default_rng(0).standard_normal((40, 3))
    assert np.allclose(moving_mean(values[::-1], 5), moving_mean(values, 5)[::-1], atol=1e-12)
    assert moving_mean(values, 1) is values


def test_bands_cover_all_bins_and_none_is_empty() -> None:
    hz = np.arange(5, 300) * 25.0
    starts = log_bands(hz, 36)
    assert starts[0] == 0
    assert np.all(np.diff(starts) > 0)
    assert len(starts) <= 36
    assert log_bands(hz[:1], 16).tolist() == [0]


def test_a_ramp_takes_numbers_and_arrays() -> None:
    assert [ramp(value, 2.0, 4.0) for value in (1.0, 3.0, 9.0)] == [0.0, 0.5, 1.0]
    assert ramp(np.array([1.0, 3.0, 9.0]), 2.0, 4.0).tolist() == [0.0, 0.5, 1.0]


def test_nothing_weighted_is_zero_and_silence_has_a_floor() -> None:
    assert weighted_mean(np.ones(3), np.zeros(3)) == 0.0
    assert weighted_mean(np.array([1.0, 3.0]), np.array([3.0, 1.0])) == 1.5
    assert decibel(np.array([0.0, 1.0, 100.0])).tolist() == [-120.0, 0.0, 20.0]


def test_the_path_is_the_best_one_of_all() -> None:
    """Against every path through a small map."""
    rng = np.random.default_rng(1)
    scores, steps, cost = rng.random((5, 2, 4)), (-1, 0, 1), 0.2
    path = viterbi(scores, steps, cost)

    def value(states: tuple[int, ...], each: int) -> float:
        moves = np.abs(np.diff(states))
        return (
            float(sum(scores[t, each, s] for t, s in enumerate(states)) - cost * moves.sum()) if max(moves) < 2 else -1
        )

    for each in range(2):
        best = max(np.ndindex(4, 4, 4, 4, 4), key=lambda states: value(states, each))
        assert path[:, each].tolist() == list(best)
