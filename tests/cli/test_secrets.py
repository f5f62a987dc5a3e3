"""A planted key, then a search through everything that real runs leave behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spa2v import ConfigError, Pipeline
from spa2v.core.media.audio import write_audio
from tests.kit.loopback import kit
from tests.kit.loopback.server import Act, serving
from tests.kit.loopback.wire import gemini_error, openai_error

EXTRA = "hf_planted-hub-token-0003"


def leaks(folder: Path, *texts: str) -> list[str]:
    """The files below a folder, and the texts, in which a planted key stands, plain or with JSON escapes."""
    keys = [*kit.PLANTED.values(), EXTRA]
    found = [f"text {index}" for index, text in enumerate(texts) if any(key in text for key in keys)]
    for path in folder.rglob("*"):
        where = str(path).encode() + (path.read_bytes() if path.is_file() else b"")
        if any(key.encode() in where for key in keys):
            found.append(str(path))
    return found


def spa2v(folder: Path, url: str, *words: object) -> tuple[int, str, str]:
    """The real command, with the planted keys and the services' addresses in its environment."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "SPA2V_EXTENSIONS": "", "SPA2V_CACHE": str(folder / "cache")}
    environment |= {"GEMINI_API_KEY": kit.PLANTED["gemini"], "OPENAI_API_KEY": kit.PLANTED["openai"], "HF_TOKEN": EXTRA}
    environment |= {"GOOGLE_GEMINI_BASE_URL": url, "OPENAI_BASE_URL": url + "/v1", "TMPDIR": str(folder / "tmp")}
    environment.pop("GOOGLE_API_KEY", None)
    (folder / "tmp").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "spa2v", *map(str, words)]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def echo(service: str) -> Act:
    """A refusal that repeats the key, as some services do."""
    text = f"the key {kit.PLANTED[service]} is not allowed to do this"
    return gemini_error(400, "INVALID", text) if service == "gemini" else openai_error(400, "invalid", text)


@pytest.mark.parametrize(
    ("service", "component", "preset"),
    [pytest.param("gemini", "gemini", "default", marks=pytest.mark.slow), ("openai", "gpt4o", "storyboard")],
)
def test_no_artefact_of_a_run_holds_a_key(tmp_path: Path, service: str, component: str, preset: str) -> None:
    write_audio(tmp_path / "a.wav", kit.recording(1))
    write_audio(tmp_path / "b.wav", kit.recording(2))
    write_audio(tmp_path / "c.wav", kit.recording(3))
    (tmp_path / "list.txt").write_text("a.wav\nb.wav\nc.wav\n")
    chosen = ["--config", preset, f"layout_planner={component}"]
    options = [*chosen, "layout_planner.options.shots=0", "layout_planner.options.cache=write"]
    options += ["layout_planner.options.save_prompt=true", "layout_planner.options.repairs=0"]
    options += ["layout_planner.options.first_wait_s=0.01", "motion_backbone.options.frames=2"]
    bad = kit.answer(service, "no layout at all, but " + kit.PLANTED[service])
    script = [kit.answer(service), echo(service), bad, kit.answer(service)]
    with serving(*script) as server:
        outputs = spa2v(tmp_path, server.url, "batch", "list.txt", "--out", "out", *options)
        words = ("generate", "a.wav", *options, "--run-dir", "run", "-o", "v.mp4")
        outputs += spa2v(tmp_path, server.url, *words)
        outputs += spa2v(tmp_path, server.url, "doctor", "--json", *chosen)
        sent = json.dumps([dict(request.headers) for request in server.requests])
    assert kit.PLANTED[service] in sent, "the key was really used"
    assert outputs[0] == 3, outputs[2]
    assert "1 done, 0 skipped, 2 failed" in outputs[2]
    assert (tmp_path / "run/manifest.json").is_file()
    assert list((tmp_path / "cache").rglob("*.json"))
    assert list((tmp_path / "out").rglob("answer.txt"))
    assert leaks(tmp_path, *(str(part) for part in outputs)) == []


WAYS = (
    "${oc.env:OPENAI_API_KEY}",
    '${oc.env:"OPENAI_API_KEY"}',
    "${oc.env:${audio.name}}",
    "${oc.env:OPENAI_API_${audio.end}}",
    "${oc.decode:${oc.env:${audio.name}}}",
    "https://example.org/?k=${oc.env:${audio.name}}",
    "${oc.env:NOT_THERE,${oc.env:${audio.name}}}",
)


@pytest.mark.parametrize("way", WAYS)
def test_no_config_carries_a_key_out_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", kit.PLANTED["openai"])
    path = tmp_path / "preset.yaml"
    backbone = f"motion_backbone: {{name: storyboard, options: {{width: '{way}'}}}}\n"
    path.write_text(backbone + "audio: {name: OPENAI_API_KEY, end: KEY}\n")
    with pytest.raises(ConfigError) as caught:
        Pipeline.from_preset(path)
    assert str(caught.value) == (
        "a config may not read a key from the environment\n  components read their keys themselves"
    )


def test_other_variables_may_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_ROOT", "/some/where")
    monkeypatch.setenv("OPENAI_API_KEY", kit.PLANTED["openai"])
    path = tmp_path / "preset.yaml"
    path.write_text("motion_backbone: {name: storyboard, options: {width: '${oc.env:DATA_ROOT}'}}\n")
    assert Pipeline.from_preset(path).config.motion_backbone.options["width"] == "/some/where"
