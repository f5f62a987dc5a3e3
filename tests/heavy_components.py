"""An injector whose module imports torch."""

from contextlib import AbstractContextManager, nullcontext

import torch

from spa2v import MotionBackbone, Run, VideoSceneLayout


class Heavy:
    """Breaks the rule that importing is cheap."""

    scale = torch.ones(1)

    def attach(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run) -> AbstractContextManager[None]:
        return nullcontext()
