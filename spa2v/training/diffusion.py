"""What all denoiser stages share: the noise schedule, noise, the loss, drawing samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor

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
    """The sampler whose configuration is exported."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(**SCHEDULE)


THING_WEIGHTS = (3.0, 8.0)


class Noised(NamedTuple):
    """Latents, what is added to them, and when.

    Attributes:
        latents, noise: (B, ...), float32 on the CPU until `velocity_loss`.
        times: int64 (B,).
    """

    latents: Tensor
    noise: Tensor
    times: Tensor


def noised(latents: Tensor, schedule: Any, generator: torch.Generator, early: bool = False) -> Noised:
    """Latents with a random time for each row, and noise.

    Args:
        latents: (B, ...).
        schedule: of diffusers.
        generator: draws times and noise.
        early: draw the times as 1 - u^3, mostly those of much noise, in which it is decided where things stand.
    """
    part = torch.rand(len(latents), generator=generator, dtype=torch.float64)
    part = 1.0 - part**3 if early else part
    last = schedule.config.num_train_timesteps - 1
    times = (part * (last + 1)).long().clamp(max=last)
    return Noised(latents, torch.randn(latents.shape, generator=generator), times)


def velocity_loss(
    predict: Callable[[Tensor, Tensor], Tensor], batch: Noised, schedule: Any, run: Run, weights: Tensor | None = None
) -> Tensor:
    """Mean squared error of the predicted velocity.

    Args:
        predict: the denoiser: noisy latents and times (B,) to the answer.
        batch: what to denoise.
        schedule: of diffusers.
        run: gives the device.
        weights: of the cells, broadcast over the latents; their mean does not matter. None for 1.
    """
    latents, noise, times = (part.to(run.device, non_blocking=True) for part in batch)
    answer = predict(schedule.add_noise(latents, noise, times), times)
    error = (answer.float() - schedule.get_velocity(latents, noise, times)) ** 2
    return error.mean() if weights is None else weighted_mean(error, weights.to(run.device, non_blocking=True))


def cell_weights(boxes: Sequence[Sequence[Sequence[float]]], size: tuple[int, int]) -> Tensor:
    """Weights of latent cells: 1, and more where a box touches a cell; (rows, 1, h, w).

    A box of n of N cells has sqrt(N / n), within `THING_WEIGHTS`, so that a small thing counts not much less than a
    large one, and each more than the scenery, most of which a picture alone teaches.

    Args:
        boxes: of each picture, x1, y1, x2, y2 from 0 to 1.
        size: (h, w) of the latents.
    """
    weights = torch.ones(len(boxes), 1, *size)
    for row, things in zip(weights, boxes, strict=True):
        for x1, y1, x2, y2 in things:
            cells = row[0, int(y1 * size[0]) : math.ceil(y2 * size[0]), int(x1 * size[1]) : math.ceil(x2 * size[1])]
            share = math.sqrt(row.numel() / max(1, cells.numel()))
            cells.clamp_(min=min(max(share, THING_WEIGHTS[0]), THING_WEIGHTS[1]))
    return weights


def weighted_mean(error: Tensor, weights: Tensor) -> Tensor:
    """The mean of errors with weights that are broadcast over them."""
    weights = weights.expand_as(error)
    return (error * weights).sum() / weights.sum()


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
        at_step: a context for each evaluation, called with its index and their number.
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
    uncond, cond = answer.chunk(2)
    return uncond + scale * (cond - uncond)
