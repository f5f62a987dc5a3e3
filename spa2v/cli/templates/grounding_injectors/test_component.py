"""The contract of grounding injectors, and what `template_name` changes."""

from collections.abc import Callable

import numpy as np
import pytest
from spa2v.testing import check_component, toy_backbone, toy_layout, toy_run

from spa2v_template_name.component import TemplateName, box_masks


@pytest.mark.spa2v_component("grounding_injectors", "template_name")
def test_contract(spa2v_rule: Callable[[], None]) -> None:
    spa2v_rule()


def drawn(**options: float) -> np.ndarray:
    backbone, layout = toy_backbone(), toy_layout(1)
    with TemplateName(**options).attach(backbone, layout, toy_run()):
        return backbone.generate(layout, toy_run()).frames


def test_it_changes_the_picture_and_strength_zero_does_not() -> None:
    plain = toy_backbone().generate(toy_layout(1), toy_run()).frames
    assert not np.array_equal(drawn(strength=1.0), plain)
    assert np.array_equal(drawn(strength=0.0), plain)
    assert np.array_equal(drawn(share=0.0), plain)
    assert check_component("grounding_injectors", "template_name").facts["grounds"]


def test_masks_cover_the_boxes() -> None:
    site = toy_backbone().attention_sites(toy_run())[0]
    masks = box_masks(toy_layout(4), 8, site)
    assert masks.shape == (4, 8, site.resolution[0] * site.resolution[1], 1)
    assert (masks.sum(axis=0) <= 1).all(), "the boxes of the toy layout do not overlap"
    areas = [item.box.area for item in toy_layout(4).at(0.0).objects]
    assert masks[:, 0].mean(axis=(1, 2)) == pytest.approx(areas, abs=0.05)


def test_a_strength_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"strength: 2 is not in 0\.\.1"):
        TemplateName(strength=2)
