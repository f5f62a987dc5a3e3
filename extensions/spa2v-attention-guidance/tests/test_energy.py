"""The energy of attention maps, against values worked out by hand."""

from __future__ import annotations

import pytest
import torch

from spa2v_attention_guidance.energy import Terms, center_energy, look

MASK = torch.tensor([[[1.0, 1.0, 0.0, 0.0, 0.0, 0.0]]])  # 2 of the 6 cells of a map of 2 x 3: the first two of the top
THERE, ONE = torch.tensor([[True]]), torch.ones(1, 1, 1)


def maps(*heads: list[float]) -> torch.Tensor:
    """Attention of one row and token, (1, heads, 6, 1, 1)."""
    return torch.tensor(heads)[None, ..., None, None]


def energy(seen: torch.Tensor, mask: torch.Tensor = MASK, present: torch.Tensor = THERE, **terms: float) -> float:
    return float(look(seen, mask, present, ONE, (2, 3), Terms(**terms)).energy)


def test_inside_and_outside() -> None:
    seen = maps([0.8, 0.4, 0.2, 0.1, 0.3, 0.0])
    # 0.75 of 2 cells is 1, of 4 cells is 3: 1 - 0.8, and (0.3 + 0.2 + 0.1) / 3
    assert energy(seen) == pytest.approx(0.2 + 4 * 0.2)
    assert energy(seen, inside=2.0, outside=0.0) == pytest.approx(0.4)
    assert energy(seen, top_inside=1.0, outside=0.0) == pytest.approx(1 - 0.6)
    assert energy(seen, inside=0.0, outside=1.0, top_outside=0.1) == pytest.approx(0.3), "at least one cell"


def test_heads_are_averaged_each_with_its_own_strongest_cells() -> None:
    seen = maps([0.8, 0.4, 0, 0, 0, 0], [0.2, 0.6, 0, 0, 0, 0])
    assert energy(seen) == pytest.approx(1 - (0.8 + 0.6) / 2)


def test_an_absent_thing_has_only_an_outside() -> None:
    seen = maps([0.8, 0.4, 0.2, 0.1, 0.3, 0.0])
    # 0.75 of 6 cells is 4
    assert energy(seen, torch.zeros_like(MASK), torch.tensor([[False]])) == pytest.approx(
        4 * (0.8 + 0.4 + 0.3 + 0.2) / 4
    )


def test_a_thing_that_fills_the_frame_has_only_an_inside() -> None:
    assert energy(maps([0.5] * 6), torch.ones_like(MASK)) == pytest.approx(0.5)


def test_tokens_and_phrases_are_weighed() -> None:
    # two phrases, of two tokens and of one; the second token of the second is padding and must not count
    seen = torch.zeros(1, 1, 6, 2, 2)
    seen[0, 0, 0, 0, 0], seen[0, 0, 0, 0, 1], seen[0, 0, 0, 1, 0], seen[0, 0, :, 1, 1] = 0.4, 0.8, 0.6, 99.0
    weights = torch.tensor([[[0.25, 0.25], [0.5, 0.0]]])
    found = look(seen, MASK.expand(1, 2, 6), THERE.expand(1, 2), weights, (2, 3), Terms(outside=0.0))
    assert float(found.energy) == pytest.approx(0.25 * 0.6 + 0.25 * 0.2 + 0.5 * 0.4)


def test_centers_are_those_of_the_attention() -> None:
    found = look(maps([0.5, 0, 0, 0, 0, 0.5]), MASK, THERE, ONE, (2, 3), Terms())
    assert found.centers[0, 0].tolist() == pytest.approx([(0.5 / 3 + 2.5 / 3) / 2, (0.25 + 0.75) / 2])


def test_centers_and_their_movements_cost_their_squared_errors() -> None:
    seen = torch.tensor([[[0.5, 0.5]], [[0.5, 0.5]], [[0.2, 0.5]]])
    wanted = torch.tensor([[[0.4, 0.5]], [[0.5, 0.5]], [[0.6, 0.5]]])
    counts = torch.ones(3, 1)
    # places: 0.1, 0, 0.4 off; movements: 0 instead of 0.1, -0.3 instead of 0.1
    assert center_energy(seen, wanted, counts, 3).tolist() == pytest.approx([0.01, 0.0 + 0.01, 0.16 + 0.16])
    assert center_energy(seen, wanted, counts, 1).tolist() == pytest.approx([0.01, 0.0, 0.16]), "three videos"
    counts[1] = 0  # absent: no place, and no movement to or from it
    assert center_energy(seen, wanted, counts, 3).tolist() == pytest.approx([0.01, 0.0, 0.16])
