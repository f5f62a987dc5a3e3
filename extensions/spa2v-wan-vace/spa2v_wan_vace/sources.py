"""Where the weights come from, and what is known about published ones. Imports nothing heavy."""

from __future__ import annotations

from typing import Any

from spa2v import Weights, known

FILES = ("model_index.json", "transformer/config.json", "*.json", "*/*.json", "*/*.model", "*/*.safetensors")
KNOWN: dict[str, dict[str, Any]] = {
    "Wan-AI/Wan2.1-VACE-1.3B-diffusers": {"size_mb": 16_200, "license": "Apache-2.0"},
    "Wan-AI/Wan2.1-VACE-14B-diffusers": {"size_mb": 46_500, "license": "Apache-2.0"},
}
"""Sizes from parameter counts, networks in bfloat16 and the VAE in float32."""


def need(source: str) -> Weights:
    """What is to be there before loading."""
    return known(Weights("video model", source, "base", patterns=FILES), KNOWN)
