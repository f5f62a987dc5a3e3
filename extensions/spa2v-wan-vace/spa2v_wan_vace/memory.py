"""Where networks live while a video is drawn, and what to say when memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from spa2v import ConfigError, Run

CPU_SIGNS = ("not enough memory", "can't allocate memory", "cannot allocate memory")


def place(pipeline: Any, options: Any, run: Run) -> None:
    """Puts the networks on the device, or sets up their offload."""
    if options.offload != "none" and run.device.type == "cpu":
        run.notice(f"wan_vace: offload {options.offload!r} has no effect on the CPU.")
    if options.offload == "none" or run.device.type == "cpu":
        pipeline.to(run.device)
    elif options.offload == "model":
        pipeline.enable_model_cpu_offload(device=run.device)
    else:
        pipeline.enable_sequential_cpu_offload(device=run.device)
    if options.vae_tiling:
        pipeline.vae.enable_tiling()


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, on the GPU or on the CPU."""
    told = isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in CPU_SIGNS)
    return told or isinstance(error, (torch.OutOfMemoryError, MemoryError))


@contextmanager
def explained(options: Any, run: Run) -> Iterator[None]:
    """Turns an out-of-memory failure into a message that says what was tried and which options help.

    Raises:
        ConfigError: memory ran out.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise _out_of_memory(options, run) from error


def _out_of_memory(options: Any, run: Run) -> ConfigError:
    dtype, on_gpu = str(run.dtype).removeprefix("torch."), run.device.type != "cpu"
    advice = [
        (dtype == "float32", "run.dtype=bfloat16"),
        (on_gpu and options.offload == "none", "motion_backbone.options.offload=model"),
        (on_gpu and options.offload == "model", "motion_backbone.options.offload=sequential"),
        (not options.vae_tiling, "motion_backbone.options.vae_tiling=true"),
        (options.model_frames > 17, "fewer model_frames"),
        (True, "a smaller width and height"),
    ]
    return ConfigError(
        "out of memory while drawing",
        f"tried: {options.model_frames} frames, {options.width} x {options.height}, {dtype} on {run.device}, "
        f"offload {options.offload}",
        f"what helps: {'; '.join(text for applies, text in advice if applies)}",
    )
