"""Where the weights come from, and what is known about published ones. Imports nothing heavy."""

from __future__ import annotations

from typing import Any

from spa2v import Weights, known

FILES = (
    "config.json",
    "preprocessor_config.json",
    "model.safetensors.index.json|model.safetensors",
    "*.json",
    "*.txt",
    "*.jinja",
    "*.safetensors",
)
KNOWN: dict[str, dict[str, Any]] = {
    "Qwen/Qwen2.5-Omni-7B": {"size_mb": 22_400, "license": "Apache-2.0"},
    "Qwen/Qwen2-Audio-7B-Instruct": {"size_mb": 16_800, "license": "Apache-2.0"},
    "Qwen/Qwen3-Omni-30B-A3B-Instruct": {"size_mb": 70_500, "license": "Apache-2.0"},
}


def need(source: str) -> Weights:
    """What is to be there before loading."""
    return known(Weights("audio-language model", source, "model", patterns=FILES), KNOWN)
