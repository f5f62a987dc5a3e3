"""Sound and pictures of a clip: as they are, or cut from first-order Ambisonics and a 360 degree video (STARSS)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spa2v import AudioClip, AudioError, GeneratedVideo, MediaError, read_audio

from spa2v_dcase.annotations import FRAME_S
from spa2v_dcase.camera import Camera

AMBISONIC = 4
HEIGHT = 360
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2"
Frame = NDArray[np.uint8]


def sound_length(path: Path) -> tuple[float, int]:
    """Seconds and channels of a sound file.

    Raises:
        AudioError: it cannot be read.
    """
    import soundfile

    try:
        about = soundfile.info(path)
    except (OSError, RuntimeError) as error:  # soundfile's own errors are RuntimeErrors
        raise AudioError(f"cannot read {str(path)!r}", str(error)) from error
    return about.frames / about.samplerate, about.channels


def take_sound(path: Path, start_s: float, duration_s: float, view_deg: float, name: str) -> AudioClip:
    """A piece of a recording in two channels.

    Four channels are Ambisonics in the order W, Y, Z, X. As in the stereo data they become left = W + Y and right = W - Y,
    a mid-side pair, after the sound field was turned so that the front is `view_deg` to the right of the annotations'.

    Raises:
        AudioError: unreadable, or neither two nor four channels.
    """
    import soundfile

    channels = sound_length(path)[1]
    if channels != AMBISONIC:
        if channels != 2:
            raise AudioError(f"{path.name!r} has {channels} channels", "expected 2 (stereo) or 4 (Ambisonics)")
        clip = read_audio(path, start_s, duration_s)
        return AudioClip(clip.samples, clip.sample_rate, name, clip.notes)
    rate = soundfile.info(path).samplerate
    samples, _ = soundfile.read(path, round(duration_s * rate), round(start_s * rate), dtype="float32", always_2d=True)
    w, y, _, x = samples.T
    angle = math.radians(view_deg)  # left is positive in Y, so a camera turned right meets sin(a) X + cos(a) Y
    side = math.sin(angle) * x + math.cos(angle) * y
    stereo = np.stack([w + side, w - side])
    peak = float(np.abs(stereo).max(initial=1.0))
    notes = (f"From Ambisonics, seen {view_deg:g} degrees to the right.",)
    return AudioClip((stereo / max(peak, 1.0)).astype(np.float32), rate, name, notes)


def take_pictures(path: Path, start_s: float, duration_s: float, view_deg: float, camera: Camera) -> GeneratedVideo:
    """Ten pictures a second, at the middle of each annotation frame; of a 360 degree video what the camera sees.

    Raises:
        MediaError: unreadable, or it ends before.
    """
    import av

    wanted = [start_s + (index + 0.5) * FRAME_S for index in range(max(1, round(duration_s / FRAME_S)))]
    found: list[Frame] = []
    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file", "format_whitelist": FORMATS}) as container:
            container.seek(int(start_s * av.time_base))
            last: Any = None
            for frame in container.decode(video=0):
                while len(found) < len(wanted) and last is not None and (frame.time or 0.0) > wanted[len(found)]:
                    found.append(_seen(last, view_deg, camera))
                if len(found) == len(wanted):
                    break
                last = frame if frame.time is not None else last
            if last is not None and len(found) >= len(wanted) - 2:  # a video may end a frame before its sound
                found += [_seen(last, view_deg, camera)] * (len(wanted) - len(found))
    except (av.FFmpegError, ValueError, OSError, IndexError) as error:
        raise MediaError(f"cannot read {str(path)!r}: {error}") from error
    if len(found) < len(wanted):
        raise MediaError(f"{path.name!r} ends before {start_s + duration_s:g} s")
    return GeneratedVideo(np.stack(found), len(found) / duration_s)


def _seen(frame: Any, view_deg: float, camera: Camera) -> Frame:
    picture: Frame = frame.to_ndarray(format="rgb24")
    return perspective(picture, view_deg, camera) if picture.shape[1] == 2 * picture.shape[0] else picture


def perspective(panorama: Frame, view_deg: float, camera: Camera, height: int = HEIGHT) -> Frame:
    """What a level camera sees of an equirectangular picture whose middle is the front; the nearest pixels.

    Args:
        panorama: (H, 2H, 3).
        view_deg: where it looks, to the right of the front.
        camera: field of view and shape of the picture.
        height: of the picture in pixels.
    """
    width = round(height * camera.aspect)
    edge = math.tan(math.radians(camera.field_of_view_deg) / 2)
    x = edge * ((np.arange(width) + 0.5) / width * 2 - 1)[None]
    y = edge / camera.aspect * ((np.arange(height) + 0.5) / height * 2 - 1)[:, None]
    azimuth = np.arctan(x) + math.radians(view_deg)
    elevation = np.arctan2(-y, np.hypot(1.0, x))
    rows, columns = panorama.shape[:2]
    row = np.floor((0.5 - elevation / math.pi) * rows).astype(int).clip(0, rows - 1)
    column = np.floor((0.5 + azimuth / (2 * math.pi)) * columns).astype(int) % columns
    return panorama[row, np.broadcast_to(column, row.shape)]
