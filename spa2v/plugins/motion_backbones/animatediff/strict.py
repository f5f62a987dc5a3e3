"""Strict loading: a network with weights that are missing, unknown or of another shape is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from spa2v.core.errors import WeightsError
from spa2v.core.untrusted import FAULTS
from spa2v.core.weights import PICKLE_SUFFIXES, SAFE_SUFFIXES, check_file, shorten

UNSTORED = ("position_ids", "pos_embed.pe")  # computed at construction
WEIGHTS_STEMS = ("diffusion_pytorch_model", "model", "pytorch_model")


def part(name: str, path: Path, make: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
    """The result of `make(*args, **options)`; its failure as a `WeightsError` that names the part."""
    try:
        return make(*args, **options)
    except (*FAULTS, SafetensorError) as error:
        reason = " ".join(str(error).split())[:500] or type(error).__name__
        raise WeightsError(f"the {name} in {str(path)!r} cannot be loaded", reason) from error


def pretrained(kind: Any, name: str, folder: Path, dtype: torch.dtype, subfolder: str = "") -> Any:
    """A network from its folder, strictly; in half precision where there is no other."""
    options: dict[str, Any] = {"subfolder": subfolder} if subfolder else {}
    files = [
        file
        for file in (folder / subfolder).iterdir()
        if file.suffix in (*SAFE_SUFFIXES, *PICKLE_SUFFIXES) and file.name.startswith(WEIGHTS_STEMS)
    ]
    for file in files:
        check_file(file)
    if files and all(".fp16" in file.name for file in files):
        options["variant"] = "fp16"
    options |= {"torch_dtype": dtype, "output_loading_info": True, "local_files_only": True}
    model, report = part(name, folder, kind.from_pretrained, folder, **options)
    lines = []
    for problem, word in (("missing_keys", "missing"), ("unexpected_keys", "not known")):
        keys = [key for key in report.get(problem, ()) if not key.endswith(UNSTORED)]
        lines += [f"{word}: {shorten(keys)}"] if keys else []
    mismatched = report.get("mismatched_keys", ())
    wrong = [f"{key} {tuple(shape)} instead of {tuple(expected)}" for key, shape, expected in mismatched]
    lines += [f"of another shape: {shorten(wrong)}"] if wrong else []
    if lines:
        raise WeightsError(f"the {name} in {str(folder)!r} does not fit its configuration", *lines)
    return model
