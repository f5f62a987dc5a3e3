"""The GLIGEN injector: against diffusers' own gated UNet, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from spa2v.core.errors import ConfigError, ContractError, WeightsError
from spa2v.core.protocols import AttentionSite
from spa2v.core.types import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.core.types.layout import Beyond
from spa2v.plugins.grounding_injectors.gligen import GLIGEN
from spa2v.plugins.grounding_injectors.gligen.fusion import grounded_rows
from spa2v.plugins.grounding_injectors.gligen.weights import load_modules
from spa2v.plugins.grounding_injectors.instances import Instances
from tests.kit import tiny_weights as tiny
from tests.plugins.grounding_injectors.test_migc import evaluate

RUN = tiny.RUN


@pytest.fixture(scope="module")
def backbone() -> Any:
    return tiny.backbone()


@pytest.fixture(scope="module")
def sites(backbone: Any) -> tuple[AttentionSite, ...]:
    return backbone.attention_sites(RUN)


def gligen(**options: Any) -> GLIGEN:
    return GLIGEN(weights=str(tiny.home() / "gligen.safetensors"), **{"share": 1.0, **options})


def gated_unet() -> Any:
    """diffusers' UNet for pictures with its own position net and fusers, and the same weights."""
    from diffusers import UNet2DConditionModel

    plain = UNet2DConditionModel.from_pretrained(tiny.home() / "sd", subfolder="unet")
    gated = tiny.unet2d(attention_type="gated")
    gated.load_state_dict({**plain.state_dict(), **load_file(tiny.home() / "gligen.safetensors")}, strict=True)
    return gated.eval()


def test_it_equals_the_gated_unet_frame_by_frame() -> None:
    backbone = tiny.backbone()
    for name, parameter in backbone.denoiser(RUN).named_parameters():
        if ".motion_modules." in name and "proj_out" in name:
            parameter.zero_()  # frames then do not mix
    scene = tiny.layout("car", "dog")
    with gligen().attach(backbone, scene, RUN):
        ours = evaluate(backbone, [scene])
    instances = Instances.from_layouts([scene], backbone.frames, 30)
    pooled = backbone.encode_text(instances.phrases, RUN).pooled
    text = backbone.engine.text_rows([scene], RUN)
    latents = torch.randn(4, 4, *backbone.latent_size(RUN), generator=torch.Generator().manual_seed(1))
    gated = gated_unet()
    for frame in range(backbone.frames):
        boxes, masks, features = torch.zeros(2, 30, 4), torch.zeros(2, 30), torch.zeros(2, 30, tiny.TEXT_WIDTH)
        boxes[:, :2] = torch.from_numpy(instances.boxes[frame]).float()
        features[:, :2] = pooled[instances.phrase[frame]]
        masks[1, :2] = 1  # the uncond row gets null tokens
        given = {"gligen": {"boxes": boxes, "positive_embeddings": features, "masks": masks}}
        with torch.no_grad():
            one = latents[:, frame].expand(2, -1, -1, -1)
            theirs = gated(one, 500, text[[frame, 4 + frame]], cross_attention_kwargs=given).sample
        torch.testing.assert_close(ours[:, :, frame], theirs, atol=2e-5, rtol=1e-4)


def test_two_videos_at_once_equal_one_by_one(backbone: Any) -> None:
    scenes = [tiny.layout("car", "dog"), tiny.layout("piano", caption="a hall"), tiny.layout(caption="night")]
    injector = gligen()
    with injector.attach_many(backbone, scenes, RUN):
        together = evaluate(backbone, scenes)
    for index, scene in enumerate(scenes):
        with injector.attach(backbone, scene, RUN):
            alone = evaluate(backbone, [scene])
        torch.testing.assert_close(together[[index, 3 + index]], alone, atol=2e-5, rtol=1e-4)


def fail_while_attached(backbone: Any, scene: Any) -> None:
    with gligen().attach(backbone, scene, RUN):
        evaluate(backbone, [scene])
        raise RuntimeError("stop")


def test_detached_it_leaves_no_trace(backbone: Any) -> None:
    scene, unet = tiny.layout("car"), backbone.denoiser(RUN)
    before, keys = evaluate(backbone, [scene]), list(unet.state_dict())
    with pytest.raises(RuntimeError, match="stop"):
        fail_while_attached(backbone, scene)
    assert torch.equal(evaluate(backbone, [scene]), before)
    assert list(unet.state_dict()) == keys
    assert not unet._forward_pre_hooks


def test_it_works_in_the_first_steps_only(backbone: Any) -> None:
    scene = tiny.layout("car")
    plain = evaluate(backbone, [scene])
    with gligen(share=0.5).attach(backbone, scene, RUN):
        acts = [not torch.equal(evaluate(backbone, [scene], step=step), plain) for step in range(4)]
    assert acts == [True, True, False, False]


def test_without_guidance(backbone: Any) -> None:
    scene = tiny.layout("car", "dog")
    with gligen().attach(backbone, scene, RUN):
        guided, alone = evaluate(backbone, [scene]), evaluate(backbone, [scene], guided=False)
    torch.testing.assert_close(alone[0], guided[1], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize(("empty", "same"), [("plain", True), ("null", False)])
def test_frames_without_objects(empty: str, same: bool) -> None:
    car = SceneObject("car", "car", Box(0.1, 0.1, 0.6, 0.6))
    scene = VideoSceneLayout(2.0, "a street", (KeyFrame(0.0, "", (car,)), KeyFrame(1.5, "", ())))
    instances = Instances.from_layouts([scene, tiny.layout()], 4, 30)
    grounded = grounded_rows(instances, 4, empty)
    assert grounded.tolist() == ([True, True, False, False] if same else [True] * 4) + [False] * 4


def test_it_reports_its_layers(backbone: Any, sites: Any) -> None:
    with gligen().attach(backbone, tiny.layout("car"), RUN) as attachment:
        taken = [site.name for site in attachment.sites]
    assert taken == [site.name for site in sites if site.role == "cross"]
    with GLIGEN(weights="no/such").attach(backbone, tiny.layout(), RUN) as attachment:
        assert attachment.sites == ()


def test_more_objects_than_tokens_are_dropped(backbone: Any) -> None:
    with gligen(tokens=2).attach(backbone, tiny.layout("car", "dog", "cat"), RUN) as attachment:
        assert attachment.dropped == 1


def refusal(path: Path, sites: Any) -> str:
    with pytest.raises(WeightsError) as caught:
        load_modules(path, sites)
    return str(caught.value)


def test_original_keys_and_whole_unets_load(sites: Any, tmp_path: Path) -> None:
    tensors = tiny.gligen_tensors(sites)
    blocks = {site.block: f"{site.original_name}.transformer_blocks.0" for site in sites if site.kind == "spatial"}
    original = {"conv_in.weight": torch.zeros(2)}
    for key, tensor in tensors.items():
        head, found, tail = key.partition(".fuser.")
        original["model.diffusion_model." + (blocks[head] + found + tail if found else key)] = tensor
    torch.save({"model": original, "config_dict": {}}, tmp_path / "original.bin")
    (tmp_path / "folder" / "unet").mkdir(parents=True)
    save_file({"conv_in.weight": torch.zeros(2), **tensors}, tmp_path / "folder" / "unet" / "diffusion.safetensors")
    for path in (tmp_path / "original.bin", tmp_path / "folder"):
        net, fusers = load_modules(path, sites)
        assert set(fusers) == set(blocks)
        loaded = sum(len(module.state_dict()) for module in (net, *fusers.values()))
        assert loaded == len(tensors)


def test_wrong_files_are_refused(sites: Any, tmp_path: Path) -> None:
    tensors = tiny.gligen_tensors(sites)
    middle = "mid_block.attentions.0.transformer_blocks.0.fuser"
    wrong = {key: t for key, t in tensors.items() if not key.startswith("up_blocks.1.attentions.1.")}
    del wrong[f"{middle}.alpha_attn"]
    wrong[f"{middle}.alpha_other"] = torch.zeros(1)
    wrong["position_net.linears.2.bias"] = torch.zeros(3)
    wrong["down_blocks.9.attentions.0.transformer_blocks.0.fuser.alpha_attn"] = torch.zeros(1)
    wrong["down_blocks.0.attentions.0.transformer_blocks.0.fuser.linear.weight"] = torch.zeros(7, 24)
    save_file(wrong, tmp_path / "wrong.safetensors")
    text = refusal(tmp_path / "wrong.safetensors", sites)
    assert text.splitlines()[0] == "the file 'wrong.safetensors' is not a GLIGEN checkpoint for this backbone"
    assert "missing: up_blocks.1.attentions.1.transformer_blocks.0.fuser" in text
    assert f"{middle}: missing: alpha_attn" in text
    assert f"{middle}: not known: alpha_other" in text
    assert "position_net: of another shape: linears.2.bias (3,) instead of (512,)" in text
    assert "blocks that this backbone does not have: down_blocks.9." in text
    assert "fuser: made for width 7; the block has 16" in text
    save_file({"conv_in.weight": torch.zeros(2)}, tmp_path / "plain.safetensors")
    assert "position_net: missing: linears.4.bias, null_position_feature" in refusal(
        tmp_path / "plain.safetensors", sites
    )


def test_a_folder_without_weights_is_refused(sites: Any, tmp_path: Path) -> None:
    assert "does not hold one file of UNet weights\n  found: none" in refusal(tmp_path, sites)


def test_full_width_loads_strictly(tmp_path: Path) -> None:
    """The 280 keys at Stable Diffusion's width, half precision on disk."""
    from tests.plugins.grounding_injectors.test_migc_weights import full_sites

    sites = full_sites()
    with torch.device("meta"):
        shapes = {key: tensor.shape for key, tensor in tiny.gligen_tensors(sites).items()}
    tensors = {key: torch.zeros(shape, dtype=torch.float16) for key, shape in shapes.items()}
    assert len(tensors) == 280
    save_file(tensors, tmp_path / "gligen.safetensors")
    net, fusers = load_modules(tmp_path / "gligen.safetensors", sites)
    loaded = [t for module in (net, *fusers.values()) for t in module.state_dict().values()]
    assert len(loaded) == 280
    assert round(sum(tensor.numel() for tensor in loaded) / 1e6, 1) == 209.1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"share": 2.0}, "gligen: share is 2.0"),
        ({"tokens": 0}, "gligen: tokens is 0"),
        ({"empty_frames": "none"}, "gligen: empty_frames is 'none'"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        GLIGEN(**options)
    assert str(caught.value).splitlines()[0] == says


def test_other_backbones_are_refused() -> None:
    with pytest.raises(ContractError, match="the injector 'gligen' cannot attach to 'object'"):
        gligen().attach(object(), tiny.layout("car"), RUN)  # type: ignore[arg-type]


def test_boxes_beyond_the_frame_reach_weights_that_declare_them_and_no_others(tmp_path: Path) -> None:
    sites = tiny.backbone().attention_sites(RUN)
    whole = tmp_path / "whole.safetensors"
    save_file({key: value.contiguous() for key, value in tiny.gligen_tensors(sites).items()}, whole, {"boxes": "whole"})
    leaving = SceneObject("car_0", "car", Box(0.7, 0.2, 1.0, 0.6), Beyond(right=0.5))
    plans = [
        VideoSceneLayout(2.0, "a street", (KeyFrame(0.0, "", (item,)),))
        for item in (leaving, replace(leaving, beyond=Beyond()))
    ]
    same = []
    for path in (tiny.home() / "gligen.safetensors", whole):
        frames = []
        for plan in plans:
            backbone = tiny.backbone()
            with GLIGEN(weights=str(path), share=1.0).attach(backbone, plan, RUN):
                frames.append(backbone.generate(plan, RUN).frames)
        same.append(bool((frames[0] == frames[1]).all()))
    assert same == [True, False]
