"""Faults of components as a person reads them."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from spa2v.core.errors import ComponentError, ComponentLoadError, Spa2vError
from spa2v.core.faults import Origin, crash_line, guarded
from spa2v.core.pipeline import Pipeline
from spa2v.core.registry import Component, Entry, import_target
from spa2v.core.types import SpatialCues
from tests.core.media.test_video import noise


def test_control_characters_of_a_fault_do_not_reach_the_terminal() -> None:
    origin = Origin("layout planner 'mine'", "mine.yaml", Path("mine.py"))
    with pytest.raises(ComponentError, match=r"raised ValueError: \?\[31mred new"), guarded(origin):
        raise ValueError("\x1b[31mred\nnew")


def test_numbers_without_six_digits_are_shown_by_their_type(tmp_path: Path) -> None:
    (tmp_path / "huge.py").write_text(
        "from fractions import Fraction\nwidth, part, exact = 10**400, 0.25, Fraction(1, 3)\nwidth / 0"
    )
    with pytest.raises(ZeroDivisionError) as caught:
        runpy.run_path(str(tmp_path / "huge.py"))
    line, values = crash_line(caught.value, tmp_path)
    assert line.endswith("width / 0")
    assert values.startswith("with width = (int), part = 0.25, exact = ")


def test_an_option_beyond_all_floats_is_refused_in_one_message() -> None:
    pipeline = Pipeline.from_preset("storyboard", overrides=[f"motion_backbone.options.width={10**400}"])
    (problem,) = pipeline.check()
    assert str(problem).startswith("storyboard: width is 1000")
    assert "expected a whole number from 128 to 4096" in str(problem)


def test_a_component_that_exits_is_a_fault_of_it() -> None:
    origin = Origin("layout planner 'mine'", "mine.yaml", Path("mine.py"))
    with pytest.raises(ComponentError, match="layout planner 'mine' raised SystemExit: 3"), guarded(origin):
        sys.exit(3)


def test_a_file_that_exits_while_it_is_loaded_is_a_fault_of_it(tmp_path: Path) -> None:
    (tmp_path / "quits.py").write_text("import sys\nsys.exit()\n")
    component = Component("layout_planners", "mine", Entry(f"{tmp_path / 'quits.py'}:Planner"), "mine.yaml")
    with pytest.raises(ComponentLoadError) as caught:
        import_target(component)
    assert caught.value.fact.startswith("cannot load 'mine' of layout_planners")
    assert any("quits.py:2" in line for line in caught.value.details)


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
