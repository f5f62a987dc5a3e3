"""Fixtures that several tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from spa2v import AudioClip, VideoSceneLayout
from tests.kit import browsers
from tests.kit.once import once

if TYPE_CHECKING:
    from spa2v.world.scene import Scene


@pytest.fixture(autouse=True)
def no_installed_extensions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else is installed beside spa2v must not change a test."""
    monkeypatch.setenv("SPA2V_EXTENSIONS", "")


@pytest.fixture
def reference() -> Path:
    """The folder of reference data, where there is one."""
    folder = os.environ.get("SPA2V_REFERENCE")
    if not folder:
        pytest.skip("SPA2V_REFERENCE names no folder of reference data")
    return Path(folder)


@pytest.fixture
def noise() -> AudioClip:
    """Two seconds of noise, three decibels louder at the right."""
    rng = np.random.default_rng(7)
    mono = rng.normal(0.0, 0.1, 44_100 * 2)
    return AudioClip(np.stack([mono, mono * 10 ** (3 / 20)]), 44_100)


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Scene]:
    """900 scenes of ToyWorld, seeds 0 to 899."""
    from spa2v.world.sampling import sample_scene

    return once(tmp_path_factory, "scenes", lambda: [sample_scene(seed) for seed in range(900)])


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory, scenes: list[Scene]) -> list[tuple[Scene, VideoSceneLayout]]:
    """The first 200 scenes with layouts from pictures of a size by which few edges lie on whole pixels elsewhere."""
    from spa2v.world.clips import scene_layout

    texts = once(tmp_path_factory, "drawn", lambda: [scene_layout(scene, (101, 67)).dumps() for scene in scenes[:200]])
    return [(scene, VideoSceneLayout.loads(text)) for scene, text in zip(scenes, texts, strict=False)]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    with browsers.chromium() as browser:
        yield browser


TOY = '''
from spa2v import AudioClip, Box, GeneratedVideo, KeyFrame, Run, SceneObject, SpatialCues, VideoSceneLayout
from tests.kit.paths import ROOT


class Loudest:
    """Measures the peak."""

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        return SpatialCues(audio.duration_s, measures={"peak": float(abs(audio.samples).max())})


class Middle:
    """One thing in the middle."""

    def __init__(self, name: str = "thing", size: float = 0.5) -> None:
        if not 0 < size <= 1:
            raise ValueError(f"size: {size!r} is not in 0..1")
        self.name, self.size = name, size

    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        low, high = 0.5 - self.size / 2, 0.5 + self.size / 2
        item = SceneObject("thing_0", self.name, Box(low, low, high, high))
        return VideoSceneLayout(audio.duration_s, f"a {self.name}", (KeyFrame(0.0, "now", (item,)),))


class Nothing:
    """Not a planner."""


class Crooked:
    """A planner with other parameter names."""

    def plan(self, sound, cues, run):
        return None


class WrongResult:
    """A planner that returns no layout."""

    def plan(self, audio, cues, run):
        return {"version": 1}


class Gray:
    """Draws gray frames, four of them."""

    grounded = False

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        import numpy as np

        level = 200 if self.grounded else 100
        return GeneratedVideo(np.full((4, 32, 48, 3), level, np.uint8), 4 / layout.duration_s)


class Light:
    """Makes the backbone above draw lighter."""

    def attach(self, backbone, layout, run):
        from contextlib import contextmanager

        @contextmanager
        def grounded():
            backbone.grounded = True
            yield
            backbone.grounded = False

        return grounded()
'''

TOY_REGISTRY = """
cue_extractors:
  loudest: {target: "toy.py:Loudest", summary: The peak.}
layout_planners:
  middle: {target: "toy.py:Middle", summary: One thing in the middle.}
  nothing: "toy.py:Nothing"
  crooked: "toy.py:Crooked"
  wrong_result: "toy.py:WrongResult"
  missing_class: "toy.py:Midle"
  missing_file: "gone.py:Middle"
  missing_module: "no_such_package_of_ours.planner:Planner"
  needy: {target: "toy.py:Middle", needs: [no_such_package_of_ours], install: pip install no-such-package-of-ours}
grounding_injectors:
  light: "toy.py:Light"
motion_backbones:
  gray: "toy.py:Gray"
"""

TOY_CONFIG = """
registries: [toy.yaml]
cue_extractors: [loudest]
layout_planner: {name: middle, options: {name: gong}}
grounding_injector: light
motion_backbone: gray
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A config whose components stand in a file beside it; the path of the config."""
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "toy.py").write_text(TOY)
    (folder / "toy.yaml").write_text(TOY_REGISTRY)
    (folder / "config.yaml").write_text(TOY_CONFIG)
    return folder / "config.yaml"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Installs an extension for one test: a module and its metadata on the search path, as pip would lay them out."""
    made: list[str] = []

    def make(name: str, source: str, version: str = "1.0") -> str:
        folder = tmp_path / f"site_{name}"
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (folder / f"{name}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[spa2v]\n{name} = {name}\n")
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delenv("SPA2V_EXTENSIONS", raising=False)
        made.append(name)
        return name

    yield make
    for name in made:
        sys.modules.pop(name, None)
