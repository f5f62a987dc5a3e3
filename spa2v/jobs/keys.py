"""Resume keys: what an output depends on, as one checksum. An output is made again when its key changes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from spa2v.core.config import Config
from spa2v.core.manifest import file_sha256

FORMAT = 1
PLAN_PARTS = ("cue_extractors", "layout_planner", "audio")
RENDER_PARTS = ("cue_extractors", "grounding_injector", "motion_backbone", "audio", "run")


def content_key(*parts: Any) -> str:
    """SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps([FORMAT, *parts], sort_keys=True, default=str).encode()).hexdigest()


class Keys:
    """The keys of both stages under one configuration; its registry files count by their content.

    Args:
        config: resolved.
    """

    def __init__(self, config: Config) -> None:
        registries = [file_sha256(Path(path)) for path in config.registries]
        self._parts: dict[str, Any] = {**config.to_dict(), "registries": registries}
        self._parts["audio"].pop("strict")  # it decides whether a recording is used, not what comes of it

    def plan(self, audio_sha256: str) -> str:
        """Of a layout: the recording, and everything in the configuration that shapes a plan."""
        return content_key("plan", self._of(PLAN_PARTS), self._parts["run"]["seed"], audio_sha256)

    def render(self, audio_sha256: str, layout_sha256: str, *more: Any) -> str:
        """Of a video: the recording, the layout, everything in the configuration that shapes a video, and `more`."""
        return content_key("render", self._of(RENDER_PARTS), audio_sha256, layout_sha256, *more)

    def _of(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self._parts[name] for name in ("registries", *names)}
