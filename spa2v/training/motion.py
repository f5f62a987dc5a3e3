"""The motion stage: AnimateDiff's temporal modules on clips with captions, on the frozen base. It never sees a box."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from spa2v.core.runtime import Run
from spa2v.training.base import GUIDANCE, Prompter
from spa2v.training.captions import clip_caption, frame_caption
from spa2v.training.diffusion import Noised, draw, guided, make_noise_schedule, noised, velocity_loss
from spa2v.training.pictures import Pool
from spa2v.training.sheets import write_grid
from spa2v.training.vae import decode

NO_TEXT_ODDS, MIX_ODDS, WHOLE_ODDS = 0.1, 0.6, 0.2
CHANGE_WEIGHT, MOST_CHANGE = 1.0, 6.0
TEMPORAL = "motion_modules"


def make_adapter(unet: Any, heads: int, frames: int) -> Any:
    """Untrained motion modules for a UNet; their last layers are zero, so that they change nothing at first."""
    from diffusers import MotionAdapter

    adapter = MotionAdapter(
        block_out_channels=unet.config.block_out_channels,
        motion_layers_per_block=unet.config.layers_per_block,
        motion_mid_block_layers_per_block=1,
        motion_num_attention_heads=heads,
        motion_norm_num_groups=unet.config.norm_num_groups,
        motion_max_seq_length=2 * frames,
        use_motion_mid_block=True,
    )
    for name, parameter in adapter.named_parameters():
        if ".proj_out." in name:
            nn.init.zeros_(parameter)
    return adapter


def with_motion(unet: Any, adapter: Any) -> Any:
    """The UNet for clips; everything but the motion modules is frozen."""
    from diffusers import UNetMotionModel

    network = UNetMotionModel.from_unet2d(unet, adapter)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(TEMPORAL in name.split("."))
    return network


class MotionModules(nn.Module):
    """The motion modules of a network, alone: what learns and what is kept."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.names = [name for name, _ in network.named_modules() if name.endswith(TEMPORAL)]
        self.layers = nn.ModuleList([network.get_submodule(name) for name in self.names])


class Clips(NamedTuple):
    """Clips with captions.

    Attributes:
        noised: the clips, (B, C, F, h, w).
        tokens: of their distinct prompts, (D, length).
        prompts: the prompt of each frame, (B * F,).
        weights: of the cells in the loss, (B, 1, F, h, w).
    """

    noised: Noised
    tokens: Tensor
    prompts: Tensor
    weights: Tensor


class MotionStage:
    """Learns how things move, on clips with captions.

    Args:
        network: of `with_motion`.
        prompter, vae: of the frozen base.
        pool: of clips.
        latents: of the pool, (clips, frames, C, h, w).
    """

    name = "motion"

    def __init__(self, network: Any, prompter: Prompter, vae: Any, pool: Pool, latents: Tensor) -> None:
        self.network, self.prompter, self.vae, self.pool, self.latents = network, prompter, vae, pool, latents
        self.schedule = make_noise_schedule()
        self._modules = MotionModules(network)

    def trained(self) -> nn.Module:
        return self._modules

    def batch(self, step: int, size: int, run: Run) -> Clips:
        _, latents, tokens, prompts = self.picked(run.rng(f"motion/{step}"), size)
        generator = run.torch_generator(f"motion/{step}")
        return Clips(noised(latents, self.schedule, generator), tokens, prompts, change_weights(latents))

    def picked(self, rng: np.random.Generator, size: int) -> tuple[list[int], Tensor, Tensor, Tensor]:
        """Random clips: their numbers, latents (B, C, F, h, w), tokens of distinct prompts, each frame's prompt."""
        clips = [int(i) for i in rng.integers(self.pool.clips, size=size)]
        latents = self.latents[clips].float().transpose(1, 2).contiguous()
        texts = [prompt for clip in clips for prompt in self.prompts(clip, rng)]
        places = {prompt: place for place, prompt in enumerate(dict.fromkeys(texts))}
        which = torch.tensor([places[prompt] for prompt in texts])
        return clips, latents, self.prompter.tokens(list(places)), which

    def loss(self, batch: Clips, run: Run) -> Tensor:
        """Velocity error, what changes over the clip counting more than what stays."""
        with torch.no_grad():
            states = self.prompter.encoder(batch.tokens.to(run.device)).last_hidden_state
        text = states[batch.prompts.to(run.device)]
        # torch 2.13 crashes in the backward pass of a group norm whose input needs no gradient and whose weights do.
        predict = lambda noisy, times: self.network(noisy.requires_grad_(), times, text).sample  # noqa: E731
        return velocity_loss(predict, batch.noised, self.schedule, run, batch.weights)

    def prompts(self, clip: int, rng: np.random.Generator) -> list[str]:
        """The text of each frame of a clip, in one of the backbone's caption modes; none at times."""
        draw = rng.random()
        frames = self.pool.things[clip]
        if draw < NO_TEXT_ODDS:
            return [""] * len(frames)
        things = {(t.name, t.attribute): t for row in frames for t in row}
        whole = clip_caption(list(things.values()), self.pool.settings[clip], rng)
        seed = int(rng.integers(2**31))  # the same words for the same things in all frames
        local = [frame_caption(row, np.random.default_rng(seed)) for row in frames]
        if draw < NO_TEXT_ODDS + MIX_ODDS:
            return [f"{whole}, {text}" for text in local]
        return [whole] * len(frames) if draw < NO_TEXT_ODDS + MIX_ODDS + WHOLE_ODDS else local

    def _text(self, prompts: list[str], run: Run) -> Tensor:
        """Features of prompts, each distinct one encoded once, (rows, tokens, width)."""
        distinct = list(dict.fromkeys(prompts))
        states = self.prompter(distinct, run.device).last_hidden_state
        return states[[distinct.index(prompt) for prompt in prompts]]

    def sheet(self, path: Path, run: Run, count: int = 4) -> None:
        """Clips of captions, every second frame."""
        prompts = [text for clip in range(count) for text in self.prompts(clip, np.random.default_rng(5))]
        cond = self._text(prompts, run)
        both = torch.cat([self._text([""], run).expand_as(cond), cond])

        def predict(noisy: Tensor, times: Tensor) -> Tensor:
            answer = self.network(torch.cat([noisy, noisy]), times[0], both).sample
            return guided(answer, GUIDANCE)

        frames, (c, h, w) = self.pool.frames, self.latents.shape[2:]
        noise = torch.randn((count, c, frames, h, w), generator=run.torch_generator("sheet")).to(run.device)
        latents = draw(predict, noise, self.schedule, 16).transpose(1, 2).flatten(0, 1)
        write_grid(path, [clip[::2] for clip in np.split(decode(self.vae, latents), count)])


def change_weights(latents: Tensor) -> Tensor:
    """1 and more, by how far a cell is from its mean over the clip; (B, C, F, h, w) to (B, 1, F, h, w).

    Most of a clip stands still; without this, modules learn to hold the background long before the things that move.
    """
    change = (latents - latents.mean(dim=2, keepdim=True)).abs().mean(dim=1, keepdim=True)
    usual = change.mean(dim=(2, 3, 4), keepdim=True).clamp(min=1e-3)
    return 1.0 + CHANGE_WEIGHT * (change / usual).clamp(max=MOST_CHANGE)


def adapter_tensors(modules: MotionModules) -> dict[str, Tensor]:
    """The tensors of motion modules under the keys of a `MotionAdapter`."""
    pairs = zip(modules.names, modules.layers, strict=True)
    return {f"{name}.{key}": t for name, layer in pairs for key, t in layer.state_dict().items()}
