"""The built wheel in a clean environment: the catalog and presets travel with it, and it works from anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.paths import ROOT


def call(*words: object, cwd: Path, **more: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=kept | more, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of a fresh environment that holds the wheel and what it requires, nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    call(sys.executable, "-m", "venv", folder / "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    call(python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel, cwd=folder)
    return python.parent


def test_components_from_another_directory(installed: Path, tmp_path: Path) -> None:
    found = json.loads(call(installed / "spa2v", "components", "--json", cwd=tmp_path))
    assert "stereo_rules" in {item["name"] for item in found}
    assert {item["origin"] for item in found} == {"built in"}
    assert call(installed / "python", "-c", "import spa2v; print(spa2v.__file__)", cwd=tmp_path).startswith(
        str(installed.parent)
    )


def test_generate_from_another_directory(installed: Path, tmp_path: Path) -> None:
    recording = call(installed / "python", "-m", "spa2v.demo", cwd=tmp_path).strip()
    call(installed / "spa2v", "generate", recording, "-c", "storyboard", "-o", "out.mp4", cwd=tmp_path)
    assert (tmp_path / "out.mp4").stat().st_size > 10_000
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_doctor_where_torch_is_not_installed(installed: Path, tmp_path: Path) -> None:
    report = json.loads(call(installed / "spa2v", "doctor", "--json", "-c", "storyboard", cwd=tmp_path))
    assert (report["ready"], report["device"]["torch"]) == (True, None)
    needed = [item for item in report["packages"] if not item["extras"]]
    assert [item["name"] for item in needed if item["installed"] != item["tested"]] == []
    spa2v = next(item for item in report["presets"] if item["name"] == "spa2v")
    assert {need["kind"] for need in spa2v["needs"]} == {"package"}
    assert "torch: not installed: pip install 'spa2v[diffusion]'" in call(
        installed / "spa2v", "doctor", "-c", "storyboard", cwd=tmp_path
    )
