"""The input is never the output, and by default no file is replaced that spa2v did not make."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from spa2v import AudioClip, GeneratedVideo, MediaError
from spa2v.cli import build
from spa2v.core.media.outputs import default_output, made_here, refuse_inputs
from spa2v.core.media.video import write_video

OTHER_NAMES: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda path, other: other.symlink_to(path),
    "link of a link": lambda path, other: (other.with_name("x").symlink_to(path), other.symlink_to("x")),
    "hard link": lambda path, other: os.link(path, other),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a film that another program made, its sound, and a plan of it."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).standard_normal((8_000, 2)) * 0.1
    soundfile.write("sound.wav", noise, 8_000)
    frames = np.random.default_rng(0).integers(0, 255, (4, 32, 64, 3), np.uint8)
    write_video("ours.mp4", GeneratedVideo(frames, 4.0), AudioClip(noise.T, 8_000))
    Path("film.mp4").write_bytes(Path("ours.mp4").read_bytes().replace(b"made with spa2v", b"made by others!"))
    run("plan", "sound.wav", "-o", "plan.json")
    return tmp_path


def run(*words: str, code: int = 0) -> str:
    found = CliRunner().invoke(build(), [*words])
    assert (found.exit_code, found.exception is None or code != 0) == (code, True), found.output
    return found.stderr


def refused(*words: str) -> str:
    """The message of a command that must fail and leave every file as it was."""
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    found = CliRunner().invoke(build(), [*words])
    assert isinstance(found.exception, MediaError), found.output
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
    return str(found.exception)


BOARD = ("--config", "storyboard", "-q")


def test_no_command_writes_over_its_recording(folder: Path) -> None:
    where = "cannot write {!r}: it is one of the inputs\n  give the output another name"
    assert refused("generate", "film.mp4", *BOARD) == where.format("film.mp4")
    assert refused("plan", "sound.wav", "-o", "sound.wav") == where.format("sound.wav")
    assert refused("render", "plan.json", "--audio", "film.mp4", "-o", "film.mp4", *BOARD) == where.format("film.mp4")
    assert "as 'sound.wav'" in refused("plan", "sound.wav", "-o", f"../{folder.name}/sound.wav")


@pytest.mark.parametrize("kind", OTHER_NAMES)
def test_another_name_of_the_recording_is_the_recording(folder: Path, kind: str) -> None:
    OTHER_NAMES[kind](folder / "film.mp4", folder / "other.mp4")
    assert "it is one of the inputs" in refused("render", "plan.json", "--audio", "film.mp4", "-o", "other.mp4", *BOARD)
    assert "it is one of the inputs" in refused("generate", "other.mp4", *BOARD)


def test_what_the_config_reads_is_an_input(folder: Path) -> None:
    shutil.copy("plan.json", "given.json")
    Path("mine.yaml").write_text("layout_planner: {name: layout_file, options: {path: given.json}}\n")
    Path("more.yaml").write_text("components: []\n")
    assert "'given.json'" in refused("plan", "sound.wav", "-c", "mine.yaml", "-o", "given.json")
    assert "'mine.yaml'" in refused("plan", "sound.wav", "-c", "mine.yaml", "-o", "mine.yaml")
    with pytest.raises(MediaError):
        refuse_inputs(["more.yaml"], ["sound.wav", "more.yaml"])


def test_a_run_folder_does_not_replace_what_the_run_reads(folder: Path) -> None:
    run("plan", "sound.wav", "--run-dir", "run")
    assert "config.yaml" in refused("plan", "sound.wav", "-c", "run/config.yaml", "--run-dir", "run")
    run("render", "run/layout.json", "--run-dir", "run", *BOARD)
    assert json.loads(Path("run/manifest.json").read_text())["status"] == "done"


def test_a_batch_does_not_replace_its_recordings(folder: Path) -> None:
    inside = folder / "out" / "clips" / "video"
    inside.mkdir(parents=True)
    shutil.copy("film.mp4", inside / "video.mp4")
    Path("list.txt").write_text("out/clips/video/video.mp4\n")
    assert "video.mp4" in refused("batch", "list.txt", "-o", "out", "--config", "storyboard", "-q")


def test_a_report_is_a_page(folder: Path) -> None:
    run("plan", "sound.wav", "--run-dir", "run")
    assert "the suffix must be one of: .html, .htm" in refused("report", "run", "-o", "run/manifest.json")
    Path("run/report.html").write_text("my notes")
    assert "writing 'run/report-1.html'" in run("report", "run")
    run("report", "run")
    assert sorted(path.name for path in Path("run").glob("*.html")) == ["report-1.html", "report.html"]
    assert Path("run/report.html").read_text() == "my notes"


def test_the_usual_name_is_not_taken_from_a_foreign_file(folder: Path) -> None:
    shutil.copy("sound.wav", "film.wav")
    foreign = Path("film.mp4").read_bytes()
    words = "'film.mp4' is not a file that spa2v made, so it stays; writing 'film-1.mp4'"
    assert words in run("generate", "film.wav", *BOARD)
    assert words in run("generate", "film.wav", *BOARD)
    assert not Path("film-2.mp4").exists()
    assert Path("film.mp4").read_bytes() == foreign
    assert made_here(Path("film-1.mp4"))


def test_an_own_video_is_replaced(folder: Path) -> None:
    assert default_output(Path("ours.mp4"), []) == (Path("ours.mp4"), "")
    assert not made_here(Path("sound.wav"))
    assert not made_here(Path("absent.mp4"))


def test_a_sample_replaces_no_file_beside_it(folder: Path) -> None:
    Path("toy.json").write_text("{}")
    assert "'toy.json' is there already" in refused("world", "sample", "-o", "toy.mp4")
    Path("toy.json").unlink()
    run("world", "sample", "-o", "toy.mp4", "--width", "64", "--height", "32", "--frames", "2", "--duration", "0.5")
    run("world", "sample", "-o", "toy.mp4", "--width", "64", "--height", "32", "--frames", "2", "--duration", "0.5")


def test_a_list_with_a_byte_order_mark(folder: Path) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        Path("list.txt").write_text("sound.wav\n", encoding=encoding)
        run("batch", "list.txt", "-o", encoding, "--stage", "plan", "--config", "storyboard", "-q")
        assert Path(encoding, "clips", "sound", "layout.json").is_file()


def test_damage_is_said_kept_and_may_be_an_error(folder: Path) -> None:
    content = Path("sound.wav").read_bytes()
    Path("cut.wav").write_bytes(content[:20_000])
    words = "'cut.wav' is damaged: its last 0.376 s are missing; the rest is used."
    assert words in run("plan", "cut.wav", "--run-dir", "run")
    manifest = json.loads(Path("run/manifest.json").read_text())
    assert manifest["audio"]["notices"] == manifest["record"]["notices"] == [words]
    for command in (("cues", "cut.wav"), ("plan", "cut.wav"), ("generate", "cut.wav", "--config", "storyboard")):
        found = CliRunner().invoke(build(), [*command, "--strict-media"])
        assert str(found.exception).startswith("'cut.wav' is damaged: its last 0.376 s are missing\n")
    assert CliRunner().invoke(build(), ["plan", "cut.wav", "audio.strict=true"]).exit_code == 1
