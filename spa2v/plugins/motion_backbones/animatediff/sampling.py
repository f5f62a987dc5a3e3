"""The denoising loop: from noise to latents, with classifier-free guidance, and FreeInit around it; the schedulers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
from torch import Tensor

from spa2v.core.errors import ConfigError, NumericalError
from spa2v.core.protocols import Denoising
from spa2v.core.untrusted import FAULTS, reason_of
from spa2v.plugins.motion_backbones.animatediff.noise import draw, refine
from spa2v.plugins.motion_backbones.animatediff.options import FreeInit, check_scheduler_name

LINEAR = {
    "trained_betas": None,
    "beta_schedule": "linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "steps_offset": 1,
    "timestep_spacing": "linspace",
    "clip_sample": False,
}
"""The noise schedule that AnimateDiff's motion modules were trained under; Stable Diffusion's has `scaled_linear`."""


OF_THE_MODEL = (
    "num_train_timesteps",
    "prediction_type",
    "rescale_betas_zero_snr",
    "set_alpha_to_one",
)
"""Settings that describe how the base model was trained; the others belong to the algorithm that it was saved with."""


DEFAULTS = {"PNDMScheduler": {"skip_prk_steps": True}}
"""Runge-Kutta steps need a start of four steps and evaluate it twice; Stable Diffusion is sampled without them."""

PREDICTIONS = {
    "EulerAncestralDiscreteScheduler": ("epsilon", "v_prediction"),
    "PNDMScheduler": ("epsilon", "v_prediction"),
}


def make_scheduler(config: Mapping[str, Any], base: Mapping[str, Any]) -> Any:
    """A scheduler of diffusers, with AnimateDiff's noise schedule unless the config says otherwise.

    Args:
        config: `name` and the class's own options; they take precedence over `LINEAR`, which does over `base`.
        base: the scheduler config of the base model. Unless it was saved with the same algorithm (`saved_as`), only
            the settings `OF_THE_MODEL` are taken from it.

    Raises:
        ConfigError: an unknown name or option, or a value that the scheduler cannot take.
    """
    check_scheduler_name(config)
    name = config["name"]
    kind = getattr(diffusers, name)
    options = {key: value for key, value in config.items() if key != "name"}
    accepted = set(inspect.signature(kind.__init__).parameters) - {"self"}
    if unknown := sorted(options.keys() - accepted):
        raise ConfigError(
            f"scheduler: {name} takes no option {unknown[0]!r}", f"accepted: {', '.join(sorted(accepted))}"
        )
    defaults = base.get("_use_default_values", ())  # of the class that read the config, not in the file
    taken = accepted if base.get("saved_as", base.get("_class_name")) == name else accepted.intersection(OF_THE_MODEL)
    kept = {key: value for key, value in base.items() if key in taken and key not in defaults}
    merged = {**DEFAULTS.get(name, {}), **kept, **LINEAR, **options}
    prediction = merged.get("prediction_type", "epsilon")
    if prediction not in PREDICTIONS.get(name, ("epsilon", "sample", "v_prediction")):
        raise ConfigError(f"scheduler: {name} cannot sample a model with prediction_type {prediction!r}")
    try:
        return kind.from_config({key: value for key, value in merged.items() if key in accepted})
    except FAULTS as error:
        raise ConfigError(
            f"scheduler: {name} cannot be made of {options or 'its defaults'}", reason_of(error)
        ) from error


WIDER = {
    torch.float16: ("run.dtype=bfloat16, or run.dtype=float32",),
    torch.bfloat16: ("run.dtype=float32",),
    torch.float32: (),
}
"""Types whose range holds what this one's may not."""


def name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


@dataclass(frozen=True)
class Sampler:
    """The denoising loop.

    Args:
        unet: the denoiser, for (B, C, F, h, w).
        scheduler: of diffusers, timesteps not set yet.
        steps: steps of the scheduler.
        guidance: classifier-free guidance scale; without effect when there are no uncond rows.
        now: state of the loop, updated before each evaluation.
        tick: called after each step.
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
            text: rows of text embeddings: uncond rows first (if guided), then one cond row for each frame, videos
                outermost.
            generators: one for each video, for schedulers that draw random numbers.

        Raises:
            ConfigError: the scheduler cannot take this number of steps.
            NumericalError: a step gave latents that are not finite.
        """
        scheduler, now = self.scheduler, self.now
        try:
            scheduler.set_timesteps(self.steps)
        except (ValueError, IndexError) as error:
            name = type(scheduler).__name__
            raise ConfigError(f"scheduler: {name} cannot take {self.steps} steps", reason_of(error)) from error
        numbers: list[float] = scheduler.timesteps.tolist()  # the scheduler counts on the CPU, or the loop would wait
        timesteps = scheduler.timesteps.to(text.device)
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(0)
        latents = noise.to(text.device) * scheduler.init_noise_sigma
        takes_generator = "generator" in inspect.signature(scheduler.step).parameters
        options = {"generator": list(generators)} if takes_generator else {}
        now.steps, now.guided = len(timesteps), text.shape[0] == 2 * noise.shape[0] * noise.shape[2]
        finite: list[Tensor] = []  # one truth value a step, on the device
        for step, (t, number) in enumerate(zip(timesteps, numbers, strict=True)):
            now.step, now.timestep = step, float(number)
            now.noise = float((1 - scheduler.alphas_cumprod[round(number)]).sqrt())
            latents = self._run_hooks(latents, t, number, text)
            predicted = self._predict(scheduler.scale_model_input(latents, number), t, text)
            latents = scheduler.step(predicted, number, latents, **options).prev_sample
            finite.append(latents.isfinite().all())
            if latents.device.type == "cpu":  # elsewhere reading one at each step would wait for the device
                self._check_finite(finite, text.dtype)
            self.tick(1)
        self._check_finite(finite, text.dtype)
        return latents

    def _check_finite(self, finite: Sequence[Tensor], dtype: torch.dtype) -> None:
        good = torch.stack([*finite]).tolist()
        if not all(good):
            helps = (*WIDER.get(dtype, ()), "less guidance", "smaller scales of LoRAs", "another scheduler")
            raise NumericalError(
                f"the latents are not finite (NaN or infinite) after step {good.index(False) + 1} of {self.now.steps}",
                f"computed in {name_of(dtype)} by {type(self.scheduler).__name__}, guidance {self.guidance:g}",
                f"what helps: {'; '.join(helps)}",
            )

    def _run_hooks(self, latents: Tensor, t: Tensor, number: float, text: Tensor) -> Tensor:
        """The latents after the hooks of `now.before_step`; `number` is the timestep `t`, off the device."""
        cond = text[len(text) // 2 :] if self.now.guided else text
        for hook in tuple(self.now.before_step):
            seen = self.scheduler.scale_model_input(latents, number)
            changed = hook(seen, lambda x: self._predict_cond(x, t, cond))
            if changed is not seen:
                scale = self.scheduler.scale_model_input(torch.ones_like(latents[:1, :1, :1, :1, :1]), number)
                latents = latents + (changed - seen) / scale
        return latents

    def _predict_cond(self, latents: Tensor, t: Tensor, cond: Tensor) -> Tensor:
        """The denoiser's prediction for the cond rows alone, float32."""
        guided, self.now.guided = self.now.guided, False
        try:
            return self._evaluate(latents, t, cond)
        finally:
            self.now.guided = guided

    def _predict(self, latents: Tensor, t: Tensor, text: Tensor) -> Tensor:
        """The denoiser's prediction with guidance, float32."""
        if not self.now.guided:
            return self._evaluate(latents, t, text)
        uncond, cond = self._evaluate(torch.cat([latents, latents]), t, text).chunk(2)
        return uncond + self.guidance * (cond - uncond)

    def _evaluate(self, latents: Tensor, t: Tensor, text: Tensor) -> Tensor:
        return self.unet(latents.to(text.dtype), t, encoder_hidden_states=text, return_dict=False)[0].float()

    def sample_with_free_init(
        self, noise: Tensor, text: Tensor, generators: Sequence[torch.Generator], settings: FreeInit
    ) -> Tensor:
        """As `sample`, repeated: each pass starts from the low frequencies of the previous result, noised again.

        Noising is variance-preserving: sqrt(abar) x + sqrt(1 - abar) e, at the last training timestep.
        """
        latents = self.sample(noise, text, generators)
        last = self.scheduler.config.num_train_timesteps - 1
        for _ in range(settings.iterations - 1):
            kept = self.scheduler.alphas_cumprod.to(latents.device)[last]
            noised = kept.sqrt() * latents + (1 - kept).sqrt() * noise.to(latents.device)
            fresh = draw(noise.shape[1:], generators).to(latents.device)
            latents = self.sample(refine(noised, fresh, settings), text, generators)
        return latents
