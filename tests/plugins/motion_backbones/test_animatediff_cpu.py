"""The forms of layers for a CPU compute what the library's layers compute."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers.models.attention import FeedForward
from diffusers.models.upsampling import Upsample2D

from spa2v.plugins.motion_backbones.animatediff import cpu
from tests.kit import tiny_weights as tiny


def adapted(layer: Any) -> Any:
    cpu._adapt(layer)
    return layer


@pytest.mark.parametrize("rows", [1, cpu.PIECE - 1, 3 * cpu.PIECE + 7])
def test_a_feed_forward_layer_in_pieces(rows: int) -> None:
    torch.manual_seed(rows)
    layer, x = FeedForward(12).requires_grad_(False), torch.randn(2, rows, 12)
    expected = layer(x)
    assert type(adapted(layer)) is cpu.PiecewiseFeedForward
    assert torch.allclose(layer(x), expected, atol=1e-6)


def test_gradients_pass_through_a_feed_forward_layer() -> None:
    torch.manual_seed(0)
    layer, x = FeedForward(12).requires_grad_(False), torch.randn(1, 5, 12, requires_grad=True)
    (expected,) = torch.autograd.grad(layer(x).square().sum(), x)
    (found,) = torch.autograd.grad(adapted(layer)(x).square().sum(), x)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("options", [{"activation_fn": "gelu"}, {"bias": False}])
def test_layers_of_other_kinds_stay(options: dict[str, Any]) -> None:
    assert type(adapted(FeedForward(12, **options))) is FeedForward
    assert type(adapted(Upsample2D(4, use_conv_transpose=True))) is Upsample2D
    assert type(adapted(Upsample2D(4))) is Upsample2D


@pytest.mark.parametrize("size", [(1, 1), (5, 8), (6, 3)])
def test_upsampling_by_folded_convolutions(size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    layer, x = Upsample2D(6, use_conv=True, out_channels=5).requires_grad_(False), torch.randn(2, 6, *size)
    expected, twice = layer(x), (2 * size[0], 2 * size[1])
    odd = layer(x, output_size=(twice[0] - 1, twice[1]))
    assert type(adapted(layer)) is cpu.SubpixelUpsample
    assert torch.allclose(layer(x), expected, atol=1e-5)
    assert torch.allclose(layer(x, output_size=twice), expected, atol=1e-5)
    assert torch.equal(layer(x, output_size=(twice[0] - 1, twice[1])), odd)


def test_on_a_cpu_networks_have_these_forms_and_draw_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, lean = tiny.layout("car"), tiny.backbone()
    kinds = [type(module) for module in lean.denoiser(tiny.RUN).modules()]
    assert FeedForward not in kinds
    assert Upsample2D not in kinds
    generators = lambda: [tiny.RUN.torch_generator("animatediff/noise")]  # noqa: E731
    latents, video = lean.engine.draw_latents([scene], generators(), tiny.RUN), lean.generate(scene, tiny.RUN)
    monkeypatch.setattr("spa2v.plugins.motion_backbones.animatediff.memory.adapt", lambda pipeline: None)
    plain = tiny.backbone()
    assert FeedForward in [type(module) for module in plain.denoiser(tiny.RUN).modules()]
    expected = plain.engine.draw_latents([scene], generators(), tiny.RUN)
    assert torch.allclose(latents, expected, atol=1e-4 * float(expected.abs().max()))
    assert abs(video.frames.astype(int) - plain.generate(scene, tiny.RUN).frames).max() <= 1
