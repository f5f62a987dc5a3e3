"""`Run`: what one execution shares: seed, device, dtype, folder, record, progress. Nothing else imports accelerate."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import numpy as np

from spa2v.core.errors import ConfigError
from spa2v.core.types import AudioClip, SpatialCues

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

T = TypeVar("T")
StepHook = Callable[[str, Mapping[str, Any], Callable[[], Any], "Run"], Any]
Parts = Callable[[str, str, Mapping[str, Any]], Any]

DTYPES = ("auto", "float32", "float16", "bfloat16")


def _no_parts(family: str, name: str, options: Mapping[str, Any]) -> Any:
    raise ConfigError(f"no component {name!r}: this run belongs to no pipeline", "make it with Pipeline.new_run()")


def _plain_step(step: str, inputs: Mapping[str, Any], compute: Callable[[], Any], run: Run) -> Any:
    return compute()


class Run:
    """One execution, handed to every component.

    Args:
        seed: of everything random; components draw from `rng(name)` or `torch_generator(name)`.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        dtype: "auto" (float16 on CUDA, float32 elsewhere), "float32", "float16" or "bfloat16".
        folder: the run folder, or None when nothing is kept.
        step_hook: runs each step (the host's goes through the `spa2v_run_step` hook).
        quiet: no progress on stderr.
        notices: those that were printed already; the runs of a batch share one set.
        parts: gives `component` its components (the pipeline gives its own).

    Attributes:
        audio, cues: the sound, and what was measured in it; None before that, and where a layout is drawn without
            sound. Components may read them, never set them.
        record: facts for the manifest, by name (JSON values only).
        timings_s: seconds a step took, by name.
    """

    def __init__(
        self,
        seed: int = 0,
        device: str = "auto",
        dtype: str = "auto",
        folder: Path | None = None,
        step_hook: StepHook = _plain_step,
        quiet: bool = True,
        notices: set[str] | None = None,
        parts: Parts = _no_parts,
    ) -> None:
        if dtype not in DTYPES:
            raise ConfigError(f"run.dtype: {dtype!r}", f"expected one of: {', '.join(DTYPES)}")
        _device_kind(device)
        self.seed, self.folder, self.quiet = seed, folder, quiet
        self.audio: AudioClip | None = None
        self.cues: SpatialCues | None = None
        self.record: dict[str, Any] = {}
        self.timings_s: dict[str, float] = {}
        self._device, self._dtype, self._step_hook, self._parts = device, dtype, step_hook, parts
        self._accelerator: Accelerator | None = None
        self._notices: set[str] = set() if notices is None else notices

    def seeded(self, seed: int) -> Run:
        """This run with another seed and an empty record; what it measured and its notices are shared."""
        other = copy(self)
        other.seed, other.record = seed, {}
        return other

    def derived_seed(self, name: str) -> int:
        """A seed of 63 bits for one purpose, from the run's seed and the name of the purpose."""
        digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    def rng(self, name: str) -> np.random.Generator:
        """A numpy generator for one purpose; the same seed and name give the same numbers."""
        return np.random.default_rng(self.derived_seed(name))

    def torch_generator(self, name: str) -> torch.Generator:
        """A torch generator on the CPU, whatever the device, so that all devices draw the same noise."""
        import torch

        return torch.Generator("cpu").manual_seed(self.derived_seed(name))

    @property
    def accelerator(self) -> Accelerator:
        """The accelerate engine, made on first use.

        Raises:
            ConfigError: the device that was asked for is not there.
        """
        if self._accelerator is None:
            self._accelerator = _make_accelerator(self._device)
        return self._accelerator

    @property
    def device(self) -> torch.device:
        """The torch device of this process."""
        if self._device == "auto" or self._device == "cuda":
            return self.accelerator.device
        import torch

        self.accelerator  # noqa: B018 - checks that the device is there
        return torch.device(self._device)

    @property
    def dtype(self) -> torch.dtype:
        """The torch dtype that models load in."""
        import torch

        name = self._dtype
        if name == "auto":
            name = "float16" if self.device.type == "cuda" else "float32"
        return getattr(torch, name)

    def component(self, family: str, name: str, /, **options: Any) -> Any:
        """Another component, for one that is made of others; built once a pipeline for the same options.

        Call it in `extract`, `plan`, `attach` or `generate`, since a constructor has no run. The class is checked
        against the protocol of its family, as that of a config is.

        Args:
            family: "cue_extractors", "layout_planners", "grounding_injectors" or "motion_backbones".
            name: as `spa2v components` lists it: built in, from an extension or a registry file of the config.
            options: for its constructor.

        Raises:
            UnknownComponent, ComponentLoadError, ConfigError: it cannot be loaded, or does not take the options.
            ContractError: it lacks the method of its family, or is running already: it would be made of itself.
        """
        return self._parts(family, name, options)

    def step(self, name: str, inputs: Mapping[str, Any], compute: Callable[[], T]) -> T:
        """Runs one step of a run through the step hook and takes its time."""
        start = time.perf_counter()
        try:
            return self._step_hook(name, inputs, compute, self)
        finally:
            self.timings_s[name] = self.timings_s.get(name, 0.0) + time.perf_counter() - start

    def notice(self, text: str) -> None:
        """Prints a line on stderr, once a run (once a batch), and keeps it for the manifest."""
        kept = self.record.setdefault("notices", [])
        if text not in kept:
            kept.append(text)
        if text not in self._notices:
            self._notices.add(text)
            print(text, file=sys.stderr)

    @contextmanager
    def progress(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """A progress bar on stderr; gives a function that takes how many units were just done."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        quiet = self.quiet or not console.is_terminal  # into a file, rich would leave an empty line
        with Progress(*columns, console=console, disable=quiet, transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda done: bar.update(task, advance=done)


def _device_kind(device: str) -> str:
    """The device without its number; whether the machine has it is not looked up."""
    if not re.fullmatch(r"auto|cpu|(cuda|mps)(:[0-9]{1,3})?", device):
        raise ConfigError(f"run.device: {device!r}", "expected auto, cpu, cuda, cuda:N or mps")
    return device.split(":")[0]


@cache
def _make_accelerator(device: str) -> Accelerator:
    import torch
    from accelerate import Accelerator

    kind = _device_kind(device)
    there = {"auto": True, "cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[kind]:
        raise ConfigError(f"run.device: {device!r} is not available on this machine", "run `spa2v doctor`")
    # Asked for a device where there is none, Accelerator would not join the processes of a launch.
    return Accelerator(cpu=kind == "cpu" or (kind == "auto" and not torch.accelerator.is_available()))


@dataclass(frozen=True)
class Processes:
    """Which of the processes of one launch this is, how many there are, and a name that they share."""

    index: int
    count: int
    launch: str


@contextmanager
def joined_processes(device: str) -> Iterator[Processes]:
    """The processes that `accelerate launch` started; alone, without importing anything, where none did.

    All processes of a launch must enter, since they wait for one another here, and only here.

    Raises:
        ConfigError: the launch is incomplete, or the device is not there.
    """
    if os.environ.get("WORLD_SIZE", "1") == "1":
        yield Processes(0, 1, uuid4().hex)
        return
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    try:
        accelerator = _make_accelerator(device)
        (launch,) = broadcast_object_list([uuid4().hex])
    except (ValueError, RuntimeError) as error:  # RuntimeError: torch.distributed, also when a process is missing
        raise ConfigError("the processes of this launch do not find one another", str(error)) from error
    yield Processes(accelerator.process_index, accelerator.num_processes, launch)
    PartialState().destroy_process_group()
