"""Loads Stable Diffusion 1.x with AnimateDiff's motion modules, strictly, from a hub id, a folder or one file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from torch import nn

from spa2v.core.errors import WeightsError
from spa2v.core.untrusted import read_json
from spa2v.core.weights import locate, misfits, read_tensors, shorten
from spa2v.plugins.motion_backbones.animatediff.motion_modules import add_loras, load_adapter
from spa2v.plugins.motion_backbones.animatediff.options import WeightSources
from spa2v.plugins.motion_backbones.animatediff.sampling import LINEAR
from spa2v.plugins.motion_backbones.animatediff.strict import UNSTORED, part, pretrained

MAX_SCHEDULER_BYTES = 1024**2
UNET_PREFIX, VAE_PREFIX = "model.diffusion_model.", "first_stage_model."
TEXT_PREFIX, TEXT_MODEL = "cond_stage_model.transformer.", "text_model."


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the libraries while they load; problems are checked, and raised, here."""
    logs = (diffusers.logging, transformers.logging)
    levels = [log.get_verbosity() for log in logs]
    bars = transformers.logging.is_progress_bar_enabled()
    transformers.logging.disable_progress_bar()
    try:
        for log in logs:
            log.set_verbosity(logging.CRITICAL)
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
        base = paths["base"]
        config = paths["base_config"] if base.is_file() else base
        parts = _from_file(base, config, dtype) if base.is_file() else _from_folder(base, dtype)
        if sources.vae:
            parts["vae"] = _vae(paths["vae"], config, dtype)
        _check_kind(parts, base)
        adapter = load_adapter(paths["motion"], dtype, parts["unet"].config)
        pipeline = part(
            "motion modules", paths["motion"], diffusers.AnimateDiffPipeline, **parts, motion_adapter=adapter
        )
        add_loras(pipeline, sources)
    for name in ("unet", "vae", "text_encoder"):
        network = getattr(pipeline, name).requires_grad_(False).eval()
        wrong = [key for key, tensor in network.named_parameters() if not bool(tensor.isfinite().all())]
        if wrong:
            raise WeightsError(
                f"the {name.replace('_', ' ')} has weights that are not finite (NaN or infinite) in {dtype}",
                f"keys: {shorten(wrong)}",
                "the file is damaged, a LoRA's scale is too large, or the weights need run.dtype=float32",
            )
    return pipeline


def _from_folder(folder: Path, dtype: torch.dtype) -> dict[str, Any]:
    """The parts of a diffusers folder."""
    if not (folder / "model_index.json").is_file():
        raise WeightsError(
            f"the base model {str(folder)!r} is not a diffusers folder",
            "it has no model_index.json; expected the folders unet, vae, text_encoder and tokenizer beside it",
        )
    parts = {}
    kinds = {"unet": diffusers.UNet2DConditionModel, "vae": diffusers.AutoencoderKL}
    for name, kind in (kinds | {"text_encoder": transformers.CLIPTextModel}).items():
        if (folder / name).is_dir():
            parts[name] = pretrained(kind, name.replace("_", " "), folder, dtype, subfolder=name)
        elif name != "vae":
            raise WeightsError(f"the base model {str(folder)!r} has no folder {name!r}")
    return parts | _tokenizer_and_scheduler(folder)


def _check_kind(parts: Mapping[str, Any], base: Path) -> None:
    """Refuses a base model of another kind than Stable Diffusion 1.x, and one without a VAE."""
    model, unet = f"the base model {str(base)!r}", parts["unet"].config
    if "vae" not in parts:
        what = "no folder 'vae'" if base.is_dir() else "no VAE"
        raise WeightsError(f"{model} has {what}", "set the option `vae`, for instance to stabilityai/sd-vae-ft-mse")
    if (latents := parts["vae"].config.latent_channels) != unet.in_channels:
        raise WeightsError(
            f"the UNet of {model[4:]} takes {unet.in_channels} channels, its VAE has {latents}",
            "models for inpainting or depth cannot be animated; expected Stable Diffusion 1.x",
        )
    if unet.addition_embed_type or unet.cross_attention_dim != parts["text_encoder"].config.hidden_size:
        raise WeightsError(f"{model} is of another kind", "expected Stable Diffusion 1.x with its text encoder")


def _vae(path: Path, config: Path, dtype: torch.dtype) -> nn.Module:
    """A VAE from a diffusers folder, a base model's folder, or one file in the original format."""
    if path.is_file():
        settings = path.parent if (path.parent / "config.json").is_file() else config / "vae"
        try:
            tensors = read_tensors(path)
        except WeightsError as error:
            expected = "expected a diffusers folder with its config.json, or one file of tensors"
            raise WeightsError(f"the VAE {str(path)!r} is not a folder", expected, str(error)) from error
        return _converted_vae(tensors, settings, path).to(dtype)
    if not (path / "config.json").is_file() and (path / "vae").is_dir():
        path /= "vae"
    if not (path / "config.json").is_file():
        raise WeightsError(f"the VAE {str(path)!r} has no config.json", "expected a diffusers folder, or one file")
    model: nn.Module = pretrained(diffusers.AutoencoderKL, "VAE", path, dtype)
    return model


def _tokenizer_and_scheduler(folder: Path) -> dict[str, Any]:
    """The tokenizer of a diffusers folder, and the scheduler whose settings ours starts from."""
    tokenizer: Any = transformers.CLIPTokenizer
    path = folder / "scheduler" / "scheduler_config.json"
    return {
        "tokenizer": part("tokenizer", folder, tokenizer.from_pretrained, folder, subfolder="tokenizer"),
        "scheduler": part("scheduler", path.parent, _scheduler, path),
    }


def _scheduler(path: Path) -> Any:
    """A scheduler whose config holds the base model's settings and, as `saved_as`, the class that they are of.

    Those that `LINEAR` replaces are not read.
    """
    kind: Any = diffusers.DDIMScheduler
    settings = read_json(path, MAX_SCHEDULER_BYTES) if path.is_file() else {}
    return kind.from_config({**settings, **LINEAR, "saved_as": settings.get("_class_name")})


def _from_file(path: Path, config: Path, dtype: torch.dtype) -> dict[str, Any]:
    """The parts of one file in the original Stable Diffusion format; sizes and tokenizer come from `config`."""
    tensors = read_tensors(path)
    if not any(key.startswith(UNET_PREFIX) for key in tensors):
        raise WeightsError(
            f"the file {path.name!r} holds no Stable Diffusion model",
            f"expected keys that start with {UNET_PREFIX!r}; its keys: {shorten(tensors, 3)}",
        )
    unet: Any = diffusers.UNet2DConditionModel
    parts = {
        "text_encoder": _text_encoder(tensors, config, dtype, path),
        "unet": _converted("unet", unet, convert_ldm_unet_checkpoint, tensors, config / "unet", path).to(dtype),
    }
    if any(key.startswith(VAE_PREFIX) for key in tensors):
        parts["vae"] = _converted_vae(tensors, config / "vae", path).to(dtype)
    return parts | _tokenizer_and_scheduler(config)


def _converted_vae(tensors: Mapping[str, Any], config: Path, path: Path) -> nn.Module:
    """A VAE from tensors under their original names, with or without their prefix in a whole model."""
    kind: Any = diffusers.AutoencoderKL
    prefixed = {
        key if key.startswith(VAE_PREFIX) else VAE_PREFIX + key: tensor
        for key, tensor in tensors.items()
        if key.startswith((VAE_PREFIX, "encoder.", "decoder.", "quant_conv.", "post_quant_conv."))
    }
    return _converted("vae", kind, convert_ldm_vae_checkpoint, prefixed, config, path)


def _converted(
    name: str, kind: Any, convert: Callable[..., dict[str, Any]], tensors: Mapping[str, Any], config: Path, path: Path
) -> nn.Module:
    """A network from tensors under their original names; its sizes from a folder with a `config.json`."""
    settings = part(f"{name}'s configuration", config, kind.load_config, config)
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
        part("text encoder", config, kind.from_pretrained, config, subfolder="text_encoder")
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
