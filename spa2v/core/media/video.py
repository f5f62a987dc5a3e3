"""Writing a `GeneratedVideo` with its sound, and reading one back."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from spa2v.core.errors import MediaError
from spa2v.core.media.encoding import MAX_FPS, MIN_FPS, write_mp4
from spa2v.core.media.files import atomic_path, check_output
from spa2v.core.media.images import GIF_MAX_S, contact_sheet, write_gif
from spa2v.core.types import AudioClip, GeneratedVideo

__all__ = ["SUFFIXES", "contact_sheet", "read_video", "write_video"]

SUFFIXES = (".mp4", ".gif", ".png")
MAX_FRAMES = 3_000
MAX_BYTES = 2 * 1024**3
_AV_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif"


def write_video(path: str | Path, video: GeneratedVideo, audio: AudioClip | None = None) -> None:
    """Writes a video in the format of the suffix, whole or not at all.

    `.mp4`: H.264 (4:2:0; an odd side grows by one line) with the sound as AAC, cut or padded to the duration of the
    frames. `.gif`: without sound, at most 50 frames a second. `.png`: a contact sheet.

    Raises:
        MediaError: another suffix, a frame rate outside 0.001 to 1000, or the file cannot be written.
    """
    path = Path(path)
    check_output(path, SUFFIXES)
    if not MIN_FPS <= video.fps <= MAX_FPS:
        raise MediaError(f"{video.fps:g} frames a second cannot be written", f"expected {MIN_FPS:g} to {MAX_FPS:g}")
    if path.suffix.lower() == ".gif" and video.duration_s > GIF_MAX_S:
        raise MediaError(
            f"a GIF of {video.duration_s:.0f} s cannot be written", f"the limit is {GIF_MAX_S:g} s; write .mp4"
        )
    with atomic_path(path) as temporary:
        match path.suffix.lower():
            case ".mp4":
                write_mp4(temporary, video, audio)
            case ".gif":
                write_gif(temporary, video)
            case _:
                contact_sheet(video).save(temporary, format="PNG", optimize=True)


def read_video(path: str | Path, max_frames: int = MAX_FRAMES) -> GeneratedVideo:
    """Reads the pictures of a video (mp4, mov, mkv, webm, avi, gif); `read_audio` reads its sound.

    Raises:
        MediaError: missing, unreadable, without pictures, more than `max_frames` frames or 2 GiB of them.
    """
    import av

    path = Path(path)
    if not path.is_file():
        if path.is_symlink():
            raise MediaError(f"{str(path)!r} is a link to {os.readlink(path)!r}, which does not exist")
        raise MediaError(f"there is no file {str(path)!r}")
    options = {"format_whitelist": _AV_FORMATS, "protocol_whitelist": "file"}
    try:
        with av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
            if not container.streams.video or container.streams.video[0].codec_context is None:
                raise MediaError(f"{str(path)!r} holds no pictures that can be decoded")
            return _decode(container, container.streams.video[0], str(path), max_frames)
    except (av.FFmpegError, ValueError, OSError) as error:
        raise MediaError(
            f"cannot read {str(path)!r}: it is no video, or damaged", "readable are: mp4, mov, mkv, webm, avi, gif"
        ) from error


def _decode(container: Any, track: Any, name: str, max_frames: int) -> GeneratedVideo:
    size = (track.height, track.width)
    limit = min(max_frames, MAX_BYTES // max(1, 3 * size[0] * size[1]))
    frames: list[np.ndarray[Any, np.dtype[np.uint8]]] = []
    for frame in container.decode(track):
        if len(frames) >= limit:
            raise MediaError(f"{name!r} has more than {limit} frames of {size[1]} x {size[0]}", "cut it shorter")
        frames.append(frame.to_ndarray(format="rgb24", width=size[1], height=size[0]))
    if not frames:
        raise MediaError(f"{name!r} holds no pictures")
    return GeneratedVideo(np.stack(frames), _fps(track, len(frames)))


def _fps(track: Any, count: int) -> float:
    """Frames a second over the whole track; the average rate where the container states no duration."""
    if track.duration and track.time_base:
        fps = count / float(track.duration * track.time_base)
    else:
        fps = float(track.average_rate or track.guessed_rate or 0)
    return fps if math.isfinite(fps) and fps > 0 else 1.0
