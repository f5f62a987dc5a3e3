"""The training loop that all stages share: seeds, EMA, checkpoints with exact resume, sample sheets, a loss curve.

A step is a pure function of the weights, the optimizer's state, the seed and the number of the step: batches and noise
are drawn from generators named after the step. So a run that was stopped and resumed gives the very same weights.
Under `accelerate launch` each process draws a batch of its own, and the gradients are averaged.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from spa2v.core.errors import WeightsError
from spa2v.core.media.files import atomic_path
from spa2v.core.runtime import Run
from spa2v.core.weights import misfits

CHECKPOINT, CURVE = "checkpoint.pt", "loss.csv"
BETAS, FLOOR = (0.9, 0.99), 0.01


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
    sheet_every: int = 500


class Stage(Protocol):
    """What is trained: some modules, a loss for each step, and a picture of how it goes."""

    name: str

    def trained(self) -> nn.Module:
        """The modules that learn; nothing else may change."""
        ...

    def loss(self, step: int, batch: int, run: Run) -> Tensor:
        """The loss of one step, a scalar, on data drawn for that step."""
        ...

    def sheet(self, path: Path, run: Run) -> None:
        """Writes a PNG of samples."""
        ...


def rate_at(recipe: Recipe, step: int) -> float:
    """The learning rate: a linear rise, then half a cosine down to `FLOOR` of the highest."""
    part = step / max(1, recipe.steps)
    if part < recipe.warmup:
        return recipe.rate * (step + 1) / max(1.0, recipe.warmup * recipe.steps)
    fall = (part - recipe.warmup) / (1 - recipe.warmup)
    return recipe.rate * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * min(1.0, fall))))


class Average:
    """Exponential moving average of the weights of a module."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {key: value.detach().clone() for key, value in module.state_dict().items()}

    def update(self, module: nn.Module, step: int) -> None:
        """Moves toward the module; faster in the first steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        new = module.state_dict()
        floats = [key for key, value in self.state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.state[k] for k in floats], [new[k].detach() for k in floats], 1 - decay)

    @contextmanager
    def in_place_of(self, module: nn.Module) -> Iterator[None]:
        """The module holds the averaged weights until the context ends."""
        kept = {key: value.detach().clone() for key, value in module.state_dict().items()}
        module.load_state_dict(self.state)
        try:
            yield
        finally:
            module.load_state_dict(kept)


class Trainer:
    """Trains one stage in a folder, or goes on where the folder's checkpoint stands.

    Args:
        stage, recipe: what and how.
        folder: for checkpoint, loss curve and sheets.
        run: gives seed and device.
    """

    def __init__(self, stage: Stage, recipe: Recipe, folder: Path, run: Run) -> None:
        self.stage, self.recipe, self.folder, self.run = stage, recipe, folder, run
        folder.mkdir(parents=True, exist_ok=True)
        self.module = stage.trained().train()
        options = {"lr": recipe.rate, "betas": BETAS, "weight_decay": recipe.weight_decay, "fused": True}
        optimizer = torch.optim.AdamW([p for p in self.module.parameters() if p.requires_grad], **options)  # type: ignore[arg-type]
        self.optimizer: Any = run.accelerator.prepare_optimizer(optimizer, device_placement=False)
        self.average = Average(self.module, recipe.ema)
        self.draws = _draws_of(run)
        self.step, self.seconds = 0, 0.0
        self.losses: list[tuple[int, float]] = []
        if (folder / CHECKPOINT).exists():
            self._resume(folder / CHECKPOINT)

    def train(self, until: int | None = None) -> None:
        """Trains up to step `until` (by default all steps) and leaves the averaged weights in the module."""
        last = self.recipe.steps if until is None else min(until, self.recipe.steps)
        saved = began = time.monotonic()
        earlier = self.seconds
        with self.run.progress(self.stage.name, last) as tick:
            tick(self.step)
            while self.step < last:
                self._one()
                tick(1)
                now = time.monotonic()
                self.seconds = earlier + now - began
                self._look()
                if now - saved > self.recipe.checkpoint_s:
                    self.save()
                    saved = now
        self.save()
        if self.step >= self.recipe.steps:
            self.module.load_state_dict(self.average.state)
            self.module.eval()

    def _one(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.recipe, self.step)
        loss = self.stage.loss(self.step, self.recipe.batch, self.draws)
        self.run.accelerator.backward(loss)
        self._share_gradients()
        nn.utils.clip_grad_norm_(self.module.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update(self.module, self.step)
        self.losses.append((self.step, float(loss.detach())))
        self.step += 1

    def _share_gradients(self) -> None:
        """Averages the gradients over the processes, if there are several."""
        if self.run.accelerator.num_processes == 1:
            return
        gradients = [p.grad for p in self.module.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        flat = self.run.accelerator.reduce(flat, reduction="mean")
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def _look(self) -> None:
        every = self.recipe.sheet_every
        if (
            every
            and self.run.accelerator.is_main_process
            and (self.step % every == 0 or self.step == self.recipe.steps)
        ):
            self.sheet(self.folder / f"sheet_{self.step:06d}.png")

    def sheet(self, path: Path) -> None:
        """Writes a sample sheet of the averaged weights."""
        with self.average.in_place_of(self.module), torch.no_grad():
            self.module.eval()
            self.stage.sheet(path, self.run)
            self.module.train()

    def save(self) -> None:
        """Writes checkpoint and loss curve."""
        if not self.run.accelerator.is_main_process:
            return
        data = {
            "model": self.module.state_dict(),
            "average": self.average.state,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "losses": self.losses,
            "recipe": asdict(self.recipe),
            "seed": self.run.seed,
        }
        with atomic_path(self.folder / CHECKPOINT) as target:
            torch.save(data, target)
        write_curve(self.folder / CURVE, self.losses)

    def _resume(self, path: Path) -> None:
        data: Mapping[str, Any] = torch.load(path, map_location=self.run.device, weights_only=True)
        state = self.module.state_dict()
        lines = misfits(_shapes(data["model"]), _shapes(state))
        if lines or data["seed"] != self.run.seed:
            seeds = [f"it was made with seed {data['seed']}, this run has {self.run.seed}"] * (not lines)
            raise WeightsError(f"the checkpoint {str(path)!r} is of another training", *lines, *seeds)
        self.module.load_state_dict(data["model"])
        self.average.state = {key: value.clone() for key, value in data["average"].items()}
        self.optimizer.load_state_dict(data["optimizer"])
        self.step, self.seconds = int(data["step"]), float(data["seconds"])
        self.losses = [(int(step), float(loss)) for step, loss in data["losses"]]


def _draws_of(run: Run) -> Run:
    """The run that a process draws its batches from: its own seed, but the given one in the first process."""
    rank = run.accelerator.process_index
    return run if rank == 0 else Run(seed=run.derived_seed(f"process/{rank}"), device=str(run.device))


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in state.items()}


def averaged(folder: Path) -> dict[str, Tensor]:
    """The averaged weights in a folder's checkpoint.

    Raises:
        WeightsError: there is no checkpoint.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        raise WeightsError(f"no checkpoint in {str(folder)!r}", "train the stages in order: vae, base, then the others")
    return dict(torch.load(path, map_location="cpu", weights_only=True)["average"])


def write_curve(path: Path, losses: list[tuple[int, float]]) -> None:
    """Writes steps and losses as CSV."""
    with atomic_path(path) as target, open(target, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "loss"])
        writer.writerows((step, f"{loss:.6g}") for step, loss in losses)
