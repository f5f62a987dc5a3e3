"""Small random weights in the real formats: a Stable Diffusion folder, a motion adapter, MIGC, GLIGEN, LoRA files.

Widths, depths and text width differ from Stable Diffusion's on purpose: nothing may rely on them.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from spa2v.core.errors import WeightsError
from spa2v.core.protocols import AttentionSite
from spa2v.core.runtime import Run
from spa2v.core.types import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.plugins.grounding_injectors.migc.modules import MIGCModule, ModuleSizes
from spa2v.plugins.motion_backbones.animatediff import AnimateDiff
from spa2v.plugins.motion_backbones.animatediff.loading import load
from spa2v.plugins.motion_backbones.animatediff.options import WeightSources
from spa2v.testing.tiny_weights import (  # noqa: F401 - the tests take all from here
    CHANNELS,
    GROUPS,
    HEADS,
    TEXT_WIDTH,
    TOKENS,
    adapter,
    motion_adapter,
    stable_diffusion,
    unet2d,
)


def sizes(site: AttentionSite) -> ModuleSizes:
    """Sizes of a MIGC module for a layer, small where they are free."""
    return ModuleSizes(
        channels=site.channels,
        heads=site.heads,
        text_width=site.text_width or 0,
        slots=10,
        reduced=4,
        slot_hidden=10,
        box_features=32,
        box_hidden=16,
        kernel=5,
        slot_kernel=7,
    )


def migc_tensors(sites: Sequence[AttentionSite], released: bool = True, seed: int = 2) -> dict[str, Tensor]:
    """MIGC modules for these layers, in the released key format or with diffusers' module paths."""
    torch.manual_seed(seed)
    tensors = {}
    for site in sites:
        original = f"model.diffusion_model.{site.original_name}.transformer_blocks.0.attn2"
        for key, tensor in MIGCModule(sizes(site)).state_dict().items():
            tensors[f"{original if released else site.name}.migc.{key}"] = tensor
    return tensors


def migc_checkpoint(path: Path, sites: Sequence[AttentionSite]) -> Path:
    """The released container: a torch file, tensors under `state_dict`."""
    torch.save({"state_dict": migc_tensors(sites)}, path)
    return path


def gligen_tensors(sites: Sequence[AttentionSite], seed: int = 3, gate: float = 0.7) -> dict[str, Tensor]:
    """A position net and a fuser for each spatial block; gates away from 0, so that they have an effect."""
    from diffusers.models.attention import GatedSelfAttentionDense
    from diffusers.models.embeddings import GLIGENTextBoundingboxProjection

    torch.manual_seed(seed)
    width = next(site.text_width for site in sites if site.text_width)
    net = GLIGENTextBoundingboxProjection(width, width)
    torch.nn.init.normal_(net.null_positive_feature)
    torch.nn.init.normal_(net.null_position_feature)
    tensors = {f"position_net.{key}": tensor for key, tensor in net.state_dict().items()}
    for site in sites:
        if site.kind == "spatial" and site.role == "cross":
            fuser = GatedSelfAttentionDense(site.channels, width, site.heads, site.channels // site.heads)
            torch.nn.init.constant_(fuser.alpha_attn, gate)
            torch.nn.init.constant_(fuser.alpha_dense, -gate)
            tensors |= {f"{site.block}.fuser.{key}": tensor for key, tensor in fuser.state_dict().items()}
    return tensors


def gligen_file(path: Path, sites: Sequence[AttentionSite]) -> Path:
    save_file({key: tensor.contiguous() for key, tensor in gligen_tensors(sites).items()}, path)
    return path


def lora_file(path: Path, unet: Any, temporal: bool, seed: int = 4, rank: int = 2) -> Path:
    """A LoRA in diffusers' format on every query projection, of the spatial or the temporal layers."""
    torch.manual_seed(seed)
    tensors = {}
    for name, module in unet.named_modules():
        if name.endswith("to_q") and ("motion_modules" in name) == temporal:
            tensors[f"unet.{name}.lora_A.weight"] = torch.randn(rank, module.in_features) / 4
            tensors[f"unet.{name}.lora_B.weight"] = torch.randn(module.out_features, rank) / 4
    save_file(tensors, path)
    return path


UNET_WORDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}
RESNET_WORDS = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
ATTENTION_WORDS = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def _unet_paths(unet: Any) -> dict[str, str]:
    """diffusers module path to the path in an original checkpoint."""
    words = dict(UNET_WORDS)
    count = 1
    for b, block in enumerate(unet.down_blocks):
        for layer in range(len(block.resnets)):
            words[f"down_blocks.{b}.resnets.{layer}"] = f"input_blocks.{count}.0"
            words[f"down_blocks.{b}.attentions.{layer}"] = f"input_blocks.{count}.1"
            count += 1
        if block.downsamplers:
            words[f"down_blocks.{b}.downsamplers.0.conv"] = f"input_blocks.{count}.0.op"
            count += 1
    count = 0
    for b, block in enumerate(unet.up_blocks):
        for layer in range(len(block.resnets)):
            words[f"up_blocks.{b}.resnets.{layer}"] = f"output_blocks.{count}.0"
            words[f"up_blocks.{b}.attentions.{layer}"] = f"output_blocks.{count}.1"
            count += 1
        if block.upsamplers:
            words[f"up_blocks.{b}.upsamplers.0.conv"] = f"output_blocks.{count - 1}.2.conv"
    return words


def _renamed(key: str, words: dict[str, str]) -> str:
    """The key with its longest known head replaced."""
    heads = [head for head in words if key == head or key.startswith(head + ".")]
    return words[max(heads, key=len)] + key.removeprefix(max(heads, key=len)) if heads else key


def _resnet(key: str, old: str) -> str:
    if ".resnets." not in old:
        return key
    head, _, tail = key.rpartition(old.split(".resnets.")[1].split(".", 1)[1])
    word, _, kind = old.split(".resnets.")[1].split(".", 1)[1].partition(".")
    return f"{head}{RESNET_WORDS[word]}.{kind}{tail}"


def _vae_key(key: str, levels: int) -> str:
    side, _, rest = key.partition(".")
    if side not in ("encoder", "decoder"):
        return key
    parts = rest.split(".")
    if parts[0] in ("down_blocks", "up_blocks"):
        level = int(parts[1]) if parts[0] == "down_blocks" else levels - 1 - int(parts[1])
        name = "down" if parts[0] == "down_blocks" else "up"
        if parts[2] == "resnets":
            rest = ".".join([name, str(level), "block", *parts[3:]]).replace("conv_shortcut", "nin_shortcut")
        else:
            rest = ".".join([name, str(level), name + "sample", *parts[4:]])
    elif parts[0] == "mid_block":
        if parts[1] == "resnets":
            rest = ".".join(["mid", f"block_{int(parts[2]) + 1}", *parts[3:]])
        else:
            rest = "mid.attn_1." + _renamed(".".join(parts[3:]), ATTENTION_WORDS)
    return f"{side}." + rest.replace("conv_norm_out", "norm_out")


def single_file(path: Path, folder: Path) -> Path:
    """The networks of a diffusers folder as one file in the original Stable Diffusion format."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet")
    vae = AutoencoderKL.from_pretrained(folder, subfolder="vae")
    encoder = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder")
    paths = _unet_paths(unet)
    tensors = {
        "model.diffusion_model." + _resnet(_renamed(key, paths), key): tensor
        for key, tensor in unet.state_dict().items()
    }
    for key, tensor in vae.state_dict().items():
        name = _vae_key(key, len(vae.config.block_out_channels))
        square = ".attn_1." in name and tensor.ndim == 2  # 1x1 convolutions there
        tensors["first_stage_model." + name] = tensor[..., None, None] if square else tensor
    for key, tensor in encoder.state_dict().items():
        tensors["cond_stage_model.transformer.text_model." + key.removeprefix("text_model.")] = tensor
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)
    return path


@cache
def home() -> Path:
    """A folder with `sd`, `motion`, `migc.ckpt` and `gligen.safetensors`; made once, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="spa2v_tiny_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    stable_diffusion(folder / "sd")
    motion_adapter(folder / "motion")
    sites = backbone(folder).attention_sites(RUN)
    migc_checkpoint(folder / "migc.ckpt", grounded(sites))
    gligen_file(folder / "gligen.safetensors", sites)
    return folder


RUN = Run(seed=5, device="cpu", dtype="float32")


def backbone(folder: Path | None = None, **options: Any) -> AnimateDiff:
    """`animatediff` on the small weights: 4 frames of 64 x 48, latents of 16 x 12, 3 steps."""
    folder = folder or home()
    small = {"base": str(folder / "sd"), "motion": str(folder / "motion"), "width": 64, "height": 48, "frames": 4}
    return AnimateDiff(**{**small, "steps": 3, **options})


def grounded(sites: Sequence[AttentionSite]) -> list[AttentionSite]:
    """The layers for which there are MIGC modules: the deepest ones, as in the released weights."""
    deep = min(site.resolution for site in sites)
    cross = [site for site in sites if site.role == "cross" and site.resolution == deep]
    return [site for site in cross if not site.name.startswith("down")]


def layout(*names: str, caption: str = "a street", moving: bool = True) -> VideoSceneLayout:
    """Things beside each other that move a little to the right over two seconds."""
    width = 1 / (len(names) + 1)

    def things(shift: float) -> tuple[SceneObject, ...]:
        lefts = [k * width + shift * width * moving for k in range(len(names))]
        return tuple(
            SceneObject(f"{name}_{k}", name, Box(left, 0.2, left + width, 0.9))
            for k, (name, left) in enumerate(zip(names, lefts, strict=True))
        )

    frames = (KeyFrame(0.0, "first", things(0.0)), KeyFrame(1.5, "then", things(0.9)))
    return VideoSceneLayout(2.0, caption, frames)


def load_tiny(**sources: Any) -> Any:
    """The networks of the small base and motion modules; `sources` replace or add some."""
    given = {"base": str(home() / "sd"), "motion": str(home() / "motion"), **sources}
    return load(WeightSources(**given), torch.float32)


@cache
def plain() -> Any:
    """The same as they are, loaded once a process: for tests that only read them."""
    return load_tiny()


def refusal(**sources: Any) -> str:
    """The text of the error with which these sources are refused."""
    with pytest.raises(WeightsError) as caught:
        load_tiny(**sources)
    return str(caught.value)
