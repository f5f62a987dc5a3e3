"""MaxIoU, LTSim, DocSim: against slow definitions, edge cases, invariants."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from spa2v.core.errors import MetricError, Spa2vError
from spa2v.dsp.boxes import area, floored, from_center, pairwise_giou, pairwise_iou
from spa2v.plugins.metrics.assignment import match, matched, oriented, transport_cost
from spa2v.plugins.metrics.doc_sim import doc_sim
from spa2v.plugins.metrics.flat import FlatLayouts
from spa2v.plugins.metrics.lt_sim import WORST, lt_sim, lt_sim_cost
from spa2v.plugins.metrics.max_iou import max_iou, max_iou_of_sets

LABELS = ("car", "bus", "woman")


def _layouts(*layouts: tuple[list[list[float]], list[str]]) -> FlatLayouts:
    return FlatLayouts.of_centers([{"boxes": boxes, "labels": labels} for boxes, labels in layouts])


def _random(rng: np.random.Generator, count: int) -> tuple[list[list[float]], list[str]]:
    boxes = np.concatenate([rng.uniform(0.2, 0.8, (count, 2)), rng.uniform(0.05, 0.4, (count, 2))], axis=1)
    return boxes.tolist(), [str(label) for label in rng.choice(LABELS, count)]


def _shuffled(
    rng: np.random.Generator, layout: tuple[list[list[float]], list[str]]
) -> tuple[list[list[float]], list[str]]:
    order = rng.permutation(len(layout[0]))
    return [layout[0][i] for i in order], [layout[1][i] for i in order]


def _slow_max_iou(a: FlatLayouts, b: FlatLayouts) -> float:
    n = len(a.labels)
    if sorted(a.labels) != sorted(b.labels):
        return 0.0
    iou = pairwise_iou(a.boxes, b.boxes)
    legal = (order for order in permutations(range(n)) if all(a.labels[i] == b.labels[j] for i, j in enumerate(order)))
    return float(max(iou[np.arange(n), list(order)].mean() for order in legal))


def _slow_transport(costs: np.ndarray) -> float:
    n, m = costs.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.tile(np.eye(m), n)
    masses = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    return float(linprog(costs.ravel(), A_eq=np.vstack([rows, columns]), b_eq=masses).fun)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 30), (2, 3), (3, 3), (4, 4), (5, 5), (3, 7), (9, 2), (6, 6)])
def test_matching_is_the_best_of_all(n: int, m: int) -> None:
    weights = np.random.default_rng(0).normal(size=(5, n, m))
    rows, columns = match(weights)
    found = matched(weights, rows, columns).sum(axis=1)
    small, large = (weights, m) if n <= m else (np.swapaxes(weights, 1, 2), n)
    k = min(n, m)
    best = [max(w[np.arange(k), list(p)].sum() for p in permutations(range(large), k)) for w in small]
    np.testing.assert_allclose(found, best, atol=1e-12)
    assert all(len(set(side)) == k for part in (rows, columns) for side in part)


@pytest.mark.parametrize(("n", "m"), [(1, 4), (2, 3), (3, 5), (4, 6), (5, 5), (7, 8), (13, 9), (16, 20)])
def test_transport_is_exact(n: int, m: int) -> None:
    costs = np.random.default_rng(1).random((3, n, m))
    expected = [_slow_transport(matrix) for matrix in costs]
    np.testing.assert_allclose(transport_cost(costs), expected, atol=1e-9)
    np.testing.assert_allclose(transport_cost(np.swapaxes(costs, 1, 2)), expected, atol=1e-9)


def test_reference_orientation_follows_its_formula() -> None:
    weights = np.random.default_rng(2).random((2, 3, 5))
    poured = oriented(weights, "reference")
    for r in range(3):
        for c in range(5):
            k = r * 5 + c
            np.testing.assert_array_equal(poured[:, r, c], weights[:, k % 3, k // 3])
    assert oriented(weights, "intended") is weights
    with pytest.raises(MetricError) as caught:
        oriented(weights, "sideways")  # type: ignore[arg-type]
    assert str(caught.value) == "orientation: 'sideways'\n  expected intended or reference"


def test_overlaps_by_hand() -> None:
    a = np.array([[0.0, 0.0, 0.5, 0.5]])
    b = np.array([[0.25, 0.0, 0.75, 0.5], [0.5, 0.0, 1.0, 0.5], [0.5, 0.5, 1.0, 1.0]])
    np.testing.assert_allclose(pairwise_iou(a, b), [[1 / 3, 0.0, 0.0]])
    np.testing.assert_allclose(pairwise_giou(a, b), [[1 / 3, 0.0, -0.5]])
    assert pairwise_iou(a, a) == 1.0
    np.testing.assert_allclose(from_center(np.array([0.5, 0.4, 0.2, 0.4])), [0.4, 0.2, 0.6, 0.6])


def test_max_iou_agrees_with_its_definition_in_one_batch() -> None:
    rng = np.random.default_rng(3)
    firsts = [_random(rng, int(count)) for count in rng.integers(1, 6, 60)]
    seconds = []
    for boxes, labels in firsts:
        moved = (np.array(boxes) + rng.normal(0, 0.05, (len(boxes), 4)) * [1, 1, 0, 0]).tolist()
        seconds.append(_shuffled(rng, (moved, labels)) if rng.random() < 0.7 else _random(rng, len(boxes)))
    a, b = _layouts(*firsts), _layouts(*seconds)
    expected = [_slow_max_iou(a.take([i]), b.take([i])) for i in range(60)]
    found = max_iou(a, b)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert 0.1 < np.mean(found > 0) < 1.0
    np.testing.assert_array_equal(found, [max_iou(a.take([i]), b.take([i]))[0] for i in range(60)])


def test_max_iou_edge_cases() -> None:
    empty, car = ([], []), ([[0.5, 0.5, 0.2, 0.2]], ["car"])
    point = ([[0.5, 0.5, 0.0, 0.0]], ["car"])
    renamed = (car[0], ["Car"])
    firsts, seconds = _layouts(empty, car, car, car, point), _layouts(empty, empty, renamed, point, point)
    np.testing.assert_array_equal(max_iou(firsts, seconds), [1.0, 0.0, 0.0, 0.0, np.nan])
    assert max_iou(firsts, seconds, both_empty=0.0)[0] == 0.0
    assert max_iou(firsts.floored(), seconds.floored())[4] == 1.0


def test_max_iou_of_sets_pairs_within_groups() -> None:
    car, shifted = ([[0.5, 0.5, 0.2, 0.2]], ["car"]), ([[0.55, 0.5, 0.2, 0.2]], ["car"])
    bus = ([[0.3, 0.3, 0.2, 0.2]], ["bus"])
    half = 0.15 / 0.25
    assert max_iou_of_sets(_layouts(car, bus), _layouts(shifted)) == pytest.approx(half)
    assert max_iou_of_sets(_layouts(car, shifted), _layouts(shifted)) == 1.0
    assert max_iou_of_sets(_layouts(car), _layouts(bus)) == 0.0
    assert np.isnan(max_iou_of_sets(_layouts(car), _layouts(bus), no_partner=float("nan")))


def test_max_iou_of_sets_refuses_what_has_no_value() -> None:
    with pytest.raises(MetricError, match=r"^empty layouts stand on both sides\n"):
        max_iou_of_sets(_layouts(([], [])), _layouts(([], [])))
    point = _layouts(([[0.5, 0.5, 0.0, 0.0]], ["car"]))
    with pytest.raises(MetricError, match=r"^two boxes without area have no overlap"):
        max_iou_of_sets(point, point)


def test_lt_sim_edge_cases() -> None:
    empty, car = ([], []), ([[0.5, 0.5, 0.2, 0.2]], ["car"])
    points = ([[0.5, 0.5, 0.0, 0.0], [0.2, 0.2, 0.1, 0.1]], ["car", "bus"])
    turned = (points[0][::-1], points[1][::-1])
    renamed = (car[0], ["bus"])
    firsts, seconds = _layouts(empty, empty, car, points, points), _layouts(empty, car, renamed, points, turned)
    np.testing.assert_allclose(lt_sim_cost(firsts, seconds), [0.0, 1.0, 0.5, 0.0, np.nan], atol=1e-15)
    scores = lt_sim(firsts, seconds, one_empty=0.0)
    np.testing.assert_allclose(scores, [1.0, 0.0, np.exp(-0.5), 1.0, np.nan], atol=1e-15)
    assert lt_sim(firsts, seconds)[1] == pytest.approx(WORST)


def test_lt_sim_charges_for_missing_things() -> None:
    two = ([[0.3, 0.5, 0.2, 0.2], [0.7, 0.5, 0.2, 0.2]], ["car", "car"])
    one = ([[0.3, 0.5, 0.2, 0.2]], ["car"])
    giou = -(0.12 - 0.08) / 0.12
    assert lt_sim_cost(_layouts(two), _layouts(one))[0] == pytest.approx(0.5 * 0.25 * (1 - giou))


def test_doc_sim_by_hand() -> None:
    a, b = ([[0.5, 0.5, 0.4, 0.4]], ["car"]), ([[0.5, 0.8, 0.4, 0.2]], ["car"])
    assert doc_sim(_layouts(a), _layouts(b))[0] == pytest.approx(np.sqrt(0.08) * 2 ** (-0.3 - 0.4))
    assert doc_sim(_layouts(a), _layouts(a))[0] == pytest.approx(0.4)
    assert doc_sim(_layouts(a), _layouts((b[0], ["bus"])))[0] == 0.0


def test_doc_sim_counts_of_things() -> None:
    box = [0.5, 0.5, 0.4, 0.4]
    side = _layouts(*[([box], ["car"])] * 5)
    other = _layouts(*[([box] * n, ["car"] * n) for n in (0, 1, 2, 3, 4)])
    np.testing.assert_allclose(doc_sim(side, other), [0.0, 0.4, 0.4, 0.4, 0.0])


def test_doc_sim_reference_orientation_differs_for_unequal_numbers() -> None:
    rng = np.random.default_rng(4)
    a, b = _layouts(*[_random(rng, 5) for _ in range(20)]), _layouts(*[_random(rng, 4) for _ in range(20)])
    assert np.abs(doc_sim(a, b, "reference") - doc_sim(a, b)).max() > 1e-3
    np.testing.assert_allclose(doc_sim(a, a, "reference"), doc_sim(a, a))
    np.testing.assert_allclose(doc_sim(a, b), doc_sim(b, a))


def test_no_layouts_and_blocks_of_layouts(monkeypatch: pytest.MonkeyPatch) -> None:
    none = _layouts()
    assert [len(metric(none, none)) for metric in (max_iou, lt_sim, doc_sim)] == [0, 0, 0]
    assert max_iou_of_sets(none, none) == 0.0
    rng = np.random.default_rng(6)
    a, b = (_layouts(*[_random(rng, int(n)) for n in rng.integers(0, 5, 50)]) for _ in range(2))
    whole = [metric(a, b) for metric in (max_iou, lt_sim, doc_sim)]
    monkeypatch.setattr("spa2v.plugins.metrics.flat.MAX_ENTRIES", 10)
    np.testing.assert_array_equal(whole, [metric(a, b) for metric in (max_iou, lt_sim, doc_sim)])


def test_what_does_not_fit_is_refused() -> None:
    one = _layouts(([[0.5, 0.5, 0.2, 0.2]], ["car"]))
    with pytest.raises(MetricError, match=r"^1 layouts cannot be paired with 2$"):
        max_iou(one, one.take([0, 0]))
    with pytest.raises(MetricError, match=r"^a box holds NaN or Inf$"):
        _layouts(([[0.5, np.nan, 0.2, 0.2]], ["car"]))
    with pytest.raises(MetricError, match=r"^1 boxes, 2 labels and 1 objects do not match$"):
        FlatLayouts(np.zeros((1, 4)), ("a", "b"), np.array([0, 1]))
    assert issubclass(MetricError, Spa2vError)


def test_flooring_grows_about_the_center_only_what_is_thin() -> None:
    boxes = np.array([[0.5, 0.5, 0.5, 0.9], [0.1, 0.1, 0.4, 0.4]])
    grown = floored(boxes, 0.01)
    np.testing.assert_allclose(grown, [[0.495, 0.5, 0.505, 0.9], [0.1, 0.1, 0.4, 0.4]])
    assert (area(grown) > 0).all()


unit = st.floats(0.1, 0.9)
boxes = st.tuples(unit, unit, st.floats(0.01, 0.6), st.floats(0.01, 0.6)).map(list)
things = st.lists(st.tuples(boxes, st.sampled_from(LABELS)), min_size=1, max_size=5)


@settings(deadline=None, max_examples=60)
@given(things, things, st.randoms(use_true_random=False))
def test_order_never_matters_and_all_are_symmetric(first: list, second: list, random: object) -> None:
    mixed = list(second)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    a, b, c = (_layouts(([box for box, _ in side], [label for _, label in side])) for side in (first, second, mixed))
    for metric in (max_iou, lt_sim, doc_sim):
        assert metric(a, b)[0] == pytest.approx(metric(a, c)[0], abs=1e-12)
        assert metric(a, b)[0] == pytest.approx(metric(b, a)[0], abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(things)
def test_a_layout_scores_highest_against_itself(layout: list) -> None:
    same = _layouts(([box for box, _ in layout], [label for _, label in layout]))
    assert max_iou(same, same)[0] == 1.0
    assert lt_sim(same, same)[0] == 1.0
    assert doc_sim(same, same)[0] == pytest.approx(np.sqrt(area(same.boxes)).mean())


@settings(deadline=None, max_examples=60)
@given(things, things)
def test_ranges(first: list, second: list) -> None:
    a, b = (_layouts(([box for box, _ in side], [label for _, label in side])) for side in (first, second))
    assert 0.0 <= max_iou(a, b)[0] <= 1.0
    assert WORST <= lt_sim(a, b)[0] <= 1.0
    assert 0.0 <= doc_sim(a, b)[0] <= 1.0


def test_worse_boxes_score_lower_on_average() -> None:
    rng = np.random.default_rng(5)
    drawn = [_random(rng, int(count)) for count in rng.integers(1, 5, 200)]
    truth = _layouts(*drawn)
    means = []
    for noise in (0.0, 0.02, 0.05, 0.1, 0.3):
        moved = [
            ((np.array(b) + rng.normal(0, noise, (len(b), 4)) * [1, 1, 0, 0]).tolist(), names) for b, names in drawn
        ]
        guess = _layouts(*moved)
        means.append([metric(truth, guess).mean() for metric in (max_iou, lt_sim, doc_sim)])
    assert (np.diff(np.array(means), axis=0) < 0).all()
