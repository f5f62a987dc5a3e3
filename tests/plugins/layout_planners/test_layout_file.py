"""The planner that reads a given layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spa2v.core.errors import LayoutError
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, Box, KeyFrame, SceneObject, SpatialCues, VideoSceneLayout
from spa2v.plugins.layout_planners.layout_file import LayoutFile

AUDIO = AudioClip(np.zeros((2, 16_000)), 8_000)
CAR = SceneObject("car_0", "car", Box(0.1, 0.2, 0.3, 0.4))


def _layout(duration_s: float) -> VideoSceneLayout:
    frames = (KeyFrame(0.0, "start", (CAR,)), KeyFrame(duration_s, "end", (CAR,)))
    return VideoSceneLayout(duration_s, "A car.", frames, scenario="stationary", attributes={"car_0": "left"})


def _plan(path: Path, **options: bool) -> VideoSceneLayout:
    return LayoutFile(str(path), **options).plan(AUDIO, SpatialCues(AUDIO.duration_s), Run())


def test_the_file_is_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(_layout(2.0).dumps())
    assert _plan(path) == _layout(2.0)


def test_another_duration_is_stretched_with_a_notice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.json"
    path.write_text(_layout(3.0).dumps())
    layout = _plan(path)
    fact = "'plan.json' lasts 3.00 s, the sound lasts 2.00 s"
    assert capsys.readouterr().err == f"{fact}: its times are stretched\n"
    assert layout.duration_s == 2.0
    assert [frame.time_s for frame in layout.keyframes] == [0.0, 2.0]
    assert layout.keyframes[0].objects == (CAR,)
    with pytest.raises(LayoutError) as caught:
        _plan(path, stretch=False)
    assert str(caught.value) == f"{fact}\n  set layout_planner.options.stretch=true to stretch its times"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    with pytest.raises(LayoutError) as caught:
        _plan(path)
    assert str(caught.value) == (
        f"cannot read the layout file {str(path)!r}: No such file or directory\n"
        "  give it as layout_planner.options.path=FILE; `spa2v plan` writes one"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "'bad.json': not JSON"),
        ('{"version": 2}', "'bad.json': version: 2\n  this release reads version 1"),
        ('{"version": 1, "duration_s": 2, "caption": ""}', "'bad.json': keyframes: missing"),
    ],
)
def test_an_invalid_file_names_the_field(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(LayoutError) as caught:
        _plan(path)
    assert str(caught.value).startswith(message)
