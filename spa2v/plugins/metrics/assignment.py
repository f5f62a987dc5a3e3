"""Maximum-weight bipartite matching and exact optimal transport with uniform masses, for stacks of small matrices."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import permutations
from typing import Literal, get_args

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog
from scipy.sparse import csr_array, eye_array, kron, vstack

from spa2v.core.errors import MetricError
from spa2v.dsp.boxes import Floats
from spa2v.plugins.metrics.flat import Ints

Orientation = Literal["intended", "reference"]

# Up to this many matchings all are tried at once; the choice depends on the shape alone, so that a clip scores the same
# alone and in a batch.
MAX_TRIED = 24
MAX_REPLICATED = 64
_CHUNK = 8_192


def known(orientation: Orientation) -> Orientation:
    """The same orientation.

    Raises:
        MetricError: there is none of this name.
    """
    if orientation not in get_args(Orientation):
        raise MetricError(f"orientation: {orientation!r}", "expected intended or reference")
    return orientation


def oriented(weights: Floats, orientation: Orientation) -> Floats:
    """The (B, N, M) weights as a solver is to see them.

    "intended" leaves them. "reference" pours each matrix, read down its columns, row by row into (N, M), as the public
    reference codes of DocSim and of set-level MaxIoU do: S[r, c] = W[k mod N, k div N] with k = r * M + c.

    Raises:
        MetricError: another orientation.
    """
    if known(orientation) == "intended":
        return weights
    return np.swapaxes(weights, 1, 2).reshape(weights.shape)


@lru_cache(maxsize=256)
def _matchings(n: int, m: int) -> Ints:
    """(P, n) columns of each row, for n <= m."""
    return np.array(list(permutations(range(m), n)), dtype=np.int64)


def match(weights: Floats) -> tuple[Ints, Ints]:
    """The matching of greatest total weight of each of B matrices.

    Args:
        weights: (B, N, M), finite.

    Returns:
        Rows and columns of the min(N, M) matched entries, each (B, min(N, M)).
    """
    if weights.shape[1] > weights.shape[2]:
        columns, rows = match(np.swapaxes(weights, 1, 2))
        return rows, columns
    b, n, m = weights.shape
    if math.perm(m, n) <= MAX_TRIED:
        columns = _try_all(weights, _matchings(n, m))
    else:
        found = [linear_sum_assignment(matrix, maximize=True)[1] for matrix in weights]
        columns = np.array(found, dtype=np.int64).reshape(b, n)
    return np.broadcast_to(np.arange(n), (b, n)), columns


def _try_all(weights: Floats, matchings: Ints) -> Ints:
    rows = np.arange(weights.shape[1])
    best = np.zeros(len(weights), dtype=np.int64)
    for start in range(0, len(weights), _CHUNK):
        totals = weights[start : start + _CHUNK][:, rows, matchings].sum(axis=2)
        best[start : start + _CHUNK] = totals.argmax(axis=1)
    return matchings[best]


def matched(values: Floats, rows: Ints, columns: Ints) -> Floats:
    """The entries of (B, N, M) values at matched places, (B, min(N, M))."""
    return values[np.arange(len(values))[:, None], rows, columns]


def transport_cost(costs: Floats) -> Floats:
    """The least cost of moving N equal masses onto M equal masses (1 in total), exactly, for each of B cost matrices.

    Args:
        costs: (B, N, M), finite, N and M at least 1.

    Returns:
        (B,) costs. Equal numbers are an assignment; unequal ones are an assignment of copies (lcm(N, M) masses), or
        for large numbers a linear program whose whole-number solution is checked.
    """
    _, n, m = costs.shape
    if n == m:
        return matched(costs, *match(-costs)).mean(axis=1)
    if min(n, m) == 1:
        return costs.mean(axis=(1, 2))
    size = math.lcm(n, m)
    if size > MAX_REPLICATED:
        return np.array([_linear_program(matrix) for matrix in costs])
    return np.array([_of_copies(matrix, size) for matrix in costs])


def _of_copies(costs: Floats, size: int) -> float:
    """The assignment of `size` equal masses on either side."""
    n, m = costs.shape
    copies = np.repeat(np.repeat(costs, size // n, axis=0), size // m, axis=1)
    return float(copies[linear_sum_assignment(copies)].mean())


@lru_cache(maxsize=64)
def _marginals(n: int, m: int) -> csr_array:
    ones_n, ones_m = np.ones((1, n)), np.ones((1, m))
    return csr_array(vstack([kron(eye_array(n), ones_m), kron(ones_n, eye_array(m))]))


def _linear_program(costs: Floats) -> float:
    n, m = costs.shape
    shared = math.gcd(n, m)
    masses = np.concatenate([np.full(n, m // shared), np.full(m, n // shared)])
    options = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    solved = linprog(costs.ravel(), A_eq=_marginals(n, m), b_eq=masses, method="highs-ds", options=options)
    plan = np.rint(solved.x) if solved.status == 0 else np.zeros(n * m)  # whole masses have a whole optimal plan
    if not np.array_equal(_marginals(n, m) @ plan, masses):
        raise MetricError(f"no optimal transport was found for {n} and {m} objects", str(solved.message))
    return float(plan @ costs.ravel() / plan.sum())
