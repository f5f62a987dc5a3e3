"""The contract of metrics, and what `template_name` measures."""

from collections.abc import Callable

import pytest
from spa2v import Score, ScoredClip
from spa2v.testing import toy_layout, toy_run

from spa2v_template_name.component import TemplateName


@pytest.mark.spa2v_component("metrics", "template_name")
def test_contract(spa2v_rule: Callable[[], None]) -> None:
    spa2v_rule()


def score(truth: int, predicted: int, **options: float) -> Score:
    clip = ScoredClip("a", truth=toy_layout(truth), layout=toy_layout(predicted))
    (values,) = TemplateName(**options).score([clip], toy_run())
    (value,) = values.values()
    return value


def test_equal_layouts_have_no_distance() -> None:
    assert score(3, 3).value == pytest.approx(0.0)


def test_what_is_missing_counts() -> None:
    assert score(1, 0).value == 1.0
    assert score(1, 0, missing=0.5).value == 0.5
    assert score(0, 1).flags == ("no_objects",)


def test_a_negative_distance_is_refused() -> None:
    with pytest.raises(ValueError, match="missing: -1 is negative"):
        TemplateName(missing=-1)
