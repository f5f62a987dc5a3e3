"""One thing that stands where the recording is heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from spa2v import AudioClip, Box, KeyFrame, Run, SceneObject, SpatialCues, VideoSceneLayout, keyframe_times

SILENT_PEAK = 1e-4
MOVES = 0.2
"""A way of at least this part of the frame's width counts as movement."""


class TemplateName:
    """Plans one thing; its place from left to right follows the measured azimuth.

    Args:
        thing: what it is; None takes the first tag of the cues.
        size: side of its box in parts of the frame, 0.05 to 1.
        keyframes: how many to plan.

    Raises:
        ValueError: the size is out of range.
    """

    def __init__(self, thing: str | None = None, size: float = 0.3, keyframes: int = 16) -> None:
        if not 0.05 <= size <= 1:
            raise ValueError(f"size: {size!r} is not in 0.05..1")
        self.thing, self.size, self.keyframes = thing, size, keyframes

    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        """The layout of the clip; silence gives an empty place."""
        if np.abs(audio.samples).max() < SILENT_PEAK:
            empty = KeyFrame(0.0, "Nothing stands here.")
            return VideoSceneLayout(audio.duration_s, "An empty place.", (empty,), notes=("The recording is silent.",))
        times = keyframe_times(audio.duration_s, self.keyframes)
        places = self._places(cues, times)
        name = self.thing or next((tag.label for tag in cues.tags), "thing")
        frames = [self._frame(float(time), float(place), name) for time, place in zip(times, places, strict=True)]
        moves = bool(np.ptp(places) >= MOVES)
        reasoning = f"The azimuth leads from {places[0]:.2f} to {places[-1]:.2f} of the frame's width."
        scenario = "translational" if moves else "stationary"
        return VideoSceneLayout(audio.duration_s, f"A {name}.", tuple(frames), reasoning, scenario)

    def _places(self, cues: SpatialCues, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """The middle of the thing at each time, 0 (left edge) to 1; the middle of the frame where nothing is known."""
        azimuth = cues.tracks.get("azimuth")
        if azimuth is None:
            return np.full(len(times), 0.5)
        known = azimuth.confidence_at(times) * np.clip(azimuth.at(times) / 90.0, -1.0, 1.0)
        return 0.5 + 0.5 * known

    def _frame(self, time_s: float, place: float, name: str) -> KeyFrame:
        left = (1.0 - self.size) * place
        top = (1.0 - self.size) / 2
        right, bottom = min(left + self.size, 1.0), min(top + self.size, 1.0)
        box = Box(left, top, right, bottom)
        return KeyFrame(time_s, f"A {name}.", (SceneObject("thing_0", name, box),))
