"""Both presets from the command line, against servers in the wire formats, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile

from spa2v import VideoSceneLayout
from spa2v.cli import main
from tests.kit.loopback import kit, nearest_example
from tests.kit.loopback.example_set import make_example_set
from tests.kit.loopback.server import Loopback, serving
from tests.kit.loopback.wire import gemini_error, openai_error

PRESETS = {"gemini": "gemini", "gpt4o": "openai"}


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    audio = kit.recording(seconds=2.0)
    soundfile.write(tmp_path / "clip.wav", audio.samples.T, audio.sample_rate)
    return tmp_path / "clip.wav"


def apart(server: Loopback, *arguments: str | Path) -> Done:
    """The command line in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    environment |= {"GEMINI_API_KEY": kit.PLANTED["gemini"], "OPENAI_API_KEY": kit.PLANTED["openai"]}
    environment |= {"GOOGLE_GEMINI_BASE_URL": server.url, "OPENAI_BASE_URL": server.url + "/v1"}
    command = [sys.executable, "-m", "spa2v.cli", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


Here = Callable[..., Done]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Here:
    """The command line in this process: the same entry point, without the start of another interpreter."""

    def run(server: Loopback, *arguments: str | Path) -> Done:
        kit.use_keys(monkeypatch)
        kit.aim(monkeypatch, server)
        monkeypatch.setattr(sys, "argv", ["spa2v", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return Done(int(left.value.code or 0), *capfd.readouterr())

    return run


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_plans_on_a_fresh_machine(preset: str, clip: Path, tmp_path: Path, here: Here) -> None:
    call = apart if preset == "gemini" else here
    with serving(kit.answer(PRESETS[preset])) as server:
        done = call(server, "plan", clip, "--config", preset, "--run-dir", tmp_path / "run", "--quiet")
    assert done.returncode == 0, done.stderr
    layout = VideoSceneLayout.loads(done.stdout)
    assert layout.duration_s == pytest.approx(2.0)
    assert len(layout.keyframes) == 16
    assert len(server.requests) == 1
    manifest = (tmp_path / "run" / "manifest.json").read_text()
    assert json.loads(manifest)["record"]["planner"]["answers"][0]["repairs"] == []
    for file in (tmp_path / "run").rglob("*"):
        if file.is_file():
            assert kit.PLANTED[PRESETS[preset]] not in file.read_text(errors="replace"), file
    assert kit.PLANTED[PRESETS[preset]] not in done.stdout + done.stderr


@pytest.mark.parametrize("preset", PRESETS)
def test_the_prompt_is_dumped_without_sending(preset: str, clip: Path, here: Here) -> None:
    with serving(kit.answer(PRESETS[preset])) as server:
        done = here(server, "plan", clip, "--config", preset, "--dump-prompt", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("=== system ===\nYou are an intelligent video director.")
    assert "frame | time s | level dBFS | R-L dB (c)" in done.stdout
    assert server.requests == []


def test_a_refusal_of_the_service_is_one_message_and_exit_code_3(clip: Path, here: Here) -> None:
    gone = {
        "gemini": gemini_error(404, "NOT_FOUND", "gone"),
        "gpt4o": openai_error(404, "invalid_request_error", "gone"),
    }
    for preset, act in gone.items():
        with serving(act) as server:
            done = here(server, "plan", clip, "--config", preset, "--quiet")
        assert done.returncode == 3
        assert done.stdout == ""
        assert "is not there (404)" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("preset", PRESETS)
def test_the_stand_in_copies_the_nearest_example(preset: str, clip: Path, tmp_path: Path, here: Here) -> None:
    make_example_set(tmp_path / "set")
    examples = f"layout_planner.options.examples={tmp_path / 'set'}"
    with serving(nearest_example.react) as server:
        found = here(server, "plan", clip, examples, "--config", preset, "--quiet")
        alone = here(server, "plan", clip, "layout_planner.options.shots=0", "--config", preset, "--quiet")
    layout = VideoSceneLayout.loads(found.stdout)
    assert layout.caption == "A car, left_to_right.", "the recording moves from the left to the right"
    centers = [frame.objects[0].box.center[0] for frame in layout.keyframes]
    assert centers[0] == pytest.approx(0.2, abs=0.01)
    assert centers[-1] == pytest.approx(0.8, abs=0.01)
    assert VideoSceneLayout.loads(alone.stdout).caption == "A thing."
