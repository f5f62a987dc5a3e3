"""`spa2v doctor`: what this machine has, and what is wrong with it."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from typing import Any

import typer

from spa2v.cli import options as opt

KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY", "HF_TOKEN")


def doctor(as_json: opt.Json = False) -> None:
    """Report device, encoders, weights, keys (present or not, never shown), extensions and versions."""
    from spa2v.core.manifest import versions

    report = {
        "versions": versions(),
        "device": _device(),
        "encoders": _encoders(),
        "weights": _weights(),
        "keys": {name: bool(os.environ.get(name)) for name in KEYS},
        "extensions": _extensions(),
    }
    if as_json:
        typer.echo(json.dumps(report, indent=1))
    else:
        for title, part in report.items():
            typer.echo(title)
            _print(part)


def _print(part: Any) -> None:
    rows = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in rows:
        typer.echo(f"  {key}: {value}")


def _device() -> dict[str, Any]:
    if find_spec("torch") is None:
        return {"torch": "not installed: pip install 'spa2v[diffusion]'"}
    import torch

    found: dict[str, Any] = {"cpu_threads": torch.get_num_threads(), "mps": torch.backends.mps.is_available()}
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found[f"cuda:{index}"] = f"{properties.name}, {properties.total_memory / 2**30:.1f} GiB"
    best = "cuda" if torch.cuda.is_available() else "mps" if found["mps"] else "cpu"
    return {"default": best, "dtype": "float16" if best == "cuda" else "float32", **found}


def _encoders() -> dict[str, bool]:
    import av.codec

    return {name: name in av.codec.codecs_available for name in ("libx264", "h264", "aac", "libvpx-vp9")}


def _weights() -> dict[str, Any]:
    folder = os.environ.get("HF_HUB_CACHE") or os.path.join(
        os.environ.get("HF_HOME", os.path.expanduser("~/.cache/huggingface")), "hub"
    )
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    models = [name.removeprefix("models--").replace("--", "/") for name in names if name.startswith("models--")]
    return {"hub_cache": folder, "models": models, "see": "spa2v weights list"}


def _extensions() -> list[dict[str, str]]:
    from spa2v.core.host import Host

    host = Host(warn=lambda message: None)
    return [
        {"name": item.name, "package": item.package, "version": item.version, "problem": item.problem or "none"}
        for item in host.extensions
    ]
