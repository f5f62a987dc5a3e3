"""Placement of the networks on the device, and the error message when memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from spa2v.core.errors import ConfigError
from spa2v.core.runtime import Run
from spa2v.plugins.motion_backbones.animatediff.cpu import adapt

CPU_SIGNS = ("not enough memory", "can't allocate memory", "cannot allocate memory")


def place(pipeline: Any, options: Any, run: Run) -> None:
    """Moves the networks to the device, or sets up their offload."""
    device = run.device
    if options.offload != "none" and device.type == "cpu":
        run.notice(f"animatediff: offload {options.offload!r} has no effect on the CPU.")
    if options.offload == "none" or device.type == "cpu":
        for network in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
            network.to(device)
    elif options.offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.enable_sequential_cpu_offload(device=device)
    if options.vae_slicing:
        pipeline.vae.enable_slicing()
    if device.type == "cpu" and not options.compile:
        adapt(pipeline)
    if options.compile:
        pipeline.unet.compile()


@contextmanager
def explain_out_of_memory(options: Any, videos: int, run: Run) -> Iterator[None]:
    """Turns an out-of-memory error into one that says what was tried and which options help.

    Raises:
        ConfigError: memory ran out.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(options, videos, run) from error
    except RuntimeError as error:
        if not any(sign in str(error).lower() for sign in CPU_SIGNS):
            raise
        raise _out_of_memory(options, videos, run) from error


def _out_of_memory(options: Any, videos: int, run: Run) -> ConfigError:
    dtype = str(run.dtype).removeprefix("torch.")
    tried = (
        f"{videos} video(s) of {options.frames} frames, {options.width} x {options.height}, {dtype} on {run.device}, "
        f"offload {options.offload}, decode_chunk {options.decode_chunk}"
    )
    return ConfigError(
        "out of memory while drawing", f"tried: {tried}", f"what helps: {'; '.join(_advice(options, videos, run))}"
    )


def _advice(options: Any, videos: int, run: Run) -> list[str]:
    """The options that would save memory and are not in use."""
    on_gpu = run.device.type != "cpu"
    advice = [
        (videos > 1, "fewer videos at once"),
        (on_gpu and run.dtype == torch.float32, "run.dtype=float16"),
        (on_gpu and options.offload == "none", "motion_backbone.options.offload=model"),
        (on_gpu and options.offload == "model", "motion_backbone.options.offload=sequential"),
        (options.decode_chunk > 1, "motion_backbone.options.decode_chunk=1"),
        (options.guidance > 1, "a distilled preset without guidance (--config spa2v-fast)"),
        (options.frames > 8, "fewer frames"),
        (True, "a smaller width and height"),
    ]
    return [text for applies, text in advice if applies]
