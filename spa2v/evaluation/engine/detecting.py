"""What networks find in the videos of a clip, as records that are kept: detections as a layout, and features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spa2v.core.errors import ContractError
from spa2v.core.protocols import Detector, FeatureExtractor
from spa2v.core.runtime import Run
from spa2v.core.types import Detection, KeyFrame, SceneObject, VideoSceneLayout, frame_times
from spa2v.core.types.layout import MAX_KEYFRAMES
from spa2v.core.types.scores import Detections
from spa2v.dsp.boxes import pairwise_iou
from spa2v.evaluation.engine.clips import Inputs, read_drawn, read_one_video
from spa2v.evaluation.engine.inputs import ClipFiles
from spa2v.plugins.metrics.assignment import match

Record = dict[str, Any]


def detect(files: ClipFiles, detector: Detector, run: Run) -> Record:
    """{"layout": text of the layout that a detector finds in the clip's video}, or {"lack": why there is none}."""
    inputs = read_drawn(files, ("truth", "video"), {}, {})
    for needed in ("truth", "video"):
        if needed in inputs.lacks:
            return {"lack": inputs.lacks[needed]}
    video = inputs.given["video"]
    labels = sorted(set(inputs.given["truth"].names.values()))
    count = min(len(video.frames), MAX_KEYFRAMES)
    frames = video.frames[np.arange(count) * len(video.frames) // count]
    found: Detections = detector.detect(frames, labels, run) if labels else ((),) * count
    if len(found) != count:
        raise ContractError(f"detector {detector.name!r} returned {len(found)} lists of detections for {count} frames")
    return {"layout": VideoSceneLayout(video.duration_s, "", keyframes(found, video.duration_s)).dumps()}


def extract(files: ClipFiles, extractor: FeatureExtractor, run: Run) -> Record:
    """{"features": [...], "real_features": [...]} of both videos of a clip; "..._lack" says why one is missing."""
    record: Record = {}
    for side, path in (("", files.video), ("real_", files.real_video)):
        inputs = Inputs(files)
        read_one_video(inputs, f"{side}video", path)
        if f"{side}video" in inputs.given:
            (vector,) = extractor.features([inputs.given[f"{side}video"].frames], run)
            record[f"{side}features"] = [float(value) for value in vector]
        else:
            record[f"{side}features_lack"] = inputs.lacks[f"{side}video"]
    return record


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
