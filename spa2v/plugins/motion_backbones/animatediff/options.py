"""Refuses options that cannot work, before anything heavy is loaded."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from spa2v.core.errors import ConfigError
from spa2v.plugins.motion_backbones.animatediff.schedulers import check_name

CAPTIONS = ("mix", "global", "local")
OFFLOADS = ("none", "model", "sequential")
FREE_NOISE = ("auto", "on", "off")
RANGES = {
    "width": (16, 2048),
    "height": (16, 2048),
    "frames": (1, 256),
    "fps": (0.1, 60.0),
    "steps": (1, 1000),
    "guidance": (0.0, 50.0),
    "context_frames": (2, 64),
    "context_stride": (1, 64),
    "decode_chunk": (1, 256),
    "noise_follows": (0.0, 1.0),
}
LORA_KEYS = ("source", "scale")
FREE_INIT_KEYS = ("iterations", "filter", "order", "spatial_stop", "temporal_stop")


def check(options: Any) -> None:
    """Every option of `AnimateDiff` that can be judged without weights.

    Raises:
        ConfigError: one is out of range or not on its list.
    """
    check_choices(options)
    check_ranges(options)
    check_loras(options.loras)
    check_name(options.scheduler)
    if options.free_init is not None and (unknown := sorted(set(options.free_init) - set(FREE_INIT_KEYS))):
        raise ConfigError(f"animatediff: free_init has the key {unknown[0]!r}", f"known: {', '.join(FREE_INIT_KEYS)}")


def check_choices(options: Any) -> None:
    """Each named choice is on its list.

    Raises:
        ConfigError: one is not.
    """
    for name, allowed in (("captions", CAPTIONS), ("offload", OFFLOADS), ("free_noise", FREE_NOISE)):
        value = getattr(options, name)
        if value not in allowed:
            near = difflib.get_close_matches(str(value), allowed, n=1)
            hint = [f"did you mean {near[0]!r}?"] if near else []
            raise ConfigError(f"animatediff: {name} is {value!r}", *hint, f"expected one of: {', '.join(allowed)}")


def check_ranges(options: Any) -> None:
    """Each number is in its range.

    Raises:
        ConfigError: one is not, or is no number.
    """
    for name, (low, high) in RANGES.items():
        value = getattr(options, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise ConfigError(f"animatediff: {name} is {value!r}", f"expected {low} to {high}")
    if options.context_stride > options.context_frames:
        raise ConfigError(
            f"animatediff: context_stride is {options.context_stride}",
            f"expected at most context_frames ({options.context_frames}), so that windows touch",
        )


def check_loras(loras: Sequence[Mapping[str, Any]]) -> None:
    """Each LoRA names a source.

    Raises:
        ConfigError: one does not, or has an unknown key.
    """
    for index, lora in enumerate(loras):
        if not isinstance(lora, Mapping) or not isinstance(lora.get("source"), str):
            raise ConfigError(f"animatediff: loras[{index}] is {lora!r}", "expected {source: PATH or ID, scale: 1.0}")
        if unknown := sorted(set(lora) - set(LORA_KEYS)):
            raise ConfigError(
                f"animatediff: loras[{index}] has the key {unknown[0]!r}", f"known: {', '.join(LORA_KEYS)}"
            )
