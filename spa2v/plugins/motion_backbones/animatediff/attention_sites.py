"""Lists the attention layers of a Stable Diffusion 1.x UNet, with or without motion modules."""

from __future__ import annotations

from typing import Any, Literal

from diffusers.models.attention_processor import Attention

from spa2v.core.protocols import AttentionSite

STAGES = ("down_blocks", "mid_block", "up_blocks")
TEMPORAL = "motion_modules"


def attention_sites(unet: Any, latent_size: tuple[int, int]) -> tuple[AttentionSite, ...]:
    """Every attention layer of `unet`, down, middle, up, for latents of (height, width) `latent_size`.

    Layers that an injector added under other names (such as `fuser`) are not listed.
    """
    names = [name for name, module in unet.named_modules() if isinstance(module, Attention)]
    names = [name for name in names if name.rpartition(".")[2] in ("attn1", "attn2")]
    names.sort(key=lambda name: STAGES.index(name.split(".")[0]))  # stable: the order within a stage stays
    originals = _original_names(unet)
    return tuple(_site(unet, name, latent_size, originals) for name in names)


def _site(unet: Any, name: str, latent_size: tuple[int, int], originals: dict[str, str]) -> AttentionSite:
    attn = unet.get_submodule(name)
    temporal = TEMPORAL in name.split(".")
    role: Literal["self", "cross"] = "cross" if attn.is_cross_attention else "self"
    return AttentionSite(
        name=name,
        kind="temporal" if temporal else "spatial",
        role=role,
        resolution=_resolution(unet, name, latent_size),
        channels=attn.to_q.in_features,
        heads=attn.heads,
        text_width=attn.to_k.in_features if role == "cross" else None,
        original_name=None if temporal else originals.get(name.partition(".transformer_blocks.")[0]),
    )


def _resolution(unet: Any, name: str, latent_size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the feature map at a layer: each level halves it, and its stride-2 convolution rounds up."""
    stage, index = name.split(".")[:2]
    last = len(unet.config.block_out_channels) - 1
    level = last if stage == "mid_block" else int(index) if stage == "down_blocks" else last - int(index)
    height, width = latent_size
    for _ in range(level):
        height, width = (height + 1) // 2, (width + 1) // 2
    return height, width


def _original_names(unet: Any) -> dict[str, str]:
    """Module path of a spatial transformer to its name in original checkpoints, which number layers across blocks."""
    names = {"mid_block.attentions.0": "middle_block.1"}
    count = 1  # input_blocks.0 is the first convolution
    for b, block in enumerate(unet.down_blocks):
        for layer in range(len(block.resnets)):
            names[f"down_blocks.{b}.attentions.{layer}"] = f"input_blocks.{count + layer}.1"
        count += len(block.resnets) + (getattr(block, "downsamplers", None) is not None)
    count = 0
    for b, block in enumerate(unet.up_blocks):
        for layer in range(len(block.resnets)):
            names[f"up_blocks.{b}.attentions.{layer}"] = f"output_blocks.{count + layer}.1"
        count += len(block.resnets)
    return names
