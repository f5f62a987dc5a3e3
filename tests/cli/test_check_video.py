"""`spa2v check-video` on videos that ToyWorld rendered truly, and on their mirror images."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spa2v.core.media.video import write_video
from spa2v.world.clips import ToyClip, render_clip
from spa2v.world.detector import found_classes
from spa2v.world.sampling import Choice, sample_scene
from tests.cli.test_cli import spa2v  # noqa: F401 - a fixture


def written(folder: Path, clip: ToyClip, mirrored: bool) -> Path:
    """The clip's video with its sound; the pictures, and they alone, mirrored or not."""
    frames = clip.video.frames[:, :, ::-1].copy() if mirrored else clip.video.frames
    path = folder / f"{'mirrored' if mirrored else 'true'}.mp4"
    write_video(path, replace(clip.video, frames=frames), clip.audio)
    (folder / "plan.json").write_text(clip.layout.dumps())
    return path


@pytest.fixture(scope="module")
def left() -> ToyClip:
    """One thing at the left."""
    return render_clip(sample_scene(7_100_001, Choice(attribute="left", classes=found_classes())))


@pytest.fixture(scope="module")
def crossing() -> ToyClip:
    """One thing that goes from the right to the left."""
    return render_clip(sample_scene(7_100_000, Choice(attribute="right_to_left", classes=found_classes())))


@pytest.mark.parametrize("name", ["left", "crossing"])
def test_true_videos_score_near_one_and_mirrored_ones_near_zero(
    spa2v,  # noqa: F811
    tmp_path: Path,
    request: pytest.FixtureRequest,
    name: str,
) -> None:
    clip = request.getfixturevalue(name)
    scores = []
    for mirrored in (False, True):
        path = written(tmp_path, clip, mirrored)
        code, out, err = spa2v("check-video", path, "--layout", tmp_path / "plan.json", "--json")
        assert (code, "stretched" in err) == (0, False)
        scores.append(json.loads(out))
    true, wrong = scores
    assert true["score"] > 0.9
    assert true["values"]["spatial_alignment"]["value"] > 0.9
    assert true["values"]["spatial_av_align"]["value"] > 0.9
    assert wrong["score"] < 0.2
    assert wrong["values"]["spatial_alignment"]["value"] < 0.2
    assert wrong["values"]["class_held"]["value"] < 0.2
    assert "flicker" in true["values"]


def test_without_a_plan_sides_are_scored_for_named_objects(spa2v, left: ToyClip, tmp_path: Path) -> None:  # noqa: F811
    (name,) = left.layout.names.values()
    path = written(tmp_path, left, mirrored=True)
    code, _, err = spa2v("check-video", path)
    assert code == 1
    assert "--name" in err
    code, out, _ = spa2v("check-video", path, "--name", name, "--out", tmp_path / "seen.json")
    assert code == 0
    assert "Box IoU" not in out
    assert name in (tmp_path / "seen.json").read_text()


def test_labels_devices_and_sounds_that_cannot_be_are_said(spa2v, left: ToyClip, tmp_path: Path) -> None:  # noqa: F811
    (name,) = left.layout.names.values()
    path = tmp_path / "a.gif"
    write_video(path, left.video)
    code, _, err = spa2v("check-video", path, "--name", " ")
    assert code == 1
    assert "nothing to search for" in err
    code, _, err = spa2v("check-video", path, "--name", name, "--device", "banana")
    assert code == 1
    assert "'banana'" in err
    code, _, err = spa2v("check-video", path, "--name", name, "--name", "unicorn", "--detector", "toyworld")
    assert code == 0
    assert "cannot find 'unicorn'" in err
    assert repr(name) not in err
    assert "without sound: " in err
    assert "damaged" not in err


def test_a_plan_of_another_duration_is_stretched_and_that_is_said(spa2v, left: ToyClip, tmp_path: Path) -> None:  # noqa: F811
    path = written(tmp_path, left, mirrored=False)
    (tmp_path / "plan.json").write_text(left.layout.spanning(2 * left.layout.duration_s).dumps())
    code, _, err = spa2v("check-video", path, "--layout", tmp_path / "plan.json")
    assert code == 0
    assert "the times of the plan are stretched" in err
