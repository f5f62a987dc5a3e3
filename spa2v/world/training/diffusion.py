"""What all denoiser stages share: the noise schedule, the loss, drawing samples."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from spa2v.core.runtime import Run

SCHEDULE = {
    "beta_schedule": "linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
    "timestep_spacing": "linspace",
    "clip_sample": False,
    "prediction_type": "v_prediction",
}
"""AnimateDiff's noise schedule; the network predicts the velocity, which small networks learn more evenly."""


def make_noise_schedule() -> Any:
    """The sampler whose configuration is shipped."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(**SCHEDULE)


def velocity_loss(
    predict: Callable[[Tensor, Tensor], Tensor], latents: Tensor, schedule: Any, name: str, run: Run
) -> Tensor:
    """Mean squared error of the predicted velocity at a random time of each row.

    Args:
        predict: the denoiser: noisy latents and times (B,) to the answer.
        latents: (B, ...), clean.
        schedule: of diffusers.
        name: of the generator that draws times and noise.
    """
    generator = run.torch_generator(name)
    times = torch.randint(0, schedule.config.num_train_timesteps, (len(latents),), generator=generator)
    noise = torch.randn(latents.shape, generator=generator).to(latents)
    times = times.to(latents.device)
    answer = predict(schedule.add_noise(latents, noise, times), times)
    return mse_loss(answer, schedule.get_velocity(latents, noise, times))


@torch.no_grad()
def draw(
    predict: Callable[[Tensor, Tensor], Tensor],
    noise: Tensor,
    schedule: Any,
    steps: int = 25,
    at_step: Callable[[int, int], AbstractContextManager[Any]] = lambda step, steps: nullcontext(),
) -> Tensor:
    """Clean latents from noise by DDIM.

    Args:
        predict: the guided denoiser: noisy latents and a time (B,) to the answer.
        noise: (B, ...), of unit variance.
        schedule: of diffusers.
        steps: evaluations.
        at_step: a context for each evaluation, told its index and their number.
    """
    schedule.set_timesteps(steps)
    latents = noise
    for step, time in enumerate(schedule.timesteps):
        with at_step(step, steps):
            answer = predict(latents, time.expand(len(latents)).to(latents.device))
        latents = schedule.step(answer, time, latents).prev_sample
    return latents


def guided(answer: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance; the first half of the rows is unconditional."""
    plain, told = answer.chunk(2)
    return plain + scale * (told - plain)
