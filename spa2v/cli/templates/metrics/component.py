"""How far the centers of objects lie from where they should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spa2v import KeyFrame, MetricInfo, Run, Score, ScoredClip


class TemplateName:
    """Mean distance of the centers of equal labels, in parts of the frame; 0 is best.

    Args:
        missing: the distance that counts for an object without a counterpart.

    Raises:
        ValueError: the distance is negative.
    """

    reads = ("truth", "layout")

    def __init__(self, missing: float = 1.0) -> None:
        if missing < 0:
            raise ValueError(f"missing: {missing!r} is negative")
        self.missing = missing
        # With other options it is another number, and gets another name.
        name = "template_name" if missing == 1.0 else f"template_name[missing={missing:g}]"
        self.values = {name: MetricInfo("TEMPLATE_TITLE", higher=False)}

    def score(self, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Score]]:
        """One score a clip, with its frames in the details; not defined where the ground truth has no object."""
        (name,) = self.values
        return [{name: self._one(clip)} for clip in clips]

    def _one(self, clip: ScoredClip) -> Score:
        pairs = zip(clip.truth_frames, clip.layout_frames, strict=True)
        frames = [distance for truth, found in pairs for distance in self._distances(truth, found)]
        if not frames:
            return Score(None, ("no_objects",), ("The ground truth has no object.",))
        return Score(sum(frames) / len(frames), details={"distances": frames})

    def _distances(self, truth: KeyFrame, found: KeyFrame) -> list[float]:
        """The distance of each object of the ground truth to the nearest one of its label."""
        distances = []
        for wanted in truth.objects:
            x, y = wanted.box.center
            centers = [item.box.center for item in found.objects if item.name == wanted.name]
            distances.append(min((((a - x) ** 2 + (b - y) ** 2) ** 0.5 for a, b in centers), default=self.missing))
        return distances
