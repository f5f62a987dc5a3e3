"""Twins of clips: mirrored and reversed, of ToyWorld and of anything else."""

from __future__ import annotations

import numpy as np
import pytest

from spa2v.core.types import AudioClip, Box, GeneratedVideo, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.world.augment import AUGMENTATIONS, mirror, mirror_layout, reverse, reverse_layout
from spa2v.world.clips import render_clip
from spa2v.world.sampling import Choice, sample_scene
from spa2v.world.scene import Path, Room, Scene, Thing
from spa2v.world.twins import _reversed, twin_of


def annotated_clip() -> tuple[AudioClip, GeneratedVideo, VideoSceneLayout]:
    """As from a real recording: written by someone else, with key frames at odd times."""
    rng = np.random.default_rng(1)
    audio = AudioClip(rng.normal(0, 0.1, (2, 8000)).astype(np.float32), 8000)
    video = GeneratedVideo(rng.integers(0, 255, (4, 6, 8, 3), dtype=np.uint8), 4.0)
    item = SceneObject("b", "bus", Box(0.1, 0.2, 0.4, 0.5))
    frames = (
        KeyFrame(0.1, "Left: a bus enters.", (item,)),
        KeyFrame(0.9, "The bus is on the right.", (SceneObject("b", "bus", Box(0.6, 0.2, 0.9, 0.5)),)),
    )
    layout = VideoSceneLayout(
        1.0,
        "A bus drives left to right and the sound falls.",
        frames,
        reasoning="Louder on the left at first.",
        scenario="translational",
        attributes={"b": "left_to_right"},
    )
    return audio, video, layout


def reworded(layout: VideoSceneLayout) -> tuple[object, ...]:
    return layout.caption, layout.reasoning, layout.attributes, [frame.caption for frame in layout.keyframes]


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_doing_it_twice_gives_the_clip_back(name: str) -> None:
    clip = annotated_clip()
    audio, video, layout = AUGMENTATIONS[name](*AUGMENTATIONS[name](*clip))
    assert np.array_equal(audio.samples, clip[0].samples)
    assert video is not None
    assert np.array_equal(video.frames, clip[1].frames)
    assert reworded(layout) == reworded(clip[2])
    for frame, before in zip(layout.keyframes, clip[2].keyframes, strict=True):
        assert frame.time_s == pytest.approx(before.time_s)
        assert frame.objects[0].box == pytest.approx(before.objects[0].box)


def test_the_mirror_turns_sound_pictures_boxes_and_words() -> None:
    clip = annotated_clip()
    audio, video, layout = mirror(*clip)
    assert np.array_equal(audio.left, clip[0].right)
    assert video is not None
    assert np.array_equal(video.frames, clip[1].frames[:, :, ::-1])
    assert layout.keyframes[0].objects[0].box == pytest.approx(Box(0.6, 0.2, 0.9, 0.5))
    assert layout.attributes == {"b": "right_to_left"}
    assert layout.caption == "A bus drives right to left and the sound falls."
    assert layout.keyframes[0].caption == "Right: a bus enters."
    assert layout.reasoning == "Louder on the right at first."


def test_time_runs_backwards_in_sound_pictures_key_frames_and_words() -> None:
    clip = annotated_clip()
    audio, video, layout = reverse(*clip)
    assert np.array_equal(audio.samples, clip[0].samples[:, ::-1])
    assert video is not None
    assert np.array_equal(video.frames, clip[1].frames[::-1])
    assert [frame.time_s for frame in layout.keyframes] == pytest.approx([0.1, 0.9])
    assert layout.keyframes[0].objects[0].box.x1 == 0.6
    assert layout.keyframes[1].caption == "Left: a bus leaves."
    assert layout.attributes == {"b": "right_to_left"}
    assert layout.caption == "A bus drives right to left and the sound rises."
    assert layout.reasoning == "Louder on the left at the end."


def test_places_that_do_not_move_stay_when_time_runs_backwards() -> None:
    frame = KeyFrame(0.0, "", (SceneObject("p", "piano", Box(0.1, 0.2, 0.4, 0.5)),))
    layout = VideoSceneLayout(1.0, "A piano on the left.", (frame,), attributes={"p": "left"})
    assert reverse_layout(layout) == layout
    assert mirror_layout(layout).attributes == {"p": "right"}


def test_a_clip_without_pictures_can_be_turned() -> None:
    audio, _, layout = annotated_clip()
    assert mirror(audio, None, layout)[1] is None
    assert reverse(audio, None, layout)[1] is None


def test_the_twin_of_an_approach_recedes() -> None:
    clip = render_clip(sample_scene(4, Choice(quantity="single", attribute="approaching", name="car")), (64, 40))
    twin, done = twin_of(clip)
    assert done == ("reverse",)
    thing = clip.scene.things[0]
    assert twin.layout.attributes == {thing.id: "receding"}
    assert "drives away" in twin.layout.caption
    assert "falls by" in twin.layout.reasoning
    assert twin.objects[0].cues["level_change_db"] == -clip.objects[0].cues["level_change_db"]
    boxes = [frame.objects[0].box.area for frame in twin.layout.keyframes if frame.objects]
    assert boxes[0] > 3 * boxes[-1]
    assert twin.layout.keyframes[0].time_s == 0.0
    path, back = thing.path, twin.scene.things[0].path
    assert np.allclose(back.at(0.3), path.at(clip.scene.duration_s - 0.3))


def test_the_twin_of_a_side_stands_on_the_other() -> None:
    clip = render_clip(sample_scene(4, Choice(quantity="single", attribute="left", receiver="coincident")), (64, 40))
    twin, done = twin_of(clip)
    assert done == ("mirror",)
    assert list(twin.layout.attributes.values()) == ["right"]
    assert twin.layout.caption == clip.layout.caption.replace("left", "right")
    assert twin.layout.reasoning == clip.layout.reasoning.replace("left", "right")
    assert np.array_equal(twin.audio.samples, clip.audio.samples[::-1])


def test_the_twin_of_an_event_keeps_its_place_in_time() -> None:
    """Mirrored as it is; run backwards, from the other end."""
    clip = render_clip(bark((0.5, 1.5)), (64, 40), 8)
    twin, done = twin_of(clip)
    assert done == ("mirror",)
    assert [bool(frame.objects) for frame in twin.layout.keyframes] == [False, True, True, True] + [False] * 4
    assert _reversed(bark((0.5, 1.5))).things[0].sounds == ((2.5, 3.5),)


def bark(interval: tuple[float, float]) -> Scene:
    path = Path((-1.0, 0.0, 3.0))
    dog = Thing("dog_0", "dog", "left", path, sound_height_m=0.5, sounds=(interval,), appears=True)
    return Scene(1, 4.0, "stationary", (dog,), Room())
