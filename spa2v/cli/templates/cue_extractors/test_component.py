"""The contract of cue extractors, and what `template_name` measures."""

from collections.abc import Callable

import numpy as np
import pytest
from spa2v import AudioClip
from spa2v.testing import toy_audio, toy_run

from spa2v_template_name.component import TemplateName


@pytest.mark.spa2v_component("cue_extractors", "template_name")
def test_contract(spa2v_rule: Callable[[], None]) -> None:
    spa2v_rule()


def width(samples: np.ndarray) -> float:
    return TemplateName().extract(AudioClip(samples, 16_000), toy_run()).measures["template_name_mean"]


def test_from_the_same_to_the_opposite_in_both_channels() -> None:
    mono = toy_audio("mono", sample_rate=16_000).samples
    assert width(mono) == 0
    assert width(np.concatenate([mono, -mono])) == pytest.approx(1)
    assert width(np.concatenate([mono, 0 * mono])) == pytest.approx(0.5)


def test_a_window_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"window_s: 0 is not in 0\.01\.\.10"):
        TemplateName(window_s=0)
