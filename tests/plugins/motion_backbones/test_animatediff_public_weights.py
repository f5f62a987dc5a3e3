"""What public weights come as: under their authors' names, without a VAE, with settings of other samplers."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from spa2v.core.errors import ConfigError, WeightsError
from spa2v.core.weights import names_file, read_tensors
from spa2v.plugins.motion_backbones.animatediff.loading import load
from spa2v.plugins.motion_backbones.animatediff.options import SCHEDULERS, WeightSources
from spa2v.plugins.motion_backbones.animatediff.sampling import make_scheduler
from tests.kit import tiny_weights as tiny
from tests.kit.tiny_weights import load_tiny, refusal

RUN = tiny.RUN
TO_AUTHORS = (
    (".motion_modules.0.", ".motion_modules.0.temporal_transformer."),
    (".attn1.", ".attention_blocks.0."),
    (".attn2.", ".attention_blocks.1."),
    (".norm1.", ".norms.0."),
    (".norm2.", ".norms.1."),
    (".norm3.", ".ff_norm."),
)


def authors_name(key: str) -> str:
    for ours, theirs in TO_AUTHORS:
        key = key.replace(ours, theirs)
    return key


def authors_checkpoint(path: Path, adapter: Any, prefix: str = "", **beside: Any) -> Path:
    """Motion modules as `mm_sd_v15_v2.ckpt` names them, with the table of positions in each attention block."""
    tensors: dict[str, Any] = {}
    for key, tensor in adapter.state_dict().items():
        if key.endswith("pos_embed.pe"):
            for block in range(2):
                name = authors_name(key.replace("pos_embed.pe", f"attention_blocks.{block}.pos_encoder.pe"))
                tensors[prefix + name] = tensor
        else:
            tensors[prefix + authors_name(key)] = tensor
    torch.save({**tensors, **beside}, path)
    return path


@pytest.mark.parametrize(
    ("middle", "prefix", "beside"),
    [(True, "", {}), (False, "", {"animatediff_config": {"unet_use_temporal_attention": True}}), (True, "module.", {})],
    ids=["v2", "v3", "as trained"],
)
def test_motion_modules_under_their_authors_names(middle: bool, prefix: str, beside: Any, tmp_path: Path) -> None:
    adapter = tiny.adapter(use_motion_mid_block=middle)
    file = authors_checkpoint(tmp_path / "mm_sd_v15.ckpt", adapter, prefix, **beside)
    keys = torch.load(file).keys()
    name = "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0.to_q.weight"
    assert prefix + name in keys
    loaded = load_tiny(motion=str(file)).motion_adapter
    assert loaded.config.use_motion_mid_block == middle
    assert loaded.config.motion_max_seq_length == 12
    state = loaded.state_dict()
    assert state.keys() == adapter.state_dict().keys()
    assert all(torch.equal(tensor, state[key]) for key, tensor in adapter.state_dict().items())


def test_a_gap_in_motion_modules_under_their_authors_names_is_named(tmp_path: Path) -> None:
    file = authors_checkpoint(tmp_path / "mm.ckpt", tiny.adapter())
    tensors = torch.load(file)
    tensors.pop("up_blocks.0.motion_modules.0.temporal_transformer.proj_in.bias")
    torch.save(tensors, file)
    assert "missing: up_blocks.0.motion_modules.0.proj_in.bias" in refusal(motion=str(file))


def authors_lora(path: Path, temporal: bool, prefix: str = "", **beside: Any) -> dict[str, Tensor]:
    """A LoRA in the authors' form for every attention; returns the weights that it leads to with scale 1."""
    unet = tiny.plain().unet
    tensors: dict[str, Any] = dict(beside)
    expected = {}
    torch.manual_seed(7)
    for name, module in unet.named_modules():
        leaf = name.removesuffix(".0").rpartition(".")[2]
        if leaf not in ("to_q", "to_k", "to_v", "to_out") or not hasattr(module, "weight"):
            continue
        if ("motion_modules" in name) != temporal:
            continue
        down, up = torch.randn(2, module.in_features) / 4, torch.randn(module.out_features, 2) / 4
        expected[name] = module.weight + up @ down
        head = authors_name(name.removesuffix(".0").rpartition(".")[0] + ".") + f"processor.{leaf}_lora"
        tensors[f"{prefix}{head}.down.weight"], tensors[f"{prefix}{head}.up.weight"] = down, up
    torch.save({"state_dict": tensors} if temporal else tensors, path)
    return expected


@pytest.mark.parametrize("temporal", [True, False], ids=["motion LoRA", "v3 adapter"])
def test_loras_in_the_authors_form_are_merged(temporal: bool, tmp_path: Path) -> None:
    beside = {} if temporal else {"animatediff_config": {"lora_rank": 2}}
    expected = authors_lora(tmp_path / "lora.ckpt", temporal, "" if temporal else "module.", **beside)
    merged = load_tiny(loras=[{"source": str(tmp_path / "lora.ckpt")}]).unet
    assert len(expected) > 8
    for name, weight in expected.items():
        torch.testing.assert_close(merged.get_submodule(name).weight, weight, atol=1e-5, rtol=1e-5)


FULL, HALF, BRAIN = torch.float32, torch.float16, torch.bfloat16


@pytest.mark.parametrize(
    ("stored", "computed"), [(FULL, HALF), (FULL, BRAIN), (HALF, FULL), (BRAIN, FULL), (BRAIN, HALF)], ids=str
)
def test_loras_of_any_precision_load_in_any(stored: torch.dtype, computed: torch.dtype, tmp_path: Path) -> None:
    file = tiny.lora_file(tmp_path / "lora.safetensors", tiny.plain().unet, True)
    save_file({key: tensor.to(stored) for key, tensor in load_file(file).items()}, file)
    sources = WeightSources(str(tiny.home() / "sd"), str(tiny.home() / "motion"), loras=[{"source": str(file)}])
    unet = load(sources, computed).unet
    assert {parameter.dtype for parameter in unet.parameters()} == {computed}


def test_a_lora_that_fits_in_part_is_refused_with_its_keys(tmp_path: Path) -> None:
    file = tiny.lora_file(tmp_path / "lora.safetensors", tiny.plain().unet, False)
    gone = "unet.down_blocks.7.attentions.0.transformer_blocks.0.attn1.to_q"
    save_file(
        {**load_file(file), f"{gone}.lora_A.weight": torch.ones(2, 16), f"{gone}.lora_B.weight": torch.ones(16, 2)},
        file,
    )
    lines = refusal(loras=[{"source": str(file)}]).splitlines()
    assert lines[0] == "not all of the LoRA 'lora.safetensors' fits this model"
    assert "no layer takes 2 of its " in lines[1]
    assert f"{gone}.lora_A.weight, {gone}.lora_B.weight" in lines[1]


@pytest.mark.parametrize(
    "key", ["unet.nowhere.at_all", "nowhere", "text_encoder_2.layers.0.q_proj", "transformer.blocks.0"]
)
def test_a_lora_that_fits_nothing_is_refused_with_its_keys(key: str, tmp_path: Path) -> None:
    file = tmp_path / "lora.safetensors"
    save_file({f"{key}.lora_A.weight": torch.ones(2, 4), f"{key}.lora_B.weight": torch.ones(4, 2)}, file)
    text = refusal(loras=[{"source": str(file)}])
    assert text.splitlines()[0] == "nothing in the LoRA 'lora.safetensors' fits this model"
    assert f"{key}.lora_A.weight" in text


def test_a_motion_lora_for_other_motion_modules_is_refused(tmp_path: Path) -> None:
    """Motion LoRAs are for v2, whose middle block has a motion module; v3's has none."""
    authors_lora(tmp_path / "lora.ckpt", True)
    tiny.adapter(use_motion_mid_block=False).save_pretrained(tmp_path / "v3")
    text = refusal(motion=str(tmp_path / "v3"), loras=[{"source": str(tmp_path / "lora.ckpt")}])
    assert text.splitlines()[0] == "not all of the LoRA 'lora.ckpt' fits this model"
    assert "mid_block.motion_modules.0" in text


def test_a_folder_of_loras(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tiny.lora_file(tmp_path / f"{name}.safetensors", tiny.plain().unet, True)
    assert "files: a.safetensors, b.safetensors; name one" in refusal(loras=[{"source": str(tmp_path)}])
    (tmp_path / "b.safetensors").rename(tmp_path / "pytorch_lora_weights.safetensors")
    assert load_tiny(loras=[{"source": str(tmp_path)}])


@pytest.mark.parametrize("name", ["Realistic_Vision_V5.1_noVAE", "model.v1.safetensors"])
def test_a_dot_in_the_name_of_a_folder_makes_it_no_file(name: str, tmp_path: Path) -> None:
    shutil.copytree(tiny.home() / "sd", tmp_path / name)
    shutil.copytree(tiny.home() / "motion", tmp_path / "motion.v1.5")
    sources = WeightSources(str(tmp_path / name), str(tmp_path / "motion.v1.5"))
    assert [need.option for need in sources.weights()] == ["base", "motion"]
    assert load_tiny(base=str(tmp_path / name), motion=str(tmp_path / "motion.v1.5"))


def test_a_dot_in_a_hub_id_makes_it_no_file() -> None:
    assert not names_file("SG161222/Realistic_Vision_V5.1_noVAE")
    assert names_file("SG161222/Realistic_Vision_V5.1_noVAE/Realistic_Vision_V5.1.safetensors")
    needs = WeightSources("SG161222/Realistic_Vision_V5.1_noVAE", "owner/motion.v2").weights()
    assert [need.option for need in needs] == ["base", "motion"]


def without_vae(path: Path) -> Path:
    tensors = load_file(tiny.single_file(path, tiny.home() / "sd"))
    save_file({key: tensor for key, tensor in tensors.items() if not key.startswith("first_stage_model.")}, path)
    return path


def test_a_file_without_vae_takes_that_of_the_option(tmp_path: Path) -> None:
    file = without_vae(tmp_path / "noVAE.safetensors")
    sources = {"base": str(file), "base_config": str(tiny.home() / "sd")}
    text = refusal(**sources)
    assert text.splitlines() == [
        f"the base model {str(file)!r} has no VAE",
        "  set the option `vae`, for instance to stabilityai/sd-vae-ft-mse",
    ]
    pipeline = load_tiny(**sources, vae=str(tiny.home() / "sd" / "vae"))
    assert torch.equal(pipeline.vae.decoder.conv_out.bias, tiny.plain().vae.decoder.conv_out.bias)


def test_a_folder_without_vae_takes_that_of_the_option(tmp_path: Path) -> None:
    shutil.copytree(tiny.home() / "sd", tmp_path / "sd", ignore=shutil.ignore_patterns("vae"))
    assert load_tiny(base=str(tmp_path / "sd"), vae=str(tiny.home() / "sd")).vae.config.latent_channels == 4


@pytest.mark.parametrize("prefix", ["", "first_stage_model."])
def test_a_vae_in_one_file(prefix: str, tmp_path: Path) -> None:
    """As `vae-ft-mse-840000-ema-pruned.ckpt`: a torch file in the original names, beside no configuration."""
    tensors = load_file(tiny.single_file(tmp_path / "model.safetensors", tiny.home() / "sd"))
    head = "first_stage_model."
    vae = {prefix + key.removeprefix(head): tensor for key, tensor in tensors.items() if key.startswith(head)}
    torch.save({"state_dict": vae}, tmp_path / "vae.ckpt")
    theirs = tiny.plain().vae.state_dict()
    ours = load_tiny(vae=str(tmp_path / "vae.ckpt")).vae.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_files_of_another_kind_of_model_are_refused(tmp_path: Path) -> None:
    tiny.lora_file(tmp_path / "lora.safetensors", tiny.plain().unet, False)
    text = refusal(base=str(tmp_path / "lora.safetensors"), base_config=str(tiny.home() / "sd"))
    assert text.splitlines()[0] == "the file 'lora.safetensors' holds no Stable Diffusion model"
    shutil.copytree(tiny.home() / "sd", tmp_path / "inpainting")
    tiny.unet2d(in_channels=9).save_pretrained(tmp_path / "inpainting" / "unet")
    text = refusal(base=str(tmp_path / "inpainting"))
    assert "takes 9 channels, its VAE has 4\n  models for inpainting" in text
    shutil.copytree(tiny.home() / "sd", tmp_path / "wide")
    tiny.unet2d(cross_attention_dim=40).save_pretrained(tmp_path / "wide" / "unet")
    assert "is of another kind\n  expected Stable Diffusion 1.x" in refusal(base=str(tmp_path / "wide"))


def test_a_training_checkpoint_with_numpy_scalars_and_callbacks_loads(tmp_path: Path) -> None:
    tensors = load_file(tiny.single_file(tmp_path / "model.safetensors", tiny.home() / "sd"))
    training = {"epoch": np.int64(3), "loss": np.float64(0.1), "best": np.float32(0.1), "done": np.bool_(True)}
    torch.save(
        {"state_dict": tensors, "hyper_parameters": {"lr": np.float64(1e-5)}, **training}, tmp_path / "model.ckpt"
    )
    pipeline = load_tiny(base=str(tmp_path / "model.ckpt"), base_config=str(tiny.home() / "sd"))
    assert torch.equal(pipeline.unet.conv_in.weight, tiny.plain().unet.conv_in.weight)


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_numpy_scalars_of_either_numpy_are_read(module: str, tmp_path: Path) -> None:
    torch.save({"state_dict": {"a": torch.ones(2)}, "step": np.float64(2.0)}, tmp_path / "new.ckpt")
    with zipfile.ZipFile(tmp_path / "new.ckpt") as old, zipfile.ZipFile(tmp_path / "old.ckpt", "w") as new:
        for item in old.infolist():
            new.writestr(item.filename, old.read(item).replace(b"numpy._core.multiarray", module.encode()))
    assert module.encode() in (tmp_path / "old.ckpt").read_bytes()
    assert torch.equal(read_tensors(tmp_path / "old.ckpt")["a"], torch.ones(2))


def test_a_callback_of_a_training_may_be_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the first checkpoints of Stable Diffusion; the class is not imported to read them."""
    name = "pytorch_lightning.callbacks.model_checkpoint"
    with monkeypatch.context() as patch:
        for parent in ("pytorch_lightning", "pytorch_lightning.callbacks", name):
            patch.setitem(sys.modules, parent, ModuleType(parent))
        kind = type("ModelCheckpoint", (), {"__module__": name})
        patch.setattr(sys.modules[name], "ModelCheckpoint", kind, raising=False)
        torch.save({"state_dict": {"a": torch.ones(2)}, "callbacks": {kind: {"best": 0.5}}}, tmp_path / "sd-v1-4.ckpt")
    assert torch.equal(read_tensors(tmp_path / "sd-v1-4.ckpt")["a"], torch.ones(2))


def test_values_beside_tensors_are_left_out_but_no_tensors(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1), "epoch": 3, "config": {"x": [1]}, "note": None}, tmp_path / "a.ckpt")
    assert list(read_tensors(tmp_path / "a.ckpt")) == ["a"]
    torch.save({"a": torch.ones(1), "ema": {"b": torch.ones(1)}}, tmp_path / "b.ckpt")
    with pytest.raises(WeightsError, match="holds entries that are no tensors\n  keys: ema"):
        read_tensors(tmp_path / "b.ckpt")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "is a pointer of Git LFS\n  run `git lfs",
        ),
        (b"\n<!DOCTYPE html><html>Sign in</html>", "is a web page\n  the download needs a login"),
    ],
)
@pytest.mark.parametrize("place", ["unet", "file"])
def test_downloads_that_went_wrong_are_named(content: bytes, says: str, place: str, tmp_path: Path) -> None:
    shutil.copytree(tiny.home() / "sd", tmp_path / "sd")
    file = next((tmp_path / "sd" / "unet").glob("*.safetensors")) if place == "unet" else tmp_path / "model.ckpt"
    file.write_bytes(content)
    text = refusal(base=str(file if place == "file" else tmp_path / "sd"), base_config=str(tiny.home() / "sd"))
    assert f"the weights file {file.name!r} {says}" in text


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    shutil.copytree(tiny.home() / "sd", tmp_path / "sd")
    file = next((tmp_path / "sd" / "unet").glob("*.safetensors"))
    tensors = load_file(file)
    tensors["conv_in.bias"][0] = float("nan")
    save_file(tensors, file)
    text = refusal(base=str(tmp_path / "sd"))
    assert text.startswith(
        "the unet has weights that are not finite (NaN or infinite) in torch.float32\n  keys: conv_in.bias"
    )


OTHERS = {
    "DEIS": {"_class_name": "DEISMultistepScheduler", "algorithm_type": "deis", "solver_type": "logrho"},
    "DPM": {
        **{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "dpmsolver", "solver_type": "heun"},
        **{"final_sigmas_type": "sigma_min", "use_karras_sigmas": True, "solver_order": 3},
    },
    "UniPC": {
        "_class_name": "UniPCMultistepScheduler",
        "solver_type": "bh1",
        "predict_x0": False,
        "disable_corrector": [0],
    },
    "Euler": {"_class_name": "EulerDiscreteScheduler", "interpolation_type": "log_linear", "use_karras_sigmas": True},
    "DDPM": {"_class_name": "DDPMScheduler", "beta_schedule": "sigmoid", "variance_type": "fixed_small"},
    "betas": {"_class_name": "DDIMScheduler", "trained_betas": [0.1] * 1000},
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("name", SCHEDULERS)
def test_settings_of_another_algorithm_are_not_taken_over(name: str, other: str) -> None:
    saved = {**OTHERS[other], "prediction_type": "v_prediction", "num_train_timesteps": 1000}
    if saved["_class_name"] == name and other != "betas":
        return
    ours = make_scheduler({"name": name}, saved).config
    plain = make_scheduler({"name": name}, {"prediction_type": "v_prediction"}).config
    assert {key: value for key, value in ours.items() if key[0] != "_"} == {
        key: value for key, value in plain.items() if key[0] != "_"
    }


def test_a_base_of_another_sampler_draws_as_one_of_ours(tmp_path: Path) -> None:
    shutil.copytree(tiny.home() / "sd", tmp_path / "sd")
    path = tmp_path / "sd" / "scheduler" / "scheduler_config.json"
    ours = {
        name: tiny.backbone(scheduler={"name": name}, steps=4).generate(tiny.layout("car"), RUN).frames
        for name in ("DPMSolverMultistepScheduler", "UniPCMultistepScheduler")
    }
    for other in ("DEIS", "DPM", "DDPM", "betas"):
        path.write_text(json.dumps({**OTHERS[other], "set_alpha_to_one": False}))
        name = "UniPCMultistepScheduler" if other == "DPM" else "DPMSolverMultistepScheduler"
        theirs = tiny.backbone(base=str(tmp_path / "sd"), scheduler={"name": name}, steps=4)
        assert np.array_equal(theirs.generate(tiny.layout("car"), RUN).frames, ours[name]), other


def test_settings_of_the_same_algorithm_are_kept(tmp_path: Path) -> None:
    shutil.copytree(tiny.home() / "sd", tmp_path / "sd")
    path = tmp_path / "sd" / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps({"_class_name": "DPMSolverMultistepScheduler", "use_karras_sigmas": True}))
    config = load_tiny(base=str(tmp_path / "sd")).scheduler.config
    assert make_scheduler({"name": "DPMSolverMultistepScheduler"}, config).config.use_karras_sigmas
    assert not make_scheduler({"name": "EulerDiscreteScheduler"}, config).config.use_karras_sigmas


def test_a_model_that_the_sampler_cannot_take_is_refused() -> None:
    with pytest.raises(ConfigError, match="PNDMScheduler cannot sample a model with prediction_type 'sample'"):
        make_scheduler({"name": "PNDMScheduler"}, {"prediction_type": "sample"})
    with pytest.raises(ConfigError, match="DDIMScheduler cannot sample a model with prediction_type 'flow_prediction'"):
        make_scheduler({"name": "DDIMScheduler"}, {"prediction_type": "flow_prediction"})
    with pytest.raises(ConfigError, match=r"DDIMScheduler cannot be made of \{'beta_schedule': 'round'\}"):
        make_scheduler({"name": "DDIMScheduler", "beta_schedule": "round"}, {})


def test_pndm_runs_from_a_base_without_skip_prk_steps(tmp_path: Path) -> None:
    shutil.copytree(tiny.home() / "sd", tmp_path / "sd")
    path = tmp_path / "sd" / "scheduler" / "scheduler_config.json"
    config = json.loads(path.read_text())
    del config["skip_prk_steps"]
    path.write_text(json.dumps(config))
    scheduler = {"name": "PNDMScheduler"}
    theirs, ours = tiny.backbone(base=str(tmp_path / "sd"), scheduler=scheduler), tiny.backbone(scheduler=scheduler)
    for steps in (1, 2, 3, 5):
        theirs.steps = ours.steps = steps
        videos = [backbone.generate(tiny.layout("car"), RUN) for backbone in (theirs, ours)]
        assert np.array_equal(videos[0].frames, videos[1].frames), steps


def test_steps_that_a_sampler_cannot_take_are_refused() -> None:
    def refused(**scheduler: Any) -> str:
        steps = 60 if scheduler["name"] == "LCMScheduler" else 2
        with pytest.raises(ConfigError) as caught:
            tiny.backbone(scheduler=scheduler, steps=steps).generate(tiny.layout("car"), RUN)
        return str(caught.value)

    assert refused(name="PNDMScheduler", skip_prk_steps=False).startswith(
        "scheduler: PNDMScheduler cannot take 2 steps"
    )
    assert refused(name="LCMScheduler").startswith("scheduler: LCMScheduler cannot take 60 steps\n")
