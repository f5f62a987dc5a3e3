"""Reads MIGC checkpoints into one module for each layer.

Three key formats are supported. In the released one (a torch file, tensors under `state_dict`), a key has two
components, then the block family, then the block's index; further components up to `migc` are free. In the two others
the text before `migc` is the module path of the layer, with or without `processor`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from spa2v.core.errors import WeightsError
from spa2v.core.protocols import AttentionSite
from spa2v.core.weights import misfits, read_tensors, shorten
from spa2v.plugins.grounding_injectors.migc.modules import MIGCModule, ModuleSizes

MARK = "migc"
INDEX_AT = 3


def load_modules(path: Path, sites: Sequence[AttentionSite]) -> dict[str, MIGCModule]:
    """The modules of a checkpoint, float32, by the name of their layer.

    Raises:
        WeightsError: unreadable, not a MIGC checkpoint, or one that does not fit; names every wrong key.
    """
    groups, problems = group_by_site(read_tensors(path), sites)
    modules: dict[str, MIGCModule] = {}
    by_name = {site.name: site for site in sites}
    for name, tensors in groups.items():
        module, lines = _build(tensors, by_name[name])
        problems += [f"{name}: {line}" for line in lines]
        if module is not None:
            modules[name] = module
    if problems or not modules:
        raise WeightsError(f"the file {path.name!r} is not a MIGC checkpoint for this backbone", *problems)
    return modules


def group_by_site(
    tensors: Mapping[str, Tensor], sites: Sequence[AttentionSite]
) -> tuple[dict[str, dict[str, Tensor]], list[str]]:
    """Tensors by layer, named as in a module; and the keys that match no layer, as lines of an error."""
    groups: dict[str, dict[str, Tensor]] = defaultdict(dict)
    lost: dict[str, list[str]] = defaultdict(list)
    cross = [site for site in sites if site.kind == "spatial" and site.role == "cross"]
    for key, tensor in tensors.items():
        parts = key.split(".")
        if MARK not in parts:
            lost[f"keys without a component {MARK!r}"].append(key)
            continue
        at = parts.index(MARK)
        site = _site(parts[:at], cross)
        if site is None:
            lost["keys of layers that this backbone does not have"].append(key)
            continue
        suffix = ".".join(parts[at + 1 :])
        if suffix in groups[site.name]:
            lost[f"keys that say {site.name} a second time"].append(key)
        groups[site.name][suffix] = tensor
    return dict(groups), [f"{what}: {shorten(keys)}" for what, keys in lost.items()]


def _site(head: Sequence[str], sites: Sequence[AttentionSite]) -> AttentionSite | None:
    """The layer that the components of a key before `migc` name."""
    path = ".".join(head).removesuffix(".processor")
    for site in sites:
        if site.name == path or path == f"unet.{site.name}":
            return site
    if len(head) <= INDEX_AT:
        return None
    family = next((word for word in ("input_blocks", "middle_block") if word in head), "output_blocks")
    wanted = [family] if family == "middle_block" else [family, head[INDEX_AT]]  # the middle block's index is not read
    for site in sites:
        if site.original_name and site.original_name.split(".")[: len(wanted)] == wanted:
            return site
    return None


def _build(tensors: Mapping[str, Tensor], site: AttentionSite) -> tuple[MIGCModule | None, list[str]]:
    """A module with these tensors, or what is wrong with them."""
    if "sac.conv1.weight" not in tensors and "gamma" in tensors:
        return None, ["the tensors are those of MIGC++, which has another form; use a MIGC checkpoint"]
    try:
        sizes = ModuleSizes.of(tensors, site.heads)
    except (KeyError, IndexError, ValueError) as error:
        missing = f"missing: {error.args[0]}" if isinstance(error, KeyError) else "tensors of another rank"
        return None, [missing]
    if sizes.channels != site.channels or sizes.text_width != site.text_width:
        return None, [
            f"made for width {sizes.channels} and text width {sizes.text_width}; "
            f"the layer has {site.channels} and {site.text_width}"
        ]
    with torch.device("meta"):
        module = MIGCModule(sizes)
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    wanted = {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
    if lines := misfits(shapes, wanted):
        return None, lines
    module.load_state_dict({key: tensor.float() for key, tensor in tensors.items()}, strict=True, assign=True)
    return module.requires_grad_(False).eval(), []
