"""The data that flows between components. Frozen, units in names, invalid values refused at construction."""

from spa2v.core.types.audio import AudioClip
from spa2v.core.types.cues import SoundSource, SpatialCues, Tag, Track
from spa2v.core.types.layout import (
    ATTRIBUTES,
    Box,
    KeyFrame,
    SceneObject,
    VideoSceneLayout,
    count_for,
    frame_times,
    keyframe_times,
)
from spa2v.core.types.scores import Detection, MetricInfo, Score, ScoredClip
from spa2v.core.types.video import GeneratedVideo

__all__ = [
    "ATTRIBUTES",
    "AudioClip",
    "Box",
    "Detection",
    "GeneratedVideo",
    "KeyFrame",
    "MetricInfo",
    "SceneObject",
    "Score",
    "ScoredClip",
    "SoundSource",
    "SpatialCues",
    "Tag",
    "Track",
    "VideoSceneLayout",
    "count_for",
    "frame_times",
    "keyframe_times",
]
