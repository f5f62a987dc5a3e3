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
        ComponentLoadError,
        ConfigError,
        ContractError,
        LayoutError,
        MediaError,
        MissingDependency,
        PlannerError,
        RegistryError,
        Spa2vError,
        UnknownComponent,
        WeightsError,
        WorkerError,
    )
    from spa2v.core.hookspecs import hookimpl, hookspec
    from spa2v.core.pipeline import Pipeline
    from spa2v.core.protocols import CueExtractor, GroundingInjector, LayoutPlanner, MotionBackbone
    from spa2v.core.registry import Entry
    from spa2v.core.runtime import Run
    from spa2v.core.types import (
        AudioClip,
        Box,
        GeneratedVideo,
        KeyFrame,
        SceneObject,
        SoundSource,
        SpatialCues,
        Tag,
        Track,
        VideoSceneLayout,
        frame_times,
        keyframe_times,
    )

_ERRORS = (
    "AudioError ComponentLoadError ConfigError ContractError LayoutError MediaError MissingDependency PlannerError "
    "RegistryError Spa2vError UnknownComponent WeightsError WorkerError"
)
_TYPES = (
    "AudioClip Box GeneratedVideo KeyFrame SceneObject SoundSource SpatialCues Tag Track VideoSceneLayout "
    "frame_times keyframe_times"
)
_HOMES = {
    "spa2v.core.errors": _ERRORS.split(),
    "spa2v.core.types": _TYPES.split(),
    "spa2v.core.hookspecs": ["hookimpl", "hookspec"],
    "spa2v.core.pipeline": ["Pipeline"],
    "spa2v.core.protocols": ["CueExtractor", "GroundingInjector", "LayoutPlanner", "MotionBackbone"],
    "spa2v.core.registry": ["Entry"],
    "spa2v.core.runtime": ["Run"],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AudioClip",
    "AudioError",
    "Box",
    "ComponentLoadError",
    "ConfigError",
    "ContractError",
    "CueExtractor",
    "Entry",
    "GeneratedVideo",
    "GroundingInjector",
    "KeyFrame",
    "LayoutError",
    "LayoutPlanner",
    "MediaError",
    "MissingDependency",
    "MotionBackbone",
    "Pipeline",
    "PlannerError",
    "RegistryError",
    "Run",
    "SceneObject",
    "SoundSource",
    "Spa2vError",
    "SpatialCues",
    "Tag",
    "Track",
    "UnknownComponent",
    "VideoSceneLayout",
    "WeightsError",
    "WorkerError",
    "__version__",
    "frame_times",
    "hookimpl",
    "hookspec",
    "keyframe_times",
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
