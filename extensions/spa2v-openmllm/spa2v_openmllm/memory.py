"""What to say when memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from spa2v import ConfigError, Run

CPU_SIGNS = ("not enough memory", "can't allocate memory", "cannot allocate memory")


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, on the GPU or on the CPU."""
    told = isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in CPU_SIGNS)
    return told or isinstance(error, (torch.OutOfMemoryError, MemoryError))


@contextmanager
def explained(model: str, offload: str, run: Run) -> Iterator[None]:
    """Turns an out-of-memory failure into a message that says what was tried and what helps.

    Raises:
        ConfigError: memory ran out.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise _out_of_memory(model, offload, run) from error


def _out_of_memory(model: str, offload: str, run: Run) -> ConfigError:
    dtype = str(run.dtype).removeprefix("torch.")
    advice = [
        (dtype == "float32", "run.dtype=bfloat16"),
        (offload == "none" and run.device.type == "cuda", "layout_planner.options.offload=auto"),
        (True, "fewer shots and keyframes"),
        (True, "a smaller model"),
    ]
    return ConfigError(
        f"out of memory while planning with {model!r}",
        f"tried: {dtype} on {run.device}, offload {offload}",
        f"what helps: {'; '.join(text for applies, text in advice if applies)}",
    )
