"""What tells GLIGEN's attention where to look while it is trained."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers.models.attention_processor import Attention

from spa2v.plugins.grounding_injectors.instances import Instances
from spa2v.training.gligen import TOKENS, attention_error, covered

LEFT, TINY_BOX = (0.0, 0.0, 0.5, 1.0), (0.8, 0.8, 0.81, 0.81)
SIZE, WIDTH = (4, 8), 8


def one(box: tuple[float, ...], rows: int = 1) -> Instances:
    return Instances.from_rows([[("car", box)]] * rows, 4)


def test_cells_are_covered_by_their_middle_and_a_small_box_covers_one() -> None:
    cells = covered(one(LEFT), SIZE)[0, :, 0].reshape(SIZE)
    assert np.array_equal(cells, np.repeat([[1, 1, 1, 1, 0, 0, 0, 0]], 4, axis=0))
    assert covered(one(TINY_BOX), SIZE).sum() == 1


def looking(toward: float) -> float:
    """The error of an attention whose cells in the left half look at the thing's token as much as `toward` says."""
    attention = Attention(query_dim=WIDTH, heads=2, dim_head=WIDTH // 2, bias=False)
    with torch.no_grad():
        for layer in (attention.to_q, attention.to_k):
            layer.weight.copy_(torch.eye(WIDTH))
    given = torch.zeros(1, SIZE[0] * SIZE[1] + TOKENS, WIDTH)
    inside = torch.from_numpy(covered(one(LEFT), SIZE))[0, :, 0] > 0
    given[0, :-TOKENS, 0] = torch.where(inside, toward, -toward)  # queries, and keys that matter little
    given[0, -TOKENS, 0] = 20.0
    return float(attention_error(attention, given, one(LEFT), SIZE).detach())


def test_the_error_is_least_where_cells_look_at_their_thing_alone() -> None:
    from_away, nowhere, slightly, well = (looking(x) for x in (-0.5, 0.0, 0.3, 0.55))
    assert from_away > nowhere > slightly > well
    assert well == pytest.approx(0.325, abs=0.1)  # the entropy of a share of 0.9, which no attention can beat


def test_the_error_is_a_number_in_bfloat16_however_sure_the_attention_is() -> None:
    for toward in (0.3, 1.0, 2.0):
        single = looking(toward)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert looking(toward) == pytest.approx(single, rel=0.05)


def test_attention_learns_where_boxes_are_from_features_that_know_the_place() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    attention = Attention(query_dim=16, heads=2, dim_head=8, bias=False)
    box_to_token = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.SiLU(), torch.nn.Linear(32, 16))
    ys, xs = torch.meshgrid(torch.linspace(0, 1, SIZE[0]), torch.linspace(0, 1, SIZE[1]), indexing="ij")
    place = torch.stack([xs, ys], -1).reshape(1, -1, 2)
    features = torch.cat([torch.cat([torch.sin(k * place), torch.cos(k * place)], -1) for k in (1, 2, 3, 4)], -1)
    optimizer = torch.optim.Adam([*attention.parameters(), *box_to_token.parameters()], lr=1e-2)
    errors = []
    for _ in range(150):
        x, y = rng.uniform(0, 0.6, 2)
        instances = one((x, y, x + 0.4, y + 0.4))
        token = box_to_token(torch.from_numpy(instances.boxes).float())
        rest = torch.zeros(1, TOKENS - 1, 16)
        loss = attention_error(attention, torch.cat([3 * features, 3 * token, rest], dim=1), instances, SIZE)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        errors.append(float(loss.detach()))
    assert np.mean(errors[-20:]) < 0.7 * np.mean(errors[:20])
