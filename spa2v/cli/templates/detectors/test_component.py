"""The contract of detectors, and what `template_name` finds."""

from collections.abc import Callable

import pytest
from spa2v.testing import toy_run, toy_video

from spa2v_template_name.component import TemplateName


@pytest.mark.spa2v_component("detectors", "template_name")
def test_contract(spa2v_rule: Callable[[], None]) -> None:
    spa2v_rule()


def test_it_follows_the_bright_square() -> None:
    found = TemplateName().detect(toy_video().frames, ["car"], toy_run())
    (first,), (last,) = found[0], found[-1]
    assert first.label == "car"
    assert first.box.center[0] < 0.2 < 0.8 < last.box.center[0]


def test_a_threshold_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"threshold: 300 is not in 0\.\.255"):
        TemplateName(threshold=300)
