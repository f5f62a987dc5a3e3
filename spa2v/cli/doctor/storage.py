"""Where large files go, what is there already, and how much room is left."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from spa2v.plugins.layout_planners.mllm.cache import default_folder

GB = 10**9


def hub_cache() -> Path:
    """The folder of the Hugging Face hub's cache, as huggingface_hub finds it."""
    try:
        from huggingface_hub.constants import HF_HUB_CACHE
    except ImportError:
        home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
        return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub").expanduser()
    return Path(HF_HUB_CACHE)


def weights() -> dict[str, Any]:
    """The hub's cache and the models in it, by hub id."""
    folder = hub_cache()
    names: list[str] = []
    with suppress(OSError):  # not there, or not to be read
        names = sorted(path.name for path in folder.iterdir())
    models = [name.removeprefix("models--").replace("--", "/") for name in names if name.startswith("models--")]
    return {"hub_cache": str(folder), "models": models}


def disk() -> list[dict[str, Any]]:
    """Path and free space of the folders that grow, and whether they can be written."""
    folders = {
        "weights from the hub": hub_cache(),
        "kept answers of planners": default_folder(),
        "temporary files": _temporary(),
        "working folder": Path.cwd(),
    }
    return [_room(what, path) for what, path in folders.items()]


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:  # none of the usual folders can be written
        return Path(os.environ.get("TMPDIR") or "/tmp")


def _room(what: str, path: Path) -> dict[str, Any]:
    there = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    return {"what": what, "path": str(path), "free_gb": round(free / GB, 1), "writable": os.access(there, os.W_OK)}
