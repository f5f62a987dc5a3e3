"""The few-steps stage: a LoRA with which the base draws in a few steps without guidance, by progressive distillation.

One step of the student is to do what two guided steps of the teacher do (Salimans and Ho 2022, arXiv 2202.00512; with
guidance: Meng et al. 2023, arXiv 2210.03142). Teacher and student are one UNet, without and with the LoRA. Both see
single pictures, most of them grounded by MIGC; motion modules are added when a clip is drawn, as with AnimateLCM.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from spa2v.core.protocols import Denoising
from spa2v.core.runtime import Run
from spa2v.plugins.grounding_injectors.instances import Instances
from spa2v.training.base import GUIDANCE
from spa2v.training.diffusion import Noised, guided, make_noise_schedule, weighted_mean
from spa2v.training.grounding import MOST_THINGS, Boxed, Frozen, boxed, draw_grounded
from spa2v.training.migc import MIGCGrounder
from spa2v.training.sheets import write_grid

STEPS, RANK, UNGROUNDED_ODDS, TEACHER_STEPS = 5, 24, 0.2, 2
LAYERS = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out", "conv1", "conv2")
SPACING = "trailing"
"""Of the timesteps of DDIM when the student is sampled, with `STEPS` and without guidance."""


class Distilled(NamedTuple):
    """A batch.

    Attributes:
        boxed: pictures with captions and boxes; `noised.times` are on the grid of the student.
        grounded: whether the injector is there.
    """

    boxed: Boxed
    grounded: bool


class FewStepsStage:
    """Learns to do two guided steps in one without guidance.

    Args:
        frozen: the base, which teaches.
        grounder: trained MIGC modules, frozen.
        steps: of the student.
    """

    name = "few_steps"

    def __init__(self, frozen: Frozen, grounder: MIGCGrounder, steps: int = STEPS) -> None:
        from peft import LoraConfig
        from peft.tuners.lora import LoraLayer

        self.frozen, self.grounder, self.steps = frozen, grounder.requires_grad_(False).eval(), steps
        self.schedule = make_noise_schedule()
        frozen.unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=list(LAYERS)))
        layers = [layer for layer in frozen.unet.modules() if isinstance(layer, LoraLayer)]
        pairs = [nn.ModuleList([layer.lora_A["default"], layer.lora_B["default"]]) for layer in layers]
        self._lora = nn.ModuleList(pairs)

    def trained(self) -> nn.Module:
        return self._lora

    def batch(self, step: int, size: int, run: Run) -> Distilled:
        name = f"few_steps/{step}"
        made = boxed(self.frozen, self.schedule, name, size, run)
        rng = run.rng(f"{name}/times")
        stride = self.schedule.config.num_train_timesteps // self.steps
        times = torch.from_numpy(stride * rng.integers(1, self.steps + 1, size=size) - 1)
        noised = Noised(made.noised.latents, made.noised.noise, times)
        return Distilled(made._replace(noised=noised), bool(rng.random() >= UNGROUNDED_ODDS))

    def loss(self, batch: Distilled, run: Run) -> Tensor:
        """Error of the velocity that leads in one step to where the teacher's two steps lead."""
        part, now = batch.boxed, Denoising(guided=False)
        latents, noise, times = (x.to(run.device, non_blocking=True) for x in part.noised)
        noisy = self.schedule.add_noise(latents, noise, times)
        cond = self.frozen.states(part.tokens, run)
        with self._grounded(batch.grounded, part.instances, now, run):
            wanted = self._taught(noisy, times, cond, now, run)
            answer = self.frozen.unet(noisy, times, cond).sample.float()
        return weighted_mean((answer - wanted) ** 2, part.weights.to(run.device, non_blocking=True))

    def _grounded(self, wanted: bool, instances: Instances, now: Denoising, run: Run) -> AbstractContextManager[Any]:
        return self.grounder.attached(self.frozen, instances, now, run) if wanted else nullcontext({})

    @torch.no_grad()
    def _taught(self, noisy: Tensor, times: Tensor, cond: Tensor, now: Denoising, run: Run) -> Tensor:
        """The velocity at `times` whose single step leads to where the teacher's guided steps lead."""
        tokens = self.frozen.prompter.tokens([""])
        both = torch.cat([self.frozen.states(tokens, run).expand_as(cond), cond])
        stride = self.schedule.config.num_train_timesteps // self.steps // TEACHER_STEPS
        latents, at = noisy, times
        now.guided = True
        with self._without_lora():
            for _ in range(TEACHER_STEPS):
                answer = self.frozen.unet(torch.cat([latents, latents]), torch.cat([at, at]), both).sample.float()
                latents, at = self._step(latents, guided(answer, GUIDANCE), at, at - stride), at - stride
        now.guided = False
        (a, s), (b, r) = self._amounts(times), self._amounts(at)
        return (latents - (b * a + r * s) * noisy) / (r * a - b * s)

    def _step(self, latents: Tensor, velocity: Tensor, at: Tensor, to: Tensor) -> Tensor:
        """One step of DDIM."""
        (a, s), (b, r) = self._amounts(at), self._amounts(to)
        return b * (a * latents - s * velocity) + r * (a * velocity + s * latents)

    def _amounts(self, times: Tensor) -> tuple[Tensor, Tensor]:
        """Parts of signal and of noise at times (B,), for (B, C, h, w); before time 0 there is no noise."""
        kept = self.schedule.alphas_cumprod.to(times.device)[times.clamp(min=0)]
        kept = torch.where(times < 0, torch.ones_like(kept), kept)[:, None, None, None]
        return kept.sqrt(), (1 - kept).sqrt()

    @contextmanager
    def _without_lora(self) -> Iterator[None]:
        self.frozen.unet.disable_adapters()
        try:
            yield
        finally:
            self.frozen.unet.enable_adapters()

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes tensors under the names of `tensors`."""
        from peft.utils import set_peft_model_state_dict

        found = {name.removeprefix("unet."): tensor.float() for name, tensor in tensors.items()}
        set_peft_model_state_dict(self.frozen.unet, found)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors under the names of a LoRA of diffusers and peft."""
        from peft.utils import get_peft_model_state_dict

        return {f"unet.{name}": tensor for name, tensor in get_peft_model_state_dict(self.frozen.unet).items()}

    def sheet(self, path: Path, run: Run, count: int = 16) -> None:
        """Pictures by the teacher over the same ones by the student."""
        rng = run.rng("few_steps/sheet")
        _, places = self.frozen.latents.batch(rng, count)
        rows = self.frozen.latents.things(places)
        prompts = [self.frozen.latents.caption(place, rng) for place in places]
        instances = Instances.from_rows([[(thing.name, thing.box) for thing in row] for row in rows], MOST_THINGS)
        schedule = type(self.schedule).from_config(self.schedule.config, timestep_spacing=SPACING)
        given = (self.grounder, self.frozen, prompts, instances, run)
        drawn = draw_grounded(*given, self.steps, guidance=1.0, schedule=schedule)
        with self._without_lora():
            taught = draw_grounded(*given)
        boxes, half = [[thing.box for thing in row] for row in rows], count // 2
        marks = [boxes[:half], boxes[:half], boxes[half:], boxes[half:]]
        write_grid(path, [taught[:half], drawn[:half], taught[half:], drawn[half:]], marks)
