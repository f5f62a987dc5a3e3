"""The denoising loop: from noise to latents, with guidance, and FreeInit around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from spa2v.core.protocols import Denoising
from spa2v.plugins.motion_backbones.animatediff.noise import FreeInit, refine
from spa2v.plugins.motion_backbones.animatediff.schedulers import takes_generator


@dataclass(frozen=True)
class Sampler:
    """What a loop runs on.

    Args:
        unet: the denoiser, for (B, C, F, h, w).
        scheduler: of diffusers, steps not set yet.
        steps: passes through the scheduler's time.
        guidance: classifier-free guidance scale; without effect when there are no unconditional rows.
        now: told where the loop stands.
        tick: called after each evaluation.
    """

    unet: Any
    scheduler: Any
    steps: int
    guidance: float
    now: Denoising
    tick: Callable[[int], None]

    @torch.no_grad()
    def sample(self, noise: Tensor, text: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """Latents (V, C, F, h, w), float32.

        Args:
            noise: of unit variance, (V, C, F, h, w), float32.
            text: rows of text features: unconditional ones first (if guided), then each frame's, videos outermost.
            generators: one for each video, for samplers that draw.
        """
        scheduler = self.scheduler
        scheduler.set_timesteps(self.steps, device=text.device)
        times = scheduler.timesteps
        latents = noise.to(text.device) * scheduler.init_noise_sigma
        draws = {"generator": list(generators)} if takes_generator(scheduler) else {}
        self.now.steps = len(times)
        self.now.guided = text.shape[0] == 2 * noise.shape[0] * noise.shape[2]
        for step, time in enumerate(times):
            self._stand_at(step, time)
            latents = self._steered(latents, time, text)
            predicted = self._predict(scheduler.scale_model_input(latents, time), time, text)
            latents = scheduler.step(predicted, time, latents, **draws).prev_sample
            self.tick(1)
        return latents

    def _stand_at(self, step: int, time: Tensor) -> None:
        """Tells who is attached where the loop stands."""
        kept = self.scheduler.alphas_cumprod[round(float(time))]
        self.now.step, self.now.timestep, self.now.noise = step, float(time), float((1 - kept).sqrt())

    def _steered(self, latents: Tensor, time: Tensor, text: Tensor) -> Tensor:
        """The latents as the hooks of `now.before_step` leave them."""
        told = text[len(text) // 2 :] if self.now.guided else text
        for hook in tuple(self.now.before_step):
            seen = self.scheduler.scale_model_input(latents, time)
            changed = hook(seen, lambda x: self._predict_told(x, time, told))
            if changed is not seen:
                scale = self.scheduler.scale_model_input(torch.ones_like(latents[:1, :1, :1, :1, :1]), time)
                latents = latents + (changed - seen) / scale
        return latents

    def _predict_told(self, latents: Tensor, time: Tensor, told: Tensor) -> Tensor:
        """The denoiser's answer on the conditional rows alone, float32."""
        guided, self.now.guided = self.now.guided, False
        try:
            return self._evaluate(latents, time, told)
        finally:
            self.now.guided = guided

    def _predict(self, latents: Tensor, time: Tensor, text: Tensor) -> Tensor:
        """The denoiser's answer with guidance, float32."""
        if not self.now.guided:
            return self._evaluate(latents, time, text)
        plain, told = self._evaluate(torch.cat([latents, latents]), time, text).chunk(2)
        return plain + self.guidance * (told - plain)

    def _evaluate(self, latents: Tensor, time: Tensor, text: Tensor) -> Tensor:
        return self.unet(latents.to(text.dtype), time, encoder_hidden_states=text, return_dict=False)[0].float()

    def sample_refined(
        self, noise: Tensor, text: Tensor, generators: Sequence[torch.Generator], settings: FreeInit
    ) -> Tensor:
        """As `sample`, repeated: each pass starts from the low frequencies of the last result, noised again."""
        latents = self.sample(noise, text, generators)
        last = torch.full((len(noise),), self.scheduler.config.num_train_timesteps - 1, device=latents.device)
        for _ in range(settings.iterations - 1):
            noised = self.scheduler_noise(latents, noise.to(latents.device), last)
            fresh = torch.stack([torch.randn(noise.shape[1:], generator=generator) for generator in generators])
            latents = self.sample(refine(noised, fresh.to(latents.device), settings), text, generators)
        return latents

    def scheduler_noise(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Latents at the noise level of `times`, in the variance-preserving form: sqrt(a) x + sqrt(1 - a) e."""
        kept = self.scheduler.alphas_cumprod.to(latents.device)[times].view(-1, 1, 1, 1, 1)
        return kept.sqrt() * latents + (1 - kept).sqrt() * noise
