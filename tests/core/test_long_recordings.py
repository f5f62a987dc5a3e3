"""Long recordings: few frames are said, and `auto` takes as many frames and key frames as the length needs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from spa2v import AudioClip, ConfigError, Pipeline
from spa2v.plugins.layout_planners.stereo_rules.planner import StereoRules
from spa2v.plugins.motion_backbones.animatediff.backbone import AnimateDiff
from spa2v.plugins.motion_backbones.storyboard.backbone import Storyboard

SMALL = ("motion_backbone.options.width=128", "motion_backbone.options.height=128")
AUTO = (*SMALL, "motion_backbone.options.frames=auto", "layout_planner.options.keyframes=auto")


def recording(seconds: float) -> AudioClip:
    noise = np.random.default_rng(0).standard_normal((2, round(seconds * 8_000))) * 0.1
    return AudioClip(noise, 8_000)


def drawn(seconds: float, *overrides: str) -> tuple[int, int, list[str]]:
    """Frames, key frames and notices."""
    pipeline = Pipeline.from_preset("storyboard", overrides=overrides)
    run = pipeline.new_run()
    found = pipeline(recording(seconds), run)
    return len(found.video.frames), len(found.layout.keyframes), run.record.get("notices", [])


def test_a_slide_show_is_said_with_what_helps() -> None:
    frames, _, notices = drawn(20.0, *SMALL)
    assert frames == 16
    assert notices == [
        "16 frames span 20.0 s, 0.8 a second; for more, set motion_backbone.options.frames=auto "
        "(and layout_planner.options.keyframes=auto), or take a part of the recording: --start and --duration"
    ]
    assert drawn(4.0, *SMALL)[2] == []


@pytest.mark.parametrize(("seconds", "frames", "keyframes"), [(2.0, 16, 16), (10.0, 40, 20)])
def test_auto_grows_with_the_recording(seconds: float, frames: int, keyframes: int) -> None:
    assert drawn(seconds, *AUTO) == (frames, keyframes, [])


def test_auto_of_animatediff_is_bounded() -> None:
    backbone, layout = AnimateDiff(frames="auto", fps=8.0), StereoRules().plan
    pipeline = Pipeline.from_preset("storyboard")
    clip = recording(3.0)
    plan = layout(clip, pipeline.measure(clip), pipeline.new_run())
    backbone.fit_frames([plan])
    assert backbone.frames == 24
    backbone.fit_frames([plan, dataclasses.replace(plan, duration_s=600.0)])
    assert backbone.frames == 256


@pytest.mark.parametrize("options", [{"frames": "many"}, {"fps": 0.0}, {"fps": "fast"}])
def test_other_words_are_refused(options: dict[str, object]) -> None:
    for made in (AnimateDiff, Storyboard):
        with pytest.raises(ConfigError):
            made(**options)  # type: ignore[arg-type]
