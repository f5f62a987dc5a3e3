"""Loads Wan VACE, strictly, from a folder in the format of diffusers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import SafetensorError
from spa2v import Run, WeightsError, shorten

from spa2v_wan_vace.memory import is_out_of_memory

FAILURES = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError)
NETWORKS = {
    "transformer": diffusers.WanVACETransformer3DModel,
    "transformer_2": diffusers.WanVACETransformer3DModel,
    "vae": diffusers.AutoencoderKLWan,
    "text_encoder": transformers.UMT5EncoderModel,
}
OPTIONAL = ("transformer_2",)  # Wan 2.2 has two: for the early steps and for the late ones


def load(folder: Path, run: Run) -> diffusers.WanVACEPipeline:
    """The pipeline on the CPU: networks in the run's dtype, the VAE in float32, as its authors run it.

    Raises:
        WeightsError: something is missing, damaged or does not fit; names the part and the keys.
    """
    index = _part("model_index.json", folder, lambda: diffusers.WanVACEPipeline.load_config(folder))
    if index.get("_class_name") != "WanVACEPipeline":
        raise WeightsError(
            f"the video model {str(folder)!r} is a {index.get('_class_name')!r}, not a 'WanVACEPipeline'",
            "only the VACE models of Wan take a control video",
        )
    with _bars(not run.quiet):
        parts: dict[str, Any] = {
            name: _network(kind, name, folder, torch.float32 if name == "vae" else run.dtype)
            for name, kind in NETWORKS.items()
            if name not in OPTIONAL or index.get(name, [None])[0]
        }
    parts["tokenizer"] = _part(
        "tokenizer",
        folder,
        lambda: transformers.AutoTokenizer.from_pretrained(folder, subfolder="tokenizer", local_files_only=True),
    )
    parts["scheduler"] = _part("scheduler", folder, lambda: _scheduler(folder, index))
    return diffusers.WanVACEPipeline(**parts, boundary_ratio=index.get("boundary_ratio"))


@contextmanager
def _bars(shown: bool) -> Iterator[None]:
    """The bars of the libraries, as the run wants them."""
    libraries = (diffusers.utils.logging, transformers.utils.logging)
    before = [library.is_progress_bar_enabled() for library in libraries]
    try:
        for library in libraries:
            library.enable_progress_bar() if shown else library.disable_progress_bar()
        yield
    finally:
        for library, enabled in zip(libraries, before, strict=True):
            library.enable_progress_bar() if enabled else library.disable_progress_bar()


def _part(part: str, folder: Path, make: Callable[[], Any]) -> Any:
    """What `make` makes; its failure as a `WeightsError` that names the part."""
    try:
        return make()
    except FAILURES as error:
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:500] or type(error).__name__
        raise WeightsError(f"the {part} of the video model {str(folder)!r} cannot be loaded", reason) from error


def _network(kind: Any, name: str, folder: Path, dtype: torch.dtype) -> Any:
    options = {
        "subfolder": name,
        "torch_dtype" if issubclass(kind, diffusers.ModelMixin) else "dtype": dtype,
        "local_files_only": True,
        "use_safetensors": True,  # data, never code
        "output_loading_info": True,
    }
    network, info = _part(name, folder, lambda: kind.from_pretrained(folder, **options))
    _check(name, folder, info)
    return network.requires_grad_(False).eval()


def _check(name: str, folder: Path, info: Mapping[str, Any]) -> None:
    """Raises `WeightsError` where weights lack a place or a place lacks weights."""
    words = {"missing_keys": "missing", "unexpected_keys": "not known", "mismatched_keys": "of another shape"}
    lines = [f"{word}: {shorten(map(str, info[key]))}" for key, word in words.items() if info.get(key)]
    if lines:
        raise WeightsError(f"the {name} of the video model {str(folder)!r} does not fit its configuration", *lines)


def _scheduler(folder: Path, index: Mapping[str, Any]) -> Any:
    kind = getattr(diffusers, str(index["scheduler"][1]))
    return kind.from_pretrained(folder, subfolder="scheduler", local_files_only=True)
