"""Sourcing: finds media, cuts them, and takes the frames and the sound of each cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import ConfigError, MediaError
from spa2v.core.types import AudioClip, GeneratedVideo

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
MAX_CUTS = 10_000


@dataclass(frozen=True)
class Cut:
    """A piece of a file, in seconds from its start."""

    start_s: float
    duration_s: float


def find_media(folder: str | Path) -> list[Path]:
    """The videos in a folder and below, sorted.

    Raises:
        ConfigError: no such folder, or no video in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {str(folder)!r}")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise ConfigError(f"no video in {str(folder)!r}", f"looked for: {', '.join(SUFFIXES)}")
    return found


def video_length(path: Path) -> float:
    """Seconds of pictures that the container declares.

    Raises:
        MediaError: it cannot be read, holds no pictures, or declares no length.
    """
    with _opened(path) as container:
        track = container.streams.video[0]
        if track.duration and track.time_base:
            return float(track.duration * track.time_base)
        if container.duration:
            return float(container.duration) / 1e6
    raise MediaError(f"{str(path)!r} declares no length")


def cuts(length_s: float, clip_s: float, least_s: float) -> list[Cut]:
    """Pieces of `clip_s` seconds one after another; a rest of at least `least_s` is a piece, too."""
    starts = np.arange(0.0, max(length_s, 1e-9), clip_s)[:MAX_CUTS]
    made = [Cut(float(start), float(min(clip_s, length_s - start))) for start in starts]
    return [cut for cut in made if cut.duration_s >= least_s]


def take_sound(path: Path, cut: Cut) -> AudioClip:
    """The sound of a cut.

    Raises:
        AudioError: there is none, or it cannot be read.
    """
    from spa2v.core.media.audio import read_audio

    return read_audio(path, cut.start_s, cut.duration_s)


def take_frames(path: Path, pieces: Sequence[Cut], frames: int, width: int) -> Iterator[GeneratedVideo | None]:
    """The frames of each cut, evenly spread over it; one pass over the file. None where its pictures end before.

    Raises:
        MediaError: the file cannot be decoded.
    """
    wanted = [cut.start_s + np.arange(frames) * cut.duration_s / frames for cut in pieces]
    walk = _frames_at(path, np.concatenate(wanted) if wanted else np.zeros(0), width)
    for cut in pieces:
        found = [frame for frame in (next(walk, None) for _ in range(frames)) if frame is not None]
        yield GeneratedVideo(np.stack(found), frames / cut.duration_s) if len(found) == frames else None


def _frames_at(path: Path, times_s: NDArray[np.float64], width: int) -> Iterator[NDArray[np.uint8]]:
    """The frame that is shown at each of the sorted times; ends with the pictures."""
    import av

    place = 0
    shown: NDArray[np.uint8] | None = None
    with _opened(path) as container:
        track = container.streams.video[0]
        height = max(2, round(track.height * width / max(track.width, 1) / 2) * 2)
        try:
            for frame in container.decode(track):
                begins = float(frame.time if frame.time is not None else 0.0)
                while shown is not None and place < len(times_s) and times_s[place] < begins - 1e-6:
                    yield shown
                    place += 1
                if place >= len(times_s):
                    return
                shown = frame.to_ndarray(format="rgb24", width=width, height=height)
        except (av.FFmpegError, ValueError) as error:
            raise MediaError(f"cannot decode {str(path)!r}: {error}") from error
        ends = begins + 1.0 / float(track.average_rate or 25) if shown is not None else 0.0
    while shown is not None and place < len(times_s) and times_s[place] < ends:
        yield shown
        place += 1


def _opened(path: Path) -> Any:
    import av

    try:
        container = av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (av.FFmpegError, ValueError, OSError) as error:
        raise MediaError(f"cannot read {str(path)!r}: {error}") from error
    if not container.streams.video:
        container.close()
        raise MediaError(f"{str(path)!r} holds no pictures")
    return container
