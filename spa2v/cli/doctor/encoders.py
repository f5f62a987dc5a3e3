"""The encoders, each of them used: one frame is written and read back. They come with PyAV and Pillow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from spa2v.core.errors import Spa2vError
from spa2v.core.media.audio import read_audio
from spa2v.core.media.video import read_video, write_video
from spa2v.core.types import AudioClip, GeneratedVideo

SIZE, RATE_HZ, DURATION_S = 64, 44_100, 0.5


def tried() -> list[dict[str, Any]]:
    """Name, the suffix it is for, and what goes wrong, for each encoder."""
    try:
        with TemporaryDirectory(prefix="spa2v-doctor-") as folder:
            return [_encoder(name, suffix, check, Path(folder)) for name, (suffix, check) in CHECKS.items()]
    except OSError as error:
        problem = f"there is no folder for temporary files: {error}"
        return [_result(name, suffix, problem) for name, (suffix, _) in CHECKS.items()]


def _encoder(name: str, suffix: str, check: Callable[[Path], None], folder: Path) -> dict[str, Any]:
    problem = None
    try:
        check(folder / f"{name}{suffix}")
    except Spa2vError as error:
        problem = error.fact
    except Exception as error:  # noqa: BLE001 - whatever a damaged installation of an encoder raises
        problem = f"{type(error).__name__}: {error}"
    return _result(name, suffix, problem)


def _result(name: str, suffix: str, problem: str | None) -> dict[str, Any]:
    return {"name": name, "suffix": suffix, "usable": problem is None, "problem": problem}


def _frame() -> GeneratedVideo:
    ramp = np.linspace(0, 255, SIZE).astype(np.uint8)
    return GeneratedVideo(np.broadcast_to(ramp[:, None], (1, SIZE, SIZE, 3)).copy(), 1 / DURATION_S)


def _tone() -> AudioClip:
    wave = 0.25 * np.sin(2 * np.pi * 440 * np.arange(int(RATE_HZ * DURATION_S)) / RATE_HZ)
    return AudioClip(np.stack([wave, wave / 2]).astype(np.float32), RATE_HZ)


def _picture(path: Path) -> None:
    """Writes a frame and compares what is read with it."""
    frame = _frame()
    write_video(path, frame)
    read = read_video(path).frames[0]
    if np.abs(read.astype(int) - frame.frames[0].astype(int)).mean() > 8:
        raise Spa2vError("the frame that was read is another than the one that was written")


def _sound(path: Path) -> None:
    """Writes a tone that is louder at the left beside a frame, and listens to it."""
    write_video(path, _frame(), _tone())
    left, right = (float(np.sqrt(np.mean(channel**2))) for channel in read_audio(path).stereo)
    if not 0.15 < left < 0.2 or not 1.8 < left / right < 2.2:  # a sine of 0.25 has the power of 0.18
        raise Spa2vError("the sound that was read is another than the one that was written")


def _sheet(path: Path) -> None:
    from PIL import Image

    write_video(path, _frame())
    with Image.open(path) as picture:
        picture.load()


CHECKS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "libx264": (".mp4", _picture),
    "aac": (".mp4", _sound),
    "gif": (".gif", _picture),
    "png": (".png", _sheet),
}
