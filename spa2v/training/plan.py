"""Sizes of the networks, numbers of pictures, and recipes of the stages: all that a training run can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from spa2v.core.errors import ConfigError
from spa2v.training.loop import Recipe

RECIPES: Mapping[str, Recipe] = {
    "detector": Recipe(steps=8000, batch=32, rate=2e-3, ema=0.998),
    "vae": Recipe(steps=8000, batch=16, rate=1.5e-3, ema=0.998),
    "base": Recipe(steps=16000, batch=256, rate=1.5e-3, ema=0.9995),
    "motion": Recipe(steps=5000, batch=16, rate=1e-3, ema=0.998),
    "migc": Recipe(steps=6000, batch=128, rate=1e-3, ema=0.998),
    "gligen": Recipe(steps=6000, batch=128, rate=1e-3, ema=0.998),
}


@dataclass(frozen=True)
class Plan:
    """What is trained, at which size, on how much.

    Args:
        size: (width, height) of a picture in pixels; multiples of the VAE's factor, and of 32 for the detector.
        vae_widths, latent_channels: of the VAE, which halves a picture once less than it has widths.
        unet_widths, heads, groups: of the denoiser; its deepest level has no attention.
        text_width, text_layers, text_heads: of the text encoder.
        stills: scenes of the pool of single pictures, two pictures each.
        clips, frames: of the pool of clips.
        recipes: by stage.
    """

    size: tuple[int, int] = (256, 160)
    vae_widths: tuple[int, ...] = (24, 48, 64, 80)
    latent_channels: int = 8
    unet_widths: tuple[int, ...] = (64, 96, 128)
    heads: int = 4
    groups: int = 8
    text_width: int = 128
    text_layers: int = 2
    text_heads: int = 4
    stills: int = 24000
    clips: int = 4000
    frames: int = 16
    recipes: Mapping[str, Recipe] = field(default_factory=lambda: dict(RECIPES))

    def __post_init__(self) -> None:
        if any(side % self.factor for side in self.size):
            raise ConfigError(f"plan.size: {self.size}", f"this VAE takes multiples of {self.factor}")

    @property
    def factor(self) -> int:
        """Pixels of a latent cell along an axis."""
        return int(2 ** (len(self.vae_widths) - 1))

    def recipe(self, stage: str, **changes: int | float | None) -> Recipe:
        """The recipe of a stage, with changes; None changes nothing."""
        return replace(self.recipes[stage], **{key: value for key, value in changes.items() if value is not None})  # type: ignore[arg-type]
