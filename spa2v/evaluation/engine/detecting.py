"""What networks find in the videos of a clip, as records that are kept: detections as a layout, and features."""

from __future__ import annotations

from typing import Any

from spa2v.core.protocols import Detector, FeatureExtractor
from spa2v.core.runtime import Run
from spa2v.evaluation.engine.clips import Inputs, read_drawn, read_one_video
from spa2v.evaluation.engine.inputs import ClipFiles
from spa2v.jobs.judge import seen

Record = dict[str, Any]


def detect(files: ClipFiles, detector: Detector, run: Run) -> Record:
    """{"layout": text of the layout that a detector finds in the clip's video}, or {"lack": why there is none}."""
    inputs = read_drawn(files, ("truth", "video"), {}, {})
    for needed in ("truth", "video"):
        if needed in inputs.lacks:
            return {"lack": inputs.lacks[needed]}
    video = inputs.given["video"]
    labels = sorted(set(inputs.given["truth"].names.values()))
    return {"layout": seen(video, labels, detector, run).dumps()}


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
