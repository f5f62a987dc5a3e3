"""What a batch wants of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from spa2v.core.config import Config
from spa2v.jobs.keys import Keys
from spa2v.jobs.tries import Tries

STAGES = ("both", "plan", "render")


@dataclass(frozen=True)
class Goal:
    """The stages that a batch runs, under one configuration.

    Args:
        stage: "plan", "render" or "both".
        config: resolved.
        given_layouts: draw the layouts that came with the clips instead of planned ones; with "render" alone.
        fresh: do again what is finished.
        tries: draw several seeds of each clip and keep the best.
    """

    stage: str
    config: Config
    given_layouts: bool = False
    fresh: bool = False
    tries: Tries | None = None

    def render_key(self, audio_sha256: str, layout_sha256: str) -> str:
        """By which a batch knows that it has a video already."""
        return self.keys.render(audio_sha256, layout_sha256, *([self.tries.key] if self.tries else []))

    @cached_property
    def keys(self) -> Keys:
        """By which a batch knows that it has an output already."""
        return Keys(self.config)

    @property
    def plans(self) -> bool:
        return self.stage in ("plan", "both")

    @property
    def renders(self) -> bool:
        return self.stage in ("render", "both")
