"""`spa2v generate --from-run`: the same bytes, and every change named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spa2v import AudioError, ConfigError, Pipeline
from spa2v.jobs.replay import Replay
from tests.kit.batches import Bench, recording


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path, 2)
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    return made


def spa2v(*words: object) -> None:
    from spa2v.cli import build

    build()([str(word) for word in words], standalone_mode=False)


def generated(bench: Bench) -> Path:
    """A run folder; the video beside it."""
    run = bench.folder / "run"
    spa2v("generate", bench.folder / "a.wav", "run.seed=7", "-c", bench.config, "--run-dir", run, "-q")
    return run


def test_a_replay_makes_the_same_bytes(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    run = generated(bench)
    spa2v("generate", "--from-run", run, "-o", bench.folder / "again.mp4", "--run-dir", bench.folder / "run2", "-q")
    assert (bench.folder / "again.mp4").read_bytes() == (run / "video.mp4").read_bytes()
    err = capsys.readouterr().err
    assert "layout: the same bytes as in the run\nvideo: the same bytes as in the run\n" in err
    first, second = (json.loads((folder / "manifest.json").read_text()) for folder in (run, bench.folder / "run2"))
    assert (second["seed"], second["config"], second["sha256"]) == (7, first["config"], first["sha256"])
    assert "changed since the run" not in err


def test_a_clip_of_a_batch_is_a_run(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.batch().run()
    spa2v("generate", "--from-run", bench.clip("b"), "-o", bench.folder / "again.mp4", "-q")
    assert (bench.folder / "again.mp4").read_bytes() == (bench.clip("b") / "video.mp4").read_bytes()


def test_a_run_that_drew_a_given_layout_is_replayed_from_it(bench: Bench) -> None:
    spa2v("plan", bench.folder / "a.wav", "-c", bench.config, "-o", bench.folder / "l.json", "-q")
    text = (bench.folder / "l.json").read_text().replace("a.wav", "edited by hand")
    (bench.folder / "l.json").write_text(text)
    words = ("--audio", bench.folder / "a.wav", "-c", bench.config, "--run-dir", bench.folder / "run", "-q")
    spa2v("render", bench.folder / "l.json", *words)
    spa2v("generate", "--from-run", bench.folder / "run", "-o", bench.folder / "again.mp4", "-q")
    assert (bench.folder / "again.mp4").read_bytes() == (bench.folder / "run/video.mp4").read_bytes()
    assert bench.noted("draw") == ["draw edited by hand", "draw edited by hand"]
    kept = bench.folder / "run" / "layout.json"
    assert json.loads(kept.read_text()) == json.loads(text)
    kept.write_text(given := json.dumps(json.loads(text)))
    spa2v("render", kept, *words)
    assert kept.read_text() == given, "the given file is left as it is"


def test_what_changed_is_named(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    run = generated(bench)
    data = json.loads((run / "manifest.json").read_text())
    data["versions"] |= {"numpy": "1.0", "gone": "2"}
    data["extensions"] = [{"name": "x", "package": "spa2v-x", "version": "3", "problem": ""}]
    data["sha256"]["video"] = "0" * 64
    (run / "manifest.json").write_text(json.dumps(data))
    spa2v("generate", "--from-run", run, "-o", bench.folder / "again.mp4", "-q")
    err = capsys.readouterr().err
    import numpy

    assert f"changed since the run: numpy: 1.0 in the run, {numpy.__version__} now\n" in err
    assert "changed since the run: gone: 2 in the run, absent now\n" in err
    assert "changed since the run: extension spa2v-x: 3 in the run, absent now\n" in err
    assert "video: not as in the run\n" in err


def test_another_recording_is_refused(bench: Bench) -> None:
    run = generated(bench)
    recording(bench.folder / "a.wav", seed=5)
    with pytest.raises(AudioError) as caught:
        spa2v("generate", "--from-run", run, "-o", bench.folder / "again.mp4", "-q")
    assert str(caught.value).startswith(f"'a.wav' does not hold the sound of the run in '{run}'\n  its samples differ")
    assert not (bench.folder / "again.mp4").exists()


def test_a_recording_that_moved_is_named(bench: Bench) -> None:
    run = generated(bench)
    (bench.folder / "a.wav").rename(bench.folder / "moved.wav")
    with pytest.raises(AudioError, match="there is no file"):
        spa2v("generate", "--from-run", run, "-o", bench.folder / "again.mp4", "-q")
    spa2v("generate", bench.folder / "moved.wav", "--from-run", run, "-o", bench.folder / "again.mp4", "-q")
    assert (bench.folder / "again.mp4").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read the manifest '{}': No such file or directory"),
        ("[1, 2", "cannot read the manifest '{}': Expecting"),
        ("[" * 100_000, "cannot read the manifest '{}': "),
        ("[1, 2]", "'{}' is no manifest of a run"),
        ('{"versions": {}}', "'{}' is no manifest of a run\n  'config' is missing"),
    ],
)
def test_folders_that_hold_no_run(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "manifest.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        Replay.read(tmp_path if text else path)
    assert str(caught.value).startswith(message.format(path))


def test_a_manifest_without_a_recording(bench: Bench) -> None:
    run = generated(bench)
    data = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(data | {"inputs": 3}))
    with pytest.raises(ConfigError, match="does not say where its recording was\n  name it: AUDIO --from-run RUN"):
        Replay.read(run).audio()


def test_the_settings_are_those_of_the_run(bench: Bench) -> None:
    import typer

    run = generated(bench)
    for words in (("x.wav", "run.seed=3"), ("-c", "storyboard"), ("--start", "1")):
        with pytest.raises(typer.BadParameter, match="takes its settings from the run; give no others"):
            spa2v("generate", *words, "--from-run", run)
    with pytest.raises(typer.BadParameter):
        spa2v("generate")


def test_the_config_of_a_run_stands_alone(bench: Bench) -> None:
    """Nothing of today's default preset may slip beneath it."""
    assert Replay.read(generated(bench)).config == Pipeline.from_preset(bench.config, overrides=["run.seed=7"]).config
