"""Loads Stable Diffusion 1.x with AnimateDiff's motion modules, strictly, from a hub id, a folder or one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from safetensors import SafetensorError
from torch import nn

from spa2v.core.errors import WeightsError
from spa2v.core.untrusted import FAULTS, read_json
from spa2v.core.weights import Weights, known, locate, misfits, read_tensors, shorten
from spa2v.plugins.motion_backbones.animatediff.options import KNOWN, WeightSources

MAX_SCHEDULER_BYTES = 1024**2
TEXT_PREFIX, TEXT_MODEL = "cond_stage_model.transformer.", "text_model."
UNSTORED = ("position_ids", "pos_embed.pe")  # computed at construction


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the libraries while they load; problems are checked, and raised, here."""
    logs = (diffusers.logging, transformers.logging)
    levels = [log.get_verbosity() for log in logs]
    bars = transformers.logging.is_progress_bar_enabled()
    transformers.logging.disable_progress_bar()
    try:
        for log in logs:
            log.set_verbosity_error()
        yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.set_verbosity(level)
        if bars:
            transformers.logging.enable_progress_bar()


def load(sources: WeightSources, dtype: torch.dtype) -> Any:
    """An `AnimateDiffPipeline` on the CPU that holds all networks; its parts are used, not its call.

    Raises:
        WeightsError: something is missing, damaged or does not fit; names the part and the keys.
    """
    needs = {need.option: need for need in sources.weights() if need.option != "loras"}
    paths = {option: locate(need) for option, need in needs.items()}
    with _quiet():
        if paths["base"].is_file():
            parts = _from_file(paths["base"], paths["base_config"], dtype)
        else:
            parts = _from_folder(paths["base"], dtype)
        if sources.vae:
            path = paths["vae"]
            if not path.is_dir():
                raise WeightsError(
                    f"the VAE {str(path)!r} is not a folder", "expected a diffusers folder with its config.json"
                )
            parts["vae"] = _pretrained(diffusers.AutoencoderKL, "VAE", path, dtype)
        adapter = load_adapter(paths["motion"], dtype, parts["unet"].config)
        pipeline = _part(
            "motion modules", paths["motion"], diffusers.AnimateDiffPipeline, **parts, motion_adapter=adapter
        )
        _add_loras(pipeline, sources)
    for network in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        network.requires_grad_(False).eval()
    return pipeline


def _part(part: str, path: Path, make: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
    """The result of `make(*args, **options)`; its failure as a `WeightsError` that names the part."""
    try:
        return make(*args, **options)
    except (*FAULTS, SafetensorError) as error:
        reason = " ".join(str(error).split())[:500] or type(error).__name__
        raise WeightsError(f"the {part} in {str(path)!r} cannot be loaded", reason) from error


def _from_folder(folder: Path, dtype: torch.dtype) -> dict[str, Any]:
    """The parts of a diffusers folder."""
    if not (folder / "model_index.json").is_file():
        raise WeightsError(
            f"the base model {str(folder)!r} is not a diffusers folder",
            "it has no model_index.json; expected the folders unet, vae, text_encoder and tokenizer beside it",
        )
    parts = {}
    for name, kind in (
        ("unet", diffusers.UNet2DConditionModel),
        ("vae", diffusers.AutoencoderKL),
        ("text_encoder", transformers.CLIPTextModel),
    ):
        if not (folder / name).is_dir():
            raise WeightsError(f"the base model {str(folder)!r} has no folder {name!r}")
        parts[name] = _pretrained(kind, name.replace("_", " "), folder, dtype, subfolder=name)
    return parts | _tokenizer_and_scheduler(folder)


def _tokenizer_and_scheduler(folder: Path) -> dict[str, Any]:
    """The tokenizer of a diffusers folder, and the scheduler whose settings ours starts from."""
    tokenizer: Any = transformers.CLIPTokenizer
    scheduler: Any = diffusers.DDIMScheduler
    path = folder / "scheduler" / "scheduler_config.json"
    settings = _part("scheduler", path.parent, read_json, path, MAX_SCHEDULER_BYTES) if path.is_file() else {}
    return {
        "tokenizer": _part("tokenizer", folder, tokenizer.from_pretrained, folder, subfolder="tokenizer"),
        "scheduler": _part("scheduler", path.parent, scheduler.from_config, settings),
    }


def _pretrained(kind: Any, part: str, folder: Path, dtype: torch.dtype, subfolder: str = "") -> Any:
    """A network from its folder, strictly; in half precision where there is no other."""
    options: dict[str, Any] = {"subfolder": subfolder} if subfolder else {}
    files = [file.name for file in (folder / subfolder).iterdir() if file.suffix in (".safetensors", ".bin")]
    if files and all(".fp16." in name for name in files):
        options["variant"] = "fp16"
    options |= {"torch_dtype": dtype, "output_loading_info": True, "local_files_only": True}
    model, report = _part(part, folder, kind.from_pretrained, folder, **options)
    lines = []
    for problem, word in (("missing_keys", "missing"), ("unexpected_keys", "not known")):
        keys = [key for key in report.get(problem, ()) if not key.endswith(UNSTORED)]
        lines += [f"{word}: {shorten(keys)}"] if keys else []
    mismatched = report.get("mismatched_keys", ())
    wrong = [f"{key} {tuple(shape)} instead of {tuple(expected)}" for key, shape, expected in mismatched]
    lines += [f"of another shape: {shorten(wrong)}"] if wrong else []
    if lines:
        raise WeightsError(f"the {part} in {str(folder)!r} does not fit its configuration", *lines)
    return model


def _from_file(path: Path, config: Path, dtype: torch.dtype) -> dict[str, Any]:
    """The parts of one file in the original Stable Diffusion format; sizes and tokenizer come from `config`."""
    tensors = read_tensors(path)
    parts: dict[str, Any] = {"text_encoder": _text_encoder(tensors, config, dtype, path)}
    for name, kind, convert in (
        ("unet", diffusers.UNet2DConditionModel, convert_ldm_unet_checkpoint),
        ("vae", diffusers.AutoencoderKL, convert_ldm_vae_checkpoint),
    ):
        parts[name] = _converted(name, kind, convert, tensors, config, path).to(dtype)
    return parts | _tokenizer_and_scheduler(config)


def _converted(
    name: str, kind: Any, convert: Callable[..., dict[str, Any]], tensors: Mapping[str, Any], config: Path, path: Path
) -> nn.Module:
    """A network from tensors under their original names."""
    settings = _part(f"{name}'s configuration", config, kind.load_config, config, subfolder=name)
    with torch.device("meta"):
        model: nn.Module = kind.from_config(settings)
    try:
        renamed = convert(dict(tensors), config=settings)
    except KeyError as error:
        raise WeightsError(f"the file {path.name!r} lacks a part of the {name}", f"missing: {error.args[0]}") from error
    have = {key: tuple(tensor.shape) for key, tensor in renamed.items()}
    if lines := misfits(have, {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}):
        raise WeightsError(f"the {name} in {path.name!r} does not fit {str(config)!r}", *lines)
    model.load_state_dict(renamed, strict=True, assign=True)
    return model


def _text_encoder(tensors: Mapping[str, Any], config: Path, dtype: torch.dtype, path: Path) -> Any:
    """The text encoder from tensors under their original names."""
    kind: Any = transformers.CLIPTextConfig
    model = transformers.CLIPTextModel(
        _part("text encoder", config, kind.from_pretrained, config, subfolder="text_encoder")
    )
    stored = {
        key.removeprefix(TEXT_PREFIX).removeprefix(TEXT_MODEL): tensor
        for key, tensor in tensors.items()
        if key.startswith(TEXT_PREFIX) and not key.endswith(UNSTORED)
    }
    state = model.state_dict()
    wanted = {key.removeprefix(TEXT_MODEL): key for key in state if not key.endswith(UNSTORED)}
    shapes = {key: tuple(tensor.shape) for key, tensor in stored.items()}
    if lines := misfits(shapes, {short: tuple(state[key].shape) for short, key in wanted.items()}):
        raise WeightsError(f"the text encoder in {path.name!r} does not fit {str(config)!r}", *lines)
    model.load_state_dict({wanted[short]: tensor for short, tensor in stored.items()}, strict=False)
    return model.to(dtype)


def load_adapter(path: Path, dtype: torch.dtype, base: Mapping[str, Any]) -> Any:
    """A `MotionAdapter` from a diffusers folder, or from one file of its tensors (as AnimateDiff-Lightning's).

    The numbers of heads and of normalization groups, which a bare file lacks, are those of the base UNet's config.

    Raises:
        WeightsError: missing or unexpected keys, wrong shapes, a damaged file.
    """
    if path.is_dir():
        return _pretrained(diffusers.MotionAdapter, "motion adapter", path, dtype)
    tensors = read_tensors(path)
    adapter = diffusers.MotionAdapter(**_adapter_config(tensors, base, path))
    have = {key: tuple(tensor.shape) for key, tensor in tensors.items() if not key.endswith(UNSTORED)}
    state = adapter.state_dict()
    if lines := misfits(have, {key: tuple(t.shape) for key, t in state.items() if not key.endswith(UNSTORED)}):
        raise WeightsError(f"the motion adapter in {path.name!r} does not fit", *lines)
    adapter.load_state_dict(tensors, strict=False)
    return adapter.to(dtype)


def _adapter_config(tensors: Mapping[str, Any], base: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The sizes of an adapter, read off its tensors."""
    widths = {}
    layers = set()
    for key, tensor in tensors.items():
        parts = key.split(".")
        if parts[0] == "down_blocks" and key.endswith("motion_modules." + parts[3] + ".norm.weight"):
            widths[int(parts[1])] = len(tensor)
            layers.add(int(parts[3]))
    if not widths:
        raise WeightsError(f"the file {path.name!r} contains no motion adapter", f"its keys: {shorten(tensors)}")
    config: dict[str, Any] = {
        "block_out_channels": tuple(widths[level] for level in sorted(widths)),
        "motion_layers_per_block": len(layers),
        "use_motion_mid_block": any(key.startswith("mid_block") for key in tensors),
        "motion_norm_num_groups": base["norm_num_groups"],
        "motion_num_attention_heads": base.get("num_attention_heads") or base["attention_head_dim"],
    }
    positions = [tensor.shape[1] for key, tensor in tensors.items() if key.endswith("pos_embed.pe")]
    return config | ({"motion_max_seq_length": positions[0]} if positions else {})


def _add_loras(pipeline: Any, sources: WeightSources) -> None:
    """Adds LoRA files to the networks, each with its scale, and merges them into the weights."""
    scales: dict[str, float] = {}
    for index, lora in enumerate(sources.loras):
        path = locate(known(Weights("LoRA", lora["source"], "loras"), KNOWN))
        folder, file = (path, {}) if path.is_dir() else (path.parent, {"weight_name": path.name})
        _part("LoRA", path, pipeline.load_lora_weights, folder, adapter_name=f"lora_{index}", **file)
        scales[f"lora_{index}"] = float(lora.get("scale", 1.0))
    if scales:
        pipeline.set_adapters([*scales], [*scales.values()])
        pipeline.fuse_lora(adapter_names=[*scales])
        pipeline.unload_lora_weights()
