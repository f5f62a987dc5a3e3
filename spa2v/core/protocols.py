"""What a component of each family must be able to do. Structural: nothing to inherit from.

Constructors take the options of the config and must be cheap; weights load on first use.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, GeneratedVideo, SpatialCues, VideoSceneLayout


@runtime_checkable
class CueExtractor(Protocol):
    """Measures something in the sound. Several extractors fill one `SpatialCues` together."""

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        """Returns the part of the cues that this extractor measures. Silence is not an error."""
        ...


@runtime_checkable
class LayoutPlanner(Protocol):
    """Decides what stands where and when."""

    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        """Returns the layout of the clip. For silence: a layout without objects that says so."""
        ...


@runtime_checkable
class MotionBackbone(Protocol):
    """Draws a layout as a video."""

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        """Returns the frames, spread evenly over the clip: fps = frames / duration."""
        ...


@runtime_checkable
class GroundingInjector(Protocol):
    """Makes a backbone's denoiser draw things inside their boxes."""

    def attach(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run) -> AbstractContextManager[Any]:
        """Returns a context in which the backbone is grounded; afterwards it computes exactly what it did before."""
        ...


FAMILIES: dict[str, tuple[type[Any], str]] = {
    "cue_extractors": (CueExtractor, "extract"),
    "layout_planners": (LayoutPlanner, "plan"),
    "grounding_injectors": (GroundingInjector, "attach"),
    "motion_backbones": (MotionBackbone, "generate"),
}
"""Family name to its protocol and the protocol's method."""
