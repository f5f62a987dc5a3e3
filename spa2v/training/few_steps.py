"""The few-steps stage: a LoRA with which the base draws in a few steps without guidance, by progressive distillation.

One step of the student is to do what two guided steps of the teacher do (Salimans and Ho 2022, arXiv 2202.00512; with
guidance: Meng et al. 2023, arXiv 2210.03142). Teacher and student are one network, without and with the LoRA: the base
with the motion modules and MIGC, as the product composes them. All three are frozen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from spa2v.core.protocols import Denoising
from spa2v.core.runtime import Run
from spa2v.core.types import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.plugins.grounding_injectors.instances import Instances
from spa2v.plugins.motion_backbones.animatediff.noise import warp
from spa2v.training.base import GUIDANCE
from spa2v.training.captions import phrase
from spa2v.training.diffusion import Noised, cell_weights, draw, guided, make_noise_schedule, weighted_mean
from spa2v.training.grounding import MOST_THINGS, Frozen
from spa2v.training.migc import MIGCGrounder
from spa2v.training.motion import TEMPORAL, MotionStage
from spa2v.training.pictures import Pool
from spa2v.training.sheets import write_grid
from spa2v.training.vae import decode

STEPS, RANK, UNGROUNDED_ODDS, TEACHER_STEPS = 5, 24, 0.1, 2
NOISE_FOLLOWS = 0.8  # as in the preset that draws with the LoRA
LAYERS = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out", "conv1", "conv2")
SPACING = "trailing"
"""Of the timesteps of DDIM when the student is sampled, with `STEPS` and without guidance."""


class Distilled(NamedTuple):
    """A batch of clips with captions and boxes.

    Attributes:
        noised: the clips, (B, C, F, h, w); its times are on the grid of the student.
        tokens: of their distinct prompts, (D, length).
        prompts: the prompt of each frame, (B * F,).
        instances: the things of each frame.
        weights: of the cells in the loss, (B, 1, F, h, w).
        grounded: whether the injector is there.
    """

    noised: Noised
    tokens: Tensor
    prompts: Tensor
    instances: Instances
    weights: Tensor
    grounded: bool


class FewStepsStage:
    """Learns to do two guided steps in one without guidance.

    Args:
        motion: the base with trained motion modules, and the clips to learn from.
        frozen: the same network as grounding sees it.
        grounder: trained MIGC modules.
        steps: of the student.
    """

    name = "few_steps"

    def __init__(self, motion: MotionStage, frozen: Frozen, grounder: MIGCGrounder, steps: int = STEPS) -> None:
        from peft import LoraConfig
        from peft.tuners.lora import LoraLayer

        self.motion, self.frozen, self.steps = motion, frozen, steps
        self.grounder = grounder.requires_grad_(False).eval()
        self.network: Any = motion.network.requires_grad_(False).eval()
        self.schedule = make_noise_schedule()
        temporal = rf".*\.{TEMPORAL}\..*"
        config = LoraConfig(r=RANK, lora_alpha=RANK, target_modules=list(LAYERS), exclude_modules=temporal)
        self.network.add_adapter(config)
        layers = [layer for layer in self.network.modules() if isinstance(layer, LoraLayer)]
        pairs = [nn.ModuleList([layer.lora_A["default"], layer.lora_B["default"]]) for layer in layers]
        self._lora = nn.ModuleList(pairs)

    def trained(self) -> nn.Module:
        return self._lora

    def batch(self, step: int, size: int, run: Run) -> Distilled:
        name = f"few_steps/{step}"
        rng, generator = run.rng(name), run.torch_generator(name)
        clips, latents, tokens, prompts = self.motion.picked(rng, size)
        pool, (h, w) = self.motion.pool, latents.shape[3:]
        layouts = [layout_of(pool, clip) for clip in clips]
        noise = warp(torch.randn(latents.shape, generator=generator), layouts, NOISE_FOLLOWS, [generator] * size)
        stride = self.schedule.config.num_train_timesteps // self.steps
        times = torch.from_numpy(stride * rng.integers(1, self.steps + 1, size=size) - 1)
        boxes = [[thing.box for thing in row] for clip in clips for row in pool.things[clip]]
        weights = cell_weights(boxes, (h, w)).view(size, pool.frames, 1, h, w).transpose(1, 2)
        instances = instances_of_clips(pool, clips, rng)
        grounded = bool(rng.random() >= UNGROUNDED_ODDS)
        return Distilled(Noised(latents, noise, times), tokens, prompts, instances, weights, grounded)

    def loss(self, batch: Distilled, run: Run) -> Tensor:
        """Error of the velocity that leads in one step to where the teacher's two steps lead."""
        now = Denoising(guided=False)
        latents, noise, times = (x.to(run.device, non_blocking=True) for x in batch.noised)
        noisy = self.schedule.add_noise(latents, noise, times)
        cond = self.frozen.states(batch.tokens, run)[batch.prompts.to(run.device)]
        with self._grounded(batch.grounded, batch.instances, now, run):
            wanted = self._taught(noisy, times, cond, now, run)
            answer = self.network(noisy, times, cond).sample.float()
        return weighted_mean((answer - wanted) ** 2, batch.weights.to(run.device, non_blocking=True))

    def _grounded(self, wanted: bool, instances: Instances, now: Denoising, run: Run) -> AbstractContextManager[Any]:
        return self.grounder.attached(self.frozen, instances, now, run) if wanted else nullcontext({})

    def _both(self, cond: Tensor, run: Run) -> Tensor:
        """Hidden states of no text and of the texts, for guidance."""
        return torch.cat([self.frozen.states(self.frozen.prompter.tokens([""]), run).expand_as(cond), cond])

    @torch.no_grad()
    def _taught(self, noisy: Tensor, times: Tensor, cond: Tensor, now: Denoising, run: Run) -> Tensor:
        """The velocity at `times` whose single step leads to where the teacher's guided steps lead."""
        both = self._both(cond, run)
        stride = self.schedule.config.num_train_timesteps // self.steps // TEACHER_STEPS
        latents, at = noisy, times
        now.guided = True
        with self._without_lora():
            for _ in range(TEACHER_STEPS):
                answer = self.network(torch.cat([latents, latents]), torch.cat([at, at]), both).sample.float()
                latents, at = self._step(latents, guided(answer, GUIDANCE), at, at - stride), at - stride
        now.guided = False
        (a, s), (b, r) = self._amounts(times), self._amounts(at)
        return (latents - (b * a + r * s) * noisy) / (r * a - b * s)

    def _step(self, latents: Tensor, velocity: Tensor, at: Tensor, to: Tensor) -> Tensor:
        """One step of DDIM."""
        (a, s), (b, r) = self._amounts(at), self._amounts(to)
        return b * (a * latents - s * velocity) + r * (a * velocity + s * latents)

    def _amounts(self, times: Tensor) -> tuple[Tensor, Tensor]:
        """Parts of signal and of noise at times (B,), for (B, C, F, h, w); before time 0 there is no noise."""
        kept = self.schedule.alphas_cumprod.to(times.device)[times.clamp(min=0)]
        kept = torch.where(times < 0, torch.ones_like(kept), kept)[:, None, None, None, None]
        return kept.sqrt(), (1 - kept).sqrt()

    @contextmanager
    def _without_lora(self) -> Iterator[None]:
        self.network.disable_adapters()
        try:
            yield
        finally:
            self.network.enable_adapters()

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes tensors under the names of `tensors`."""
        from peft.utils import set_peft_model_state_dict

        found = {name.removeprefix("unet."): tensor.float() for name, tensor in tensors.items()}
        set_peft_model_state_dict(self.network, found)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors under the names of a LoRA of diffusers and peft, for the UNet with or without motion modules."""
        from peft.utils import get_peft_model_state_dict

        return {f"unet.{name}": tensor for name, tensor in get_peft_model_state_dict(self.network).items()}

    def sheet(self, path: Path, run: Run, count: int = 3) -> None:
        """Clips by the teacher over the same ones by the student, every second frame."""
        rng, generator, pool = run.rng("few_steps/sheet"), run.torch_generator("few_steps/sheet"), self.motion.pool
        clips, latents, tokens, prompts = self.motion.picked(rng, min(count, pool.clips))
        layouts = [layout_of(pool, clip) for clip in clips]
        noise = torch.randn(latents.shape, generator=generator)
        noise = warp(noise, layouts, NOISE_FOLLOWS, [generator] * len(clips)).to(run.device)
        cond, now = self.frozen.states(tokens, run)[prompts.to(run.device)], Denoising(guided=True)
        both = self._both(cond, run)
        schedule = type(self.schedule).from_config(self.schedule.config, timestep_spacing=SPACING)

        def taught(noisy: Tensor, times: Tensor) -> Tensor:
            answer = self.network(torch.cat([noisy, noisy]), torch.cat([times, times]), both).sample
            return guided(answer, GUIDANCE)

        with self.grounder.attached(self.frozen, instances_of_clips(pool, clips, rng), now, run):
            with self._without_lora():
                by_teacher = draw(taught, noise, schedule, TEACHER_STEPS * self.steps)
            now.guided = False
            by_student = draw(lambda noisy, times: self.network(noisy, times, cond).sample, noise, schedule, self.steps)
        drawn = [decode(self.frozen.vae, part.transpose(1, 2).flatten(0, 1)) for part in (by_teacher, by_student)]
        rows = [
            clip[::2] for pair in zip(*(np.split(part, len(clips)) for part in drawn), strict=True) for clip in pair
        ]
        marks = [[[thing.box for thing in row] for row in pool.things[clip][::2]] for clip in clips for _ in drawn]
        write_grid(path, rows, marks)


def layout_of(pool: Pool, clip: int) -> VideoSceneLayout:
    """The boxes of a pool's clip as a layout of one second a frame."""
    frames = []
    for index, row in enumerate(pool.things[clip]):
        seen = {f"{t.name} {t.attribute}": t for t in row}
        objects = tuple(SceneObject(object_id, thing.name, Box(*thing.box)) for object_id, thing in seen.items())
        frames.append(KeyFrame(index + 0.5, "a clip", objects))
    return VideoSceneLayout(float(pool.frames), "a clip", tuple(frames))


def instances_of_clips(pool: Pool, clips: Sequence[int], rng: np.random.Generator) -> Instances:
    """The things of all frames of clips, each with one phrase over its clip."""
    rows = []
    for clip in clips:
        seed = int(rng.integers(2**31))
        rows += [[(phrase(t, np.random.default_rng(seed)), t.box) for t in row] for row in pool.things[clip]]
    return Instances.from_rows(rows, MOST_THINGS)
