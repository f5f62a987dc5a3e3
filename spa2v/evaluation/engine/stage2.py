"""Stage 2: one generated video at a time: what needs no network in any process, detectors and features in this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spa2v.core.errors import AudioError, LayoutError, MediaError
from spa2v.core.media.audio import read_audio
from spa2v.core.media.files import read_layout
from spa2v.core.media.video import read_video
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, GeneratedVideo, VideoSceneLayout
from spa2v.evaluation.detectors.base import Detector, keyframes
from spa2v.evaluation.engine.inputs import ClipFiles
from spa2v.evaluation.metrics.fvd import ClipFeatures
from spa2v.evaluation.metrics.layout_scores import LayoutOptions, LayoutPair, frames_of, layout_scores
from spa2v.evaluation.metrics.video_features import VideoFeatures
from spa2v.evaluation.metrics.video_scores import av_align_score, flicker_score, spatial_score
from spa2v.evaluation.scores import ClipScore

Result = dict[str, Any]
PLAIN = ("av_align", "flicker")


@dataclass(frozen=True)
class Stage2:
    """What is asked of stage 2.

    Args:
        options: conventions of the layout metrics, for what the detector sees.
        detector: finds the things of the ground truth in the frames; None leaves out LTSim and spatial alignment.
        features: for FVD; None leaves it out.
    """

    options: LayoutOptions
    detector: Detector | None = None
    features: VideoFeatures | None = None

    def describe(self) -> dict[str, object]:
        return {
            **self.options.describe(),
            "detector": self.detector.name if self.detector else None,
            "features": self.features.name if self.features else None,
        }

    @property
    def seen_names(self) -> tuple[str, ...]:
        """The metrics that the detector gives."""
        return (self.options.named("lt_sim"), self.options.named("track_iou"), "spatial_alignment")


def score_video(files: ClipFiles) -> Result:
    """AV-Align and flicker of one clip; a missing or broken file makes them undefined, with the reason."""
    video, sound, flags, reasons = _opened(files)
    if video is None:
        return {"scores": [ClipScore(files.clip.id, name, None, flags, reasons).to_json() for name in PLAIN]}
    scores = [flicker_score(files.clip.id, video)]
    if sound is None:
        scores.insert(0, ClipScore(files.clip.id, "av_align", None, flags, reasons))
    else:
        scores.insert(0, av_align_score(files.clip.id, video, sound))
    return {"scores": [score.to_json() for score in scores]}


Opened = tuple[GeneratedVideo | None, AudioClip | None, tuple[str, ...], tuple[str, ...]]


def _opened(files: ClipFiles) -> Opened:
    """Video and sound, or flags and reasons why not."""
    if files.video is None:
        return None, None, ("no_video",), ("There is no video for this clip.",)
    try:
        video = read_video(files.video)
    except MediaError as error:
        return None, None, ("video_unreadable", "no_video"), (f"The video cannot be read: {error.fact}",)
    try:
        return video, read_audio(files.audio), (), ()
    except AudioError as error:
        return video, None, ("no_audio",), (f"The sound cannot be read: {error.fact}",)


def score_seen(files: ClipFiles, stage: Stage2, run: Run) -> Result:
    """What the detector sees in one clip, against the ground truth and the sound."""
    assert stage.detector is not None
    video, sound, flags, reasons = _opened(files)
    truth = _truth(files)
    if isinstance(truth, str):
        return _nothing(files, stage, ("no_truth",), (truth,))
    if video is None:
        return _nothing(files, stage, flags, reasons)
    labels = sorted(set(truth.names.values()))
    found = stage.detector.detect(video.frames, labels, run) if labels else ((),) * len(video.frames)
    frames = keyframes(found, truth.duration_s)
    pair = LayoutPair(files.clip.id, frames_of(truth, len(frames)), frames)
    scores = [found[0] for name, found in layout_scores([pair], stage.options).items() if name in stage.seen_names]
    if sound is None:
        scores.append(ClipScore(files.clip.id, "spatial_alignment", None, flags, reasons))
    else:
        names = {item.name for item in files.clip.objects}
        scores.append(spatial_score(files.clip.id, sound, frames, video.duration_s, names or None))
    return {"scores": [score.to_json() for score in scores]}


def _truth(files: ClipFiles) -> VideoSceneLayout | str:
    try:
        return read_layout(files.truth)
    except LayoutError as error:
        return f"The ground truth cannot be read: {error.fact}"


def _nothing(files: ClipFiles, stage: Stage2, flags: tuple[str, ...], reasons: tuple[str, ...]) -> Result:
    return {"scores": [ClipScore(files.clip.id, name, None, flags, reasons).to_json() for name in stage.seen_names]}


def take_features(files: ClipFiles, extractor: VideoFeatures, run: Run) -> Result:
    """The features of the real and of the generated video of a clip; those that cannot be had are left out."""
    result: Result = {}
    for side, path in (("real", files.real_video), ("generated", files.video)):
        if path is None:
            continue
        try:
            video = read_video(path)
        except MediaError as error:
            result[f"{side}_reason"] = f"The {side} video cannot be read: {error.fact}"
            continue
        result[side] = [float(value) for value in np.asarray(extractor.features([video.frames], run))[0]]
    return result


def gather_features(extractor: str, results: Mapping[str, Result]) -> tuple[ClipFeatures, ClipFeatures]:
    """The features of all real and all generated videos."""
    sides = (
        {clip: np.array(result[side], dtype=np.float64) for clip, result in results.items() if side in result}
        for side in ("real", "generated")
    )
    real, generated = (ClipFeatures(extractor, vectors) for vectors in sides)
    return real, generated


def clips_of(batch: Sequence[ClipFiles]) -> list[str]:
    return [files.clip.id for files in batch]
