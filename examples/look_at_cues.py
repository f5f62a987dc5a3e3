"""What is heard where: `python examples/look_at_cues.py [RECORDING]` prints the azimuth over time."""

import sys

from spa2v import Pipeline
from spa2v.demo import demo_recording

pipeline = Pipeline.from_preset("default", overrides=["cue_extractors=[interaural, loudness]"])
cues = pipeline.measure(pipeline.read(sys.argv[1] if len(sys.argv) > 1 else demo_recording()))
azimuth = cues.tracks["azimuth"]
for time_s in (0.5, 2.0, 3.5):
    print(f"at {time_s} s: {azimuth.at(time_s):+.0f} {azimuth.unit}, {cues.tracks['level'].at(time_s):.0f} dB")
print(f"evidence for a side: {cues.measures['lateral_evidence']:.1f} of 1")
