"""What `spa2v train` does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from spa2v.core.errors import ConfigError
from spa2v.core.manifest import make_folder
from spa2v.core.media.outputs import refuse_inputs
from spa2v.core.runtime import Run
from spa2v.training.plan import Plan

MOST_OFTEN = 100


def train(
    stages: Sequence[str],
    out: Path,
    steps: int | None = None,
    batch: int | None = None,
    rate: float | None = None,
    init: Path | None = None,
    seed: int = 6,
    device: str = "auto",
    stills: int | None = None,
    clips: int | None = None,
    threads: int | None = None,
    workers: int = 0,
    quiet: bool = False,
    trackers: Sequence[str] | None = None,
    classes: str | None = None,
) -> None:
    """Trains stages in a folder, each from its checkpoint there if it has one.

    Raises:
        ConfigError: a number or class that makes no sense, or a folder that cannot be made.
        MissingDependency: the package of a tracker is not installed.
        WeightsError: an earlier stage is missing, or a checkpoint is of another training.
    """
    import torch

    from spa2v.core.trackers import check_trackers
    from spa2v.training.stages import Trainings

    for name, value in (("--steps", steps), ("--batch", batch), ("--stills", stills), ("--threads", threads)):
        if value is not None and value < 1:
            raise ConfigError(f"{name}: {value}", "expected at least 1")
    if rate is not None and not 0 < rate < 1:
        raise ConfigError(f"--rate: {rate}", "expected more than 0 and less than 1")
    if workers < 0:
        raise ConfigError(f"--workers: {workers}", "expected 0 or more")
    if threads:
        torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("high")  # TF32 on GPUs that have it; nothing on a CPU
    check_trackers(trackers or ())
    make_folder(out)
    plan = Plan(classes=classes_of(classes))
    plan = replace(plan, stills=stills or plan.stills, clips=plan.clips if clips is None else clips)
    run = Run(seed=seed, device=device, dtype="float32", quiet=quiet)
    for stage in stages:
        trainings = Trainings(out, plan, run, init, workers, trackers or ())
        trainer = trainings.trainer(stage, steps=steps, batch=batch, rate=rate)
        first = trainer.step
        trainer.train()
        if not quiet:
            report(stage, first, trainer.step, trainer.seconds, [loss for _, loss in trainer.losses], out)


def classes_of(text: str | None) -> tuple[str, ...]:
    """Names of classes, each as often as it is to be first in a scene, from "car,dog,bell*4"; none from None.

    Raises:
        ConfigError: a name that is no class of ToyWorld, or a count that is not from 1 to 100.
    """
    from spa2v.world.classes import CLASSES

    names: list[str] = []
    for item in text.split(",") if text is not None else ():
        name, _, count = (part.strip() for part in item.partition("*"))
        if name not in CLASSES:
            raise ConfigError(f"--classes: there is no class {name!r}", f"classes: {', '.join(CLASSES)}")
        if count and not (count.isascii() and count.isdigit() and 1 <= int(count) <= MOST_OFTEN):
            raise ConfigError(f"--classes: {item!r}", f"expected a count from 1 to {MOST_OFTEN} after the *")
        names += [name] * int(count or 1)
    return tuple(names)


def report(stage: str, first: int, last: int, seconds: float, losses: Sequence[float], out: Path) -> None:
    """One line on stderr about a finished stage."""
    recent = losses[-100:]
    mean = sum(recent) / len(recent) if recent else float("nan")
    went = f"steps {first} to {last}" if last > first else f"already at step {last}"
    print(f"{stage}: {went}, {seconds / 60:.1f} minutes in all, loss {mean:.4f}; {out / stage}", file=sys.stderr)


def export_all(
    out: Path,
    seed: int,
    device: str,
    target: Path,
    parts: Sequence[str] = (),
    init: Path | None = None,
    classes: str | None = None,
) -> str:
    """Writes what has been trained in `out` to `target`: all of it, or some parts. Gives a line about it.

    Raises:
        ConfigError: an unknown part or class, or a folder that cannot be made.
    """
    from spa2v.training.export import WRITERS, export
    from spa2v.training.stages import Trainings

    if strange := sorted(set(parts) - set(WRITERS)):
        raise ConfigError(f"there is no part {strange[0]!r} of the weights", f"parts: {', '.join(WRITERS)}")
    refuse_inputs([target], [init])
    make_folder(target)
    run = Run(seed=seed, device=device, dtype="float32")
    plan = Plan(classes=classes_of(classes))
    done = export(Trainings(out, plan, run, init, with_pools=False), target, parts or tuple(WRITERS))
    return f"wrote {', '.join(done) or 'nothing'} to {target}"
