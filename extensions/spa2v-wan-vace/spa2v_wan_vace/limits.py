"""Refuses options that cannot work, before anything heavy is loaded."""

from __future__ import annotations

from typing import Any

from spa2v import ConfigError, near

CHOICES = {"captions": ("mix", "global", "local"), "offload": ("none", "model", "sequential")}
RANGES = {
    "width": (32, 2048),
    "height": (32, 2048),
    "frames": (1, 257),
    "model_frames": (1, 257),
    "steps": (1, 1000),
    "line_px": (1, 64),
}
SCALES = {"guidance": (0.0, 50.0), "strength": (0.0, 2.0), "flow_shift": (0.1, 50.0)}
SIDE, TIME = 16, 4
"""Pixels that one token of Wan covers to each side, and frames that one latent frame holds."""


def check(options: Any) -> None:
    """Every option of `WanVace` that can be judged without weights.

    Raises:
        ConfigError: one is out of range or not on its list.
    """
    for name, allowed in CHOICES.items():
        if getattr(options, name) not in allowed:
            raise ConfigError(
                f"wan_vace: {name} is {getattr(options, name)!r}", near(str(getattr(options, name)), allowed)
            )
    for name, (low, high) in {**RANGES, **SCALES}.items():
        value = getattr(options, name)
        numbers = int if name in RANGES else (int, float)
        if isinstance(value, bool) or not isinstance(value, numbers) or not low <= value <= high:
            raise ConfigError(f"wan_vace: {name} is {value!r}", f"expected {low} to {high}")
    _check_sizes(options)
    for thing, color in options.colors.items():
        whole = all(isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= 255 for part in color)
        if len(color) != 3 or not whole:
            raise ConfigError(f"wan_vace: the color of {thing!r} is {color!r}", "expected [red, green, blue], 0 to 255")


def _check_sizes(options: Any) -> None:
    for name in ("width", "height"):
        if getattr(options, name) % SIDE:
            raise ConfigError(f"wan_vace: {name} is {getattr(options, name)}", f"the model takes multiples of {SIDE}")
    drawn, frames = options.model_frames, options.frames
    if drawn % TIME != 1:
        near_ones = sorted({max(1, drawn // TIME * TIME + 1), (drawn + 2) // TIME * TIME + 1})
        raise ConfigError(
            f"wan_vace: model_frames is {drawn}",
            f"the model draws 1, 5, 9, ... frames; near ones: {', '.join(map(str, near_ones))}",
        )
    if frames > drawn:
        raise ConfigError(f"wan_vace: {frames} frames of {drawn} model_frames", "frames are picked from what it draws")
