"""The stages and their recipes, sizes of the networks, numbers of pictures: all settings of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from spa2v.core.errors import ConfigError


@dataclass(frozen=True)
class Recipe:
    """How long and how fast.

    Args:
        steps: in all; the rate falls to nearly zero at the last one.
        batch: pictures (clips, for motion) a step.
        rate: highest learning rate of AdamW.
        warmup: part of the steps over which the rate rises.
        weight_decay: of AdamW.
        clip: largest norm of the gradients.
        ema: decay of the averaged weights, which are those that are kept.
        checkpoint_s: seconds between checkpoints.
        sheet_every: steps between sample sheets; 0 for none.
    """

    steps: int
    batch: int
    rate: float
    warmup: float = 0.05
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.999
    checkpoint_s: float = 120.0
    sheet_every: int = 2000


@dataclass(frozen=True)
class StageInfo:
    """A stage: what `spa2v train --help` says of it, and its recipe."""

    help: str
    recipe: Recipe


STAGES: Mapping[str, StageInfo] = {
    "detector": StageInfo(
        "The detector of ToyWorld's classes; trained on renders alone.",
        Recipe(steps=8000, batch=32, rate=2e-3, ema=0.998),
    ),
    "vae": StageInfo(
        "First: the VAE, between pictures and latents.", Recipe(steps=8000, batch=16, rate=1.5e-3, ema=0.998)
    ),
    "base": StageInfo(
        "Then: text encoder and UNet, on single pictures with captions.",
        Recipe(steps=16000, batch=256, rate=1.5e-3, ema=0.9995),
    ),
    "motion": StageInfo(
        "Motion modules, on clips with captions; the base is frozen.",
        Recipe(steps=5000, batch=16, rate=1e-3, ema=0.998),
    ),
    "migc": StageInfo(
        "MIGC grounding modules, on single pictures with boxes; the base is frozen.",
        Recipe(steps=6000, batch=128, rate=1e-3, ema=0.998),
    ),
    "gligen": StageInfo(
        "GLIGEN grounding modules, on single pictures with boxes; the base is frozen.",
        Recipe(steps=6000, batch=128, rate=1e-3, ema=0.998),
    ),
    "few_steps": StageInfo(
        "A LoRA of the base for few steps without guidance; base, motion modules and MIGC are frozen and teach.",
        Recipe(steps=6000, batch=4, rate=1e-3, ema=0.995),
    ),
}
"""In the order in which `spa2v train all` trains them."""


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
        classes: names of what is drawn, all of ToyWorld's if there are none; see `spa2v.training.scenes.any_scene`.
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
    classes: tuple[str, ...] = ()
    recipes: Mapping[str, Recipe] = field(
        default_factory=lambda: {name: stage.recipe for name, stage in STAGES.items()}
    )

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
