"""What both grounding stages share: the frozen base, rows of things with phrases and boxes, sheets."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from spa2v.core.protocols import AttentionSite, Denoising, EncodedText
from spa2v.core.runtime import Run
from spa2v.plugins.grounding_injectors.instances import Instances
from spa2v.plugins.motion_backbones.animatediff.attention_sites import attention_sites
from spa2v.training.base import GUIDANCE, Latents, Prompter
from spa2v.training.captions import Shown, phrase
from spa2v.training.diffusion import Noised, cell_weights, draw, guided, make_noise_schedule, noised
from spa2v.training.sheets import write_grid
from spa2v.training.vae import decode

MOST_THINGS = 28


@dataclass(frozen=True)
class Frozen:
    """The base as the grounding stages see it: nothing of it learns.

    Args:
        unet, prompter, vae: the base's networks.
        latents: to learn from.
        pixels: (height, width) of a picture.
    """

    unet: Any
    prompter: Prompter
    vae: Any
    latents: Latents
    pixels: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, h, w) of the latents."""
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        return self.vae.config.latent_channels, self.pixels[0] // factor, self.pixels[1] // factor

    @property
    def sites(self) -> tuple[AttentionSite, ...]:
        """The UNet's attention layers."""
        return attention_sites(self.unet, self.shape[1:])

    def encode(self, texts: Sequence[str], run: Run) -> EncodedText:
        """Features of each text."""
        with torch.no_grad():
            features = self.prompter(texts, run.device)
        return EncodedText(features.last_hidden_state, features.pooler_output)

    def states(self, tokens: Tensor, run: Run) -> Tensor:
        """Hidden states of texts, by their tokens."""
        with torch.no_grad():
            return self.prompter.encoder(tokens.to(run.device, non_blocking=True)).last_hidden_state


class Boxed(NamedTuple):
    """Pictures with captions and boxes.

    Attributes:
        noised: the pictures.
        tokens: of the captions, (B, length).
        instances: the things with phrases and boxes.
        weights: of the cells in the loss, (B, 1, h, w).
    """

    noised: Noised
    tokens: Tensor
    instances: Instances
    weights: Tensor


class Grounder(Protocol):
    """Modules that can be put into the UNet for a batch."""

    def attached(self, frozen: Frozen, instances: Instances, now: Denoising, run: Run) -> AbstractContextManager[Any]:
        """A context in which the UNet is grounded; gives its extra keyword arguments."""
        ...


def instances_of(rows: Sequence[Sequence[Shown]], rng: np.random.Generator, drop: float = 0.0) -> Instances:
    """Things of pictures with a phrase each, in random order; a part `drop` of the rows loses all of them."""
    listed = []
    for row in rows:
        kept = () if rng.random() < drop else row
        order = [kept[int(i)] for i in rng.permutation(len(kept))]
        listed.append([(phrase(thing, rng), thing.box) for thing in order])
    return Instances.from_rows(listed, MOST_THINGS)


def boxed(frozen: Frozen, schedule: Any, name: str, size: int, run: Run, drop: float = 0.0) -> Boxed:
    """A batch of pictures drawn by the generators called `name`; see `instances_of` for `drop`."""
    rng = run.rng(name)
    latents, places = frozen.latents.batch(rng, size)
    things = frozen.latents.things(places)
    instances = instances_of(things, rng, drop)
    tokens = frozen.prompter.tokens([frozen.latents.caption(place, rng) for place in places])
    weights = cell_weights([[thing.box for thing in row] for row in things], frozen.shape[1:])
    return Boxed(noised(latents, schedule, run.torch_generator(name), early=True), tokens, instances, weights)


def write_grounded_sheet(path: Path, grounder: Grounder, frozen: Frozen, run: Run, count: int = 16) -> None:
    """True pictures of held places over drawn ones with the same captions and boxes."""
    rng = run.rng("grounding/sheet")
    _, places = frozen.latents.batch(rng, count)
    rows = frozen.latents.things(places)
    prompts = [frozen.latents.caption(place, rng) for place in places]
    instances = Instances.from_rows([[(thing.name, thing.box) for thing in row] for row in rows], MOST_THINGS)
    drawn = draw_grounded(grounder, frozen, prompts, instances, run)
    true = np.stack([frozen.latents.pools[p].pixels[c, f] for p, c, f in places])
    boxes = [[thing.box for thing in row] for row in rows]
    half = count // 2
    marks = [boxes[:half], boxes[:half], boxes[half:], boxes[half:]]
    write_grid(path, [true[:half], drawn[:half], true[half:], drawn[half:]], marks)


def draw_grounded(
    grounder: Grounder | None,
    frozen: Frozen,
    prompts: Sequence[str],
    instances: Instances,
    run: Run,
    steps: int = 20,
    share: float = 1.0,
    guidance: float = GUIDANCE,
    schedule: Any = None,
) -> np.ndarray[Any, Any]:
    """Single pictures (B, H, W, 3) of prompts and boxes; without a grounder, of prompts alone."""
    both = frozen.encode([*[""] * len(prompts), *prompts], run).states
    now = Denoising(steps=steps, guided=True)
    noise = torch.randn((len(prompts), *frozen.shape), generator=run.torch_generator("sheet")).to(run.device)

    def at_step(step: int, steps: int) -> AbstractContextManager[Any]:
        now.step = step
        return nullcontext()

    with grounder.attached(frozen, instances, now, run) if grounder else nullcontext({}) as extra:

        def predict(noisy: Tensor, times: Tensor) -> Tensor:
            keywords = extra if now.step < share * steps else {}
            answer = frozen.unet(torch.cat([noisy, noisy]), torch.cat([times, times]), both, **keywords).sample
            return guided(answer, guidance)

        with torch.no_grad():
            latents = draw(predict, noise, schedule or make_noise_schedule(), steps, at_step)
    return decode(frozen.vae, latents)
