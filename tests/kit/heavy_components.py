"""An injector whose module imports openai."""

from contextlib import AbstractContextManager, nullcontext

import openai

from spa2v import MotionBackbone, Run, VideoSceneLayout


class Heavy:
    """Breaks the rule that importing is cheap."""

    error = openai.OpenAIError

    def attach(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run) -> AbstractContextManager[None]:
        return nullcontext()
