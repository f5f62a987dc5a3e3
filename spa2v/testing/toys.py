"""Small inputs for tests: sounds, what is measured in them, layouts, a run. The same call gives the same values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spa2v.core.components import Components
from spa2v.core.config import load
from spa2v.core.errors import ConfigError, near
from spa2v.core.host import Host
from spa2v.core.pipeline import Pipeline
from spa2v.core.runtime import Run
from spa2v.core.types import (
    AudioClip,
    Box,
    GeneratedVideo,
    KeyFrame,
    SceneObject,
    SoundSource,
    SpatialCues,
    VideoSceneLayout,
)
from spa2v.core.types import keyframe_times as evenly

SOUNDS = ("silence", "mono", "left", "right", "pass")
EAR_DELAY_S = 0.0004
"""How much earlier the toy sound reaches the nearer channel when it is fully at one side."""
NAMES = ("car", "dog", "piano", "bird", "train", "violin", "bus", "cat")
MAX_OBJECTS = 64


@cache
def toy_audio(kind: str = "pass", duration_s: float = 2.0, sample_rate: int = 44_100) -> AudioClip:
    """A hum with other tones, as one of `SOUNDS`.

    Args:
        kind: "silence" (two channels of zeros), "mono" (one channel), "left" and "right" (6 dB louder and 0.4 ms
            earlier there), or "pass" (from left to right, loudest in the middle).
        duration_s: in seconds.
        sample_rate: in Hz.

    Raises:
        ConfigError: the kind is unknown.
    """
    if kind not in SOUNDS:
        raise ConfigError(f"unknown toy sound {kind!r}", near(kind, SOUNDS))
    times = np.arange(max(1, round(duration_s * sample_rate))) / sample_rate
    if kind == "silence":
        samples = np.zeros((2, len(times)))
    elif kind == "mono":
        samples = _hum(times)[None]
    elif kind == "pass":
        samples = _placed(times, 2.0 * times / duration_s - 1.0, fades=True)
    else:
        samples = _placed(times, np.full_like(times, -1.0 if kind == "left" else 1.0), fades=False)
    return AudioClip(samples.astype(np.float32), sample_rate, f"toy_{kind}")


def _hum(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Harmonics of 110 Hz and other tones, a function of time, so that it can be shifted; shape (n,)."""
    rng = np.random.default_rng(0)
    total = np.zeros_like(times)
    for number in range(1, 11):
        total += 0.08 / number * np.sin(2 * np.pi * 110.0 * number * times)
        total += 0.03 * np.sin(2 * np.pi * rng.uniform(300.0, 3_500.0) * times + rng.uniform(0.0, 2 * np.pi))
    return total


def _placed(times: NDArray[np.float64], place: NDArray[np.float64], *, fades: bool) -> NDArray[np.float64]:
    """The hum at `place`, -1 (left) to 1 (right); shape (2, n)."""
    gain = 1.0 / (1.0 + 2.0 * place**2) if fades else 1.0
    left, right = _hum(times - EAR_DELAY_S * np.maximum(place, 0)), _hum(times + EAR_DELAY_S * np.minimum(place, 0))
    return np.stack([left * gain * 10 ** (-3 * place / 20), right * gain * 10 ** (3 * place / 20)])


def toy_cues(audio: AudioClip | str = "pass", sources: int | None = None) -> SpatialCues:
    """What the default extractors measure in a clip: what a planner is given in a real run.

    Args:
        audio: a clip, or the kind of a toy sound.
        sources: put so many sounding things in, each with the tracks of the clip; None keeps the separated ones.
    """
    measured = _measured(audio) if isinstance(audio, str) else _measure(audio)
    if sources is None:
        return measured
    things = (SoundSource(f"source_{i}", 1 / sources, measured.tracks, measured.tags) for i in range(sources))
    return replace(measured, sources=tuple(things))


@cache
def _measured(kind: str) -> SpatialCues:
    return _measure(toy_audio(kind))


def _measure(audio: AudioClip) -> SpatialCues:
    host = Host(extensions=[])
    pipeline = Pipeline(load([], [], host.configs), host)
    return pipeline.measure(audio, toy_run())


def toy_layout(objects: int = 1, keyframes: int = 4, duration_s: float = 2.0) -> VideoSceneLayout:
    """Things on a grid that drift to the right; ids "thing_0", "thing_1", ...

    Args:
        objects: how many, 0 to 64.
        keyframes: how many.
        duration_s: of the clip, in seconds.

    Raises:
        ConfigError: too many objects.
    """
    if not 0 <= objects <= MAX_OBJECTS:
        raise ConfigError(f"objects: {objects!r}", f"expected 0 to {MAX_OBJECTS}")
    frames = tuple(
        KeyFrame(float(time), f"moment {i}", tuple(_thing(k, objects, i / keyframes) for k in range(objects)))
        for i, time in enumerate(evenly(duration_s, keyframes))
    )
    listed = ", ".join(f"a {_name(k)}" for k in range(min(objects, 4))) or "an empty street"
    return VideoSceneLayout(duration_s, listed, frames, "A toy layout.")


def _name(index: int) -> str:
    return NAMES[index % len(NAMES)]


def _thing(index: int, objects: int, part: float) -> SceneObject:
    """Thing `index` of a square grid, moved right by up to a quarter of its cell as `part` goes from 0 to 1."""
    side = int(np.ceil(np.sqrt(objects)))
    row, column = divmod(index, side)
    x, y, size = (column + 0.1 + 0.25 * part) / side, (row + 0.2) / side, 0.6 / side
    return SceneObject(f"thing_{index}", _name(index), Box(x, y, x + size, y + size))


def toy_video(frames: int = 16, duration_s: float = 2.0, width: int = 96, height: int = 64) -> GeneratedVideo:
    """A bright square that moves from left to right over gray."""
    pixels = np.full((frames, height, width, 3), 60, np.uint8)
    side = height // 4
    for index in range(frames):
        left = round((width - side) * index / max(frames - 1, 1))
        pixels[index, height // 3 : height // 3 + side, left : left + side] = (230, 200, 40)
    return GeneratedVideo(pixels, frames / duration_s)


def toy_run(seed: int = 0, folder: Path | None = None) -> Run:
    """A quiet run on the CPU; `run.component` gives built-in components and those of installed extensions.

    While a contract is checked, also those of the registry files that it was given.
    """
    parts = _components(_REGISTRIES.get())
    return Run(seed, device="cpu", dtype="float32", folder=folder, parts=lambda *which: parts().part(*which))


@contextmanager
def registries_used(files: Sequence[str | Path]) -> Iterator[None]:
    """Runs that are made inside give components of these registry files, too."""
    token = _REGISTRIES.set(tuple(map(str, files)))
    try:
        yield
    finally:
        _REGISTRIES.reset(token)


_REGISTRIES: ContextVar[tuple[str, ...]] = ContextVar("registries", default=())


@cache
def _components(registries: tuple[str, ...]) -> Callable[[], Components]:
    """Made when first asked for, since a host takes a while."""
    return cache(lambda: Components(Host([Path(path) for path in registries])))
