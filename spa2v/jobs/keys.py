"""Resume keys: what an output depends on, as one checksum. An output is made again when its key changes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from spa2v.core.config import SINGLE_ROLES, Config, texts_of
from spa2v.core.host import Host
from spa2v.jobs.code_marks import code_mark, content_marks

FORMAT = 2
PLAN_PARTS = ("cue_extractors", "layout_planner", "audio")
RENDER_PARTS = ("cue_extractors", "grounding_injector", "motion_backbone", "audio", "run")


def content_key(*parts: Any) -> str:
    """SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps([FORMAT, *parts], sort_keys=True, default=str).encode()).hexdigest()


class Keys:
    """The keys of both stages under one configuration, with the code of its components and the files that it names.

    Args:
        config: resolved.
        host: where its components come from; None makes one.
    """

    def __init__(self, config: Config, host: Host | None = None) -> None:
        self._host = host or Host([Path(path) for path in config.registries])
        registry = self._host.registry
        self._parts: dict[str, Any] = config.to_dict()
        self._made_of: dict[str, list[Any]] = {}
        for _, family, choice in config.choices():
            marks = [code_mark(registry.find(family, choice.name), registry), content_marks(texts_of(choice.options))]
            self._made_of.setdefault(family, []).append(marks)
        self._parts["audio"].pop("strict")  # it decides whether a recording is used, not what comes of it
        self._parts["run"].pop("trackers")

    def of(self, config: Config) -> Keys:
        """The keys under another configuration with the same registry files."""
        return Keys(config, self._host)

    def plan(self, audio_sha256: str) -> str:
        """Of a layout: the recording, and everything in the configuration that shapes a plan."""
        return content_key("plan", self._of(PLAN_PARTS), self._parts["run"]["seed"], audio_sha256)

    def render(self, audio_sha256: str, layout_sha256: str, *more: Any) -> str:
        """Of a video: the recording, the layout, everything in the configuration that shapes a video, and `more`."""
        return content_key("render", self._of(RENDER_PARTS), audio_sha256, layout_sha256, *more)

    def _of(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Settings by part; the families of components with what they are made of."""
        families = {name: SINGLE_ROLES.get(name, name) for name in names}
        return {name: [self._parts[name], self._made_of.get(family)] for name, family in families.items()}
