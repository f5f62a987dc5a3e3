"""Where the weights of the backbone come from, and what is known about published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spa2v.core.weights import Weights, known

CONFIG_FILES = ("*.json", "*.txt", "*/*.json", "*/*.txt")
MODEL, TEXT, OLD_TEXT = "diffusion_pytorch_model", "text_encoder/model", "text_encoder/pytorch_model"
NETWORK = "{0}.safetensors|{0}.fp16.safetensors|{0}.bin"
"""The file of a network, in the first of these forms that a repository has."""
FOLDER_FILES = (
    *CONFIG_FILES,
    NETWORK.format(f"unet/{MODEL}"),
    NETWORK.format(f"vae/{MODEL}"),
    f"{TEXT}.safetensors|{TEXT}.fp16.safetensors|{OLD_TEXT}.bin",
)
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


@dataclass(frozen=True)
class Sources:
    """Where the weights of a backbone come from; see `AnimateDiff`."""

    base: str
    motion: str
    vae: str | None = None
    base_config: str = "stable-diffusion-v1-5/stable-diffusion-v1-5"
    loras: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def weights(self) -> tuple[Weights, ...]:
        """What is to be there before loading."""
        needs = [known(Weights("base model", self.base, "base", patterns=FOLDER_FILES), KNOWN)]
        if Path(self.base).suffix:
            config = Weights("base model's configuration", self.base_config, "base_config", 3, patterns=CONFIG_FILES)
            needs.append(config)
        needs.append(known(Weights("motion modules", self.motion, "motion", patterns=ADAPTER_FILES), KNOWN))
        if self.vae:
            needs.append(known(Weights("VAE", self.vae, "vae", patterns=ADAPTER_FILES), KNOWN))
        needs += [known(Weights("LoRA", lora["source"], "loras"), KNOWN) for lora in self.loras]
        return tuple(needs)
