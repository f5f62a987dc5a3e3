"""Small batches for tests: recordings, a list of them, and components that misbehave when they are told to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from spa2v import AudioClip, Pipeline
from spa2v.core.media.audio import write_audio
from spa2v.core.runtime import Processes
from spa2v.jobs.batch import Batch, Goal, read_items

COMPONENTS = '''
import json, os, shutil, signal, time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from spa2v import Box, GeneratedVideo, KeyFrame, PlannerError, SceneObject, SpatialCues, VideoSceneLayout, WeightsError


def told(what, source):
    """Whether $TROUBLE says that this happens to this clip, as in "kill:b kill:c"."""
    return f"{what}:{source.split('.')[0]}" in os.environ.get("TROUBLE", "").split()


def note(text):
    with open(os.environ["NOTES"], "a") as file:
        file.write(text + "\\n")


def noted(text):
    path = Path(os.environ["NOTES"])
    return path.exists() and text in path.read_text().splitlines()


def wait_for(text):
    for _ in range(600):
        if noted(text):
            return
        time.sleep(0.05)
    raise TimeoutError(text)


def delete(folder):
    """Moves it away first: a planner that writes meanwhile would make rmtree fail half way."""
    os.rename(folder, folder + ".gone")
    shutil.rmtree(folder + ".gone")


class Level:
    def extract(self, audio, run):
        return SpatialCues(audio.duration_s, measures={"peak": float(abs(audio.samples).max())})


class Planner:
    def __init__(self, size: float = 0.5):
        self.size = size
        note("planner made")

    def plan(self, audio, cues, run):
        note(f"plan {audio.source}")
        if told("plan-bug", audio.source):
            raise KeyError("a bug in a component")
        if told("service", audio.source):
            raise PlannerError("the service is down")
        run.record["planner"] = {"clip_cost_usd_estimated": 0.25}
        run.notice("mind the license")
        low, high = 0.5 - self.size / 2, 0.5 + self.size / 2
        item = SceneObject("thing_0", audio.source, Box(low, low, high, high))
        return VideoSceneLayout(audio.duration_s, f"scene {audio.source}", (KeyFrame(0.0, "now", (item,)),))


class Backbone:
    """Draws noise whose seed is the clip's name; every kind of trouble on demand."""

    def __init__(self, width: int = 48, height: int = 32, frames: int = 4):
        self.width, self.height, self.frames = width, height, frames
        self.loaded = False

    def _load(self):
        if not self.loaded:
            note("weights loaded")
            self.loaded = True

    def generate(self, layout, run):
        self._load()
        source = next(iter(layout.names.values()))
        note(f"draw {source}")
        if told("weights", source):
            raise WeightsError("the weights file 'x' is damaged")
        if told("kill", source):
            os.kill(os.getpid(), signal.SIGKILL)
        if told("kill-rank-1", source) or (told("kill-any-rank-1", "any") and os.environ.get("RANK") == "1"):
            os.kill(os.getpid(), signal.SIGKILL)
        if told("hang", source):
            note("hanging")
            time.sleep(3600)
        if told("until", source):
            note("drawing")
            wait_for("go on")
        if told("delete", source):
            delete(os.environ["OUT"])
        if told("delete_clips", source):
            delete(os.environ["OUT"] + "/clips")
        if told("overlap", source):
            wait_for("plan b.wav")
        return self._video(layout, source)

    def _video(self, layout, source):
        rng = np.random.default_rng(list(source.encode()))
        frames = rng.integers(0, 256, (self.frames, self.height, self.width, 3), dtype=np.uint8)
        return GeneratedVideo(frames, self.frames / layout.duration_s)


class Together(Backbone):
    """Draws several at once; a batch with the clip that $TROUBLE names fails as a whole."""

    def generate_many(self, layouts, run):
        self._load()
        sources = [next(iter(layout.names.values())) for layout in layouts]
        note("together " + " ".join(sources))
        if any(told("memory", source) for source in sources):
            raise MemoryError("not enough memory")
        return [self._video(layout, source) for layout, source in zip(layouts, sources)]


class Plain:
    def attach(self, backbone, layout, run):
        return nullcontext()


class Many(Plain):
    def attach_many(self, backbone, layouts, run):
        return nullcontext()
'''

REGISTRY = """
cue_extractors:
  level: "parts.py:Level"
layout_planners:
  planner: "parts.py:Planner"
motion_backbones:
  backbone: "parts.py:Backbone"
  together: "parts.py:Together"
grounding_injectors:
  plain: "parts.py:Plain"
  many: "parts.py:Many"
"""

CONFIG = """
registries: [parts.yaml]
cue_extractors: [level]
layout_planner: planner
grounding_injector: plain
motion_backbone: backbone
"""


def recording(path: Path, seed: int = 0, seconds: float = 0.5) -> Path:
    """Writes a little stereo noise."""
    noise = np.random.default_rng(seed).normal(0.0, 0.1, (2, int(8_000 * seconds)))
    write_audio(path, AudioClip(noise, 8_000))
    return path


class Bench:
    """A folder with a list of recordings a, b, c, ... and the components above; `out` is where batches go."""

    def __init__(self, folder: Path, clips: int) -> None:
        self.folder, self.out, self.notes = folder, folder / "out", folder / "notes.txt"
        self.config, self.list = folder / "config.yaml", folder / "list.txt"
        (folder / "parts.py").write_text(COMPONENTS)
        (folder / "parts.yaml").write_text(REGISTRY)
        self.config.write_text(CONFIG)
        self.names = [chr(ord("a") + index) for index in range(clips)]
        for index, name in enumerate(self.names):
            recording(folder / f"{name}.wav", index)
        self.list.write_text("".join(f"{name}.wav\n" for name in self.names))

    def environment(self, trouble: str = "") -> dict[str, str]:
        return {"TROUBLE": trouble, "NOTES": str(self.notes), "OUT": str(self.out), "SPA2V_EXTENSIONS": ""}

    def noted(self, beginning: str) -> list[str]:
        """The lines that components wrote, in order."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        return [line for line in lines if line.startswith(beginning)]

    def batch(
        self, stage: str = "both", overrides: tuple[str, ...] = (), launch: str = "one", **options: object
    ) -> Batch:
        """A batch in this process."""
        pipeline = Pipeline.from_preset(self.config, overrides=overrides)
        given = bool(options.pop("given_layouts", False))
        goal = Goal(stage, pipeline.config, given)
        return Batch(pipeline, read_items(self.list), self.out, goal, Processes(0, 1, launch), **options)  # type: ignore[arg-type]

    def command(self, *words: object) -> list[str]:
        settings = ["--out", self.out, "--config", self.config, *words]
        return [sys.executable, "-m", "spa2v", "batch", *map(str, [self.list, *settings])]

    def start(self, *words: object, trouble: str = "", prefix: str = "") -> subprocess.Popen[str]:
        """The real command in a process of its own; `prefix` is Python that runs before it."""
        command = self.command(*words)
        if prefix:
            words_of_it = ["spa2v", *command[3:]]
            main = f"{prefix}\nimport sys\nfrom spa2v.cli import main\nsys.argv = {words_of_it!r}\nmain()"
            command = [sys.executable, "-c", main]
        environment = _environment(self.environment(trouble))
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def call(self, *words: object, trouble: str = "", prefix: str = "") -> tuple[int, str, str]:
        """Exit code, stdout and stderr of the real command."""
        process = self.start(*words, trouble=trouble, prefix=prefix)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def clip(self, name: str) -> Path:
        return self.out / "clips" / name


def _environment(changes: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **changes, "OMP_NUM_THREADS": "1"}
