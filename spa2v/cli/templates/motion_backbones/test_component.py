"""The contract of motion backbones, and what `template_name` draws."""

from collections.abc import Callable

import numpy as np
import pytest
from spa2v.testing import toy_layout, toy_run

from spa2v_template_name.component import TemplateName, color


@pytest.mark.spa2v_component("motion_backbones", "template_name", width=64, height=48, frames=4)
def test_contract(spa2v_rule: Callable[[], None]) -> None:
    spa2v_rule()


def test_a_spot_is_where_the_box_is() -> None:
    layout = toy_layout(1)
    video = TemplateName(width=100, height=60, frames=4, background=0).generate(layout, toy_run())
    for picture, scene in zip(video.frames, layout.frames(4), strict=True):
        rows, columns = np.nonzero(picture.any(axis=2))
        (thing,) = scene.objects
        found = (columns.min() / 100, rows.min() / 60, (columns.max() + 1) / 100, (rows.max() + 1) / 60)
        assert found == pytest.approx(thing.box, abs=0.03)


def test_a_thing_keeps_its_color() -> None:
    video = TemplateName(frames=4).generate(toy_layout(1), toy_run())
    brightest = [picture.reshape(-1, 3).max(axis=0) for picture in video.frames]
    assert np.allclose(brightest, np.array(color("thing_0")), atol=3)


def test_sizes_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"width: 5 is not in 16\.\.4096"):
        TemplateName(width=5)
    with pytest.raises(ValueError, match=r"frames: 0 is not in 1\.\.1024"):
        TemplateName(frames=0)
