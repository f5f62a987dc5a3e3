"""Reads GLIGEN checkpoints: a position net, and a gated self-attention ("fuser") for each spatial transformer block.

Keys are those of a diffusers UNet, or of the original release, in which blocks have their original names. The UNet's
own weights in such a file are ignored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers.models.attention import GatedSelfAttentionDense
from diffusers.models.embeddings import GLIGENTextBoundingboxProjection
from torch import Tensor, nn

from spa2v.core.errors import WeightsError
from spa2v.core.protocols import AttentionSite
from spa2v.core.weights import misfits, read_tensors, shorten

NET, FUSER = "position_net.", ".fuser."
PREFIXES = ("model.diffusion_model.", "unet.")
WRAPPERS = ("state_dict", "model")


def checkpoint_file(path: Path) -> Path:
    """The file with the UNet's tensors: the path itself, or the one in a diffusers folder.

    Raises:
        WeightsError: the folder contains none, or several.
    """
    if path.is_file():
        return path
    found = [file for folder in (path / "unet", path) for file in folder.glob("*.safetensors")]
    found = found or [file for folder in (path / "unet", path) for file in folder.glob("*.bin")]
    whole = [file for file in found if ".fp16." not in file.name] or found
    if len(whole) != 1:
        names = ", ".join(sorted(file.name for file in whole)) or "none"
        raise WeightsError(f"the folder {str(path)!r} does not hold one file of UNet weights", f"found: {names}")
    return whole[0]


def load_modules(path: Path, sites: Sequence[AttentionSite]) -> tuple[nn.Module, dict[str, nn.Module]]:
    """The position net, and the fusers by module path of their block, in the precision of the file.

    Raises:
        WeightsError: unreadable, not a GLIGEN checkpoint, or one that does not fit; names every wrong key.
    """
    file = checkpoint_file(path)
    net, groups, problems = _sorted(read_tensors(file, WRAPPERS), sites)
    blocks = {site.block: site for site in sites if site.kind == "spatial" and site.role == "cross"}
    if absent := [f"{block}{FUSER[:-1]}" for block in blocks if block not in groups]:
        problems.append(f"missing: {shorten(absent)}")
    position_net, lines = _position_net(net)
    problems += [f"{NET[:-1]}: {line}" for line in lines]
    fusers = {}
    for block, tensors in groups.items():
        fuser, lines = _fuser(tensors, blocks[block])
        problems += [f"{block}{FUSER[:-1]}: {line}" for line in lines]
        if fuser is not None:
            fusers[block] = fuser
    if problems or position_net is None:
        raise WeightsError(f"the file {file.name!r} is not a GLIGEN checkpoint for this backbone", *problems)
    return position_net, fusers


def _sorted(
    tensors: Mapping[str, Tensor], sites: Sequence[AttentionSite]
) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]], list[str]]:
    """Tensors of the position net, tensors of each block's fuser, and the fusers that match no block."""
    blocks = {}  # block paths by their own and their original names
    for site in sites:
        if site.kind == "spatial":
            blocks[site.block] = site.block
            if site.original_name:
                _, mark, tail = site.block.partition(".transformer_blocks.")
                blocks[site.original_name + mark + tail] = site.block
    net: dict[str, Tensor] = {}
    groups: dict[str, dict[str, Tensor]] = defaultdict(dict)
    lost = []
    for key, tensor in tensors.items():
        short = key
        for prefix in PREFIXES:
            short = short.removeprefix(prefix)
        head, found, tail = short.partition(FUSER)
        if short.startswith(NET):
            net[short.removeprefix(NET)] = tensor
        elif found and head in blocks:
            groups[blocks[head]][tail] = tensor
        elif found:
            lost.append(key)
    return net, dict(groups), [f"blocks that this backbone does not have: {shorten(lost)}"] if lost else []


def _filled(module: nn.Module, tensors: Mapping[str, Tensor]) -> tuple[nn.Module | None, list[str]]:
    """The module with these tensors, or what does not fit."""
    have = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    want = {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
    if lines := misfits(have, want):
        return None, lines
    module.load_state_dict(dict(tensors), strict=True, assign=True)
    return module.requires_grad_(False).eval(), []


def _position_net(tensors: Mapping[str, Tensor]) -> tuple[nn.Module | None, list[str]]:
    needed = ("null_positive_feature", "null_position_feature", "linears.4.bias")
    if missing := [key for key in needed if key not in tensors]:
        return None, [f"missing: {shorten(missing)}"]
    width, positions, out = (len(tensors[key]) for key in needed)
    with torch.device("meta"):
        net = GLIGENTextBoundingboxProjection(width, out, fourier_freqs=positions // 8)
    return _filled(net, tensors)


def _fuser(tensors: Mapping[str, Tensor], site: AttentionSite) -> tuple[nn.Module | None, list[str]]:
    linear: Any = tensors.get("linear.weight")
    if linear is None or linear.ndim != 2:
        return None, ["missing: linear.weight"]
    if linear.shape[0] != site.channels:
        return None, [f"made for width {linear.shape[0]}; the block has {site.channels}"]
    with torch.device("meta"):
        fuser = GatedSelfAttentionDense(site.channels, linear.shape[1], site.heads, site.channels // site.heads)
    return _filled(fuser, tensors)
