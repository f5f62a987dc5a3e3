"""Location-dependent scores of sound event localization and detection, as DCASE task 3 defines them.

Mesaros et al. 2019 and Politis et al. 2021: a predicted sound counts where the class agrees and the direction is within
20 degrees; the angle error and the recall depend on the class alone. Here a key frame is one segment, and the azimuth
is that of the middle of a box through the camera that the localizer assumes; distance is not scored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from spa2v.core.errors import MetricError
from spa2v.core.runtime import Run
from spa2v.core.types import KeyFrame, MetricInfo, Score, ScoredClip
from spa2v.dsp.boxes import Floats
from spa2v.plugins.metrics.pairs import pairs_of, percent

Directions = Mapping[str, Floats]
"""Azimuths in degrees by class."""


class Seld:
    """Location-dependent F-score, localization error and localization recall of each clip.

    Args:
        threshold_deg: how far a direction may be off, over 0 and up to 90 degrees.
        field_of_view_deg: horizontal, of the camera, over 0 and under 180 degrees.

    Raises:
        MetricError: an angle is out of range.
    """

    reads = ("truth", "layout")
    values = {
        "seld_f": percent("SELD F20"),
        "seld_error": MetricInfo("SELD angle error", higher=False, digits=1),
        "seld_recall": percent("SELD recall"),
    }

    def __init__(self, threshold_deg: float = 20.0, field_of_view_deg: float = 65.0) -> None:
        if not 0 < threshold_deg <= 90 or not 0 < field_of_view_deg < 180:
            raise MetricError(
                f"seld: threshold_deg is {threshold_deg}, field_of_view_deg is {field_of_view_deg}",
                "expected angles over 0, up to 90 and under 180",
            )
        self.threshold_deg, self.field_of_view_deg = threshold_deg, field_of_view_deg

    def score(self, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Score]]:
        """F and recall in 0..1, the error in degrees; without a pair of equal class the error is undefined."""
        notes = pairs_of(tuple(clips)).notes
        return [self._of(clip, *note) for clip, note in zip(clips, notes, strict=True)]

    def _of(self, clip: ScoredClip, flags: tuple[str, ...], reasons: tuple[str, ...]) -> Mapping[str, Score]:
        frames = zip(clip.truth_frames, clip.layout_frames, strict=True)
        pairs = [(self._directions(truth), self._directions(seen)) for truth, seen in frames]
        errors = np.concatenate([angle_errors(truth, seen) for truth, seen in pairs] or [np.zeros(0)])
        there = sum(len(angles) for truth, _ in pairs for angles in truth.values())
        seen = sum(len(angles) for _, found in pairs for angles in found.values())
        right = int((errors <= self.threshold_deg).sum())
        error = (
            Score(float(errors.mean()), flags, reasons)
            if len(errors)
            else Score(None, (*flags, "no_pair"), (*reasons, "No object has the class of one of the ground truth."))
        )
        return {
            "seld_f": Score(2 * right / (there + seen) if there + seen else 1.0, flags, reasons),
            "seld_error": error,
            "seld_recall": Score(len(errors) / there if there else 1.0, flags, reasons),
        }

    def _directions(self, frame: KeyFrame) -> Directions:
        half = math.tan(math.radians(self.field_of_view_deg) / 2)
        found: dict[str, list[float]] = {}
        for item in frame.objects:
            found.setdefault(item.name, []).append(math.degrees(math.atan((2 * item.box.center[0] - 1) * half)))
        return {name: np.array(angles) for name, angles in found.items()}


def angle_errors(truth: Directions, seen: Directions) -> Floats:
    """Degrees between the directions of each pair of equal class, paired for the least sum, shape (pairs,)."""
    errors = []
    for name in sorted(truth.keys() & seen.keys()):
        off = np.abs(truth[name][:, None] - seen[name][None])
        errors.append(off[linear_sum_assignment(off)])
    return np.concatenate(errors) if errors else np.zeros(0)
