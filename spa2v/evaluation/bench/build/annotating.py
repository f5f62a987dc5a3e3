"""Annotating: boxes from a detector, attributes from their paths, captions by rule or from any captioner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from scipy.optimize import linear_sum_assignment

from spa2v.core.protocols import Detector
from spa2v.core.runtime import Run
from spa2v.core.types import (
    AudioClip,
    Box,
    Detection,
    GeneratedVideo,
    KeyFrame,
    SceneObject,
    VideoSceneLayout,
    frame_times,
)
from spa2v.core.types.benchmark import ClipObject
from spa2v.core.types.scores import Detections

LEAST_SEEN = 0.25
"""Part of the frames in which a thing must be seen."""
CENTER = (0.40, 0.60)
CROSSING, GROWTH = 0.30, 1.8
"""A center that wanders so far crosses; an area that grows by this factor approaches."""
REACH, FAR = 0.3, 1e3
"""How far (in parts of the frame) the same thing may move from one frame to the next."""
_WORDS = {
    "left": "at the left",
    "center": "in the center",
    "right": "at the right",
    "left_to_right": "moves from left to right",
    "right_to_left": "moves from right to left",
    "approaching": "comes closer",
    "receding": "moves away",
}


class Captioner(Protocol):
    """Says in a sentence what a clip is."""

    @property
    def name(self) -> str:
        """What makes its words."""
        ...

    def caption(self, audio: AudioClip, layout: VideoSceneLayout, run: Run) -> str:
        """The caption of the whole video."""
        ...


class RuleCaptioner:
    """From the names of the things and their attributes."""

    name = "rules"

    def caption(self, audio: AudioClip, layout: VideoSceneLayout, run: Run) -> str:
        parts = [f"a {name} {_WORDS[layout.attributes[key]]}" for key, name in layout.names.items()]
        text = ", ".join(parts)
        return text[:1].upper() + text[1:] + "."


def annotate(
    audio: AudioClip, video: GeneratedVideo, labels: Sequence[str], detector: Detector, captioner: Captioner, run: Run
) -> VideoSceneLayout:
    """The layout of a clip: one key frame a frame. It holds no object where nothing is seen for long enough."""
    kept = _steady(tracked(detector.detect(video.frames, labels, run)))
    times = frame_times(audio.duration_s, len(kept))
    frames = tuple(replace(frame, time_s=float(time)) for frame, time in zip(kept, times, strict=True))
    attributes = attributes_of(frames)
    scenario = "translational" if any(_moves(word) for word in attributes.values()) else "stationary"
    layout = VideoSceneLayout(audio.duration_s, "", frames, scenario=scenario, attributes=attributes)
    if not attributes:
        return layout
    captioned = tuple(replace(frame, caption=frame_caption(frame)) for frame in frames)
    return replace(layout, caption=captioner.caption(audio, layout, run), keyframes=captioned)


def tracked(detections: Detections) -> list[KeyFrame]:
    """Detections as frames; a thing keeps its id while the nearest one of its label is within `REACH` of the frame.

    Overlap would lose what crosses the picture in a few frames.
    """
    last: dict[str, tuple[str, Box]] = {}
    made = []
    for place, found in enumerate(detections):
        known = _continued(last, found)
        objects = []
        for number, item in enumerate(found):
            key = known.get(number) or f"{item.label[:100]}_{sum(name == item.label for name, _ in last.values())}"
            last[key] = (item.label, item.box)
            objects.append(SceneObject(key, item.label, item.box))
        made.append(KeyFrame(float(place), "", tuple(objects)))
    return made


def _continued(last: Mapping[str, tuple[str, Box]], found: Sequence[Detection]) -> dict[int, str]:
    """Place in `found` to the id of the thing that it continues, by the smallest sum of distances."""
    if not last or not found:
        return {}
    ids = list(last)
    before = np.array([last[key][1].center for key in ids])
    gaps = np.linalg.norm(before[:, None] - np.array([item.box.center for item in found])[None], axis=2)
    same = np.array([last[key][0] for key in ids])[:, None] == np.array([item.label for item in found])[None]
    cost = np.where(same & (gaps <= REACH), gaps, FAR)
    rows, columns = linear_sum_assignment(cost)
    return {int(c): ids[r] for r, c in zip(rows, columns, strict=True) if cost[r, c] < FAR}


def _steady(frames: Sequence[KeyFrame]) -> list[KeyFrame]:
    """Without things that are seen in too few frames."""
    seen: dict[str, int] = {}
    for frame in frames:
        for item in frame.objects:
            seen[item.id] = seen.get(item.id, 0) + 1
    kept = {key for key, count in seen.items() if count >= max(2, LEAST_SEEN * len(frames))}
    return [replace(frame, objects=tuple(item for item in frame.objects if item.id in kept)) for frame in frames]


def attributes_of(frames: Sequence[KeyFrame]) -> dict[str, str]:
    """Object id to its attribute, from the path of its box."""
    tracks: dict[str, list[tuple[float, float]]] = {}
    for frame in frames:
        for item in frame.objects:
            tracks.setdefault(item.id, []).append((item.box.center[0], item.box.area))
    return {key: _attribute(np.array(track)) for key, track in tracks.items()}


def _attribute(track: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    """From (T, 2) centers and areas; ends are means over a quarter, so that one bad box decides nothing."""
    part = max(1, len(track) // 4)
    (x1, a1), (x2, a2) = track[:part].mean(axis=0), track[-part:].mean(axis=0)
    if abs(x2 - x1) >= CROSSING:
        return "left_to_right" if x2 > x1 else "right_to_left"
    if max(a1, a2) / max(min(a1, a2), 1e-9) >= GROWTH:
        return "approaching" if a2 > a1 else "receding"
    middle = float(track[:, 0].mean())
    return "left" if middle < CENTER[0] else "right" if middle > CENTER[1] else "center"


def _moves(attribute: str) -> bool:
    return attribute not in ("left", "center", "right")


def frame_caption(frame: KeyFrame) -> str:
    """Boxes at one moment."""
    parts = [f"a {item.name} {_WORDS[_side(item.box.center[0])]}" for item in frame.objects]
    text = ", ".join(parts) if parts else "an empty scene"
    return text[:1].upper() + text[1:] + "."


def _side(x: float) -> str:
    return "left" if x < CENTER[0] else "right" if x > CENTER[1] else "center"


def objects_of(layout: VideoSceneLayout) -> tuple[ClipObject, ...]:
    """The objects of the manifest line."""
    attributes: Mapping[str, str] = layout.attributes
    return tuple(ClipObject(key, name, attributes.get(key)) for key, name in layout.names.items())
