"""spa2v: stereo audio in, a video out in which things stand and move where they are heard.

This is the face of the package: components and extensions import from here. Every name loads on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spa2v.core import deprecated

__version__ = "0.1.0"

if TYPE_CHECKING:
    from spa2v.core.errors import (
        AudioError,
        ComponentError,
        ComponentLoadError,
        ConfigError,
        ContractError,
        LayoutError,
        MediaError,
        MetricError,
        MissingDependency,
        NumericalError,
        PlannerError,
        RegistryError,
        Spa2vError,
        UnknownComponent,
        WeightsError,
        WorkerError,
        near,
    )
    from spa2v.core.hookspecs import hookimpl, hookspec
    from spa2v.core.media.audio import read_audio, write_audio
    from spa2v.core.media.files import atomic_path, read_layout, write_json, write_text
    from spa2v.core.media.video import read_video, write_video
    from spa2v.core.pipeline import Pipeline
    from spa2v.core.protocols import (
        AttentionSite,
        CueExtractor,
        Denoising,
        DenoisingBackbone,
        Detector,
        EncodedText,
        FeatureExtractor,
        GroundingInjector,
        LabelMap,
        LayoutPlanner,
        Metric,
        MotionBackbone,
        SetMetric,
        SteerableBackbone,
    )
    from spa2v.core.registry import Entry
    from spa2v.core.runtime import Run
    from spa2v.core.types import (
        AudioClip,
        Box,
        Detection,
        GeneratedVideo,
        KeyFrame,
        MetricInfo,
        SceneObject,
        Score,
        ScoredClip,
        SoundSource,
        SpatialCues,
        Tag,
        Track,
        VideoSceneLayout,
        frame_times,
        keyframe_times,
    )
    from spa2v.core.types.benchmark import BenchmarkClip, ClipObject
    from spa2v.core.weights import Weights, known, locate, shorten

_HOMES = {
    "spa2v.core.errors": (
        "AudioError ComponentError ComponentLoadError ConfigError ContractError LayoutError MediaError MetricError "
        "MissingDependency NumericalError PlannerError RegistryError Spa2vError UnknownComponent WeightsError "
        "WorkerError near"
    ),
    "spa2v.core.hookspecs": "hookimpl hookspec",
    "spa2v.core.media.audio": "read_audio write_audio",
    "spa2v.core.media.files": "atomic_path read_layout write_json write_text",
    "spa2v.core.media.video": "read_video write_video",
    "spa2v.core.pipeline": "Pipeline",
    "spa2v.core.protocols": (
        "AttentionSite CueExtractor Denoising DenoisingBackbone Detector EncodedText FeatureExtractor "
        "GroundingInjector LabelMap LayoutPlanner Metric MotionBackbone SetMetric SteerableBackbone"
    ),
    "spa2v.core.registry": "Entry",
    "spa2v.core.runtime": "Run",
    "spa2v.core.types": (
        "AudioClip Box Detection GeneratedVideo KeyFrame MetricInfo SceneObject Score ScoredClip SoundSource "
        "SpatialCues Tag Track VideoSceneLayout frame_times keyframe_times"
    ),
    "spa2v.core.types.benchmark": "BenchmarkClip ClipObject",
    "spa2v.core.weights": "Weights known locate shorten",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "AttentionSite",
    "AudioClip",
    "AudioError",
    "BenchmarkClip",
    "Box",
    "ClipObject",
    "ComponentError",
    "ComponentLoadError",
    "ConfigError",
    "ContractError",
    "CueExtractor",
    "Denoising",
    "DenoisingBackbone",
    "Detection",
    "Detector",
    "EncodedText",
    "Entry",
    "FeatureExtractor",
    "GeneratedVideo",
    "GroundingInjector",
    "KeyFrame",
    "LabelMap",
    "LayoutError",
    "LayoutPlanner",
    "MediaError",
    "Metric",
    "MetricError",
    "MetricInfo",
    "MissingDependency",
    "NumericalError",
    "MotionBackbone",
    "Pipeline",
    "PlannerError",
    "RegistryError",
    "Run",
    "SceneObject",
    "Score",
    "ScoredClip",
    "SetMetric",
    "SoundSource",
    "Spa2vError",
    "SpatialCues",
    "SteerableBackbone",
    "Tag",
    "Track",
    "UnknownComponent",
    "VideoSceneLayout",
    "Weights",
    "WeightsError",
    "WorkerError",
    "__version__",
    "atomic_path",
    "frame_times",
    "hookimpl",
    "hookspec",
    "keyframe_times",
    "known",
    "locate",
    "near",
    "read_audio",
    "read_layout",
    "read_video",
    "shorten",
    "write_audio",
    "write_json",
    "write_text",
    "write_video",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'spa2v' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})


deprecated.install()
