"""What detectors and metrics exchange: detections, the clip to score, scores, and how tables show them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import MetricError
from spa2v.core.types.audio import AudioClip
from spa2v.core.types.layout import DEFAULT_FRAMES, Box, KeyFrame, VideoSceneLayout, frame_times
from spa2v.core.types.video import GeneratedVideo

INPUTS = ("truth", "layout", "audio", "video", "real_video", "features", "real_features")
"""What a metric can read of a clip."""


@dataclass(frozen=True)
class Detection:
    """An object in a frame: one of the requested labels, a score in 0..1, its box in parts of the frame."""

    label: str
    score: float
    box: Box


Detections = tuple[tuple[Detection, ...], ...]
"""For each frame its detections, highest score first."""


@dataclass(frozen=True)
class MetricInfo:
    """How tables show a value of a metric.

    Args:
        title: as in the heads of tables.
        higher: whether more is better.
        scale: printed values are stored values times this.
        digits: after the point, when printed.
    """

    title: str
    higher: bool = True
    scale: float = 1.0
    digits: int = 3

    def text(self, value: float | None) -> str:
        """A stored value as printed; a dash for none."""
        return "-" if value is None else f"{value * self.scale:.{self.digits}f}"


@dataclass(frozen=True)
class Score:
    """One value of a metric.

    Args:
        value: in the metric's own unit, or None where it is not defined; NaN and Inf become None.
        flags: short names of what shaped the score, for counting: "labels_differ", "no_onsets", ...
        reasons: the same in sentences, for a reader.
        details: further numbers, JSON values only, such as the score of each frame.
        vector: of a set metric, what `combine` needs of this clip, (d,); None leaves the clip out of the set.
    """

    value: float | None
    flags: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    vector: Sequence[float] | NDArray[np.floating[Any]] | None = None

    def __post_init__(self) -> None:
        if self.value is not None:
            object.__setattr__(self, "value", float(self.value) if math.isfinite(self.value) else None)
        for name in ("flags", "reasons"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "details", MappingProxyType(dict(self.details)))


class ScoredClip:
    """A clip of a benchmark with what a metric reads of it.

    Args:
        id: its name in the benchmark.
        stage: 1 for a planned layout, 2 for a video.
        frames: at how many times, spread evenly over each of the two layouts, they are compared.
        sounding: names of the objects that sound; empty where unknown.
        flags, reasons: what is known of the predicted layout, such as "no_layout"; they are added to its scores.
        truth: the ground-truth layout.
        layout: the planned layout; in stage 2, what the detector found in the video.
        audio: the sound.
        video, real_video: the generated video, and the one the sound was recorded with.
        features, real_features: of both videos, (d,), by the chosen feature extractor.

    Reading an input that is not there raises `MetricError`; those named in a metric's `reads` always are.
    """

    def __init__(
        self,
        id: str,
        *,
        stage: int = 1,
        frames: int = DEFAULT_FRAMES,
        sounding: Collection[str] = (),
        flags: Sequence[str] = (),
        reasons: Sequence[str] = (),
        truth: VideoSceneLayout | None = None,
        layout: VideoSceneLayout | None = None,
        audio: AudioClip | None = None,
        video: GeneratedVideo | None = None,
        real_video: GeneratedVideo | None = None,
        features: NDArray[np.float64] | None = None,
        real_features: NDArray[np.float64] | None = None,
    ) -> None:
        self.id, self.stage, self.frames, self.sounding = id, stage, frames, frozenset(sounding)
        self.flags, self.reasons = tuple(flags), tuple(reasons)
        given = (truth, layout, audio, video, real_video, features, real_features)
        self._inputs = dict(zip(INPUTS, given, strict=True))

    def _input(self, name: str) -> Any:
        if self._inputs[name] is None:
            raise MetricError(f"{self.id!r} has no {name}", f"name {name!r} in the metric's `reads`")
        return self._inputs[name]

    def has(self, name: str) -> bool:
        """Whether an input of this name is there."""
        return self._inputs[name] is not None

    @property
    def truth(self) -> VideoSceneLayout:
        return self._input("truth")

    @property
    def layout(self) -> VideoSceneLayout:
        return self._input("layout")

    @property
    def audio(self) -> AudioClip:
        return self._input("audio")

    @property
    def video(self) -> GeneratedVideo:
        return self._input("video")

    @property
    def real_video(self) -> GeneratedVideo:
        return self._input("real_video")

    @property
    def features(self) -> NDArray[np.float64]:
        return self._input("features")

    @property
    def real_features(self) -> NDArray[np.float64]:
        return self._input("real_features")

    @cached_property
    def truth_frames(self) -> tuple[KeyFrame, ...]:
        """The ground truth at `frames` times."""
        return frames_of(self.truth, self.frames)

    @cached_property
    def layout_frames(self) -> tuple[KeyFrame, ...]:
        """The predicted layout at `frames` times."""
        return frames_of(self.layout, self.frames)


def frames_of(layout: VideoSceneLayout, count: int = DEFAULT_FRAMES) -> tuple[KeyFrame, ...]:
    """The scene at each of `count` frame times; key frames at those times are taken as they are."""
    if len(layout.keyframes) == count:
        given = np.array([frame.time_s for frame in layout.keyframes])
        if np.allclose(given, frame_times(layout.duration_s, count), rtol=0, atol=1e-6 * layout.duration_s):
            return layout.keyframes
    return layout.frames(count)
