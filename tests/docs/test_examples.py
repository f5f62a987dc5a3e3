"""The programs of `examples/`, run as a reader runs them, also on a recording of one's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spa2v import AudioClip, VideoSceneLayout
from spa2v.core.media.audio import write_audio
from spa2v.core.media.video import read_video
from tests.kit.doc_blocks import run_page
from tests.kit.editing import SMALL
from tests.kit.paths import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


VARIABLES = {"SPA2V_EXTENSIONS": "", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}


def run(example: str, folder: Path, *words: str) -> str:
    path = next(path for path in EXAMPLES if path.stem == example)
    command, variables = [sys.executable, path, *words], os.environ | VARIABLES
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def recording(tmp_path: Path, noise: AudioClip) -> str:
    """Noise that is louder at the right, in a file."""
    write_audio(tmp_path / "noise.wav", noise)
    return "noise.wav"


PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
SMALLER = f'python ten_lines.py "$(python -m spa2v.demo)" {" ".join(SMALL)}'


@pytest.mark.parametrize("command", [SMALLER, pytest.param("python ten_lines.py", marks=pytest.mark.slow)])
def test_the_page_of_the_examples_runs(tmp_path: Path, command: str) -> None:
    """As it is written, which draws what the README's first command draws, and with less to draw."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    page = PAGE.replace("\npython ten_lines.py\n", f"\n{command}\n")
    assert command in page
    assert run_page(page, tmp_path, os.environ | VARIABLES | {"PATH": path}) == len(EXAMPLES) + 1
    assert len(read_video(tmp_path / "street.mp4").frames) == 16


def test_ten_lines_are_ten() -> None:
    source = next(path for path in EXAMPLES if path.stem == "ten_lines").read_text(encoding="utf-8")
    code = [line for line in source.splitlines() if line and not line.startswith('"""')]
    assert len(code) <= 10


def test_look_at_cues(tmp_path: Path, recording: str) -> None:
    lines = run("look_at_cues", tmp_path, recording).splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("at 0.5 s: +"), "the noise is louder at the right"


def test_edit_a_plan(tmp_path: Path, recording: str) -> None:
    assert "-> A bus drives by. ['bus']" in run("edit_a_plan", tmp_path, recording)
    assert set(VideoSceneLayout.loads((tmp_path / "bus.json").read_text()).names.values()) == {"bus"}
    assert (tmp_path / "bus.png").is_file()
