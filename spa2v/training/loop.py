"""The training loop that all stages share: seeds, EMA, checkpoints with exact resume, sample sheets, a loss curve.

A step is a pure function of the weights, the optimizer's state, the seed and the number of the step: batches and noise
are drawn from generators named after the step, by this process or by workers ahead of it. So a run that was stopped and
resumed gives the very same weights. Under `accelerate launch` each process draws its own batch, and the gradients
are averaged; `--mixed_precision bf16` there holds here, too.
"""

from __future__ import annotations

import csv
import io
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from spa2v.core.errors import WeightsError
from spa2v.core.media.files import atomic_path
from spa2v.core.runtime import Run
from spa2v.core.trackers import Log, tracking
from spa2v.core.weights import misfits
from spa2v.jobs.batch.interrupts import Interrupts
from spa2v.training.plan import Recipe

CHECKPOINT, CURVE = "checkpoint.pt", "loss.csv"
AHEAD, UNREAD = 4, 100
BETAS, FLOOR = (0.9, 0.99), 0.01


class Stage(Protocol):
    """What is trained: some modules, a loss for each step, and a picture of how it goes."""

    name: str

    def trained(self) -> nn.Module:
        """The modules that learn; nothing else may change."""
        ...

    def batch(self, step: int, size: int, run: Run) -> Any:
        """What a step learns from, on the CPU; a function of the step and the run's seed."""
        ...

    def loss(self, batch: Any, run: Run) -> Tensor:
        """The loss on a batch, a scalar."""
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
        self._new = {key: value.detach() for key, value in module.state_dict().items() if value.is_floating_point()}

    def update(self, step: int) -> None:
        """Moves toward the module; faster in the first steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_([self.state[key] for key in self._new], list(self._new.values()), 1 - decay)

    @contextmanager
    def in_place_of(self, module: nn.Module) -> Iterator[None]:
        """The module holds the averaged weights until the context ends."""
        kept = {key: value.detach().clone() for key, value in module.state_dict().items()}
        module.load_state_dict(self.state)
        try:
            yield
        finally:
            module.load_state_dict(kept)


class _Batches(torch.utils.data.Dataset[Any]):
    """The batches of a stage, by step."""

    def __init__(self, stage: Stage, size: int, run: Run) -> None:
        self.stage, self.size, self.run = stage, size, run

    def __getitem__(self, step: int) -> Any:
        return self.stage.batch(step, self.size, self.run)


def batches(stage: Stage, size: int, steps: range, run: Run, workers: int, pinned: bool) -> Iterable[Any]:
    """The batches of some steps in order, drawn ahead by `workers` processes, or each when it is asked for."""
    data = _Batches(stage, size, run)
    if not workers:
        return (data[step] for step in steps)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # or the tokenizer warns of the fork
    return torch.utils.data.DataLoader(
        data, batch_size=None, sampler=steps, num_workers=workers, prefetch_factor=AHEAD, pin_memory=pinned,
        multiprocessing_context="fork",
    )  # fmt: skip


class Trainer:
    """Trains one stage in a folder, or goes on where the folder's checkpoint stands.

    Args:
        stage, recipe: what and how.
        folder: for checkpoint, loss curve and sheets.
        run: gives seed and device.
        workers: processes that draw batches ahead; the weights do not depend on it.
        trackers: where losses and learning rates are logged.
    """

    def __init__(
        self, stage: Stage, recipe: Recipe, folder: Path, run: Run, workers: int = 0, trackers: Sequence[str] = ()
    ) -> None:
        self.trackers = trackers
        self._log: Log = lambda values, step: None
        self.stage, self.recipe, self.folder, self.run, self.workers = stage, recipe, folder, run, workers
        folder.mkdir(parents=True, exist_ok=True)
        self.module = stage.trained().train()
        options = {"lr": recipe.rate, "betas": BETAS, "weight_decay": recipe.weight_decay, "fused": True}
        optimizer = torch.optim.AdamW([p for p in self.module.parameters() if p.requires_grad], **options)  # type: ignore[arg-type]
        self.optimizer: Any = run.accelerator.prepare_optimizer(optimizer, device_placement=False)
        self.average = Average(self.module, recipe.ema)
        self.draws = _draws_of(run)
        self.step, self.seconds = 0, 0.0
        self.losses: list[tuple[int, float]] = []
        self._unread: list[Tensor] = []  # a loss that is read at once would wait for the accelerator
        if (folder / CHECKPOINT).exists():
            self._resume(folder / CHECKPOINT)

    def train(self, until: int | None = None) -> None:
        """Trains up to step `until` (by default all steps) and leaves the averaged weights in the module.

        Raises:
            WeightsError: the loss is no longer a number; the last checkpoint is from before that.
            KeyboardInterrupt: Ctrl-C, after a checkpoint.
        """
        last = self.recipe.steps if until is None else min(until, self.recipe.steps)
        saved = began = time.monotonic()
        earlier = self.seconds
        pinned = self.run.device.type == "cuda"
        row = batches(self.stage, self.recipe.batch, range(self.step, last), self.draws, self.workers, pinned)
        interrupts = Interrupts("this step")
        tracked = tracking(
            self.trackers if self.run.accelerator.is_main_process else (),
            self.folder, self.stage.name, {**asdict(self.recipe), "seed": self.run.seed},
        )  # fmt: skip
        with tracked as self._log, self.run.progress(self.stage.name, last) as tick, interrupts.handled():
            tick(self.step)
            for batch in row:
                self._one(batch)
                tick(1)
                now = time.monotonic()
                self.seconds = earlier + now - began
                self._look()
                if now - saved > self.recipe.checkpoint_s:
                    self.save()
                    saved = now
                if interrupts.asked:
                    break
            self.save()
        if interrupts.asked:
            raise KeyboardInterrupt
        if self.step >= self.recipe.steps:
            self.module.load_state_dict(self.average.state)
            self.module.eval()

    def _one(self, batch: Any) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.recipe, self.step)
        with self.run.accelerator.autocast():
            loss = self.stage.loss(batch, self.run)
        self.run.accelerator.backward(loss)
        self._share_gradients()
        nn.utils.clip_grad_norm_(self.module.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update(self.step)
        self._unread.append(loss.detach())
        self.step += 1
        if len(self._unread) >= UNREAD:
            self._read_losses()

    def _read_losses(self) -> None:
        if self._unread:
            first = self.step - len(self._unread)
            for step, loss in enumerate(torch.stack(self._unread).tolist(), first):
                if not math.isfinite(loss):
                    raise WeightsError(
                        f"{self.stage.name}: the loss of step {step} is {loss}",
                        "what helps: a lower --rate, or single precision (ACCELERATE_MIXED_PRECISION=no)",
                        "the folder keeps the checkpoint before that, if there was one",
                    )
                self.losses.append((step, loss))
                self._log({"loss": loss, "rate": rate_at(self.recipe, step)}, step)
            self._unread.clear()

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
        self._read_losses()
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
        whole = io.BytesIO()  # torch.save reports a full disk as an error of another kind; small weights fit in memory
        torch.save(data, whole)
        with atomic_path(self.folder / CHECKPOINT) as target:
            target.write_bytes(whole.getbuffer())
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
