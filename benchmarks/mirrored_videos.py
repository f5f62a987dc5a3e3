"""Do true videos score near 1 and mirrored ones near 0? `python -m benchmarks.mirrored_videos [--clips N]`.

ToyWorld renders held-out clips of one object at the left, at the right, or crossing. Each is judged as `spa2v
check-video` does, as it is and with its pictures, and they alone, mirrored. One row a clip, then the means.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from spa2v.core.runtime import Run
from spa2v.evaluation.chosen import Chosen
from spa2v.jobs.judge import RANKING, judge
from spa2v.world.clips import render_clip
from spa2v.world.detector import found_classes
from spa2v.world.sampling import Choice, sample_scene

FIRST = 7_100_000
ATTRIBUTES = ("left", "right", "left_to_right", "right_to_left")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=12)
    detector = Chosen.parse("detectors", "toyworld")
    run = Run(device="cpu", parts=detector.part, quiet=True)
    rows = []
    print("| clip | score | mirrored | spatial AV-Align | mirrored |\n|---|---|---|---|---|")
    for index in range(parser.parse_args().clips):
        choice = Choice(None, "single", ATTRIBUTES[index % 4], classes=found_classes())
        clip = render_clip(sample_scene(FIRST + index, choice))
        row = []
        for frames in (clip.video.frames, clip.video.frames[:, :, ::-1].copy()):
            video = replace(clip.video, frames=frames)
            names = (*RANKING, "spatial_av_align")
            verdict = judge(video, detector.component, run, clip.layout, clip.audio, metrics=names)
            row.append((verdict.score, verdict.scores["spatial_av_align"].value))
        rows.append([row[0][0], row[1][0], row[0][1], row[1][1]])
        texts = ["-" if value is None else f"{value:.3f}" for value in rows[-1]]
        print(f"| {FIRST + index} | {' | '.join(texts)} |", flush=True)
    means = [np.mean([row[place] for row in rows if row[place] is not None]) for place in range(4)]
    print("| mean | " + " | ".join(f"{x:.3f}" for x in means) + " |")


if __name__ == "__main__":
    main()
