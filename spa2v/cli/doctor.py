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
    if isinstance(part, list):  # the extensions
        part = {f"{item['name']} ({item['package']} {item['version']})": _problem(item) for item in part}
    rows = part.items()
    if not rows:
        typer.echo("  none")
    for key, value in rows:
        typer.echo(f"  {key}: {_words(value)}")


def _words(value: Any) -> str:
    """A value without brackets and quotes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _problem(extension: dict[str, str]) -> str:
    return "fine" if extension["problem"] == "none" else f"left out: {extension['problem']}"


def _device() -> dict[str, Any]:
    if find_spec("torch") is None:
        return {"torch": "not installed: pip install 'spa2v[diffusion]'"}
    import torch

    found: dict[str, Any] = {"cpu_threads": torch.get_num_threads(), "mps": torch.backends.mps.is_available()}
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found[f"cuda:{index}"] = f"{properties.name}, {properties.total_memory / 2**30:.1f} GiB"
    best = "cuda" if torch.cuda.is_available() else "mps" if found["mps"] else "cpu"
    dtype = "float16" if best == "cuda" else "float32"
    return {"default": best, "dtype": dtype, "dtypes": _dtypes(best), **found}


def _dtypes(device: str) -> list[str]:
    """What `run.dtype` can be on a device; a CPU takes float16 too, but not every operation does."""
    import torch

    if device == "cuda":
        return ["float32", "float16", *(["bfloat16"] if torch.cuda.is_bf16_supported() else [])]
    return ["float32", "float16"] if device == "mps" else ["float32", "bfloat16"]


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
