"""What a batch wants of a clip, and the keys by which it knows that it has it already."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spa2v.core.config import Config
from spa2v.core.manifest import file_sha256

STAGES = ("both", "plan", "render")
FORMAT = 1
PLAN_PARTS = ("cue_extractors", "layout_planner", "audio")
RENDER_PARTS = ("cue_extractors", "grounding_injector", "motion_backbone", "audio", "run")


@dataclass(frozen=True)
class Goal:
    """The stages that a batch runs, under one configuration.

    Args:
        stage: "plan", "render" or "both".
        config: resolved.
        given_layouts: draw the layouts that came with the clips instead of planned ones; with "render" alone.
    """

    stage: str
    config: Config
    given_layouts: bool = False
    _parts: dict[str, Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = self.config.to_dict()
        parts["registries"] = [file_sha256(Path(path)) for path in self.config.registries]
        object.__setattr__(self, "_parts", parts)

    @property
    def plans(self) -> bool:
        return self.stage in ("plan", "both")

    @property
    def renders(self) -> bool:
        return self.stage in ("render", "both")

    def plan_key(self, audio_sha256: str) -> str:
        """Of everything in the configuration that shapes a plan, and the recording."""
        parts = {name: self._parts[name] for name in ("registries", *PLAN_PARTS)}
        return _key("plan", parts, self.config.run.seed, audio_sha256)

    def render_key(self, audio_sha256: str, layout_sha256: str) -> str:
        """Of everything in the configuration that shapes a video, the recording and the layout."""
        parts = {name: self._parts[name] for name in ("registries", *RENDER_PARTS)}
        return _key("render", parts, audio_sha256, layout_sha256)


def _key(*content: Any) -> str:
    text = json.dumps([FORMAT, *content], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
