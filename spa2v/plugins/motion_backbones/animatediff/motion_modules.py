"""Motion modules and LoRA files, in diffusers' names and in those of AnimateDiff's authors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch import Tensor

from spa2v.core.errors import WeightsError
from spa2v.core.weights import PICKLE_SUFFIXES, SAFE_SUFFIXES, locate, misfits, read_tensors, shorten
from spa2v.plugins.motion_backbones.animatediff.options import LORA_FILES, WeightSources
from spa2v.plugins.motion_backbones.animatediff.strict import UNSTORED, part, pretrained

AUTHORS_NAMES = (
    (re.compile(r"^module\."), ""),
    (re.compile(r"\.temporal_transformer\."), "."),
    (re.compile(r"\.attention_blocks\.\d+\.pos_encoder\.pe$"), ".pos_embed.pe"),  # one table in each block, all equal
    (re.compile(r"\.attention_blocks\.0\."), ".attn1."),
    (re.compile(r"\.attention_blocks\.1\."), ".attn2."),
    (re.compile(r"\.norms\.0\."), ".norm1."),
    (re.compile(r"\.norms\.1\."), ".norm2."),
    (re.compile(r"\.ff_norm\."), ".norm3."),
)
"""From the names in the checkpoints of guoyww/AnimateDiff (`mm_sd_v15_v2.ckpt`, `v3_sd15_mm.ckpt`) to diffusers'."""

NORM = re.compile(r"^down_blocks\.(\d+)\.motion_modules\.(\d+)\.norm\.weight$")
NO_LAYER = "not found in the base model"  # in peft's message
UNET_BLOCKS = ("down_blocks.", "mid_block.", "up_blocks.")


def library_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under diffusers' names."""
    renamed = {}
    for key, tensor in tensors.items():
        for pattern, replacement in AUTHORS_NAMES:
            key = pattern.sub(replacement, key)
        renamed[key] = tensor
    return renamed


def load_adapter(path: Path, dtype: torch.dtype, base: Mapping[str, Any]) -> Any:
    """A `MotionAdapter` from a diffusers folder, or from one file of its tensors.

    Args:
        path: the folder; or a file in diffusers' names (AnimateDiff-Lightning's) or those of AnimateDiff's authors.
        dtype: of the parameters.
        base: the configuration of the image model's UNet.

    Raises:
        WeightsError: missing or unexpected keys, wrong shapes, a damaged file.
    """
    if path.is_dir():
        return pretrained(diffusers.MotionAdapter, "motion adapter", path, dtype)
    tensors = library_names(read_tensors(path))
    config = part("motion adapter", path, _adapter_config, tensors, base, path)
    adapter = part("motion adapter", path, diffusers.MotionAdapter, **config)
    have = {key: tuple(tensor.shape) for key, tensor in tensors.items() if not key.endswith(UNSTORED)}
    state = adapter.state_dict()
    if lines := misfits(have, {key: tuple(t.shape) for key, t in state.items() if not key.endswith(UNSTORED)}):
        raise WeightsError(f"the motion adapter in {path.name!r} does not fit", *lines)
    adapter.load_state_dict(tensors, strict=False)
    return adapter.to(dtype)


def _adapter_config(tensors: Mapping[str, Tensor], base: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The sizes of an adapter, read off its tensors."""
    norms = {(int(found[1]), int(found[2])): len(tensors[key]) for key in tensors if (found := NORM.match(key))}
    if not norms:
        raise WeightsError(f"the file {path.name!r} contains no motion adapter", f"its keys: {shorten(tensors)}")
    widths = {level: width for (level, _), width in norms.items()}
    config: dict[str, Any] = {
        "block_out_channels": tuple(widths[level] for level in sorted(widths)),
        "motion_layers_per_block": len({layer for _, layer in norms}),
        "use_motion_mid_block": any(key.startswith("mid_block") for key in tensors),
        "motion_norm_num_groups": base["norm_num_groups"],
        "motion_num_attention_heads": base.get("num_attention_heads") or base["attention_head_dim"],
    }
    positions = [tensor.shape[1] for key, tensor in tensors.items() if key.endswith("pos_embed.pe")]
    return config | ({"motion_max_seq_length": positions[0]} if positions else {})


def add_loras(pipeline: Any, sources: WeightSources) -> None:
    """Adds LoRA files to the networks, each with its scale, and merges them into the weights.

    Raises:
        WeightsError: a file is damaged, or part of it fits no layer; names the keys.
    """
    scales: dict[str, float] = {}
    for index, lora in enumerate(sources.loras):
        path = _lora_file(locate(sources.lora(lora)))
        stored = read_tensors(path)
        tensors = {f"unet.{key}" if key.startswith(UNET_BLOCKS) else key: t for key, t in library_names(stored).items()}
        name = f"lora_{index}"
        unchanged = tensors.keys() == stored.keys() and path.suffix in SAFE_SUFFIXES
        options = {"weight_name": path.name} if unchanged else {}  # the header of the file may hold its alphas
        given: Any = path.parent if unchanged else tensors
        try:
            part("LoRA", path, pipeline.load_lora_weights, given, adapter_name=name, **options)
        except WeightsError as error:
            if NO_LAYER in str(error):
                _refuse_unused(tensors, pipeline, name, path)
            raise
        _refuse_unused(tensors, pipeline, name, path)
        scales[name] = float(lora.get("scale", 1.0))
    if scales:
        pipeline.set_adapters([*scales], [*scales.values()])
        pipeline.fuse_lora(adapter_names=[*scales])
        pipeline.unload_lora_weights()


def _lora_file(path: Path) -> Path:
    """The LoRA file of a folder: the one under a name of diffusers, else the only one."""
    if not path.is_dir():
        return path
    for name in LORA_FILES:
        if (path / name).is_file():
            return path / name
    files = sorted(file for file in path.iterdir() if file.suffix in (*SAFE_SUFFIXES, *PICKLE_SUFFIXES))
    if len(files) != 1:
        names = shorten(file.name for file in files) or "none"
        raise WeightsError(f"the folder {str(path)!r} does not say which LoRA to take", f"files: {names}; name one")
    return files[0]


def _refuse_unused(tensors: Mapping[str, Tensor], pipeline: Any, name: str, path: Path) -> None:
    """Refuses a LoRA of which the networks did not take every tensor; they are compared by value."""
    dtype = pipeline.unet.dtype
    taken = {
        _print_of(parameter, dtype)
        for network in (pipeline.unet, pipeline.text_encoder)
        for key, parameter in network.named_parameters()
        if f".{name}." in key
    }
    unused = [
        key for key, tensor in tensors.items() if not key.endswith("alpha") and _print_of(tensor, dtype) not in taken
    ]
    if unused:
        much = "nothing in" if len(unused) == len(tensors) or not taken else "not all of"
        raise WeightsError(
            f"{much} the LoRA {path.name!r} fits this model",
            f"no layer takes {len(unused)} of its {len(tensors)} tensors: {shorten(unused)}",
            "it is for another base model or other motion modules, or of a kind that cannot be merged (LyCORIS, DoRA)",
        )


def _print_of(tensor: Tensor, dtype: torch.dtype) -> tuple[tuple[int, ...], int]:
    data = tensor.detach().to("cpu", dtype).contiguous()
    return tuple(data.shape), hash(data.reshape(-1).view(torch.uint8).numpy().tobytes())
