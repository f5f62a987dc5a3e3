"""A whole clip of a scene: sound, frames, and the layout that is true for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spa2v.core.types import AudioClip, Box, GeneratedVideo, KeyFrame, SceneObject, VideoSceneLayout, frame_times
from spa2v.core.types.benchmark import ClipObject
from spa2v.core.types.layout import DEFAULT_FRAMES
from spa2v.world.acoustics import record
from spa2v.world.acoustics.mix import DEFAULT_RATE_HZ
from spa2v.world.captions import frame_caption, reasoning, video_caption
from spa2v.world.drawing import Frame, Renderer
from spa2v.world.evidence import judge, measure
from spa2v.world.scene import Scene

DEFAULT_SIZE = (256, 160)
MIN_BOX_PX = 1.0


@dataclass(frozen=True, eq=False)
class ToyClip:
    """Everything that is known of a scene.

    Args:
        scene: where it comes from.
        audio, video: what is heard and seen; 16 frames span the clip by default.
        layout: one key frame for each frame, exact boxes, captions, attributes and reasoning.
        objects: the things with the evidence that the sound holds for their attributes.
    """

    scene: Scene
    audio: AudioClip
    video: GeneratedVideo
    layout: VideoSceneLayout
    objects: tuple[ClipObject, ...]


def render_clip(
    scene: Scene,
    size: tuple[int, int] = DEFAULT_SIZE,
    frames: int = DEFAULT_FRAMES,
    sample_rate: int = DEFAULT_RATE_HZ,
) -> ToyClip:
    """Renders sound, frames and layout of a scene.

    Args:
        scene: what to render.
        size: width and height of a frame in pixels.
        frames: how many, spread over the clip.
        sample_rate: of the sound, in Hz.
    """
    times = frame_times(scene.duration_s, frames)
    drawn = Renderer(scene, *size).frames(times)
    recording = record(scene, sample_rate)
    objects = judge(scene, measure(scene, recording))
    video = GeneratedVideo(np.stack([frame.pixels for frame in drawn]), frames / scene.duration_s)
    return ToyClip(scene, recording.audio, video, _layout(scene, objects, times, drawn, size), objects)


def scene_layout(scene: Scene, size: tuple[int, int] = DEFAULT_SIZE, frames: int = DEFAULT_FRAMES) -> VideoSceneLayout:
    """The layout of a scene without its sound; the reasoning is left out, since it speaks of what is heard."""
    times = frame_times(scene.duration_s, frames)
    return _layout(scene, (), times, Renderer(scene, *size).frames(times), size)


def _layout(
    scene: Scene,
    objects: tuple[ClipObject, ...],
    times: NDArray[np.float64],
    drawn: tuple[Frame, ...],
    size: tuple[int, int],
) -> VideoSceneLayout:
    shown = [_visible(frame.boxes, size) for frame in drawn]
    keyframes = tuple(_keyframe(scene, float(t), boxes) for t, boxes in zip(times, shown, strict=True))
    seen = {thing_id for boxes in shown for thing_id in boxes}
    return VideoSceneLayout(
        duration_s=scene.duration_s,
        caption=video_caption(scene),
        keyframes=keyframes,
        reasoning=reasoning(scene, objects) if objects else "",
        scenario=scene.scenario,
        attributes={thing.id: thing.attribute for thing in scene.things if thing.id in seen},
    )


def _visible(boxes: Mapping[str, Box], size: tuple[int, int]) -> dict[str, Box]:
    """Without slivers below one pixel."""
    width, height = size
    return {
        thing_id: box
        for thing_id, box in boxes.items()
        if (box.x2 - box.x1) * width >= MIN_BOX_PX and (box.y2 - box.y1) * height >= MIN_BOX_PX
    }


def _keyframe(scene: Scene, time_s: float, boxes: Mapping[str, Box]) -> KeyFrame:
    names = {thing.id: thing.name for thing in scene.things}
    objects = tuple(SceneObject(thing_id, names[thing_id], box) for thing_id, box in boxes.items())
    return KeyFrame(time_s, frame_caption(scene, boxes), objects)
