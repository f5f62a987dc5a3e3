"""Compares how spa2v reads the sound of every file in a folder with what the ffmpeg program gives.

    python -m benchmarks.media_corpus DIR

ffmpeg places the samples by their time stamps (`aresample=async=1:first_pts=0`). A file passes where both refuse it, or
both give the same sound: durations within 50 ms (0.1 s, or a frame and 50 ms, for AAC and MP3, whose padding decoders
treat differently) and a correlation over 0.99 in each channel at lag 0. ffmpeg 5 delays a Matroska file by the priming
of its codec, a time before 0 that is rounded to 1 ms; that is taken back. Sound outside the documented limits (too
short, too long, another rate, channels in no known order, NaN) is left out of the counts. One row a difference; exit
code 0 where all pass.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spa2v.core.errors import AudioError
from spa2v.core.media import downmix
from spa2v.core.media.audio import MAX_DURATION_S, read_audio
from spa2v.core.types import AudioClip

DURATION_S, PADDED_S, FRAME = 0.05, 0.1, 1152
PADDED = ("aac", "mp3")
CORRELATION = 0.99
QUIET = 1e-4
TIMEOUT_S = 120
LIMITS = (
    "is longer than the limit",
    "s are too long",
    "the sample rate is",
    "in an order that is not known",
    "the sound lasts",
    "hold NaN or Inf",
    "the samples reach",
)


@dataclass(frozen=True)
class Reference:
    """What ffmpeg gives for a file.

    Args:
        samples: shape (n, channels).
        rate: in Hz.
        codec: of the track.
        layout: of its channels, as ffprobe names it.
        slack: by how many samples its start may be off.
    """

    samples: NDArray[np.float32]
    rate: int
    codec: str
    layout: str
    slack: int = 0


def reference(path: Path) -> Reference | None:
    """The first audio track that ffmpeg decodes; None where there is none."""
    tracks, start_s = _tracks(path)
    for index, track in enumerate(tracks):
        channels, rate = int(track.get("channels", 0)), int(track.get("sample_rate", 0))
        if channels < 1 or rate < 1:
            continue
        command = ["ffmpeg", "-v", "quiet", "-nostdin", "-i", f"file:{path}", "-map", f"0:a:{index}"]
        command += ["-af", "aresample=async=1:first_pts=0", "-t", str(MAX_DURATION_S + 1), "-ar", str(rate)]
        command += [*(("-ac", str(channels)) if channels <= 2 else ()), "-f", "f32le", "-"]
        try:
            content = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False).stdout
        except subprocess.TimeoutExpired:
            continue
        if len(content) >= 4 * channels:
            samples = np.frombuffer(content[: len(content) // (4 * channels) * 4 * channels], "<f4")
            layout = str(track.get("channel_layout", ""))
            samples = samples.reshape(-1, channels)[max(0, -round(start_s * rate)) :]
            slack = rate // 1000 if start_s < 0 else 0
            return Reference(samples, rate, str(track.get("codec_name", "")), layout, slack)
    return None


def _tracks(path: Path) -> tuple[list[dict[str, object]], float]:
    """The audio tracks by ffprobe, and the time stamp of the start of a Matroska file in seconds, else 0."""
    command = ["ffprobe", "-v", "quiet", "-of", "json", "-show_streams", "-show_format", f"file:{path}"]
    try:
        text = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False).stdout
        found = json.loads(text or b"{}")
    except (subprocess.TimeoutExpired, ValueError):
        return [], 0.0
    tracks = [track for track in found.get("streams", []) if track.get("codec_type") == "audio"]
    form = found.get("format", {})
    late = "matroska" in form.get("format_name", "")
    return tracks, float(form.get("start_time", 0.0)) if late else 0.0


def difference(path: Path) -> str | None:
    """What differs, in words; empty where nothing does, None where the file is outside the limits."""
    known = reference(path)
    try:
        clip = read_audio(path)
    except AudioError as error:
        if any(words in str(error) for words in LIMITS):
            return None
        return "" if known is None else f"refused: {str(error).splitlines()[0].replace(str(path), path.name)}"
    if known is None:
        return f"read {clip.duration_s:.3f} s, where ffmpeg gives nothing"
    return _compared(clip, known)


def _compared(clip: AudioClip, known: Reference) -> str:
    wanted_s = len(known.samples) / known.rate
    slack_s = max(PADDED_S, DURATION_S + FRAME / known.rate) if known.codec.startswith(PADDED) else DURATION_S
    if clip.sample_rate != known.rate:
        return f"{clip.sample_rate} Hz, not {known.rate} Hz"
    if abs(clip.duration_s - wanted_s) > slack_s:
        return f"{clip.duration_s:.3f} s, not {wanted_s:.3f} s"
    samples = _stereo(known) if known.samples.shape[1] > 2 else known.samples
    if samples is None or any("Ambisonics" in note for note in clip.notes):
        return ""  # ffmpeg has no decoder for it
    if clip.channels != samples.shape[1]:
        return f"{clip.channels} channels, not {samples.shape[1]}"
    best = max(_correlations(clip.samples.T, samples, lag) for lag in range(-known.slack, known.slack + 1))
    if best[0] < CORRELATION:
        return "correlation " + " ".join(f"{value:.4f}" for value in best[1])
    return ""


def _correlations(a: NDArray[np.float32], b: NDArray[np.float32], lag: int) -> tuple[float, list[float]]:
    """The least of the channels, and all; shapes (n, channels), `b` moved by `lag` samples."""
    a, b = a[max(0, -lag) :], b[max(0, lag) :]
    count = min(len(a), len(b))
    found = [_correlation(a[:count, index], b[:count, index]) for index in range(a.shape[1])]
    return min(found), found


def _stereo(known: Reference) -> NDArray[np.float32] | None:
    """The documented downmix of ffmpeg's channels."""
    import av

    channels = known.samples.shape[1]
    try:
        names = tuple(channel.name for channel in av.AudioLayout(known.layout).channels)
    except ValueError:
        names = ()
    order = downmix.channel_order(channels, names)
    return None if order is None else known.samples @ downmix.matrix(order)


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Without removing the mean; 1 where both are silent."""
    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    size = float(np.sqrt((a64 @ a64) * (b64 @ b64)))
    if max(np.abs(a64).max(initial=0), np.abs(b64).max(initial=0)) < QUIET:
        return 1.0
    return float(a64 @ b64) / size if size else 0.0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compare the reading of sound with the ffmpeg program.")
    parser.add_argument("folder", type=Path, metavar="DIR")
    folder = parser.parse_args().folder
    missing = [name for name in ("ffmpeg", "ffprobe") if shutil.which(name) is None]
    if missing:
        print(f"error: {' and '.join(missing)} cannot be found\n  install ffmpeg, as in: apt-get install ffmpeg")
        return 2
    passed = failed = outside = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found = difference(path)
        if found:
            print(f"{path.relative_to(folder)}: {found}", flush=True)
        passed, failed, outside = passed + (found == ""), failed + bool(found), outside + (found is None)
    if outside:
        print(f"{outside} outside the documented limits")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
