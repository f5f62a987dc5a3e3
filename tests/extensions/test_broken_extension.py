"""A broken extension and every command: each does what it does without it, and says so exactly once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spa2v.core import host
from spa2v.core.media.audio import write_audio
from spa2v.core.media.video import write_video
from tests.cli.test_cli import run
from tests.cli.test_study import answer
from tests.conftest import TOY, TOY_CONFIG, TOY_REGISTRY
from tests.kit.doc_commands import leaves
from tests.kit.evaluation_data import KINDS, layout, make_bench, predict, sound, video

CONFIG = ("-c", "config.yaml")
WARNING = "warning: the extension broken 1.0 is left out: RuntimeError: no luck"
TRAINED = ("detector", "vae", "base", "motion", "migc", "gligen", "few_steps", "all")
USES: dict[str, tuple[str, ...]] = {
    "generate": ("street.wav", "-o", "v.gif", *CONFIG, "--run-dir", "made"),
    "plan": ("street.wav", "-o", "l.json", *CONFIG),
    "render": ("layout.json", "-o", "v.gif", *CONFIG),
    "cues": ("street.wav", "--json", *CONFIG),
    "components": ("--json",),
    "check": CONFIG,
    "batch": ("clips.txt", "-o", "batch", *CONFIG),
    "evaluate": ("--data", "bench", *CONFIG, "-o", "evaluation", "--workers", "2", "--limit", "2"),
    "ablate": ("rows.yaml", "--data", "bench", "-o", "cells", "--workers", "1"),
    "bench index": ("bench", "--split", "test"),
    "layout check": ("layout.json",),
    "layout convert": ("layout.json", "tracks.xml", "--to", "cvat"),
    "layout diff": ("layout.json", "layout.json"),
    "layout formats": (),
    "layout show": ("layout.json",),
    "weights list": ("-c", "storyboard"),
    "weights check": ("-c", "storyboard"),
    "weights fetch": ("-c", "storyboard"),
}
"""Commands that look components up, and a use of each; they warn."""
QUIET: dict[str, tuple[str, ...]] = {
    "report": ("run",),
    "new": ("planner", "mine"),
    "world sample": ("-o", "scene.mp4", "--width", "64", "--height", "40"),
    "world dataset": ("-o", "toy", "-n", "2", "--width", "64", "--height", "40", "--workers", "1"),
    "train export": ("--out", "trained", "--to", "shipped"),
    "bench validate": ("bench",),
    "study make": ("-o", "again", "-m", "ours=ours", "-m", "theirs=theirs"),
    "study results": ("study", "ranks.json"),
}
"""Commands that need no component, or tell of extensions themselves."""
REFUSED = {f"train {stage}": ("--out", "trained", "--threads", "0") for stage in TRAINED} | {
    "bench build": ("clips", "-o", "built", "--labels", "car", "--detector", "none"),
    "edit": ("gone.wav",),
    "check-video": ("gone.mp4",),
    "train tagger": ("gone.tsv", "--out", "trained"),
    "train tagger-index": ("gone", "--out", "index.tsv"),
}
"""Commands whose work is long: they get as far as refusing their input."""
TOLD = ("doctor",)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands work on, small."""
    folder = tmp_path_factory.mktemp("inputs")
    for name, text in (("toy.py", TOY), ("toy.yaml", TOY_REGISTRY), ("config.yaml", TOY_CONFIG)):
        (folder / name).write_text(text)
    write_audio(folder / "street.wav", sound("left", 0))
    (folder / "clips").mkdir()
    write_audio(folder / "clips/a.wav", sound("right", 1))
    (folder / "clips.txt").write_text("clips/a.wav\n")
    (folder / "layout.json").write_text(layout("left").dumps())
    predict(make_bench(folder / "bench", clips=4, with_video=True), folder / "predicted")
    for name in ("ours", "theirs"):
        (folder / name).mkdir()
        write_video(folder / name / "a.mp4", video(KINDS[0]), sound(KINDS[0], 0))
    rows = "table: stage1\nstages: [1]\nbase: {config: [config.yaml]}\nrows:\n  - {name: one}\n  - {name: two}\n"
    (folder / "rows.yaml").write_text(rows)
    return folder


@pytest.fixture
def outcomes(
    inputs: Path,
    tmp_path: Path,
    install: Callable[..., str],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., list[tuple[int, str, str, set[str]]]]:
    """Runs a command without and with a broken extension: exit code, stdout, stderr and the files of each."""

    def both(*words: str) -> list[tuple[int, str, str, set[str]]]:
        found = []
        for allowed in ("", "broken"):
            folder = tmp_path / (allowed or "without") / "work"
            shutil.copytree(inputs, folder)
            monkeypatch.chdir(folder)
            monkeypatch.setenv("SPA2V_EXTENSIONS", allowed)
            prepare(words)
            host._warn.cache_clear()  # as in a new process
            capfd.readouterr()
            code, out, err = run(capfd, monkeypatch, *words)
            files = {str(path.relative_to(folder)) for path in folder.rglob("*") if "__pycache__" not in path.parts}
            found.append((code, out, err, files))
        return found

    def prepare(words: tuple[str, ...]) -> None:
        """What a command needs that another one makes."""
        if words[0] == "report":
            run(capfd, monkeypatch, "generate", *USES["generate"], "--run-dir", "run")
        if words[:2] == ("study", "results"):
            run(capfd, monkeypatch, "study", "make", "-o", "study", *QUIET["study make"][2:])
            key = json.loads(Path("study/key.json").read_text())
            Path("ranks.json").write_text(json.dumps(answer(key, ("ours", "theirs"), "ann")))

    install("broken", "raise RuntimeError('no luck')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site_broken"), os.environ.get("PYTHONPATH", "")]))
    return both


def test_every_command_is_tried() -> None:
    tried = [*USES, *QUIET, *REFUSED, *TOLD]
    assert sorted(tried) == sorted(name for name, _ in leaves())


@pytest.mark.parametrize("command", [*USES, *QUIET, *REFUSED])
def test_a_broken_extension_changes_nothing(command: str, outcomes: Callable[..., Any]) -> None:
    words = (*command.split(), *(USES | QUIET | REFUSED)[command])
    before, after = outcomes(*words)
    assert before[0] == (1 if command in REFUSED else 0), before[2]
    assert after[0] == before[0], after[2]
    assert after[1].replace("/broken/", "/without/") == before[1]
    assert after[3] == before[3]
    assert before[2].count("warning: ") == 0
    warned = 1 if command in (*USES, "edit") else 0  # the editor reads its config first
    assert after[2].count(WARNING) == after[2].count("warning: ") == warned, after[2]
    assert "Traceback" not in after[2]


def test_the_doctor_tells_it_once(outcomes: Callable[..., Any]) -> None:
    before, after = outcomes("doctor", "--json")
    assert (after[0], after[2]) == (before[0], before[2])
    (extension,) = json.loads(after[1])["extensions"]
    assert extension == {"name": "broken", "package": "broken", "version": "1.0", "problem": "RuntimeError: no luck"}
    assert json.loads(before[1])["extensions"] == []
