"""Twenty mistakes of authors, and all that the command line says about each."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spa2v import AudioClip
from spa2v.core.media.audio import write_audio
from tests.cli.test_cli import run as run_command

MAX_LINES = 8
PLANNER = """from spa2v import Box, KeyFrame, SceneObject, VideoSceneLayout


class Mine:
    def __init__(self, size=0.5):
        self.size = size

    def plan(self, audio, cues, run):
        low = 0.5 - self.size / 2
        box = Box(low, low, 1 - low, 1 - low)
        times = [0.0, audio.duration_s / 2]
        frames = tuple(KeyFrame(t, "now", (SceneObject("a", "car", box),)) for t in times)
        return VideoSceneLayout(audio.duration_s, "a car", frames)
"""
EXTRACTOR = """from spa2v import SpatialCues, Track


class Mine:
    def extract(self, audio, run):
        values = [0.0, 1.0]
        return SpatialCues(audio.duration_s, {"pan": Track([0.0, 1.0], values, "1")})
"""
INJECTOR = """from contextlib import contextmanager


class Mine:
    @contextmanager
    def attach(self, backbone, layout, run):
        backbone.grounded = True
        yield
        backbone.grounded = False
"""
BACKBONE = """import numpy as np
from spa2v import GeneratedVideo


class Mine:
    def generate(self, layout, run):
        frames = np.zeros((4, 32, 48, 3), np.uint8)
        return GeneratedVideo(frames, len(frames) / layout.duration_s)
"""
SOURCES = {
    "cue_extractors": EXTRACTOR,
    "layout_planners": PLANNER,
    "grounding_injectors": INJECTOR,
    "motion_backbones": BACKBONE,
}
EXTRACT, PLAN, ATTACH, GENERATE = SOURCES

MISTAKES: dict[str, tuple[str, str, str, str]] = {
    # what: family, the text of the file, what the author wrote in its place, the message
    "a syntax error": (PLAN, "class Mine:", "class Mine", """
cannot load 'mine' of layout_planners (DIR/mine.py:Mine)
  SyntaxError: expected ':' (mine.py, line 4)
  from DIR/parts.yaml"""),
    "an import that fails": (PLAN, "from spa2v", "from spa2v_", """
cannot load 'mine' of layout_planners (DIR/mine.py:Mine)
  ModuleNotFoundError: No module named 'spa2v_'
  mine.py:1, in <module>: from spa2v_ import Box, KeyFrame, SceneObject, VideoSceneLayout
  from DIR/parts.yaml"""),
    "another class name": (PLAN, "class Mine", "class Mime", """
cannot load 'mine' of layout_planners (DIR/mine.py:Mine)
  the module has no 'Mine'; did you mean 'Mime'?
  from DIR/parts.yaml"""),
    "another method name": (PLAN, "def plan(", "def plans(", """
'mine' of layout_planners (DIR/mine.py:Mine) has no method plan(audio, cues, run)
  mine.py:4, in Mine
  from DIR/parts.yaml"""),
    "other parameter names": (PLAN, "audio, cues, run", "sound, cues, run", """
'mine' of layout_planners (DIR/mine.py:Mine) has plan(sound, cues, run)
  expected plan(audio, cues, run)
  mine.py:8, in plan
  from DIR/parts.yaml"""),
    "a typo in the constructor": (PLAN, "self.size = size", "self.size = sise", """
layout planner 'mine' raised NameError: name 'sise' is not defined
  mine.py:6, in __init__: self.size = sise
  with size = 0.5
  from DIR/parts.yaml
  the whole traceback: --debug"""),
    "a value that the constructor refuses": (PLAN, "self.size = size", 'raise ValueError("size: too large")', """
layout_planner (mine): size: too large
  options: {}
  raised by layout planner 'mine'
  mine.py:6, in __init__: raise ValueError("size: too large")
  with size = 0.5
  from DIR/parts.yaml
  the whole traceback: --debug"""),
    "a cue that is not there": (PLAN, "low = 0.5", 'cues.measures["pan"]; low = 0.5', """
layout planner 'mine' raised KeyError: 'pan'
  mine.py:9, in plan: cues.measures["pan"]; low = 0.5 - self.size / 2
  from DIR/parts.yaml
  the whole traceback: --debug"""),
    "no return": (PLAN, "return VideoSceneLayout", "VideoSceneLayout", """
layout planner 'mine' returned None
  expected a VideoSceneLayout
  mine.py:8, in plan
  from DIR/parts.yaml"""),
    "a dict for a layout": (PLAN, 'return VideoSceneLayout(audio.duration_s, "a car", frames)', "return {}", """
layout planner 'mine' returned a dict
  expected a VideoSceneLayout
  mine.py:8, in plan
  from DIR/parts.yaml"""),
    "a layout of another duration": (PLAN, "VideoSceneLayout(audio.duration_s", "VideoSceneLayout(2.56", """
layout planner 'mine' returned a layout of 2.560 s for a sound of 1.000 s
  pass audio.duration_s as duration_s
  mine.py:8, in plan
  from DIR/parts.yaml"""),
    "NaN in a key frame": (PLAN, "box),)", 'Box(0, 0, 1, float("nan" if t else "1"))),)', """
object 'a'.box: nan is not a usable number
  raised by layout planner 'mine'
  mine.py:12, in <genexpr>: frames = tuple(KeyFrame(t, "now", (SceneObject("a", "car", Box(0, 0, 1, float("nan" if t e
  with t = 0.5
  from DIR/parts.yaml
  the whole traceback: --debug"""),
    "a box in pixels": (PLAN, "Box(low, low, 1 - low, 1 - low)", "Box(100, 100, 200, 200)", """
object 'a'.box: x1=100 and x2=200
  expected 0 <= x1 < x2 <= 1, in parts of the frame
  raised by layout planner 'mine'
  mine.py:12, in <genexpr>: frames = tuple(KeyFrame(t, "now", (SceneObject("a", "car", box),)) for t in times)
  with t = 0
  from DIR/parts.yaml
  the whole traceback: --debug"""),
    "a part that is misspelt": (PLAN, "low = 0.5", 'run.component("layout_planners", "stereo_rule"); low = 0.5', """
unknown component 'stereo_rule' of layout_planners
  did you mean 'stereo_rules'?
  see: spa2v components layout_planners
  raised by layout planner 'mine'
  mine.py:9, in plan: run.component("layout_planners", "stereo_rule"); low = 0.5 - self.size / 2
  from DIR/parts.yaml
  the whole traceback: --debug"""),
    "NaN in a track": (EXTRACT, "values = [0.0, 1.0]", 'values = [0.0, float("nan")]', """
Track.values holds NaN or Inf, first at [1]
  give a neutral value and confidence 0 where nothing is known
  raised by cue extractor 'mine'
  mine.py:7, in extract: return SpatialCues(audio.duration_s, {"pan": Track([0.0, 1.0], values, "1")})
  from DIR/parts.yaml
  the whole traceback: --debug"""),
    "cues of another duration": (EXTRACT, "SpatialCues(audio.duration_s", "SpatialCues(len(audio.samples)", """
cue extractor 'mine' returned cues of 2.000 s for a sound of 1.000 s
  pass audio.duration_s as duration_s
  mine.py:5, in extract
  from DIR/parts.yaml"""),
    "no @contextmanager": (ATTACH, "    @contextmanager\n", "", """
grounding injector 'mine' returned a generator from attach
  expected a context manager: @contextmanager
  mine.py:5, in attach
  from DIR/parts.yaml"""),
    "an attribute that the backbone lacks": (ATTACH, "backbone.grounded = True", "backbone.unet.eval()", """
grounding injector 'mine' raised AttributeError: 'Gray' object has no attribute 'unet'
  mine.py:7, in attach: backbone.unet.eval()
  from DIR/parts.yaml
  the whole traceback: --debug"""),
    "a list for frames": (GENERATE, "GeneratedVideo(frames,", "GeneratedVideo(list(frames),", """
GeneratedVideo.frames is a list
  expected an array: np.stack
  raised by motion backbone 'mine'
  mine.py:8, in generate: return GeneratedVideo(list(frames), len(frames) / layout.duration_s)
  from DIR/parts.yaml
  the whole traceback: --debug"""),
    "frames that do not span the clip": (GENERATE, "len(frames) / layout.duration_s", "8", """
motion backbone 'mine' returned 4 frames at 8 fps, 0.5 s
  the layout lasts 1 s: fps = len(frames) / layout.duration_s
  mine.py:6, in generate
  from DIR/parts.yaml"""),
    "frames of floats": (GENERATE, "np.uint8", "np.float32", """
GeneratedVideo.frames has type float32
  expected uint8 RGB
  raised by motion backbone 'mine'
  mine.py:8, in generate: return GeneratedVideo(frames, len(frames) / layout.duration_s)
  from DIR/parts.yaml
  the whole traceback: --debug"""),
    "shapes that do not fit": (GENERATE, "np.uint8)", "np.uint8) + np.zeros(5)", """
motion backbone 'mine' raised ValueError: operands could not be broadcast together with shapes (4,32,48,3) (5,)
  mine.py:7, in generate: frames = np.zeros((4, 32, 48, 3), np.uint8) + np.zeros(5)
  from DIR/parts.yaml
  the whole traceback: --debug"""),
}  # fmt: skip


@pytest.fixture
def generate(
    toy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """Runs `spa2v generate` with a component of a registry file; the exit code, and what is said, with DIR in it."""
    here = toy.parent
    monkeypatch.chdir(here)
    write_audio(here / "sound.wav", AudioClip(np.full((2, 8_000), 0.1), 8_000))

    def run(family: str, source: str, *words: str) -> tuple[int, str]:
        (here / "mine.py").write_text(source)
        (here / "parts.yaml").write_text(f"{family}: {{mine: 'mine.py:Mine'}}\n")
        toy.write_text(toy.read_text().replace("[toy.yaml]", "[toy.yaml, parts.yaml]"))
        role = "cue_extractors=[mine]" if family == EXTRACT else f"{family[:-1]}=mine"
        command = ("generate", "sound.wav", "-c", toy.name, role, "-o", "video.gif")
        code, _, err = run_command(capsys, monkeypatch, *command, *words)
        return code, err.replace(str(here), "DIR")

    return run


@pytest.mark.parametrize("family", SOURCES)
def test_without_a_mistake_there_is_no_message(family: str, generate: Callable[..., tuple[int, str]]) -> None:
    assert generate(family, SOURCES[family])[0] == 0


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_the_component_and_the_line(mistake: str, generate: Callable[..., tuple[int, str]]) -> None:
    family, right, wrong, message = MISTAKES[mistake]
    assert right in SOURCES[family]
    code, said = generate(family, SOURCES[family].replace(right, wrong))
    assert (code, said.strip()) == (1, f"error: {message.strip()}")
    assert len(said.splitlines()) <= MAX_LINES
    assert "mine" in said.partition("mine.py")[0]
    assert re.search(r"mine\.py:\d|mine\.py, line \d|has no 'Mine'", said)


def test_debug_shows_the_traceback(generate: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPA2V_DEBUG", "")
    code, said = generate(PLAN, PLANNER.replace("low = 0.5", "1 / 0; low = 0.5"), "--debug")
    assert code == 1
    assert "Traceback (most recent call last)" in said
    assert "typer" not in said
    assert os.environ["SPA2V_DEBUG"] == "1"
