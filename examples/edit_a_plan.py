"""Plan once, change the plan, draw it: `python examples/edit_a_plan.py [RECORDING]` turns the things into buses."""

import sys
from dataclasses import replace
from pathlib import Path

from spa2v import KeyFrame, Pipeline, VideoSceneLayout, write_video
from spa2v.demo import demo_recording


def with_buses(frame: KeyFrame) -> KeyFrame:
    """The key frame with every thing renamed and a caption to match; boxes and ids stay."""
    return replace(
        frame, caption="A bus drives by.", objects=tuple(replace(item, name="bus") for item in frame.objects)
    )


pipeline = Pipeline.from_preset("storyboard")
audio = pipeline.read(sys.argv[1] if len(sys.argv) > 1 else demo_recording())
layout = pipeline.plan(audio)
edited = replace(layout, caption="A bus drives by.", keyframes=tuple(map(with_buses, layout.keyframes)))
Path("bus.json").write_text(edited.dumps())  # what `spa2v render bus.json` draws as well

again = VideoSceneLayout.loads(Path("bus.json").read_text())
write_video("bus.png", pipeline.render(again), audio)
print(f"{layout.caption} -> {again.caption} {sorted(set(again.names.values()))}")
