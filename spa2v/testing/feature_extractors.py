"""The contract of feature extractors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spa2v.testing.common import COMMON, RUN_MEND, RUN_SAYS, SEED_MEND, state, untouched
from spa2v.testing.rules import Rule, Subject, demand, trying, typed
from spa2v.testing.toys import toy_run, toy_video


def videos() -> list[np.ndarray]:
    """Videos of 16 frames or more, of two lengths and two sizes; each uint8 (T, H, W, 3)."""
    noise = np.random.default_rng(0).integers(0, 256, (16, 40, 72, 3), dtype=np.uint8)
    return [toy_video().frames, noise, toy_video(frames=20).frames, noise[::-1].copy()]


def _features(subject: Subject, given: Sequence[np.ndarray], extractor: Any = None) -> np.ndarray:
    with trying(f"on {len(given)} videos"):
        found = (extractor or subject.make()).features(iter(given), toy_run())
    return typed(found, np.ndarray, f"on {len(given)} videos")


def _all(subject: Subject) -> np.ndarray:
    return subject.remember("features", lambda: _features(subject, videos()))


def _name(subject: Subject) -> None:
    with trying("reading `name`"):
        name = subject.make().name
    demand(isinstance(name, str) and name.strip(), f"`name` is {name!r}")


def _vectors(subject: Subject) -> None:
    found = _all(subject)
    demand(found.ndim == 2 and len(found) == len(videos()), f"{len(videos())} videos give the shape {found.shape}")
    demand(np.issubdtype(found.dtype, np.floating), f"the type is {found.dtype}, expected float64")
    demand(np.isfinite(found).all(), "features hold NaN or Inf")


def _alone(subject: Subject) -> None:
    together, extractor = _all(subject), subject.make()
    for index, video in enumerate(videos()):
        (alone,) = _features(subject, [video], extractor)
        near = np.allclose(alone, together[index], rtol=1e-3, atol=1e-4 * (1 + np.abs(together).max()))
        demand(near, f"video {index} alone has other features than among others")


def _same(subject: Subject) -> None:
    demand(np.array_equal(_all(subject), _features(subject, videos())), "the same videos give other features again")


def _run(subject: Subject) -> None:
    run = toy_run()
    before = state(run)
    with trying("on one video"):
        subject.make().features(videos()[:1], run)
    untouched(run, before)


RULES = (
    *COMMON,
    Rule(
        "name",
        "`name` is the extractor with all that changes its numbers.",
        "put the weights and the way frames are resized into it; distances are compared within one name",
        _name,
    ),
    Rule(
        "vectors",
        "features returns (n, d) finite numbers for n videos of different length and size, given as any iterable.",
        "batch neighbors of equal shape, and stack one vector a video",
        _vectors,
    ),
    Rule(
        "alone",
        "The features of a video do not depend on the other videos.",
        "keep the network in evaluation mode; do not normalize over the batch",
        _alone,
    ),
    Rule("same", "The same videos give the same features.", SEED_MEND, _same),
    Rule("run", RUN_SAYS, RUN_MEND, _run),
)
