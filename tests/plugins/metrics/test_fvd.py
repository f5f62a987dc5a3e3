"""The Frechet distance and FVD tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from spa2v.core.errors import MetricError
from spa2v.core.runtime import Run
from spa2v.core.types import ScoredClip
from spa2v.evaluation.aggregate import Bootstrap, ClipInfo, Table
from spa2v.evaluation.scores import ClipScore
from spa2v.evaluation.set_tables import set_table
from spa2v.plugins.metrics.frechet import frechet_distance
from spa2v.plugins.metrics.fvd import FVD


def _textbook(x: np.ndarray, y: np.ndarray, ddof: int) -> float:
    s1, s2 = np.cov(x.T, ddof=ddof), np.cov(y.T, ddof=ddof)
    gap = x.mean(axis=0) - y.mean(axis=0)
    return float(gap @ gap + np.trace(s1) + np.trace(s2) - 2 * np.trace(np.real(sqrtm(s1 @ s2))))


@pytest.mark.parametrize(("n1", "n2", "d"), [(60, 50, 4), (200, 300, 16), (90, 40, 32)])
def test_agrees_with_the_textbook_form(n1: int, n2: int, d: int) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n1, d)), 0.5 + rng.normal(size=(n2, d)) @ rng.normal(size=(d, d)) / np.sqrt(d)
    assert frechet_distance(x, y) == pytest.approx(_textbook(x, y, 0), rel=1e-6)
    assert frechet_distance(x, y, "unbiased") == pytest.approx(_textbook(x, y, 1), rel=1e-6)
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x), rel=1e-9)


@pytest.mark.parametrize("n", [2, 20, 500])
def test_a_set_with_itself_is_zero(n: int) -> None:
    x = np.random.default_rng(1).normal(size=(n, 64)).astype(np.float32)
    assert 0.0 <= frechet_distance(x, x) < 1e-10
    assert 0.0 <= frechet_distance(x, x[::-1]) < 1e-10


def test_gaussians_of_one_dimension_have_a_closed_form() -> None:
    x, y = np.array([[0.0], [2.0]]), np.array([[5.0], [11.0]])
    assert frechet_distance(x, y) == pytest.approx((8 - 1) ** 2 + (3 - 1) ** 2)


def test_one_video_and_what_is_refused() -> None:
    x, y = np.zeros((1, 3)), np.array([[1.0, 2.0, 2.0]])
    assert frechet_distance(x, y) == pytest.approx(9.0)
    for args, message in (
        ((x, y, "unbiased"), "one video has no covariance divided by n - 1\n  use covariance='biased'"),
        ((x, y[:, :2]), "the features have 3 and 2 dimensions"),
        ((x, y * np.nan), "features hold NaN or Inf"),
        ((x[0], y), "features have shape (3,)\n  expected (videos, dimensions), at least one video"),
        ((x, y, "half"), "covariance: 'half'\n  expected biased or unbiased"),
    ):
        with pytest.raises(MetricError) as caught:
            frechet_distance(*args)  # type: ignore[arg-type]
        assert str(caught.value) == message


INFOS = {
    f"c{i}": ClipInfo(f"c{i}", "stationary" if i % 2 else "translational", 1 + (i % 3 == 0), f"s{i // 2}")
    for i in range(40)
}


def _features(seed: int, clips: list[str], shift: float = 0.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {clip: shift + rng.normal(size=6) for clip in clips}


def _table(
    real: dict[str, np.ndarray], fake: dict[str, np.ndarray], resamples: int = 0, run: Run | None = None
) -> Table:
    vectors = {clip: np.concatenate([fake[clip], real[clip]]) for clip in real if clip in fake}
    lost = [ClipScore(clip, "fvd", None, ("no_video",)) for clip in real if clip not in fake]
    return set_table("fvd", FVD(), vectors, lost, INFOS, Bootstrap(resamples), run)


def test_fvd_table_takes_the_union_for_c_and_counts_what_is_missing() -> None:
    clips = sorted(INFOS)
    real, fake = _features(0, clips), _features(1, clips[1:], 0.3)
    table = _table(real, fake, 20)
    cell = table["all"]["C"]
    both = clips[1:]
    expected = frechet_distance(*(np.array([side[clip] for clip in both]) for side in (real, fake)))
    assert cell.value == pytest.approx(expected)
    assert (cell.count, cell.undefined) == (39, 1)
    assert cell.flags == {"no_video": 1, "few_videos": 39}
    assert cell.low is not None
    assert cell.high is not None
    assert 0.0 <= cell.low <= cell.value <= cell.high
    assert table["all"]["S"].count + table["all"]["M"].count == 39
    assert table == _table(real, fake, 20, Run())


def test_clips_of_one_source_have_no_interval() -> None:
    clips = ["c0", "c1"]
    cell = _table(_features(0, clips), _features(1, clips), 20)["all"]["C"]
    assert (cell.count, cell.low, cell.high) == (2, None, None)


def test_intervals_hold_the_value_of_small_sets_too() -> None:
    rng = np.random.default_rng(4)
    real, fake = ({clip: rng.normal(size=64) for clip in INFOS} for _ in range(2))
    cell = _table(real, fake, 60)["all"]["C"]
    # Plain percentiles would miss it: each resample repeats videos and lies above.
    x, y = (np.array([side[clip] for clip in sorted(INFOS)]) for side in (real, fake))
    rows = rng.integers(0, 40, 40)
    assert frechet_distance(x[rows], y[rows]) > cell.high  # type: ignore[operator]
    assert cell.low < cell.value < cell.high  # type: ignore[operator]


def test_fvd_table_of_a_set_with_itself_is_zero() -> None:
    real = _features(0, sorted(INFOS))
    cells = [cell for row in _table(real, real).values() for cell in row.values()]
    assert max(cell.value or 0.0 for cell in cells) < 1e-10


def test_the_unbiased_distance_of_one_video_is_not_defined() -> None:
    assert FVD("unbiased").combine(np.zeros((1, 12))).value is None
    assert list(FVD("unbiased").values) == ["fvd[unbiased]"]


def test_single_clips_have_distances_but_no_fvd() -> None:
    real, fake = np.arange(6.0), np.ones(6)
    (values,) = FVD().score([ScoredClip("a", stage=2, features=fake, real_features=real)], Run())
    score = values["fvd"]
    assert (score.value, score.flags) == (None, ("set_metric",))
    assert score.details["distance_to_own_real"] == pytest.approx(((fake - real) ** 2).sum())
    np.testing.assert_array_equal(score.vector, [*fake, *real])
