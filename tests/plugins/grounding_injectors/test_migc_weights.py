"""Loading MIGC checkpoints: all layouts, and every refusal."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from spa2v.core.errors import WeightsError
from spa2v.core.protocols import AttentionSite
from spa2v.plugins.grounding_injectors.migc.weights import load_modules
from tests.kit import tiny_weights as tiny


@pytest.fixture(scope="module")
def sites() -> tuple[AttentionSite, ...]:
    return tiny.backbone().attention_sites(tiny.RUN)


@pytest.fixture(scope="module")
def tensors(sites: tuple[AttentionSite, ...]) -> dict[str, torch.Tensor]:
    return tiny.migc_tensors(tiny.grounded(sites))


def refusal(path: Path, sites: Any) -> str:
    with pytest.raises(WeightsError) as caught:
        load_modules(path, sites)
    return str(caught.value)


def write(path: Path, tensors: dict[str, torch.Tensor]) -> Path:
    if path.suffix == ".safetensors":
        save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)
    else:
        torch.save({"state_dict": tensors}, path)
    return path


def layouts_of(tensors: dict[str, torch.Tensor], sites: Any) -> dict[str, dict[str, torch.Tensor]]:
    """The same tensors under every key layout."""
    port = tiny.migc_tensors(tiny.grounded(sites), released=False)
    return {
        "released.ckpt": tensors,
        "half.safetensors": {key: tensor.half() for key, tensor in tensors.items()},
        "port.safetensors": port,
        "processor.safetensors": {key.replace(".migc.", ".processor.migc."): t for key, t in port.items()},
        "infix.ckpt": {
            key.replace(".transformer_blocks.0.attn2.", ".any.thing.at.all."): t for key, t in tensors.items()
        },
    }


@pytest.mark.parametrize(
    "name", ["released.ckpt", "half.safetensors", "port.safetensors", "processor.safetensors", "infix.ckpt"]
)
def test_every_layout_loads(name: str, tensors: dict[str, torch.Tensor], sites: Any, tmp_path: Path) -> None:
    modules = load_modules(write(tmp_path / name, layouts_of(tensors, sites)[name]), sites)
    assert set(modules) == {site.name for site in tiny.grounded(sites)}
    first = next(iter(modules.values()))
    assert first.norm.weight.dtype == torch.float32
    assert not any(parameter.requires_grad for parameter in first.parameters())


def test_missing_unknown_and_misshapen_keys_are_named(
    tensors: dict[str, torch.Tensor], sites: Any, tmp_path: Path
) -> None:
    head = "model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.migc."
    wrong = dict(tensors)
    del wrong[head + "la.to_q.weight"]
    wrong[head + "la.to_z.weight"] = torch.zeros(1)
    wrong[head + "sac.conv2.bias"] = torch.zeros(3)
    text = refusal(write(tmp_path / "wrong.ckpt", wrong), sites)
    assert text.splitlines()[0] == "the file 'wrong.ckpt' is not a MIGC checkpoint for this backbone"
    middle = "mid_block.attentions.0.transformer_blocks.0.attn2"
    assert f"{middle}: missing: la.to_q.weight" in text
    assert f"{middle}: not known: la.to_z.weight" in text
    assert f"{middle}: of another shape: sac.conv2.bias (3,) instead of (1,)" in text


def test_another_width_is_refused(sites: Any, tmp_path: Path) -> None:
    from dataclasses import replace

    wide = [replace(site, channels=64, text_width=48) for site in tiny.grounded(sites)]
    text = refusal(write(tmp_path / "wide.ckpt", tiny.migc_tensors(wide)), sites)
    assert "made for width 64 and text width 48; the layer has 32 and 24" in text


def test_layers_that_the_backbone_lacks_are_named(tensors: dict[str, torch.Tensor], sites: Any, tmp_path: Path) -> None:
    far = {key.replace("output_blocks.0.", "output_blocks.11."): tensor for key, tensor in tensors.items()}
    text = refusal(write(tmp_path / "far.ckpt", far), sites)
    assert "keys of layers that this backbone does not have: model.diffusion_model.output_blocks.11." in text


def test_a_file_of_something_else_is_refused(sites: Any, tmp_path: Path) -> None:
    text = refusal(write(tmp_path / "other.safetensors", {"conv_in.weight": torch.zeros(2)}), sites)
    assert "keys without a component 'migc': conv_in.weight" in text


def test_migc_plus_plus_is_named(sites: Any, tmp_path: Path) -> None:
    head = "mid_block.attentions.0.transformer_blocks.0.attn2.processor.migc."
    text = refusal(write(tmp_path / "plus.safetensors", {head + "gamma": torch.zeros(1)}), sites)
    assert "those of MIGC++" in text


class Bomb:
    def __init__(self, trace: str) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return (open, (self.trace, "w"))


def test_a_pickle_with_code_is_refused_and_not_run(sites: Any, tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    data = {"state_dict": {"a.migc.b": Bomb(str(trace))}}
    torch.save(data, tmp_path / "torch.ckpt")
    (tmp_path / "plain.ckpt").write_bytes(pickle.dumps(data, protocol=2))
    for name in ("torch.ckpt", "plain.ckpt"):
        text = refusal(tmp_path / name, sites)
        assert text.splitlines()[0] == f"the weights file {name!r} holds more than tensors, so it was not loaded"
    assert not trace.exists()


@pytest.mark.parametrize("name", ["short.ckpt", "short.safetensors"])
def test_a_truncated_file_is_refused(name: str, tensors: dict[str, torch.Tensor], sites: Any, tmp_path: Path) -> None:
    path = write(tmp_path / name, tensors)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    text = refusal(path, sites)
    assert text.splitlines()[0] == f"the weights file {name!r} cannot be read"
    assert "it is truncated" in text


def test_empty_missing_and_strange_files_are_refused(sites: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.ckpt").touch()
    torch.save([1, 2], tmp_path / "list.ckpt")
    torch.save({"state_dict": {"a": 1}}, tmp_path / "numbers.ckpt")
    assert refusal(tmp_path / "empty.ckpt", sites) == "the weights file 'empty.ckpt' is empty"
    assert "does not exist" in refusal(tmp_path / "gone.ckpt", sites)
    assert "holds a list" in refusal(tmp_path / "list.ckpt", sites)
    assert "holds entries that are no tensors\n  keys: a" in refusal(tmp_path / "numbers.ckpt", sites)


def test_the_released_checkpoint_loads_at_full_width(reference: Path, tmp_path: Path) -> None:
    """Random values under the released keys and shapes, 229 MB: strictly, every key used."""
    manifest = json.loads((reference / "reference" / "golden" / "migc_sd14_manifest.json").read_text())
    tensors = {key: torch.randn(1).expand(shape).contiguous() for key, shape in manifest["tensors"].items()}
    path = write(tmp_path / "MIGC_SD14.ckpt", tensors)
    assert path.stat().st_size > manifest["bytes_fp32"]
    modules = load_modules(path, full_sites())
    loaded = {f"{name}.{key}": t for name, module in modules.items() for key, t in module.state_dict().items()}
    assert set(modules) == set(manifest["block_map_to_diffusers"].values())
    assert len(loaded) == len(tensors) == 128
    assert sum(tensor.numel() for tensor in loaded.values()) == manifest["params_total"]


def full_sites() -> tuple[AttentionSite, ...]:
    """The layers of Stable Diffusion 1.5 with motion modules, without weights."""
    from diffusers import UNetMotionModel

    from spa2v.plugins.motion_backbones.animatediff.attention_sites import attention_sites

    with torch.device("meta"):
        unet = UNetMotionModel(cross_attention_dim=768, num_attention_heads=8)
    return attention_sites(unet, (40, 64))


def test_sites_of_stable_diffusion() -> None:
    sites = full_sites()
    spatial = [site for site in sites if site.kind == "spatial"]
    assert (len(sites), len(spatial), len([site for site in spatial if site.role == "cross"])) == (74, 32, 16)
    named = {site.original_name: site for site in spatial if site.role == "cross"}
    assert named["middle_block.1"].resolution == (5, 8)
    assert named["output_blocks.4.1"].name == "up_blocks.1.attentions.1.transformer_blocks.0.attn2"
    assert (named["output_blocks.4.1"].resolution, named["output_blocks.4.1"].channels) == ((10, 16), 1280)
    assert named["input_blocks.1.1"].resolution == (40, 64)
