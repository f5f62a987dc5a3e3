"""Does what does not matter change nothing? `python -m benchmarks.invariance DIR [--config C] [KEY=VALUE ...]`.

Plans every audio file of a folder as it is and after gain, silence at its ends, coding, other sample rates and bit
depths. One row for each plan whose names, movements or sides changed, a count for each transform, and a last line
`N passed, N failed`; exit 0 when 95 of 100 pass. Files are written to a temporary folder.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import av
import numpy as np
import soundfile
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from spa2v.core.pipeline import Pipeline
from spa2v.core.types import AudioClip, VideoSceneLayout

SHARE = 0.95
AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".m4a", ".opus")
Samples = NDArray[np.float32]
Write = Callable[[Path, AudioClip], Path]


def wav(change: Callable[[Samples, int], Samples], subtype: str = "FLOAT", suffix: str = ".wav") -> Write:
    """Changes the samples (channels, n)."""

    def write(stem: Path, audio: AudioClip) -> Path:
        path = stem.with_suffix(suffix)
        soundfile.write(path, change(audio.samples, audio.sample_rate).T, audio.sample_rate, subtype=subtype)
        return path

    return write


def coded(suffix: str, codec: str, kbps: int = 0, rate: int = 0) -> Write:
    """Encodes at a bit rate, resampled by FFmpeg to `rate` in Hz where it is given."""

    def write(stem: Path, audio: AudioClip) -> Path:
        path, hz = stem.with_suffix(suffix), rate or audio.sample_rate
        layout = "stereo" if audio.samples.shape[0] > 1 else "mono"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=hz)
            stream.layout = layout
            if kbps:
                stream.bit_rate = kbps * 1000
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio.samples), format="fltp", layout=layout)
            frame.sample_rate = audio.sample_rate
            resampler = AudioResampler(format=stream.format.name, layout=layout, rate=hz)
            for part in (*resampler.resample(frame), *resampler.resample(None), None):
                container.mux(stream.encode(part))
        return path

    return write


def silence(before_s: float, after_s: float) -> Callable[[Samples, int], Samples]:
    return lambda samples, rate: np.pad(samples, ((0, 0), (int(before_s * rate), int(after_s * rate))))


def gain(decibel: float) -> Callable[[Samples, int], Samples]:
    return lambda samples, _: samples * np.float32(10 ** (decibel / 20))


TRANSFORMS: Mapping[str, Write] = {
    "gain -6 dB": wav(gain(-6)),
    "gain -20 dB": wav(gain(-20)),
    "gain -40 dB": wav(gain(-40)),
    "0.1 s of silence before": wav(silence(0.1, 0)),
    "0.1 s of silence after": wav(silence(0, 0.1)),
    "0.5 s of silence at both ends": wav(silence(0.5, 0.5)),
    "16 bits": wav(gain(0), "PCM_16"),
    "24 bits": wav(gain(0), "PCM_24"),
    "MP3 128 kbit/s": coded(".mp3", "libmp3lame", 128, 44_100),
    "AAC 128 kbit/s": coded(".m4a", "aac", 128, 44_100),
    "Vorbis": wav(gain(0), "VORBIS", ".ogg"),
    "Opus 96 kbit/s": coded(".opus", "libopus", 96, 48_000),
    "32 kHz": coded(".wav", "pcm_f32le", 0, 32_000),
    "22.05 kHz": coded(".wav", "pcm_f32le", 0, 22_050),
    "96 kHz": coded(".wav", "pcm_f32le", 0, 96_000),
}


Said = tuple[tuple[str, str, str], ...]


def said(layout: VideoSceneLayout) -> Said:
    """Name, movement and side of each object, sorted."""
    centers: dict[tuple[str, str], list[float]] = {}
    for frame in layout.keyframes:
        for item in frame.objects:
            centers.setdefault((item.id, item.name), []).append(item.box.center[0])
    return tuple(
        sorted((name, layout.attributes.get(key, ""), side(float(np.mean(xs)))) for (key, name), xs in centers.items())
    )


def side(center: float) -> str:
    """The third of the picture in which a center, 0..1, lies."""
    return "left" if center < 1 / 3 else "right" if center > 2 / 3 else "middle"


def plans(pipeline: Pipeline, path: Path, names: Sequence[str] = tuple(TRANSFORMS)) -> Iterator[tuple[str, Said, Said]]:
    """For each transform its name, and what is said of a recording as it is and after it."""

    def plan(source: Path) -> Said:
        audio, run = pipeline.read(source), pipeline.new_run()
        return said(pipeline.plan(audio, run, pipeline.measure(audio, run)))

    audio, as_is = pipeline.read(path), plan(path)
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            yield name, as_is, plan(TRANSFORMS[name](Path(scratch) / "changed", audio))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.invariance", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--config", default="default")
    given = parser.parse_args(arguments)
    pipeline = Pipeline.from_preset(given.config, overrides=given.overrides, quiet=True)

    kept = dict.fromkeys(TRANSFORMS, 0)
    paths = sorted(path for path in given.folder.rglob("*") if path.suffix in AUDIO)
    for path in paths:
        for name, as_is, changed in plans(pipeline, path):
            kept[name] += changed == as_is
            if changed != as_is:
                print(f"{path.name:<24}  {name:<30}  {as_is} -> {changed}")
    for name, count in kept.items():
        print(f"{name:<30}  {count} of {len(paths)}")
    passed, total = sum(kept.values()), len(kept) * len(paths)
    print(f"{passed} passed, {total - passed} failed")
    return 0 if total and passed >= SHARE * total else 1


if __name__ == "__main__":
    sys.exit(main())
