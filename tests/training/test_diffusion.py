"""The loss that the denoiser stages share."""

from __future__ import annotations

import pytest
import torch

from spa2v.core.runtime import Run
from spa2v.training.diffusion import THING_WEIGHTS, cell_weights, make_noise_schedule, noised, velocity_loss


def test_a_small_thing_counts_not_much_less_than_a_large_one() -> None:
    small, large = (0.5, 0.5, 0.54, 0.58), (0.0, 0.0, 0.5, 0.5)
    weights = cell_weights([[small], [large], []], (20, 32))
    assert weights.shape == (3, 1, 20, 32)
    assert weights[2].eq(1).all()
    of_small, of_large = weights[0, 0, 10:12, 16:18], weights[1, 0, :10, :16]
    assert of_small.eq(THING_WEIGHTS[1]).all()
    assert of_large.eq(THING_WEIGHTS[0]).all()
    assert int((weights[0] > 1).sum()) == 4
    assert int((weights[1] > 1).sum()) == 160


@pytest.mark.parametrize("first", [0, 1])
def test_a_cell_of_two_boxes_has_the_weight_of_the_smaller(first: int) -> None:
    boxes = [(0.0, 0.0, 1.0, 1.0), (0.25, 0.3, 0.3, 0.35)]
    weights = cell_weights([[boxes[first], boxes[1 - first]]], (20, 32))
    assert weights[0, 0, 6, 8] == THING_WEIGHTS[1]
    assert weights[0, 0, 0, 0] == THING_WEIGHTS[0]


def test_a_box_out_of_view_weighs_nothing() -> None:
    assert cell_weights([[(0.5, 0.5, 0.5, 0.5)], [(1.0, 0.0, 1.0, 1.0)]], (4, 4))[1].eq(1).all()


def test_an_error_inside_a_box_costs_more_than_one_outside() -> None:
    schedule, run = make_noise_schedule(), Run(device="cpu")
    batch = noised(torch.zeros(1, 2, 4, 4), schedule, torch.Generator().manual_seed(0))
    weights = cell_weights([[(0.0, 0.0, 0.25, 0.25)]], (4, 4))
    true = schedule.get_velocity(batch.latents, batch.noise, batch.times)

    def loss(row: int) -> float:
        wrong = true.clone()
        wrong[..., row, row] += 1.0
        return float(velocity_loss(lambda noisy, times: wrong, batch, schedule, run, weights))

    assert loss(0) == pytest.approx(float(weights[0, 0, 0, 0]) * loss(3))
