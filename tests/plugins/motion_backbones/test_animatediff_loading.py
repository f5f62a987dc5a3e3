"""Loading Stable Diffusion and AnimateDiff weights: every source, and every refusal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from spa2v.core.errors import WeightsError
from spa2v.plugins.motion_backbones.animatediff.motion_modules import load_adapter
from tests.kit import tiny_weights as tiny
from tests.kit.tiny_weights import load_tiny, refusal

RUN = tiny.RUN


def adapter_at(path: Path) -> Any:
    return load_adapter(path, torch.float32, {"norm_num_groups": tiny.GROUPS, "attention_head_dim": tiny.HEADS})


def changed(folder: Path, part: str, change: Any) -> Path:
    """A copy of the base folder in which one network's tensors were changed."""
    shutil.copytree(tiny.home() / "sd", folder)
    file = next((folder / part).glob("*.safetensors"))
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)
    return folder


def test_one_file_loads_as_the_folder_does(tmp_path: Path) -> None:
    file = tiny.single_file(tmp_path / "model.safetensors", tiny.home() / "sd")
    one = load_tiny(base=str(file), base_config=str(tiny.home() / "sd"))
    folder = tiny.plain()
    for part in ("unet", "vae", "text_encoder"):
        theirs = getattr(folder, part).state_dict()
        ours = getattr(one, part).state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_torch_file_loads_as_well(tmp_path: Path) -> None:
    file = tiny.single_file(tmp_path / "model.safetensors", tiny.home() / "sd")
    torch.save({"state_dict": load_file(file)}, tmp_path / "model.ckpt")
    pipeline = load_tiny(base=str(tmp_path / "model.ckpt"), base_config=str(tiny.home() / "sd"))
    assert torch.equal(pipeline.unet.conv_in.weight, tiny.plain().unet.conv_in.weight)


def test_one_file_that_lacks_a_part_is_refused(tmp_path: Path) -> None:
    file = tiny.single_file(tmp_path / "model.safetensors", tiny.home() / "sd")
    tensors = load_file(file)
    head = "cond_stage_model.transformer.text_model."
    without_text = {key: tensor for key, tensor in tensors.items() if key != head + "final_layer_norm.weight"}
    save_file(without_text, tmp_path / "text.safetensors")
    text = refusal(base=str(tmp_path / "text.safetensors"), base_config=str(tiny.home() / "sd"))
    assert "the text encoder in 'text.safetensors' does not fit" in text
    assert "missing: final_layer_norm.weight" in text
    without_unet = {key: t for key, t in tensors.items() if key != "model.diffusion_model.middle_block.1.norm.weight"}
    save_file(without_unet, tmp_path / "unet.safetensors")
    text = refusal(base=str(tmp_path / "unet.safetensors"), base_config=str(tiny.home() / "sd"))
    assert text.startswith("the unet in 'unet.safetensors' does not fit ")
    assert "missing: mid_block.attentions.0.norm.weight" in text
    without_conv = {key: t for key, t in tensors.items() if key != "model.diffusion_model.input_blocks.0.0.weight"}
    save_file(without_conv, tmp_path / "conv.safetensors")
    text = refusal(base=str(tmp_path / "conv.safetensors"), base_config=str(tiny.home() / "sd"))
    assert "conv.safetensors" in text
    assert "missing: " in text


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_missing_and_unknown_keys_of_a_network_are_named(part: str, tmp_path: Path) -> None:
    names = {}

    def change(tensors: dict[str, torch.Tensor]) -> None:
        names["gone"] = sorted(key for key in tensors if key.endswith("bias"))[0]
        del tensors[names["gone"]]
        tensors["something.else"] = torch.zeros(1)

    text = refusal(base=str(changed(tmp_path / "sd", part, change)))
    assert f"the {part.replace('_', ' ')} in " in text.splitlines()[0]
    assert "does not fit its configuration" in text
    assert names["gone"].removeprefix("text_model.") in text
    assert "something.else" in text


def test_a_wrong_width_is_refused(tmp_path: Path) -> None:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors["conv_in.weight"] = torch.zeros(7, 4, 3, 3)

    text = refusal(base=str(changed(tmp_path / "sd", "unet", change)))
    assert "the unet in " in text
    assert "conv_in.weight" in text


def test_a_truncated_network_is_refused(tmp_path: Path) -> None:
    shutil.copytree(tiny.home() / "sd", tmp_path / "sd")
    file = next((tmp_path / "sd" / "unet").glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:1000])
    assert refusal(base=str(tmp_path / "sd")).startswith("the unet in ")


def test_folders_of_something_else_are_refused(tmp_path: Path) -> None:
    assert "is not a diffusers folder" in refusal(base=str(tmp_path))
    shutil.copytree(tiny.home() / "sd", tmp_path / "sd")
    shutil.rmtree(tmp_path / "sd" / "vae")
    assert "has no folder 'vae'" in refusal(base=str(tmp_path / "sd"))


def test_half_precision_folders_load(tmp_path: Path) -> None:
    shutil.copytree(tiny.home() / "sd", tmp_path / "sd")
    for file in list((tmp_path / "sd").glob("*/*.safetensors")):
        save_file({key: tensor.half() for key, tensor in load_file(file).items()}, file)
        file.rename(file.with_suffix(".fp16.safetensors"))
    pipeline = load_tiny(base=str(tmp_path / "sd"))
    assert pipeline.unet.dtype == torch.float32
    assert torch.equal(pipeline.unet.conv_in.weight, tiny.plain().unet.conv_in.weight.half().float())


def test_a_folder_of_torch_files_loads(tmp_path: Path) -> None:
    shutil.copytree(tiny.home() / "motion", tmp_path / "motion")
    file = next((tmp_path / "motion").glob("*.safetensors"))
    torch.save(load_file(file), file.with_suffix(".bin"))
    file.unlink()
    name = "mid_block.motion_modules.0.proj_in.weight"
    assert torch.equal(
        adapter_at(tmp_path / "motion").get_parameter(name), adapter_at(tiny.home() / "motion").get_parameter(name)
    )


def test_a_vae_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vae.safetensors").write_bytes(b"x")
    assert "is not a folder\n  expected a diffusers folder" in refusal(vae=str(tmp_path / "vae.safetensors"))


def test_another_vae(tmp_path: Path) -> None:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors["decoder.conv_out.bias"] += 1.0

    folder = changed(tmp_path / "sd", "vae", change)
    pipeline = load_tiny(vae=str(folder / "vae"))
    assert torch.equal(pipeline.vae.decoder.conv_out.bias, tiny.plain().vae.decoder.conv_out.bias + 1.0)


def test_an_adapter_in_one_file_loads_as_the_folder_does(tmp_path: Path) -> None:
    folder = adapter_at(tiny.home() / "motion")
    save_file(dict(folder.state_dict()), tmp_path / "motion.safetensors")
    one = adapter_at(tmp_path / "motion.safetensors")
    assert one.config.block_out_channels == tiny.CHANNELS
    assert one.config.motion_max_seq_length == 12
    assert all(torch.equal(tensor, one.state_dict()[key]) for key, tensor in folder.state_dict().items())


def test_adapters_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    tiny.adapter(block_out_channels=(16, 64)).save_pretrained(tmp_path / "wide")
    text = refusal(motion=str(tmp_path / "wide"))
    assert text.startswith("the motion modules in ")
    assert "size mismatch" in text
    tiny.adapter(block_out_channels=(16, 32, 32)).save_pretrained(tmp_path / "deep")
    assert "different number of blocks" in refusal(motion=str(tmp_path / "deep"))
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    assert "the file 'other.safetensors' contains no motion adapter\n  its keys: a" in refusal(
        motion=str(tmp_path / "other.safetensors")
    )
    tensors = dict(adapter_at(tiny.home() / "motion").state_dict())
    del tensors["mid_block.motion_modules.0.proj_in.bias"]
    save_file(tensors, tmp_path / "gap.safetensors")
    assert "missing: mid_block.motion_modules.0.proj_in.bias" in refusal(motion=str(tmp_path / "gap.safetensors"))


def test_missing_files_and_unreachable_ids_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    text = refusal(base=str(tmp_path / "gone"))
    assert text.splitlines()[0] == f"the base model {str(tmp_path / 'gone')!r} does not exist"
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    text = refusal(motion="guoyww/animatediff-motion-adapter-v1-5-2")
    assert text.splitlines()[0] == "the motion modules 'guoyww/animatediff-motion-adapter-v1-5-2' cannot be fetched"
    assert "expected: about 1813 MB; license: Apache-2.0 (of the originals)" in text
    assert "run `spa2v weights fetch` on a machine with network" in text
    assert "or set the option `motion` to a local path" in text


@pytest.mark.parametrize("temporal", [False, True])
def test_loras_are_merged_with_their_scale(temporal: bool, tmp_path: Path) -> None:
    plain = tiny.plain().unet
    file = tiny.lora_file(tmp_path / "lora.safetensors", plain, temporal)
    lora = load_file(file)
    merged = load_tiny(loras=[{"source": str(file), "scale": 0.5}]).unet
    assert merged.state_dict().keys() == plain.state_dict().keys()
    for name, parameter in plain.named_parameters():
        down, up = (lora.get(f"unet.{name.removesuffix('.weight')}.lora_{side}.weight") for side in "AB")
        expected = parameter if down is None or up is None else parameter + 0.5 * up @ down
        torch.testing.assert_close(merged.get_parameter(name), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("form", ["kohya", "processor"])
def test_older_lora_formats_are_merged(form: str, tmp_path: Path) -> None:
    plain = tiny.plain().unet
    name = "mid_block.attentions.0.transformer_blocks.0.attn2.to_q"
    down, up = torch.randn(2, 32), torch.randn(32, 2)
    if form == "kohya":
        head = "lora_unet_" + name.replace(".", "_")
        lora = {f"{head}.lora_down.weight": down, f"{head}.lora_up.weight": up, f"{head}.alpha": torch.tensor(1.0)}
    else:
        head = "unet." + name.replace(".to_q", ".processor.to_q_lora")
        lora = {f"{head}.down.weight": down, f"{head}.up.weight": up}
    save_file(lora, tmp_path / "lora.safetensors")
    merged = load_tiny(loras=[{"source": str(tmp_path / "lora.safetensors")}]).unet
    strength = 0.5 if form == "kohya" else 1.0  # alpha / rank
    expected = plain.get_submodule(name).weight + strength * up @ down
    torch.testing.assert_close(merged.get_submodule(name).weight, expected, atol=1e-5, rtol=1e-5)


def test_several_loras_add_up(tmp_path: Path) -> None:
    plain = tiny.plain().unet
    files = [tiny.lora_file(tmp_path / f"{k}.safetensors", plain, False, seed=k) for k in range(2)]
    merged = load_tiny(loras=[{"source": str(file)} for file in files]).unet
    name = "mid_block.attentions.0.transformer_blocks.0.attn2.to_q"
    expected = plain.get_submodule(name).weight.clone()
    for file in files:
        lora = load_file(file)
        expected += lora[f"unet.{name}.lora_B.weight"] @ lora[f"unet.{name}.lora_A.weight"]
    torch.testing.assert_close(merged.get_submodule(name).weight, expected, atol=1e-5, rtol=1e-5)


def test_a_lora_of_another_model_is_refused(tmp_path: Path) -> None:
    name = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_q"
    lora = {f"{name}.lora_A.weight": torch.zeros(2, 99), f"{name}.lora_B.weight": torch.zeros(99, 2)}
    save_file(lora, tmp_path / "lora.safetensors")
    assert refusal(loras=[{"source": str(tmp_path / "lora.safetensors")}]).startswith("the LoRA in ")


def test_a_lora_changes_the_video(tmp_path: Path) -> None:
    scene = tiny.layout("car")
    plain = tiny.backbone()
    file = tiny.lora_file(tmp_path / "lora.safetensors", plain.denoiser(RUN), True)
    with_lora = tiny.backbone(loras=[{"source": str(file)}]).generate(scene, RUN)
    assert not np.array_equal(plain.generate(scene, RUN).frames, with_lora.frames)


def test_loading_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    tiny.home()
    capfd.readouterr()
    load_tiny()
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_the_base_models_prediction_type_is_kept(tmp_path: Path) -> None:
    shutil.copytree(tiny.home() / "sd", tmp_path / "sd")
    path = tmp_path / "sd" / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "prediction_type": "v_prediction"}))
    assert load_tiny(base=str(tmp_path / "sd")).scheduler.config.prediction_type == "v_prediction"


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 10_000], ids=["torn", "a list", "deep"])
def test_a_damaged_configuration_of_the_scheduler_is_named(tmp_path: Path, text: str) -> None:
    shutil.copytree(tiny.home() / "sd", tmp_path / "sd")
    (tmp_path / "sd" / "scheduler" / "scheduler_config.json").write_text(text)
    with pytest.raises(WeightsError, match=r"^the scheduler in '.*scheduler' cannot be loaded\n"):
        load_tiny(base=str(tmp_path / "sd"))
