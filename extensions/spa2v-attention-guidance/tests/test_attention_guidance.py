"""The contract of grounding injectors, and what guidance does to latents and attention on tiny random weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from spa2v import Box, ConfigError, ContractError, GeneratedVideo, KeyFrame, Run, SceneObject, VideoSceneLayout
from spa2v.testing import check_component, toy_backbone, toy_layout, toy_run
from torch import Tensor

from spa2v_attention_guidance.component import AttentionGuidance
from spa2v_attention_guidance.goal import Goal

Predict = Callable[[Tensor], Tensor]
PUSHED = {"share": 0.1, "iterations": 12, "threshold": 0.0, "strength": 1000.0}


@pytest.mark.spa2v_component("grounding_injectors", "attention_guidance", iterations=1)
def test_contract(spa2v_rule: Callable[[], None]) -> None:
    spa2v_rule()


def backbone(**options: Any) -> Any:
    """The tiny backbone with queries as large as trained ones; random ones look everywhere alike."""
    made = toy_backbone(**options)
    for site in made.attention_sites(toy_run()):
        if site.role == "cross":
            made.denoiser(toy_run()).get_submodule(site.name).to_q.weight.data *= 16
    return made


def layout(*things: tuple[str, str, Box], caption: str) -> VideoSceneLayout:
    """One scene that stays for two seconds."""
    return VideoSceneLayout(2.0, caption, (KeyFrame(0.0, "", tuple(SceneObject(*thing) for thing in things)),))


LEFT, RIGHT = Box(0.05, 0.2, 0.4, 0.9), Box(0.6, 0.1, 0.95, 0.8)
CAR = layout(("a", "car", LEFT), caption="a car")
BOTH = layout(("a", "car", LEFT), ("b", "dog", RIGHT), caption="a car and a dog")


def guided(made: Any, scene: Any, **options: Any) -> tuple[list[float], list[tuple[Tensor, Tensor]], Run]:
    """The energies of the first video, the latents before and after each step's guidance, and the run."""
    run, pairs = toy_run(), []
    with AttentionGuidance(**{**PUSHED, **options}).attach(made, scene, run) as guide:
        hooks = made.denoising.before_step
        place = hooks.index(guide)

        def keep(latents: Tensor, predict: Predict) -> Tensor:
            after = guide(latents, predict)
            pairs.append((latents.clone(), after.clone()))
            return after

        hooks[place] = keep
        made.generate(scene, run)
        hooks[place] = guide
    energies = [entry["energy"][0] for entry in run.record["attention_guidance"]["energies"]]
    return energies, pairs, run


def mass_in_box(made: Any, scene: VideoSceneLayout, latents: Tensor, name: str, box: Box) -> float:
    """Part of the attention to a name that falls into a box: plain softmax over the layers' own projections."""
    run, maps = toy_run(), []
    places = made.find_phrases(scene, [name], run)[0][0]
    texts = made.encode_text([scene.caption] * made.frames, run).states

    def keep(site: Any) -> Callable[..., None]:
        def hook(layer: Any, inputs: Any, named: Any) -> None:
            q, k = layer.to_q(inputs[0]), layer.to_k(named["encoder_hidden_states"])
            q, k = (side.unflatten(-1, (layer.heads, -1)).transpose(1, 2) for side in (q, k))
            seen = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(dim=-1)[..., places]
            maps.append((seen.mean(dim=(0, 1, 3)), site.resolution))

        return hook

    unet = made.denoiser(run)
    sites = [site for site in made.attention_sites(run) if site.role == "cross" and site.resolution == (6, 8)]
    hooks = [unet.get_submodule(site.name).register_forward_pre_hook(keep(site), with_kwargs=True) for site in sites]
    with torch.no_grad():
        unet(latents, torch.tensor(999), encoder_hidden_states=texts)
    for hook in hooks:
        hook.remove()
    inside = torch.zeros(6, 8)
    inside[round(box.y1 * 6) : round(box.y2 * 6), round(box.x1 * 8) : round(box.x2 * 8)] = 1
    return float(np.mean([(one * inside.flatten()).sum() / one.sum() for one, _ in maps]))


def test_energy_falls_and_attention_moves_into_the_box() -> None:
    made = backbone(captions="global")
    energies, pairs, _ = guided(made, CAR, strength=300.0)
    assert len(energies) == 12
    assert energies == sorted(energies, reverse=True)
    before, after = (mass_in_box(made, CAR, latents, "car", LEFT) for latents in pairs[0])
    assert after > 2 * before, (before, after)
    assert all(torch.equal(one, other) for one, other in pairs[1:]), "only the first step is guided"


def test_every_thing_goes_into_its_own_box() -> None:
    made = backbone(captions="global")
    _, pairs, _ = guided(made, BOTH, iterations=25)
    for name, own, other in (("car", LEFT, RIGHT), ("dog", RIGHT, LEFT)):
        before, after = (mass_in_box(made, BOTH, latents, name, own) for latents in pairs[0])
        assert after > before, name
        before, after = (mass_in_box(made, BOTH, latents, name, other) for latents in pairs[0])
        assert after < before, name


def test_the_other_side_is_the_other_side() -> None:
    made = backbone(captions="global")
    mirrored = layout(("a", "car", LEFT.mirrored()), caption="a car")
    ends = [guided(made, scene)[1][0][1] for scene in (CAR, mirrored)]
    there, elsewhere = (mass_in_box(made, CAR, latents, "car", LEFT) for latents in ends)
    assert there > elsewhere + 0.05


@pytest.mark.parametrize("options", [{}, {"center": 0.3}, {"recompute": False, "chunk": 1}, {"chunk": 64}])
def test_gradients_are_those_of_finite_differences(options: dict[str, Any]) -> None:
    made = backbone(captions="global")
    made.denoiser(toy_run()).double()
    texts = made.encode_text([BOTH.caption] * made.frames, toy_run()).states.double()
    unet = made.denoiser(toy_run())
    latents, way = (torch.randn(1, 4, 4, 12, 16, generator=torch.Generator().manual_seed(i)).double() for i in (1, 2))
    with AttentionGuidance(**PUSHED, **options).attach(made, BOTH, toy_run()) as guide:

        def measure(at: Tensor) -> tuple[Tensor, Tensor]:
            return guide.measure(at, lambda seen: unet(seen, torch.tensor(900), encoder_hidden_states=texts)[0])

        slope = float((measure(latents)[1] * way).sum())
        up, down = (float(measure(latents + step * way)[0]) for step in (1e-6, -1e-6))
    rise = (up - down) / 2e-6 * made.frames  # the gradient is that of the sum of the frames
    assert abs(rise) > 1e-4
    assert slope == pytest.approx(rise, rel=1e-4)
    assert torch.is_grad_enabled()


def test_chunks_and_recomputing_change_memory_and_nothing_else() -> None:
    def slope(**options: Any) -> tuple[Tensor, int]:
        """The change of the latents, and the bytes that autograd keeps for it from the denoiser."""
        kept = [0]

        def pack(tensor: Tensor) -> Tensor:
            kept[0] += tensor.numel() * tensor.element_size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            before, after = guided(backbone(), BOTH, iterations=1, **options)[1][0]
        return after - before, kept[0]

    (whole, most), (chunked, some), (again, least) = (
        slope(**options)
        for options in ({"recompute": False, "chunk": 64}, {"recompute": False, "chunk": 1}, {"chunk": 1})
    )
    assert whole.abs().max() > 0
    assert torch.allclose(whole, chunked, rtol=1e-3, atol=1e-6)
    assert torch.allclose(whole, again, rtol=1e-3, atol=1e-6)
    assert least < 0.6 * most, (most, some, least)


def test_attention_maps_are_in_memory_a_chunk_at_a_time() -> None:
    sizes: list[int] = []
    made = backbone()
    layer = made.denoiser(toy_run()).mid_block.attentions[0].transformer_blocks[0].attn2
    compute = layer.get_attention_scores
    layer.get_attention_scores = lambda *sides: (sizes.append(sides[0].shape[0] // layer.heads), compute(*sides))[1]
    guided(made, BOTH, iterations=1, chunk=3)
    assert sizes[:2] == [3, 1], "four frames"
    assert len(sizes) == 6, "and again: with the block that holds the layer, and for the gradient of the maps"
    assert max(sizes) == 3


def test_a_batch_is_guided_as_each_video_alone() -> None:
    made, scenes = backbone(captions="global"), [CAR, layout(caption="a street"), BOTH]
    options = {**PUSHED, "iterations": 3}
    with AttentionGuidance(**options).attach_many(made, scenes, toy_run()):
        together = made.generate_many(scenes, toy_run())
    for scene, video in zip(scenes, together, strict=True):
        with AttentionGuidance(**options).attach(made, scene, toy_run()):
            alone = made.generate(scene, toy_run())
        assert np.abs(video.frames.astype(int) - alone.frames.astype(int)).max() <= 1


def test_a_video_below_the_threshold_is_left_alone() -> None:
    made = backbone(captions="global")
    energies, _, _ = guided(made, CAR)
    threshold = float(np.mean(energies[4:6]))
    stopped, pairs, _ = guided(made, CAR, threshold=threshold, share=0.5)
    assert stopped == energies[:6], "it stops once the energy is below, for the rest of the steps"
    assert torch.equal(*pairs[1])
    again, _, _ = guided(made, CAR, threshold=threshold, share=0.5)
    assert again == stopped, "and starts anew with the next video"


def test_share_iterations_and_strength_are_heeded() -> None:
    made = backbone(captions="global")
    assert len(guided(made, CAR, share=0.5, iterations=2)[0]) == 4, "two of four steps"
    for options in ({"share": 0.0}, {"strength": 0.0}):
        assert all(torch.equal(*pair) for pair in guided(made, CAR, **options)[1])
    plain = made.generate(CAR, toy_run()).frames
    with AttentionGuidance(**PUSHED).attach(made, CAR, toy_run()):
        assert not np.array_equal(made.generate(CAR, toy_run()).frames, plain)
    assert check_component("grounding_injectors", "attention_guidance", iterations=1).facts["grounds"]


def test_the_denoiser_can_checkpoint_no_more_and_no_less_than_before() -> None:
    made = toy_backbone()
    unet = made.denoiser(toy_run())
    for before in (False, True):
        (unet.enable_gradient_checkpointing if before else unet.disable_gradient_checkpointing)()
        with AttentionGuidance().attach(made, CAR, toy_run()):
            assert unet.is_gradient_checkpointing
        assert unet.is_gradient_checkpointing is before
    assert made.denoising.before_step == []


def test_a_gradient_that_is_not_finite_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    made = backbone(captions="global")
    made.denoiser(toy_run()).conv_in.weight.data[0, 0, 0, 0] = float("inf")
    _, pairs, run = guided(made, CAR)
    assert torch.equal(*pairs[0])
    assert any("a gradient is not finite" in notice for notice in run.record["notices"])


def goal(scene: VideoSceneLayout, **options: Any) -> Goal:
    return Goal.of(toy_backbone(captions="global", **options), [scene], toy_run())


def test_things_of_one_name_share_their_words_and_unite_their_boxes() -> None:
    found = goal(layout(("a", "car", LEFT), ("b", "car", RIGHT), caption="two cars"))
    assert found.tokens.shape[:2] == (4, 1)
    (mask,) = found.masks((6, 8))[0].reshape(1, 6, 8)
    assert mask[1:5, 0:3].min() == 1, "rows 1 to 4 (0.2 and a length of 0.7), columns 0 to 2"
    assert mask.sum() == 4 * 3 + 4 * 3


def test_a_thing_that_is_absent_has_no_inside() -> None:
    come = KeyFrame(0.0), KeyFrame(1.9, "", (SceneObject("a", "car", LEFT),))
    found = goal(VideoSceneLayout(2.0, "a car", come))
    assert found.present.flatten().tolist() == [False, False, True, True]
    assert found.masks((6, 8)).sum(dim=-1).flatten().tolist() == [0, 0, 12, 12]
    assert (found.weights.sum(dim=(1, 2)) == 1).all(), "its words still count, outside"
    energies, _, _ = guided(backbone(captions="global"), VideoSceneLayout(2.0, "a car", come))
    assert energies[-1] < energies[0]


@pytest.mark.parametrize("size", [1e-3, 0.05])
def test_a_small_box_covers_a_cell(size: float) -> None:
    scene = layout(("a", "car", Box(1 - size, 1 - size, 1.0, 1.0)), caption="a car")
    mask = goal(scene).masks((6, 8))[0, 0].reshape(6, 8)
    assert mask.sum() == 1
    assert mask[5, 7] == 1


def test_names_are_found_by_their_last_word_or_told() -> None:
    scene = layout(("a", "red car", LEFT), ("b", "bus", RIGHT), caption="a car")
    run = toy_run()
    with AttentionGuidance().attach(toy_backbone(captions="global"), scene, run) as guide:
        assert guide.watch.goal.lost == ("bus",)
        assert guide.watch.goal.tokens[0].tolist() == [[2, 3, 4]], "one token a letter; the first is the start"
    assert run.record["notices"] == [
        "attention_guidance: 'bus' is not in the text that is drawn from, so nothing guides it."
    ]
    assert run.record["attention_guidance"]["lost"] == ["bus"]


def test_a_layout_without_known_words_is_drawn_as_without() -> None:
    made, scene = toy_backbone(captions="global"), layout(("a", "car", LEFT), caption="a street")
    plain = made.generate(scene, toy_run()).frames
    with AttentionGuidance().attach(made, scene, toy_run()):
        assert np.array_equal(made.generate(scene, toy_run()).frames, plain)


def test_layers_can_be_named() -> None:
    made = toy_backbone()
    with AttentionGuidance(layers=["down_blocks.1", "up_blocks.0.attentions.1"]).attach(
        made, toy_layout(1), toy_run()
    ) as guide:
        names = [site.name for site in guide.watch.sites]
    assert [name.partition(".transformer_blocks")[0] for name in names] == [
        "down_blocks.1.attentions.0",
        "up_blocks.0.attentions.1",
    ]
    for layers, text in ((["down_blocks.1", "up_block"], "a name like 'up_block'"), ([], "the names in layers")):
        with pytest.raises(ConfigError) as caught, AttentionGuidance(layers=layers).attach(made, CAR, toy_run()):
            pass
        assert str(caught.value).startswith(
            f"attention_guidance: the backbone has no cross-attention layer with {text}\n  it has: down_blocks.0"
        )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"share": 1.5}, "share is 1.5\n  expected 0 to 1"),
        ({"iterations": 0}, "iterations is 0\n  expected 1 to 100"),
        ({"strength": "much"}, "strength is 'much'\n  expected 0 to 10000"),
        ({"threshold": float("nan")}, "threshold is nan\n  expected 0 to 100"),
        ({"chunk": True}, "chunk is True\n  expected 1 to 1024"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AttentionGuidance(**options)
    assert str(caught.value) == f"attention_guidance: {text}"


class Still:
    """A backbone that lets nobody change latents."""

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        raise NotImplementedError


def test_backbones_that_cannot_be_steered_are_refused() -> None:
    with pytest.raises(ContractError) as caught:
        AttentionGuidance().attach(Still(), CAR, toy_run())
    assert str(caught.value) == (
        "'attention_guidance' cannot attach to 'Still'\n  it needs a backbone that lets injectors change its latents "
        "(see `SteerableBackbone`), such as 'animatediff'"
    )


def test_the_config_shows_every_option_and_the_ablation_takes_known_ones() -> None:
    folder = Path(__file__).parents[1]
    shown = yaml.safe_load((folder / "attention_guidance.yaml").read_text())["grounding_injector"]["options"]
    defaults = {name: item.default for name, item in inspect.signature(AttentionGuidance).parameters.items()}
    assert {**shown, "layers": None} == defaults
    rows = yaml.safe_load((folder / "ablation_toyworld.yaml").read_text())["rows"]
    chosen = [row["set"]["grounding_injector"] for row in rows if "set" in row]
    options = [item["options"] for item in chosen if isinstance(item, dict)]
    assert len(options) == 3
    for one in options:
        AttentionGuidance(**one)
