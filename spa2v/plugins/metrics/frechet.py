"""The Frechet distance of two sets of features, by singular values: real, stable and exact for small sets too."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import MetricError
from spa2v.dsp.boxes import Floats

Covariance = Literal["biased", "unbiased"]


def frechet_distance(features_1: NDArray[Any], features_2: NDArray[Any], covariance: Covariance = "biased") -> float:
    """|mu_1 - mu_2|^2 + tr(S_1) + tr(S_2) - 2 tr((S_1 S_2)^(1/2)), at least 0.

    With the centered features divided by sqrt(n) the last trace is the sum of the singular values of X Y^T, so no
    matrix square root is needed (scipy's is wrong for sets smaller than the feature width in several releases).

    Args:
        features_1, features_2: (n1, d) and (n2, d), rows are videos.
        covariance: divided by n ("biased", as the FVD packages report) or by n - 1 ("unbiased").

    Raises:
        MetricError: shapes that do not fit, NaN or Inf, one video with "unbiased".
    """
    if covariance not in get_args(Covariance):
        raise MetricError(f"covariance: {covariance!r}", "expected biased or unbiased")
    x, y = (_checked(np.asarray(features), covariance) for features in (features_1, features_2))
    if x.shape[1] != y.shape[1]:
        raise MetricError(f"the features have {x.shape[1]} and {y.shape[1]} dimensions")
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    x, y = _scaled(x - mean_x, covariance), _scaled(y - mean_y, covariance)
    # tr(S) = sum of squares; singular values survive the exchange of tall factors for their triangular ones.
    cross = np.linalg.svd(_short(x) @ _short(y).T, compute_uv=False).sum()
    shift = mean_x - mean_y
    return max(0.0, float(shift @ shift + np.vdot(x, x) + np.vdot(y, y) - 2.0 * cross))


def _checked(features: NDArray[Any], covariance: Covariance) -> Floats:
    if features.ndim != 2 or 0 in features.shape:
        raise MetricError(f"features have shape {features.shape}", "expected (videos, dimensions), at least one video")
    if not np.all(np.isfinite(features)):
        raise MetricError("features hold NaN or Inf")
    if covariance == "unbiased" and len(features) < 2:
        raise MetricError("one video has no covariance divided by n - 1", "use covariance='biased'")
    return features.astype(np.float64)


def _scaled(centered: Floats, covariance: Covariance) -> Floats:
    n = len(centered)
    return centered / np.sqrt(n if covariance == "biased" else n - 1)


def _short(matrix: Floats) -> Floats:
    """A matrix of at most d rows with the same Gram matrix X^T X."""
    return np.asarray(np.linalg.qr(matrix, mode="r")) if matrix.shape[0] > matrix.shape[1] else matrix
