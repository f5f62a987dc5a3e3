"""Answers kept on disk by the content of what was asked, so that a repeated run costs nothing and needs no network."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spa2v.core.errors import ConfigError, PlannerError
from spa2v.core.media.files import write_json
from spa2v.core.untrusted import read_json
from spa2v.plugins.layout_planners.mllm.service import Reply, Usage

MODES = ("off", "read", "write", "only")
VERSION = 1
MAX_ENTRY_BYTES = 2_000_000


class AnswerCache:
    """Replies in a folder, one JSON file each.

    Args:
        mode: "off"; "read" (use what is there, keep nothing new); "write" (use and keep); "only" (never ask).
        folder: None for `default_folder()`.
    """

    def __init__(self, mode: str = "off", folder: str | Path | None = None) -> None:
        if mode not in MODES:
            raise ConfigError(f"cache: {mode!r}", f"expected one of: {', '.join(MODES)}")
        self.mode = mode
        self.folder = Path(folder).expanduser() if folder else default_folder()

    @staticmethod
    def key(asked: dict[str, Any]) -> str:
        """SHA-256 of everything that shapes a reply."""
        return hashlib.sha256(json.dumps([VERSION, asked], sort_keys=True).encode()).hexdigest()

    def get(self, key: str) -> Reply | None:
        """The kept reply, if any. A damaged entry counts as none.

        Raises:
            PlannerError: the mode is "only" and there is none.
        """
        reply = _read(self._path(key), key) if self.mode != "off" else None
        if reply is None and self.mode == "only":
            raise PlannerError(
                "no kept answer for this recording, prompt and model, and cache=only asks no service",
                f"looked in {str(self.folder)!r}",
                "to fill it: layout_planner.options.cache=write",
            )
        return reply

    def put(self, key: str, reply: Reply) -> None:
        """Keeps a reply in mode "write"."""
        if self.mode == "write":
            path = self._path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, {"version": VERSION, "key": key, "reply": {**asdict(reply), "facts": dict(reply.facts)}})

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def default_folder() -> Path:
    """$SPA2V_CACHE/answers, else $XDG_CACHE_HOME/spa2v/answers, else ~/.cache/spa2v/answers."""
    if own := os.environ.get("SPA2V_CACHE"):
        return Path(own) / "answers"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spa2v" / "answers"


def _read(path: Path, key: str) -> Reply | None:
    try:
        data = read_json(path, MAX_ENTRY_BYTES)
        if data["version"] != VERSION or data["key"] != key:
            return None
        reply = data["reply"]
        usage = Usage(**reply.pop("usage")) if reply.get("usage") else None
        found = Reply(**{**reply, "usage": usage})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if isinstance(found.text, str) and found.text else None
