"""Faults of components as a person reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from spa2v.core.errors import ComponentError, Spa2vError
from spa2v.core.faults import Origin, guarded
from spa2v.core.pipeline import Pipeline
from spa2v.core.types import SpatialCues
from tests.core.media.test_video import noise


def test_control_characters_of_a_fault_do_not_reach_the_terminal() -> None:
    origin = Origin("layout planner 'mine'", "mine.yaml", Path("mine.py"))
    with pytest.raises(ComponentError, match=r"raised ValueError: \?\[31mred new"), guarded(origin):
        raise ValueError("\x1b[31mred\nnew")


def test_an_error_inside_spa2v_is_shown_at_the_line_of_the_component(tmp_path: Path, monkeypatch) -> None:
    lines = [
        "class Planner:",
        "    def plan(self, audio, cues, run):",
        "        from spa2v.core.types import VideoSceneLayout",
    ]
    lines += ["        return VideoSceneLayout(float('nan'), '', ())"]
    (tmp_path / "planner_of_a_test.py").write_text("\n".join(lines))
    (tmp_path / "registry.yaml").write_text("layout_planners: {mine: 'planner_of_a_test:Planner'}")
    monkeypatch.syspath_prepend(tmp_path)
    pipeline = Pipeline.from_preset(overrides=[f"registries=[{tmp_path / 'registry.yaml'}]", "layout_planner=mine"])
    with pytest.raises(Spa2vError) as caught:
        pipeline.plan(noise(1.0), cues=SpatialCues(1.0))
    assert any("planner_of_a_test.py:4, in plan" in line for line in caught.value.details)
