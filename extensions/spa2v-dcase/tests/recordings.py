"""Small recordings in the formats of the data sets: sound of one place, a film with a mark there, the annotation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from spa2v import GeneratedVideo, write_video

RATE, FPS = 24_000, 10
HEADER = "frame,class,source,azimuth,distance,onscreen"
MARK = (250, 40, 40)


def ambisonics(seconds: float, azimuth_deg: float) -> np.ndarray:
    """Noise from a direction, positive at the left as in the annotations: W, Y, Z, X, shape (n, 4)."""
    wave = 0.2 * np.random.default_rng(0).standard_normal(round(seconds * RATE))
    angle = np.radians(azimuth_deg)
    return np.stack([wave, np.sin(angle) * wave, 0 * wave, np.cos(angle) * wave], axis=1)


def stereo(seconds: float, azimuth_deg: float) -> np.ndarray:
    """The same as the makers of the stereo data mix it: W + Y and W - Y, shape (n, 2)."""
    w, y, _, _ = ambisonics(seconds, azimuth_deg).T
    return np.stack([w + y, w - y], axis=1) / 2


def lines(frames: Sequence[int], *rest: object) -> list[str]:
    """The same event in some frames."""
    return [",".join(map(str, (frame, *rest))) for frame in frames]


def write_film(path: Path, seconds: float, size: tuple[int, int], center: tuple[float, float], half: float) -> None:
    """A gray film with a red square; `size` is (height, width), the rest in parts of the frame."""
    height, width = size
    frames = np.full((round(seconds * FPS), height, width, 3), 90, np.uint8)
    x, y, side = center[0] * width, center[1] * height, half * height
    frames[:, round(max(y - side, 0)) : round(y + side), round(max(x - side, 0)) : round(x + side)] = MARK
    write_video(path, GeneratedVideo(frames, FPS))


def add(
    root: Path, place: str, name: str, rows: Sequence[str], samples: np.ndarray, kind: str = "stereo", film: bool = True
) -> None:
    """Files of one recording, in the folders of the data set."""
    folders = [root / f"{part}_dev" / place for part in ("metadata", kind, "video")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    (folders[0] / f"{name}.csv").write_text("\n".join([*([HEADER] if kind == "stereo" else []), *rows]) + "\n")
    soundfile.write(folders[1] / f"{name}.wav", samples, RATE)
    if film and kind == "stereo":
        write_film(folders[2] / f"{name}.mp4", len(samples) / RATE, (36, 64), (0.5, 0.5), 0.1)
