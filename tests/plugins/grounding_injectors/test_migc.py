"""The MIGC injector on a small backbone: what it changes, what it leaves alone, and that batches change nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spa2v.core.errors import ConfigError, ContractError
from spa2v.core.protocols import Denoising
from spa2v.core.runtime import Run
from spa2v.core.types import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.plugins.grounding_injectors.instances import Instances
from spa2v.plugins.grounding_injectors.migc import MIGC
from spa2v.plugins.grounding_injectors.migc.masks import latent_masks, shading_masks
from spa2v.plugins.grounding_injectors.migc.processor import Schedule, slot_positions
from tests.kit import tiny_weights as tiny

RUN = tiny.RUN


@pytest.fixture(scope="module")
def backbone() -> Any:
    return tiny.backbone()


def migc(**options: Any) -> MIGC:
    return MIGC(weights=str(tiny.home() / "migc.ckpt"), **options)


def evaluate(backbone: Any, layouts: list[VideoSceneLayout], guided: bool = True, step: int = 0) -> torch.Tensor:
    """One evaluation of the denoiser for fixed latents and the layouts' own text, (rows, F, C, h, w)."""
    backbone.denoising.step, backbone.denoising.steps, backbone.denoising.guided = step, 4, guided
    latents = torch.randn(4, backbone.frames, *backbone.latent_size(RUN), generator=torch.Generator().manual_seed(1))
    times = 2 if guided else 1
    text = backbone.engine.text_rows(layouts, RUN)
    text = text if guided else text[len(text) // 2 :]
    with torch.no_grad():
        batch = latents.expand(times * len(layouts), -1, -1, -1, -1)
        return backbone.denoiser(RUN)(batch, 500, encoder_hidden_states=text).sample


def test_it_changes_the_cond_rows_only(backbone: Any) -> None:
    scene = tiny.layout("car", "dog")
    before = evaluate(backbone, [scene])
    with migc().attach(backbone, scene, RUN):
        during = evaluate(backbone, [scene])
    assert torch.equal(during[0], before[0])
    assert not torch.allclose(during[1], before[1], atol=1e-4)


def fail_while_attached(backbone: Any, scene: VideoSceneLayout, keys: list[str]) -> None:
    with migc(naive_share=1.0).attach(backbone, scene, RUN):
        evaluate(backbone, [scene])
        assert list(backbone.denoiser(RUN).state_dict()) == keys
        raise RuntimeError("stop")


def test_detached_it_leaves_no_trace(backbone: Any) -> None:
    unet, scene = backbone.denoiser(RUN), tiny.layout("car")
    processors, keys = dict(unet.attn_processors), list(unet.state_dict())
    before = evaluate(backbone, [scene])
    with pytest.raises(RuntimeError, match="stop"):
        fail_while_attached(backbone, scene, keys)
    assert torch.equal(evaluate(backbone, [scene]), before)
    assert all(unet.attn_processors[name] is processor for name, processor in processors.items())


def test_it_reports_its_layers(backbone: Any) -> None:
    run = Run(device="cpu")
    with migc().attach(backbone, tiny.layout("car"), run) as attachment:
        names = [site.name for site in attachment.sites]
    assert names == [site.name for site in tiny.grounded(backbone.attention_sites(RUN))]
    assert run.record["grounding"] == {"injector": "migc", "sites": names, "dropped_objects": 0}
    assert sum("non-commercial research" in note for note in run.record["notices"]) == 1


@pytest.mark.parametrize("naive", [0.0, 1.0])
def test_two_videos_at_once_equal_one_by_one(backbone: Any, naive: float) -> None:
    scenes = [tiny.layout("car", "dog", "drum"), tiny.layout("piano", caption="a hall"), tiny.layout(caption="night")]
    injector = migc(naive_share=naive)
    with injector.attach_many(backbone, scenes, RUN):
        together = evaluate(backbone, scenes)
    for index, scene in enumerate(scenes):
        with injector.attach(backbone, scene, RUN):
            alone = evaluate(backbone, [scene])
        both = together[[index, len(scenes) + index]]
        torch.testing.assert_close(both, alone, atol=2e-5, rtol=1e-4)


def test_frames_at_once_equal_frame_by_frame() -> None:
    """In one layer: rows with 2, 1, 0 and 3 objects equal the same rows on their own."""
    backbone = tiny.backbone()
    site = tiny.grounded(backbone.attention_sites(RUN))[0]
    scene = tiny.layout("car", "dog", "drum")
    times = [0.0, 0.5, 1.0, 1.5]
    counts = [2, 1, 0, 3]
    frames = [
        replace(scene.at(t), time_s=0.0, objects=scene.at(t).objects[:n]) for t, n in zip(times, counts, strict=True)
    ]
    shown = [VideoSceneLayout(2.0, "a street", (frame,)) for frame in frames]
    x = torch.randn(
        8, site.resolution[0] * site.resolution[1], site.channels, generator=torch.Generator().manual_seed(2)
    )
    states = backbone.encode_text(["bad", *(f"view {k}" for k in range(4))], RUN).states
    text = torch.cat([states[:1].expand(4, -1, -1), states[1:]])
    backbone.frames = 1
    attention: Any = backbone.denoiser(RUN).get_submodule(site.name)
    with torch.no_grad():
        plain = attention(x, encoder_hidden_states=text)
        with migc().attach_many(backbone, shown, RUN):
            together = attention(x, encoder_hidden_states=text)
        assert torch.equal(together[:4], plain[:4])
        assert torch.equal(together[6], plain[6])
        for row, one in enumerate(shown):
            rows = [row, 4 + row]
            with migc().attach(backbone, one, RUN):
                alone = attention(x[rows], encoder_hidden_states=text[rows])
            torch.testing.assert_close(together[rows], alone, atol=1e-5, rtol=1e-4)


def test_without_guidance_all_rows_are_cond_rows(backbone: Any) -> None:
    scene = tiny.layout("car", "dog")
    with migc().attach(backbone, scene, RUN):
        guided, alone = evaluate(backbone, [scene]), evaluate(backbone, [scene], guided=False)
    torch.testing.assert_close(alone[0], guided[1], atol=2e-5, rtol=1e-4)


def test_what_no_step_changes_is_computed_once() -> None:
    """Keys of the frames' text and of the phrases: once each in a generation, however many steps."""
    backbone, scene, calls = tiny.backbone(steps=4), tiny.layout("car", "dog"), []
    with migc(share=1.0).attach(backbone, scene, RUN) as attachment:
        for site in attachment.sites:
            layer: Any = backbone.denoiser(RUN).get_submodule(site.name)
            layer.to_k.register_forward_hook(lambda module, args, out, name=site.name: calls.append(name))
        backbone.generate(scene, RUN)
    assert sorted(calls) == sorted([site.name for site in attachment.sites] * 2)


def test_gradients_reach_every_tensor_of_a_module() -> None:
    """So that small weights can be trained in the very classes that draw."""
    backbone, scene = tiny.backbone(), tiny.layout("car", "dog")
    injector = migc()
    with injector.attach(backbone, scene, RUN) as attachment:
        modules = [injector._modules[site.name].requires_grad_(True) for site in attachment.sites]
        latents = torch.randn(2, 4, 4, *backbone.latent_size(RUN), generator=torch.Generator().manual_seed(1))
        text = backbone.engine.text_rows([scene], RUN)
        backbone.denoiser(RUN)(latents, 500, encoder_hidden_states=text).sample.square().mean().backward()
    for module in modules:
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert bool(parameter.grad.isfinite().all()), name


def test_without_objects_nothing_is_attached_or_loaded(backbone: Any) -> None:
    with MIGC(weights="no/such.ckpt").attach(backbone, tiny.layout(), RUN) as attachment:
        assert attachment.sites == ()


def test_it_works_in_its_share_of_the_steps_only(backbone: Any) -> None:
    scene = tiny.layout("car")
    plain = evaluate(backbone, [scene])
    with migc(share=0.25).attach(backbone, scene, RUN):
        acts = [not torch.equal(evaluate(backbone, [scene], step=step), plain) for step in range(4)]
    assert acts == [True, True, False, False]


@pytest.mark.parametrize(
    ("share", "steps", "active"), [(0.5, 50, 26), (0.5, 25, 13), (0.0, 50, 0), (1.0, 4, 4), (0.3, 10, 4)]
)
def test_schedule_counts_the_boundary_step(share: float, steps: int, active: int) -> None:
    schedule = Schedule(share)
    assert sum(schedule.active(Denoising(step, steps)) for step in range(steps)) == active


def test_schedule_stops_at_a_timestep() -> None:
    schedule = Schedule(1.0, until_timestep=400)
    assert schedule.active(Denoising(3, 10, 400.0))
    assert not schedule.active(Denoising(3, 10, 399.0))


def test_slots_are_in_order_or_drawn_from_a_seed(backbone: Any) -> None:
    assert slot_positions(5).tolist() == [0, 1, 2, 3, 4]
    assert slot_positions(28, seed=3).tolist() == slot_positions(28, seed=3).tolist() != list(range(28))
    order = torch.tensor([2, 0, 1])
    assert torch.arange(3)[order][slot_positions(3, order=order)].tolist() == [0, 1, 2]
    scene = tiny.layout("car", "dog")
    outputs = []
    for seed in (None, 1, 1):
        with migc(slot_seed=seed).attach(backbone, scene, RUN):
            outputs.append(evaluate(backbone, [scene]))
    assert torch.equal(outputs[1], outputs[2])
    assert not torch.equal(outputs[0], outputs[1])


@pytest.mark.parametrize("option", ["text_scale", "enhancement_scale", "controller_scale"])
def test_scales_have_an_effect(backbone: Any, option: str) -> None:
    scene = tiny.layout("car")
    outputs = []
    for options in ({}, {option: 1.0}, {option: 1.5}):
        with migc(**options).attach(backbone, scene, RUN):
            outputs.append(evaluate(backbone, [scene]))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.allclose(outputs[0], outputs[2])


@pytest.mark.parametrize("box", [Box(0.5, 0.5, 0.503, 0.503), Box(0.1, 0.1, 0.1005, 0.9), Box(0.999, 0.0, 1.0, 0.001)])
def test_an_object_that_is_smaller_than_a_cell_gets_one_in_every_layer_and_is_named(backbone: Any, box: Box) -> None:
    run = Run(device="cpu")
    layout = VideoSceneLayout(2.0, "a street", (KeyFrame(0.0, "", (SceneObject("bird_0", "bird", box),)),))
    with migc().attach(backbone, layout, run) as attachment:
        processors = backbone.denoiser(RUN).attn_processors
        for site in attachment.sites:
            masks = processors[f"{site.name}.processor"].scene.masks(site.resolution)
            assert (masks.instances.amax(dim=2) == 1.0).all()
            assert (masks.instances[:, 0] * masks.background == 0).all()
        small = evaluate(backbone, [layout])
    assert not torch.allclose(small[1], evaluate(backbone, [layout])[1], atol=1e-4)
    last = backbone.frames - 1
    assert run.record["grounding"]["smaller_than_a_cell"] == {"bird_0": f"0-{last}"}
    assert any("bird_0 is smaller than a cell" in line and f"frames 0-{last}" in line for line in run.record["notices"])


def test_ordinary_boxes_have_the_masks_of_the_reference(backbone: Any) -> None:
    boxes = np.array([[[0.1, 0.2, 0.6, 0.9], [0.55, 0.1, 0.95, 0.5]]])
    on_latents = latent_masks(boxes, (64, 128), (8, 16))
    centers = torch.from_numpy((boxes[..., :2] + boxes[..., 2:]) / 2).float()
    for plain, given in zip(shading_masks(on_latents, (4, 8)), shading_masks(on_latents, (4, 8), centers), strict=True):
        assert given == plain if isinstance(plain, tuple) else torch.equal(given, plain)


def test_more_objects_than_slots_are_dropped_with_a_notice(backbone: Any) -> None:
    run = Run(device="cpu")
    with migc().attach(backbone, tiny.layout(*(f"thing {k}" for k in range(11))), run) as attachment:
        evaluate(backbone, [tiny.layout("car")])
    assert attachment.dropped == 3  # the small weights have 8 slots
    assert "migc: a frame has 3 objects too many; the last ones are not grounded." in run.record["notices"]


def test_other_backbones_are_refused() -> None:
    with pytest.raises(ContractError) as caught:
        migc().attach(object(), tiny.layout("car"), RUN)  # type: ignore[arg-type]
    assert str(caught.value).splitlines()[0] == "the injector 'migc' cannot attach to 'object'"
    assert "or set grounding_injector to 'ungrounded'" in str(caught.value)


def test_another_batch_than_the_attached_one_is_refused(backbone: Any) -> None:
    scenes = [tiny.layout("car"), tiny.layout("dog")]
    with migc().attach_many(backbone, scenes, RUN), pytest.raises(ContractError, match="passes 8 rows of") as caught:
        evaluate(backbone, scenes[:1])
    assert "the attached layout has 16 rows of 6 x 8 cells" in str(caught.value)


@pytest.mark.parametrize("options", [{"share": 1.5}, {"naive_share": -0.1}])
def test_shares_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"migc: {next(iter(options))} is .*\n  expected 0 to 1"):
        MIGC(**options)


def test_repeated_phrases() -> None:
    rows = [[("car", (0, 0, 1, 1)), ("dog", (0, 0, 1, 1))], []]
    instances = Instances.from_rows(rows, limit=9)
    assert instances.repeated(7) == ("car, and car", "dog, and dog")
    assert instances.present.tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize("pixels", [(320, 512), (512, 320), (192, 256)])
def test_masks_average_sixteen_pixels_of_a_cell(pixels: tuple[int, int]) -> None:
    """The closed form for multiples of 64: 4 x 4 pixels, at 27, 28, 35 and 36 in a cell of 64."""
    boxes = np.random.default_rng(3).uniform(0, 1, (2, 3, 4))
    boxes = np.concatenate([np.minimum(boxes[..., :2], boxes[..., 2:]), np.maximum(boxes[..., :2], boxes[..., 2:])], -1)
    height, width = pixels
    cells = (height // 64, width // 64)
    made = shading_masks(latent_masks(boxes, pixels, (height // 8, width // 8)), cells)
    rows, columns = ((np.arange(n)[:, None] * 64 + np.array([27, 28, 35, 36])).ravel() for n in cells)
    for r in range(2):
        inside = np.stack(
            [
                ((rows >= int(height * y1)) & (rows < int(height * y2)))[:, None]
                & ((columns >= int(width * x1)) & (columns < int(width * x2)))
                for x1, y1, x2, y2 in boxes[r]
            ]
        )
        average = inside.reshape(3, cells[0], 4, cells[1], 4).mean((2, 4))
        rest = 1 - inside.any(0).reshape(cells[0], 4, cells[1], 4).mean((1, 3))
        np.testing.assert_allclose(made.instances[r].reshape(average.shape), average, atol=1e-6)
        np.testing.assert_allclose(made.background[r].reshape(rest.shape), rest, atol=1e-6)


def test_masks_take_sizes_that_are_no_multiple_of_64() -> None:
    made = shading_masks(latent_masks(np.array([[[0.0, 0.0, 1.0, 1.0]]]), (72, 104), (9, 13)), (5, 7))
    assert made.instances.shape == (1, 1, 35)
    assert float(made.instances.min()) == 1.0
    assert float(made.background.max()) == 0.0
    assert bool(made.visible.all())


def test_half_precision_runs(tmp_path: Path) -> None:
    run = Run(seed=5, device="cpu", dtype="bfloat16")
    backbone = tiny.backbone(steps=1)
    scene = tiny.layout("car")
    with migc().attach(backbone, scene, run):
        video = backbone.generate(scene, run)
    assert video.frames.shape == (4, 48, 64, 3)
