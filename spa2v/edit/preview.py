"""A first look at a clip in a fraction of its time: fewer steps of the same networks, and every second frame."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from spa2v.core.config import Choice, Config

SAMPLING = frozenset({"loras", "scheduler", "steps", "guidance"})
"""Options that say how the networks are sampled; with the others equal, the same noise becomes much the same clip."""
LEAST_FRAMES = 16
"""Of a clip with fewer frames all are drawn: half of them would show no movement."""


def preview_of(config: Config, others: Mapping[str, Config]) -> tuple[str, Config] | None:
    """The preset that draws the preview of a config, and its config with every second frame.

    Args:
        config: that draws the whole clip.
        others: presets by name. One serves where it has the same injector, backbone and options but for `SAMPLING`, and
            evaluates its denoiser at most half as often; the one with the fewest evaluations is taken.

    Returns:
        Name and config; None where no preset serves.
    """
    whole = _evaluations(config.motion_backbone)
    serving = {
        name: count
        for name, other in others.items()
        if other.grounding_injector == config.grounding_injector
        and _fixed(other.motion_backbone) == _fixed(config.motion_backbone)
        and 2 * (count := _evaluations(other.motion_backbone)) <= whole < math.inf
    }
    if not serving:
        return None
    name = min(serving, key=lambda one: serving[one])
    backbone = others[name].motion_backbone
    options = {**backbone.options, **_every_second(backbone)}
    return name, replace(config, motion_backbone=replace(backbone, options=options))


def _fixed(choice: Choice) -> tuple[str, dict[str, Any]]:
    return choice.name, {key: value for key, value in choice.options.items() if key not in SAMPLING}


def _evaluations(choice: Choice) -> float:
    """Evaluations of the denoiser for each frame; infinite where the options do not say."""
    steps, guidance = choice.options.get("steps"), choice.options.get("guidance")
    if not isinstance(steps, int) or not isinstance(guidance, (int, float)):
        return math.inf
    return steps * (2 if guidance > 1 else 1)


def _every_second(choice: Choice) -> dict[str, Any]:
    frames = choice.options.get("frames")
    if not isinstance(frames, int) or frames < LEAST_FRAMES or frames % 2:
        return {}
    return {"frames": frames // 2, "noise_stride": 2 * choice.options.get("noise_stride", 1)}
