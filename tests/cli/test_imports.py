"""Which packages each command imports: start-up time is mostly imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from spa2v import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.demo import demo_recording

WATCHED = (
    "accelerate ai_edge_litert av cv2 diffusers google.genai huggingface_hub jinja2 multiprocessing "
    "numpy omegaconf openai PIL pluggy pydantic requests rich.console rich.markdown safetensors scipy scipy.signal "
    "scipy.stats soundfile starlette torch transformers uvicorn yaml"
)
CATALOG = "pluggy yaml"
CONFIG = f"{CATALOG} omegaconf"
ARRAYS = f"{CONFIG} numpy"
SIGNALS = f"{ARRAYS} scipy scipy.signal scipy.stats av"
COMMAND = """
sys.argv = ["spa2v", *sys.argv[1:]]
from spa2v.cli import main
main()
"""


def imported(code: str, folder: Path, *words: str) -> set[str]:
    """All modules after code that ran in a process by itself."""
    probe = "import atexit, json, sys\natexit.register(lambda: print(json.dumps([*sys.modules]), file=sys.stderr))\n"
    command = [sys.executable, "-c", probe + code, *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds a recording and a layout."""
    path = tmp_path_factory.mktemp("imports")
    (path / "a.flac").write_bytes(demo_recording().read_bytes())
    item = SceneObject("car_0", "car", Box(0.1, 0.4, 0.4, 0.8))
    (path / "a.json").write_text(VideoSceneLayout(1.0, "a car", (KeyFrame(0.0, "a car", (item,)),)).dumps())
    return path


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        ("--version", ""),
        ("--help", "rich.console rich.markdown"),
        ("plan --help", "rich.console rich.markdown"),
        ("world --help", "rich.console rich.markdown"),
        ("components", f"{CATALOG} rich.console"),
        ("components --json", CATALOG),
        ("components --why storyboard motion_backbones", f"{CATALOG} numpy PIL"),
        ("check -c storyboard", f"{ARRAYS} scipy PIL"),
        ("layout show a.json", f"{CATALOG} numpy rich.console"),
        ("render a.json -c storyboard -o b.gif -q", f"{ARRAYS} PIL rich.console"),
        ("cues a.flac --json", SIGNALS),
        ("plan a.flac -o b.json -q", SIGNALS),
    ],
)
def test_a_command_imports_nothing_but_what_it_needs(words: str, allowed: str, folder: Path) -> None:
    found = imported(COMMAND, folder, *words.split())
    assert found & set(WATCHED.split()) == set(allowed.split())
    commands = {name for name in found if name.startswith("spa2v.cli.")} - {"spa2v.cli.lazy", "spa2v.cli.options"}
    assert {name.split(".")[2] for name in commands} <= {words.split()[0], *(("train",) * words.startswith("world"))}


def test_the_face_of_the_package_imports_nothing_until_a_name_is_used(folder: Path) -> None:
    found = imported("import spa2v", folder)
    assert "spa2v" in found
    assert not found & set(WATCHED.split())
