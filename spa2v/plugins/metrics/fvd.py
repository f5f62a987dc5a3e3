"""FVD: the Frechet distance of the video features of two sets (Unterthiner et al. 2019); it has no value per clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from spa2v.core.runtime import Run
from spa2v.core.types import MetricInfo, Score, ScoredClip
from spa2v.dsp.boxes import Floats
from spa2v.plugins.metrics.frechet import Covariance, frechet_distance

FEW = 401
"""Fewer videos than the 400 dimensions of I3D plus one: the covariance is singular and the value biased upwards."""
REASON = "FVD compares two sets of videos; a single clip has distances of features only."


class FVD:
    """FVD of the generated videos and those that the sounds were recorded with.

    Args:
        covariance: divided by n ("biased", as the FVD packages report) or by n - 1 ("unbiased").
    """

    reads = ("features", "real_features")

    def __init__(self, covariance: Covariance = "biased") -> None:
        self.covariance = covariance
        more = "" if covariance == "biased" else f"[{covariance}]"
        self.values = {f"fvd{more}": MetricInfo("FVD", higher=False, digits=2)}

    def score(self, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Score]]:
        """No value; `details` has the squared distance of a clip's features to those of its real video."""
        (name,) = self.values
        return [{name: _one(clip.features, clip.real_features)} for clip in clips]

    def combine(self, vectors: Floats) -> Score:
        """The distance of a set, from (n, 2 d) features of generated and real videos side by side."""
        if self.covariance == "unbiased" and len(vectors) < 2:
            return Score(None, ("few_videos",))
        generated, real = np.split(vectors, 2, axis=1)
        value = frechet_distance(real, generated, self.covariance)
        return Score(value, ("few_videos",) * (len(vectors) < FEW))


def _one(features: Floats, real: Floats) -> Score:
    details = {"distance_to_own_real": float(((features - real) ** 2).sum())}
    return Score(None, ("set_metric",), (REASON,), details, np.concatenate([features, real]))
