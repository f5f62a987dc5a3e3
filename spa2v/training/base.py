"""The second stage: the text encoder and the UNet of a small Stable Diffusion, on single pictures with captions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from spa2v.core.runtime import Run
from spa2v.training.captions import Shown, caption
from spa2v.training.diffusion import Noised, cell_weights, draw, guided, make_noise_schedule, noised, velocity_loss
from spa2v.training.pictures import Pool
from spa2v.training.sheets import write_grid
from spa2v.training.vae import decode

GUIDANCE, SHEET_PROMPTS = 4.0, (
    "A car moves from left to right, outdoors on a street, A car on the left",
    "A bus comes closer, outdoors on a street, A bus in the center",
    "A red truck moves from right to left, outdoors on a street",
    "A motorcycle on the right",
    "A train moves from left to right, outdoors on a street",
    "A car comes closer, outdoors on a street, A car close by in the center",
    "A piano on the left, in a room, A piano on the left",
    "A guitar in the center, in a room",
    "A drum on the right and a woman on the left, in a room",
    "A violin in the center, in a room",
    "A harp on the left and a man on the right, in a room",
    "A woman in the center, in a room, A woman in the center",
    "A helicopter moves from left to right, in the sky, A helicopter in the center",
    "A dog in the center, outdoors in nature, A dog in the center",
    "A boat moves from right to left, on the water, A boat in the center",
    "A bicycle moves from left to right, outdoors on a street",
    "A police car comes closer, outdoors on a street",
    "A horse on the left, outdoors in nature",
    "A cow on the right, outdoors in nature",
    "A bird in the center, outdoors in nature",
    "A bell in the center, outdoors in nature",
    "A cello on the left, in a room",
    "A man moves from right to left, outdoors on a street",
    "A loudspeaker in the center, in a room",
)  # fmt: skip


def make_unet(widths: Sequence[int], channels: int, text_width: int, heads: int, groups: int) -> Any:
    """An untrained UNet of Stable Diffusion's form, its deepest level without attention; its branches start at zero."""
    from diffusers import UNet2DConditionModel
    from diffusers.models.resnet import ResnetBlock2D
    from diffusers.models.transformers.transformer_2d import Transformer2DModel

    levels = len(widths)
    unet = UNet2DConditionModel(
        sample_size=32,
        in_channels=channels,
        out_channels=channels,
        down_block_types=("CrossAttnDownBlock2D",) * (levels - 1) + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (levels - 1),
        block_out_channels=tuple(widths),
        layers_per_block=1,
        cross_attention_dim=text_width,
        attention_head_dim=heads,
        norm_num_groups=groups,
    )
    for module in unet.modules():
        if isinstance(module, ResnetBlock2D | Transformer2DModel):
            last = module.conv2 if isinstance(module, ResnetBlock2D) else module.proj_out
            nn.init.zeros_(last.weight)
    return unet


def needs_plain_attention(run: Run) -> bool:
    """Whether attention trains faster by plain matrix products: on a CPU in bfloat16.

    The backward pass of torch 2.13's fused attention takes twice as long in bfloat16 as in single precision there.
    """
    return run.device.type == "cpu" and run.accelerator.mixed_precision == "bf16"


def with_fast_attention(unet: Any, run: Run) -> Any:
    """The UNet with the attention that trains fastest."""
    if needs_plain_attention(run):
        from diffusers.models.attention_processor import AttnProcessor

        unet.set_attn_processor(AttnProcessor())
    return unet


class Prompter:
    """Texts to features, by the base's tokenizer and text encoder."""

    def __init__(self, tokenizer: Any, encoder: Any) -> None:
        self.tokenizer, self.encoder = tokenizer, encoder

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Token ids of each text, padded to full length, int64 (n, length) on the CPU."""
        length = self.tokenizer.model_max_length
        ids = self.tokenizer(list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        return ids.input_ids

    def __call__(self, texts: Sequence[str], device: torch.device) -> Any:
        """The encoder's output for each text."""
        return self.encoder(self.tokens(texts).to(device))


class Latents:
    """The pictures of pools as latents, and what they show, in one row.

    Args:
        pools: of pictures.
        latents: of each pool, (clips, frames, C, h, w).
        only_with_things: leave out pictures of empty places.
    """

    def __init__(self, pools: Sequence[Pool], latents: Sequence[Tensor], only_with_things: bool = False) -> None:
        self.pools, self.latents = pools, latents
        every = ((p, c, f) for p, pool in enumerate(pools) for c in range(pool.clips) for f in range(pool.frames))
        self.places = [(p, c, f) for p, c, f in every if pools[p].things[c][f] or not only_with_things]

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, list[tuple[int, int, int]]]:
        """Random latents (size, C, h, w), float32, and where they come from: pool, clip, frame."""
        picks = [self.places[int(i)] for i in rng.integers(len(self.places), size=size)]
        return torch.stack([self.latents[p][c, f] for p, c, f in picks]).float(), picks

    def things(self, places: Sequence[tuple[int, int, int]]) -> list[tuple[Shown, ...]]:
        """What pictures show."""
        return [self.pools[p].things[c][f] for p, c, f in places]

    def caption(self, place: tuple[int, int, int], rng: np.random.Generator) -> str:
        """A caption of one picture in a random form, empty at times."""
        pool, clip, frame = self.pools[place[0]], place[1], place[2]
        return caption(pool.things[clip][frame], pool.hidden_elsewhere(clip, frame), pool.settings[clip], rng)


class Captioned(NamedTuple):
    """Pictures with captions.

    Attributes:
        noised: the pictures.
        tokens: of the captions, (B, length).
        weights: of the cells in the loss, (B, 1, h, w).
    """

    noised: Noised
    tokens: Tensor
    weights: Tensor


class BaseStage:
    """Learns to draw pictures of captions.

    Args:
        unet: the denoiser.
        prompter: with the text encoder, which learns too.
        latents: to learn from.
        vae: frozen; decodes the sheets.
    """

    name = "base"

    def __init__(self, unet: nn.Module, prompter: Prompter, latents: Latents, vae: Any) -> None:
        self.unet: Any = unet
        self.prompter, self.latents, self.vae = prompter, latents, vae
        self.schedule = make_noise_schedule()
        self._both = nn.ModuleDict({"unet": unet, "text_encoder": prompter.encoder})

    def trained(self) -> nn.Module:
        return self._both

    def batch(self, step: int, size: int, run: Run) -> Captioned:
        rng = run.rng(f"base/{step}")
        latents, places = self.latents.batch(rng, size)
        tokens = self.prompter.tokens([self.latents.caption(place, rng) for place in places])
        boxes = [[thing.box for thing in row] for row in self.latents.things(places)]
        given = noised(latents, self.schedule, run.torch_generator(f"base/{step}"))
        return Captioned(given, tokens, cell_weights(boxes, (latents.shape[2], latents.shape[3])))

    def loss(self, batch: Captioned, run: Run) -> Tensor:
        """Velocity error, things counting more than what is around them."""
        text = self.prompter.encoder(batch.tokens.to(run.device, non_blocking=True)).last_hidden_state
        predict = lambda noisy, times: self.unet(noisy, times, text).sample  # noqa: E731
        return velocity_loss(predict, batch.noised, self.schedule, run, batch.weights)

    def sheet(self, path: Path, run: Run) -> None:
        """A picture of each of some fixed prompts."""
        pictures = draw_texts(self.unet, self.prompter, SHEET_PROMPTS, self.vae, self.latents.latents[0].shape[2:], run)
        write_grid(path, np.split(pictures, 4))


def draw_texts(
    unet: Any, prompter: Prompter, prompts: Sequence[str], vae: Any, shape: Sequence[int], run: Run, steps: int = 20
) -> np.ndarray[Any, Any]:
    """Pictures (B, H, W, 3) of prompts, ungrounded."""
    with torch.no_grad():
        cond = prompter(prompts, run.device).last_hidden_state
        uncond = prompter([""], run.device).last_hidden_state.expand_as(cond)
    both = torch.cat([uncond, cond])

    def predict(noisy: Tensor, times: Tensor) -> Tensor:
        answer = unet(torch.cat([noisy, noisy]), torch.cat([times, times]), both).sample
        return guided(answer, GUIDANCE)

    noise = torch.randn((len(prompts), *shape), generator=run.torch_generator("sheet")).to(run.device)
    return decode(vae, draw(predict, noise, make_noise_schedule(), steps))
