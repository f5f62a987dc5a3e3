"""Sizes of the networks, numbers of pictures, and recipes of the stages: all that a training run can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from spa2v.core.errors import ConfigError
from spa2v.world.training.loop import Recipe
from spa2v.world.training.patches import FACTOR

RECIPES: Mapping[str, Recipe] = {
    "detector": Recipe(steps=3000, batch=16, rate=3e-3, ema=0.99),
    "vae": Recipe(steps=6000, batch=8, rate=2e-3, ema=0.995),
    "base": Recipe(steps=12000, batch=16, rate=1.5e-3),
    "motion": Recipe(steps=2000, batch=1, rate=1e-3, ema=0.995),
    "migc": Recipe(steps=3000, batch=16, rate=1.5e-3, ema=0.995),
    "gligen": Recipe(steps=5000, batch=16, rate=1.5e-3, ema=0.995),
}


@dataclass(frozen=True)
class Plan:
    """What is trained, at which size, on how much.

    Args:
        size: (width, height) of a picture in pixels; multiples of the VAE's factor, and of 16 for the detector.
        vae_widths, latent_channels: of the VAE: three levels, the widest at least 2 * latent_channels + 2.
        unet_widths, heads, groups: of the denoiser; its first level has no attention.
        text_width, text_layers, text_heads: of the text encoder.
        stills: scenes of the pool of single pictures, two pictures each.
        clips, frames: of the pool of clips.
        recipes: by stage.
    """

    size: tuple[int, int] = (128, 80)
    vae_widths: tuple[int, int, int] = (16, 32, 64)
    latent_channels: int = 8
    unet_widths: tuple[int, ...] = (32, 64, 128)
    heads: int = 4
    groups: int = 4
    text_width: int = 128
    text_layers: int = 2
    text_heads: int = 4
    stills: int = 7000
    clips: int = 700
    frames: int = 16
    recipes: Mapping[str, Recipe] = field(default_factory=lambda: dict(RECIPES))

    def __post_init__(self) -> None:
        if any(side % FACTOR for side in self.size):
            raise ConfigError(f"plan.size: {self.size}", f"this VAE takes multiples of {FACTOR}")

    def recipe(self, stage: str, **changes: int | float | None) -> Recipe:
        """The recipe of a stage, with changes; None changes nothing."""
        return replace(self.recipes[stage], **{key: value for key, value in changes.items() if value is not None})  # type: ignore[arg-type]
