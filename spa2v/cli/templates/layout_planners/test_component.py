"""The contract of layout planners, and where `template_name` puts its thing."""

from collections.abc import Callable

import pytest
from spa2v import VideoSceneLayout
from spa2v.testing import toy_audio, toy_cues, toy_run

from spa2v_template_name.component import TemplateName


@pytest.mark.spa2v_component("layout_planners", "template_name")
def test_contract(spa2v_rule: Callable[[], None]) -> None:
    spa2v_rule()


def plan(kind: str, **options: object) -> VideoSceneLayout:
    return TemplateName(**options).plan(toy_audio(kind), toy_cues(kind), toy_run())


def middle(layout: VideoSceneLayout, time_s: float) -> float:
    (thing,) = layout.at(time_s).objects
    return thing.box.center[0]


def test_it_stands_where_it_is_heard() -> None:
    assert middle(plan("left"), 1.0) < 0.45
    assert middle(plan("right"), 1.0) > 0.55
    assert middle(plan("mono"), 1.0) == pytest.approx(0.5)


def test_it_moves_as_the_sound_does() -> None:
    layout = plan("pass", thing="car")
    assert middle(layout, 0.2) < middle(layout, 1.0) < middle(layout, 1.8)
    assert (layout.scenario, list(layout.names.values())) == ("translational", ["car"])


def test_a_size_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"size: 2 is not in 0\.05\.\.1"):
        TemplateName(size=2)
