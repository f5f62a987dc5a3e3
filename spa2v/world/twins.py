"""The twin of a clip of ToyWorld: mirrored, or reversed when it approaches or recedes; its texts written anew."""

from __future__ import annotations

from dataclasses import replace

from spa2v.core.types import KeyFrame, VideoSceneLayout
from spa2v.core.types.benchmark import ClipObject
from spa2v.world.augment import AUGMENTATIONS
from spa2v.world.captions import frame_caption, reasoning, video_caption
from spa2v.world.clips import ToyClip
from spa2v.world.scene import MIRRORED, REVERSED, Scene

FLIPPED_BY_MIRROR = ("level_difference_db", "level_difference_trend_db", "delay_us", "delay_trend_us")
FLIPPED_BY_TIME = ("level_difference_trend_db", "delay_trend_us", "level_change_db")


def twin_of(clip: ToyClip) -> tuple[ToyClip, tuple[str, ...]]:
    """The twin that keeps pairs of attributes in balance, and what was done to get it."""
    distance = any(thing.attribute in ("approaching", "receding") for thing in clip.scene.things)
    name = "reverse" if distance else "mirror"
    audio, video, layout = AUGMENTATIONS[name](clip.audio, clip.video, clip.layout)
    assert video is not None
    scene = clip.scene.mirrored() if name == "mirror" else _reversed(clip.scene)
    objects = tuple(_turned(item, name) for item in clip.objects)
    return ToyClip(scene, audio, video, _rewritten(scene, layout, objects), objects), (name,)


def _reversed(scene: Scene) -> Scene:
    """The scene as its reversed clip shows it: paths run backwards, headings stay (all is seen in reverse)."""
    things = tuple(
        replace(
            thing,
            attribute=REVERSED.get(thing.attribute, thing.attribute),
            path=thing.path.reversed(scene.duration_s),
            sounds=tuple((scene.duration_s - end, scene.duration_s - start) for start, end in thing.sounds[::-1]),
        )
        for thing in scene.things
    )
    return replace(scene, things=things)


def _turned(item: ClipObject, name: str) -> ClipObject:
    """An object with its attribute and cues turned; whether they can be heard stays."""
    table, flipped = (MIRRORED, FLIPPED_BY_MIRROR) if name == "mirror" else (REVERSED, FLIPPED_BY_TIME)
    cues = {key: -value if key in flipped else value for key, value in item.cues.items()}
    attribute = None if item.attribute is None else table.get(item.attribute, item.attribute)
    return replace(item, attribute=attribute, cues=cues)


def _rewritten(scene: Scene, layout: VideoSceneLayout, objects: tuple[ClipObject, ...]) -> VideoSceneLayout:
    """The layout with texts written from the turned scene, which is surer than rules on words."""
    keyframes = tuple(
        KeyFrame(frame.time_s, frame_caption(scene, {item.id: item.box for item in frame.objects}), frame.objects)
        for frame in layout.keyframes
    )
    return replace(layout, caption=video_caption(scene), reasoning=reasoning(scene, objects), keyframes=keyframes)
