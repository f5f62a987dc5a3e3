"""The options of `animatediff`: ranges, choices, and the weights that they name. Nothing heavy is loaded."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spa2v.core.errors import ConfigError
from spa2v.core.weights import Weights, known, names_file

CHOICES = {
    "captions": ("mix", "global", "local"),
    "offload": ("none", "model", "sequential"),
    "free_noise": ("auto", "on", "off"),
    "vae_dtype": ("auto", "float32", "bfloat16", "float16"),
}
RANGES = {
    "width": (16, 2048),
    "height": (16, 2048),
    "frames": (1, 256),
    "fps": (0.1, 60.0),
    "steps": (1, 1000),
    "guidance": (0.0, 50.0),
    "context_frames": (2, 64),
    "context_stride": (1, 64),
    "decode_chunk": (1, 256),
    "noise_follows": (0.0, 1.0),
    "noise_stride": (1, 16),
}
WHOLE = ("width", "height", "frames", "steps", "context_frames", "context_stride", "decode_chunk", "noise_stride")
LORA_KEYS = ("source", "scale")
FREE_INIT_RANGES = {
    "iterations": (1, 100),
    "order": (1, 100),
    "spatial_stop": (1e-6, 1.0),
    "temporal_stop": (1e-6, 1.0),
}
FREE_INIT_WHOLE = ("iterations", "order")
FILTERS = ("butterworth", "gaussian", "ideal")
SCHEDULERS = (
    "DDIMScheduler",
    "DPMSolverMultistepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "LCMScheduler",
    "PNDMScheduler",
    "UniPCMultistepScheduler",
)

CONFIG_FILES = ("*.json", "*.txt", "*/*.json", "*/*.txt")
MODEL, TEXT, OLD_TEXT = "diffusion_pytorch_model", "text_encoder/model", "text_encoder/pytorch_model"
NETWORK = "{0}.safetensors|{0}.fp16.safetensors|{0}.bin|{0}.fp16.bin"
"""The file of a network, in the first of these forms that a repository has."""
FOLDER_FILES = (
    *CONFIG_FILES,
    NETWORK.format(f"unet/{MODEL}"),
    NETWORK.format(f"vae/{MODEL}"),
    f"{TEXT}.safetensors|{TEXT}.fp16.safetensors|{OLD_TEXT}.bin|{OLD_TEXT}.fp16.bin",
)
LORA_FILES = tuple(stem + suffix for stem in ("pytorch_lora_weights", MODEL) for suffix in (".safetensors", ".bin"))
ADAPTER_FILES = ("config.json", NETWORK.format(MODEL))
KNOWN: dict[str, dict[str, Any]] = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": {"size_mb": 4270, "license": "CreativeML OpenRAIL-M"},
    "SG161222/Realistic_Vision_V5.1_noVAE": {"size_mb": 4270, "license": "OpenRAIL-M"},
    "emilianJR/epiCRealism": {"size_mb": 4270, "license": "OpenRAIL-M"},
    "stabilityai/sd-vae-ft-mse": {"size_mb": 335, "license": "MIT"},
    "guoyww/animatediff-motion-adapter-v1-5-2": {"size_mb": 1813, "license": "Apache-2.0 (of the originals)"},
    "guoyww/animatediff-motion-adapter-v1-5-3": {"size_mb": 1672, "license": "Apache-2.0 (of the originals)"},
    "wangfuyun/AnimateLCM": {"size_mb": 1813, "license": "no tag seen; read it at the source"},
    "wangfuyun/AnimateLCM/AnimateLCM_sd15_t2v_lora.safetensors": {"license": "no tag seen; read it at the source"},
    "ByteDance/AnimateDiff-Lightning/animatediff_lightning_4step_diffusers.safetensors": {
        "size_mb": 908,
        "license": "CreativeML OpenRAIL-M",
    },
}


def check(options: Any) -> None:
    """Checks every option of `AnimateDiff` that can be judged without weights.

    Raises:
        ConfigError: an option is out of range or not among its choices.
    """
    for name, choices in CHOICES.items():
        _check_choice(f"animatediff: {name} is", getattr(options, name), choices)
    for name, bounds in RANGES.items():
        _check_number(f"animatediff: {name}", getattr(options, name), bounds, name in WHOLE)
    if options.context_stride > options.context_frames:
        raise ConfigError(
            f"animatediff: context_stride is {options.context_stride}",
            f"expected at most context_frames ({options.context_frames}), so that windows touch",
        )
    for index, lora in enumerate(options.loras):
        if not isinstance(lora, Mapping) or not isinstance(lora.get("source"), str):
            raise ConfigError(f"animatediff: loras[{index}] is {lora!r}", "expected {source: PATH or ID, scale: 1.0}")
        _check_keys(f"loras[{index}]", lora, LORA_KEYS)
        _check_number(f"animatediff: loras[{index}].scale", lora.get("scale", 1.0), (-100.0, 100.0))
    check_scheduler_name(options.scheduler)
    if options.free_init is not None:
        FreeInit(**_check_keys("free_init", options.free_init, ("filter", *FREE_INIT_RANGES)))


def check_scheduler_name(config: Mapping[str, Any]) -> None:
    """Checks the name of a scheduler.

    Raises:
        ConfigError: there is none, or it is unknown.
    """
    _check_choice("scheduler.name:", config.get("name"), SCHEDULERS)


def _check_choice(what: str, value: Any, choices: Sequence[str]) -> None:
    if value not in choices:
        near = difflib.get_close_matches(str(value), choices, n=1)
        hint = [f"did you mean {near[0]!r}?"] if near else []
        raise ConfigError(f"{what} {value!r}", *hint, f"expected one of: {', '.join(choices)}")


def _check_number(what: str, value: Any, bounds: tuple[float, float], whole: bool = False) -> None:
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not bounds[0] <= value <= bounds[1]:
        expected = f"expected {bounds[0]} to {bounds[1]}" + (", a whole number" if whole else "")
        raise ConfigError(f"{what} is {value!r}", expected)


def _check_keys(what: str, given: Any, keys: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigError(f"animatediff: {what} is {given!r}", f"expected a mapping with: {', '.join(keys)}")
    if unknown := sorted(set(given) - set(keys)):
        raise ConfigError(f"animatediff: {what} has the key {unknown[0]!r}", f"known: {', '.join(keys)}")
    return given


@dataclass(frozen=True)
class FreeInit:
    """Settings of FreeInit (Wu et al., 2023): sample several times, each pass from the low frequencies of the last.

    Args:
        iterations: number of passes.
        filter: "butterworth", "gaussian" or "ideal".
        order: of the Butterworth filter.
        spatial_stop, temporal_stop: stop frequencies, above 0, at most 1.

    Raises:
        ConfigError: a value is out of range.
    """

    iterations: int = 3
    filter: str = "butterworth"
    order: int = 4
    spatial_stop: float = 0.25
    temporal_stop: float = 0.25

    def __post_init__(self) -> None:
        _check_choice("free_init.filter:", self.filter, FILTERS)
        for name, bounds in FREE_INIT_RANGES.items():
            _check_number(f"free_init.{name}", getattr(self, name), bounds, name in FREE_INIT_WHOLE)


@dataclass(frozen=True)
class WeightSources:
    """The sources of a backbone's weights; see `AnimateDiff`."""

    base: str
    motion: str
    vae: str | None = None
    base_config: str = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    loras: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def weights(self) -> tuple[Weights, ...]:
        """The weights that loading needs."""
        files = tuple(one for one in FOLDER_FILES if not self.vae or not one.startswith("vae/"))
        needs = [known(Weights("base model", self.base, "base", patterns=files), KNOWN)]
        if names_file(self.base):
            config = Weights("base model's configuration", self.base_config, "base_config", 3, patterns=CONFIG_FILES)
            needs.append(config)
        needs.append(known(Weights("motion modules", self.motion, "motion", patterns=ADAPTER_FILES), KNOWN))
        if self.vae:
            needs.append(known(Weights("VAE", self.vae, "vae", patterns=ADAPTER_FILES), KNOWN))
        return (*needs, *map(self.lora, self.loras))

    @staticmethod
    def lora(lora: Mapping[str, Any]) -> Weights:
        """The file of a LoRA, or the repository or folder that it is in."""
        return known(
            Weights("LoRA", lora["source"], "loras", patterns=("|".join((*LORA_FILES, "*.safetensors")),)), KNOWN
        )
