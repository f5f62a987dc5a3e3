"""A small benchmark for the tests of the evaluation commands: panned noise, boxes, and videos on request."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile

from spa2v import AudioClip, Box, GeneratedVideo, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.core.media.video import write_video

RATE = 16_000
SECONDS = 1.0
PATHS = {"left": (0.2, 0.2), "right": (0.8, 0.8), "left_to_right": (0.2, 0.8), "right_to_left": (0.8, 0.2)}
KINDS = tuple(PATHS)


def sound(kind: str, seed: int) -> AudioClip:
    """Bursts of noise, panned along the path."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(RATE * SECONDS)) / RATE
    noise = rng.normal(0.0, 0.2, len(time)) * (np.sin(2 * np.pi * 3 * time) > 0)
    pan = np.linspace(*PATHS[kind], len(time))
    return AudioClip(np.stack([noise * (1 - pan), noise * pan]), RATE)


def layout(kind: str, name: str = "car", shift: float = 0.0, seconds: float = SECONDS) -> VideoSceneLayout:
    """One thing on its path; `shift` moves it down."""
    frames = []
    for place in range(16):
        x = PATHS[kind][0] + (PATHS[kind][1] - PATHS[kind][0]) * place / 15
        box = Box(x - 0.1, 0.3 + shift, x + 0.1, 0.6 + shift)
        frames.append(KeyFrame(seconds * place / 16, f"at {x:.2f}", (SceneObject("car_0", name, box),)))
    scenario = "translational" if "_to_" in kind else "stationary"
    return VideoSceneLayout(seconds, f"A {name}.", tuple(frames), "It is loud.", scenario)


def video(kind: str) -> GeneratedVideo:
    """A bright square on the path."""
    frames = np.full((16, 48, 64, 3), 60, np.uint8)
    for place in range(16):
        x = round(64 * (PATHS[kind][0] + (PATHS[kind][1] - PATHS[kind][0]) * place / 15))
        frames[place, 16:30, max(0, x - 6) : x + 6] = 230
    return GeneratedVideo(frames, 16 / SECONDS)


def clip_line(number: int, folder: Path, with_video: bool) -> str:
    """Writes the files of a clip and gives its line."""
    kind, name = KINDS[number % 4], f"clip_{number:02d}"
    here = folder / name
    here.mkdir()
    soundfile.write(here / "audio.wav", sound(kind, number).samples.T, RATE, subtype="FLOAT")
    seconds = SECONDS + 0.0005 * number  # so that no two clips have the very same ground truth
    (here / "layout.json").write_text(layout(kind, seconds=seconds).dumps())
    if with_video:
        write_video(here / "video.mp4", video(kind))
    data = {
        "id": name,
        "source_id": f"source_{number}",
        "split": "test",
        "scenario": "translational" if "_to_" in kind else "stationary",
        "quantity": "single",
        "duration_s": seconds,
        "objects": [{"id": "car_0", "name": "car", "attribute": kind}],
        "audio": f"{name}/audio.wav",
        "layout": f"{name}/layout.json",
        "video": f"{name}/video.mp4" if with_video else None,
        "caption": "A car.",
    }
    return json.dumps(data) + "\n"


def make_bench(folder: Path, clips: int = 8, with_video: bool = False) -> Path:
    """A benchmark of `clips` clips."""
    folder.mkdir(parents=True)
    (folder / "manifest.jsonl").write_text("".join(clip_line(n, folder, with_video) for n in range(clips)))
    return folder


def predict(bench: Path, out: Path, shift: float = 0.1) -> Path:
    """A layout for each clip, off by `shift`."""
    out.mkdir()
    for number, folder in enumerate(sorted(path for path in bench.iterdir() if path.is_dir())):
        seconds = SECONDS + 0.0005 * number
        (out / f"{folder.name}.json").write_text(layout(KINDS[number % 4], shift=shift, seconds=seconds).dumps())
    return out
