"""Twins of a clip, as AVLBench seems to make them: seen in a mirror with the channels swapped, or run backwards.

Both work on any clip, real ones too: sound, frames and layout change together, texts by rules on words. A twin keeps
the source id of its clip, so that splits never separate the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from spa2v.core.types import AudioClip, GeneratedVideo, KeyFrame, VideoSceneLayout
from spa2v.world.scene import MIRRORED, REVERSED

Triple = tuple[AudioClip, GeneratedVideo | None, VideoSceneLayout]
_SIDES = {"left": "right", "right": "left"}
_TIMES = {
    "left to right": "right to left",
    "right to left": "left to right",
    "approaches": "drives away",
    "drives away": "approaches",
    "approaching": "receding",
    "receding": "approaching",
    **{f"{verb} away": "approaches" for verb in ("rolls", "rides", "walks", "sails", "flies")},
    "recedes": "approaches",
    "rises": "falls",
    "falls": "rises",
    "enters": "leaves",
    "leaves": "enters",
    "at first": "at the end",
    "at the end": "at first",
}


def mirror(audio: AudioClip, video: GeneratedVideo | None, layout: VideoSceneLayout) -> Triple:
    """Left becomes right: channels swapped, frames and boxes mirrored, attributes and the words left and right too."""
    frames = None if video is None else GeneratedVideo(np.ascontiguousarray(video.frames[:, :, ::-1]), video.fps)
    return audio.swapped(), frames, mirror_layout(layout)


def reverse(audio: AudioClip, video: GeneratedVideo | None, layout: VideoSceneLayout) -> Triple:
    """Time runs backwards, in sound, frames and key frames; approaching becomes receding."""
    frames = None if video is None else GeneratedVideo(np.ascontiguousarray(video.frames[::-1]), video.fps)
    return audio.reversed(), frames, reverse_layout(layout)


AUGMENTATIONS: Mapping[str, Callable[[AudioClip, GeneratedVideo | None, VideoSceneLayout], Triple]] = {
    "mirror": mirror,
    "reverse": reverse,
}


def mirror_layout(layout: VideoSceneLayout) -> VideoSceneLayout:
    """The layout of the mirrored clip."""
    return replace(
        layout,
        caption=_swapped(layout.caption, _SIDES),
        reasoning=_swapped(layout.reasoning, _SIDES),
        attributes={key: MIRRORED.get(value, value) for key, value in layout.attributes.items()},
        keyframes=tuple(
            KeyFrame(frame.time_s, _swapped(frame.caption, _SIDES), tuple(item.mirrored() for item in frame.objects))
            for frame in layout.keyframes
        ),
    )


def reverse_layout(layout: VideoSceneLayout) -> VideoSceneLayout:
    """The layout of the clip run backwards; its key frames keep their span, from the first to the last."""
    first, last = layout.keyframes[0].time_s, layout.keyframes[-1].time_s
    return replace(
        layout,
        caption=_swapped(layout.caption, _TIMES),
        reasoning=_swapped(layout.reasoning, _TIMES),
        attributes={key: REVERSED.get(value, value) for key, value in layout.attributes.items()},
        keyframes=tuple(
            KeyFrame(round(first + last - frame.time_s, 9), _swapped(frame.caption, _TIMES), frame.objects)
            for frame in reversed(layout.keyframes)
        ),
    )


def _swapped(text: str, pairs: Mapping[str, str]) -> str:
    """Replaces whole words or phrases, all at once, and keeps a capital at the front."""
    pattern = re.compile(rf"\b({'|'.join(sorted(map(re.escape, pairs), key=len, reverse=True))})\b", re.IGNORECASE)

    def swap(match: re.Match[str]) -> str:
        found = pairs[match.group().lower()]
        return found[0].upper() + found[1:] if match.group()[0].isupper() else found

    return pattern.sub(swap, text)
