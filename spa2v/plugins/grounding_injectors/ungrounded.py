"""No grounding: for backbones that read the layout themselves, and the baseline that injectors are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from spa2v import MotionBackbone, Run, VideoSceneLayout


class Ungrounded:
    """Leaves the backbone unchanged."""

    def attach(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run) -> AbstractContextManager[None]:
        return nullcontext()

    def attach_many(
        self, backbone: MotionBackbone, layouts: Sequence[VideoSceneLayout], run: Run
    ) -> AbstractContextManager[None]:
        return nullcontext()
