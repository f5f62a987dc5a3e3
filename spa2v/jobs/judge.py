"""Judging a video: a detector looks, the sound is measured, and both are compared with the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spa2v.core.errors import ContractError, MissingDependency
from spa2v.core.protocols import Detector, Metric
from spa2v.core.runtime import Run
from spa2v.core.types import (
    AudioClip,
    Detection,
    GeneratedVideo,
    KeyFrame,
    MetricInfo,
    SceneObject,
    Score,
    ScoredClip,
    VideoSceneLayout,
    frame_times,
)
from spa2v.core.types.layout import MAX_KEYFRAMES
from spa2v.core.types.scores import Detections
from spa2v.dsp.boxes import pairwise_iou
from spa2v.plugins.metrics.assignment import match

RANKING = ("grounding", "spatial_alignment")
ALL = (*RANKING, "spatial_av_align", "av_align", "flicker")
RANKED = ("box_iou", "class_held", "spatial_alignment")
"""The values whose mean is the score of a video: all in 0..1, higher is better."""


@dataclass(frozen=True)
class Verdict:
    """What a video is worth.

    Args:
        scores: by name of the value.
        infos: how each is shown.
        seen: what the detector found.
    """

    scores: Mapping[str, Score]
    infos: Mapping[str, MetricInfo]
    seen: VideoSceneLayout

    @property
    def score(self) -> float | None:
        """Mean of the values of `RANKED` that are defined, 0..1; None where none is."""
        values = [self.scores[name].value for name in RANKED if name in self.scores]
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    def to_json(self) -> dict[str, Any]:
        values = {name: None if s.value is None else round(s.value, 4) for name, s in self.scores.items()}
        return {"score": None if self.score is None else round(self.score, 4), **values}


def judge(
    video: GeneratedVideo,
    detector: Detector,
    run: Run,
    layout: VideoSceneLayout | None = None,
    audio: AudioClip | None = None,
    labels: Sequence[str] = (),
    metrics: Sequence[str] = ALL,
) -> Verdict:
    """Scores a video of any origin.

    Args:
        video: at most `MAX_KEYFRAMES` of its frames are looked at.
        detector: finds the objects.
        run: gives the metrics.
        layout: the plan; without it nothing is compared with boxes.
        audio: the sound; without it nothing is compared with sound.
        labels: what to search for; the names of the plan by default.
        metrics: of the registry; those whose inputs or packages are missing are left out.
    """
    found = seen(video, labels or sorted(set(layout.names.values()) if layout else ()), detector, run)
    clip = ScoredClip(
        "video", stage=2, frames=len(found.keyframes), truth=layout, layout=found, audio=audio, video=video
    )
    scores: dict[str, Score] = {}
    infos: dict[str, MetricInfo] = {}
    for name in metrics:
        try:
            metric: Metric = run.component("metrics", name)
        except MissingDependency as error:
            run.notice(f"{name} is left out: {error.fact}")
            continue
        if all(clip.has(needed) for needed in metric.reads):
            (values,) = metric.score([clip], run)
            scores |= {key: value if isinstance(value, Score) else Score(value) for key, value in values.items()}
            infos |= metric.values
    return Verdict(scores, infos, found)


def seen(video: GeneratedVideo, labels: Sequence[str], detector: Detector, run: Run) -> VideoSceneLayout:
    """What a detector finds in a video, as a layout with a key frame for each frame.

    Raises:
        ContractError: the detector returns something else than a list for each frame.
    """
    count = min(len(video.frames), MAX_KEYFRAMES)
    frames = video.frames[np.arange(count) * len(video.frames) // count]
    found: Detections = detector.detect(frames, labels, run) if labels else ((),) * count
    if len(found) != count:
        raise ContractError(f"detector {detector.name!r} returned {len(found)} lists of detections for {count} frames")
    return VideoSceneLayout(video.duration_s, "", keyframes(found, video.duration_s))


def keyframes(detections: Detections, duration_s: float, least_overlap: float = 0.2) -> tuple[KeyFrame, ...]:
    """Detections as frames of a layout; a box that overlaps one of its label in the frame before keeps that id."""
    times = frame_times(duration_s, max(len(detections), 1))[: len(detections)]
    counts: dict[str, int] = {}
    before: list[SceneObject] = []
    frames = []
    for time_s, found in zip(times, detections, strict=True):
        known = _same(before, found, least_overlap)
        before = []
        for place, item in enumerate(found):
            identity = known.get(place)
            if identity is None:
                counts[item.label] = counts.get(item.label, -1) + 1
                identity = f"{item.label[:100]}_{counts[item.label]}"
            before.append(SceneObject(identity, item.label, item.box))
        frames.append(KeyFrame(float(time_s), "", tuple(before)))
    return tuple(frames)


def _same(before: Sequence[SceneObject], found: Sequence[Detection], least_overlap: float) -> dict[int, str]:
    """Place in `found` to the id of the object before that it continues."""
    if not before or not found:
        return {}
    overlap = pairwise_iou(*(np.array([item.box for item in side], dtype=np.float64) for side in (before, found)))
    same = np.array([item.name for item in before])[:, None] == np.array([item.label for item in found])[None]
    weights = np.where(same & (overlap >= least_overlap), overlap, 0.0)
    rows, columns = match(weights[None])
    pairs = zip(rows[0], columns[0], strict=True)
    return {int(column): before[row].id for row, column in pairs if weights[row, column] > 0}
