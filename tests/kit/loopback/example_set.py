"""A small candidate set in the benchmark format with its index, made of panned noise, for tests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile

from spa2v import AudioClip, Box, KeyFrame, SceneObject, SpatialCues, Track, VideoSceneLayout
from spa2v.plugins.layout_planners.mllm.examples.index import Candidate, ExampleIndex, IndexWriter

RATE = 16_000
SECONDS = 1.0
PLACES = {"left": (0.2, 0.2), "right": (0.8, 0.8), "left_to_right": (0.2, 0.8), "right_to_left": (0.8, 0.2)}


def clip_of(attribute: str, seed: int) -> AudioClip:
    """Low-passed noise panned along the attribute's path."""
    rng = np.random.default_rng([seed, list(PLACES).index(attribute)])
    noise = np.convolve(rng.normal(0.0, 0.2, int(RATE * SECONDS)), np.ones(1 + seed % 5) / 3, "same")
    pan = np.linspace(*PLACES[attribute], len(noise))
    return AudioClip(np.stack([noise * (1 - pan), noise * pan]), RATE, f"{attribute}_{seed}.wav")


def cues_of(audio: AudioClip) -> SpatialCues:
    """Level and level difference in 20 frames."""
    frames = np.array_split(audio.stereo.astype(np.float64), 20, axis=1)
    power = np.array([np.mean(frame**2, axis=1) for frame in frames]) + 1e-12
    times = (np.arange(20) + 0.5) * audio.duration_s / 20
    tracks = {
        "level": Track(times, 10 * np.log10(power.sum(axis=1)), "dBFS"),
        "level_difference": Track(times, 10 * np.log10(power[:, 1] / power[:, 0]), "dB"),
    }
    return SpatialCues(audio.duration_s, tracks, {"lateral_evidence": 1.0})


def layout_of(attribute: str) -> VideoSceneLayout:
    frames = tuple(
        KeyFrame(time, f"The car is at {x:.1f}.", (SceneObject("car_0", "car", Box(x - 0.1, 0.4, x + 0.1, 0.7)),))
        for time, x in zip((0.0, 0.9375), PLACES[attribute], strict=True)
    )
    return VideoSceneLayout(SECONDS, f"A car, {attribute}.", frames, f"It sounds {attribute}.", "translational")


def make_example_set(folder: Path, per_place: int = 3) -> ExampleIndex:
    """Writes recordings, layouts and index; every clip has a twin with swapped channels of the same source."""
    (folder / "audio").mkdir(parents=True)
    (folder / "layouts").mkdir()
    writer = IndexWriter(folder, folder / "example_index", {"made_by": "tests"})
    mirrored = {"left": "right", "right": "left", "left_to_right": "right_to_left", "right_to_left": "left_to_right"}
    for attribute in PLACES:
        for seed in range(per_place):
            audio = clip_of(attribute, seed)
            for name, clip, place in (("", audio, attribute), ("_mirrored", audio.swapped(), mirrored[attribute])):
                _add(folder, writer, f"{attribute}_{seed}{name}", f"{attribute}_{seed}", clip, place)
    return writer.finish()


def _add(folder: Path, writer: IndexWriter, name: str, source: str, audio: AudioClip, attribute: str) -> None:
    soundfile.write(folder / "audio" / f"{name}.wav", audio.samples.T, RATE, subtype="FLOAT")
    (folder / "layouts" / f"{name}.json").write_text(json.dumps(layout_of(attribute).to_json()))
    candidate = Candidate(name, source, f"audio/{name}.wav", f"layouts/{name}.json", (attribute,))
    writer.add(candidate, audio, cues_of(audio))
