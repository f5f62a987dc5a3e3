"""A recording in, a video out: `python examples/ten_lines.py [RECORDING [SETTING ...]]`."""

import sys

from spa2v import Pipeline, write_video
from spa2v.demo import demo_recording

pipeline = Pipeline.from_preset("default", overrides=sys.argv[2:])
audio = pipeline.read(sys.argv[1] if len(sys.argv) > 1 else demo_recording())
result = pipeline(audio)
write_video("street.mp4", result.video, audio)
print(result.layout.caption)
