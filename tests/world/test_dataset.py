"""Datasets: the benchmark format, twins and splits, the same bytes from any number of workers, resumption."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner

from spa2v.cli.world import app
from spa2v.core.errors import ConfigError
from spa2v.core.media.audio import read_audio
from spa2v.core.media.video import read_video
from spa2v.core.types import VideoSceneLayout
from spa2v.core.types import benchmark as benchmark_module
from spa2v.core.types.benchmark import read_manifest
from spa2v.world.dataset import Settings, few_tests, write_dataset
from spa2v.world.settings import split_of

SMALL = Settings(seed=5, width=48, height=32, frames=4, sample_rate=8000, test_share=0.4)
CLIPS = 9


def tree(folder: Path) -> dict[str, str]:
    """Checksum of every file, by its path."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    write_dataset(folder, CLIPS, SMALL)
    return folder


def test_every_line_of_the_manifest_keeps_the_schema(made: Path) -> None:
    schema = json.loads((Path(benchmark_module.__file__).parent / "benchmark.schema.json").read_text())
    lines = (made / "manifest.jsonl").read_text().splitlines()
    assert len(lines) == CLIPS
    for line in lines:
        jsonschema.Draft202012Validator(schema).validate(json.loads(line))


def test_the_files_of_a_clip_belong_together(made: Path) -> None:
    for clip in read_manifest(made):
        audio, layout = read_audio(made / clip.audio), VideoSceneLayout.loads((made / clip.layout).read_text())
        assert clip.video is not None
        video = read_video(made / clip.video)
        assert audio.sample_rate == 8000
        assert audio.channels == 2
        assert video.frames.shape == (4, 32, 48, 3)
        assert video.duration_s == pytest.approx(audio.duration_s, abs=0.01)
        assert layout.duration_s == clip.duration_s == pytest.approx(audio.duration_s, abs=1e-3)
        assert layout.attributes == {item.id: item.attribute for item in clip.objects}
        assert layout.caption == clip.caption
        assert layout.reasoning
        assert clip.quantity == ("single" if len(clip.objects) == 1 else "multiple")


def test_twins_share_their_source_and_its_split(made: Path) -> None:
    clips = read_manifest(made)
    sources = Counter(clip.source_id for clip in clips)
    assert sorted(sources.values()) == [1, 2, 2, 2, 2]  # the ninth clip has no twin yet
    for source in sources:
        twins = [clip for clip in clips if clip.source_id == source]
        assert len({clip.split for clip in twins}) == 1
        assert {clip.augmentation for clip in twins} <= {(), ("mirror",), ("reverse",)}
    assert {clip.split for clip in clips} == {"database", "test"}


def test_a_mirrored_twin_has_swapped_channels(made: Path) -> None:
    clips = read_manifest(made)
    pairs = [(a, b) for a, b in pairwise(clips) if b.augmentation == ("mirror",)]
    assert pairs
    for first, second in pairs:
        left, right = read_audio(made / first.audio).samples
        assert np.array_equal(read_audio(made / second.audio).samples, np.stack([right, left]))


def test_splits_never_separate_twins_and_keep_their_share() -> None:
    splits = [split_of(f"toyworld-0-{group:06d}", 0.1) for group in range(4000)]
    assert splits == [split_of(f"toyworld-0-{group:06d}", 0.1) for group in range(4000)]
    assert splits.count("test") / 4000 == pytest.approx(0.1, abs=0.02)
    assert split_of("anything", 0.0) == "database"
    assert split_of("anything", 1.0) == "test"


def test_two_workers_write_the_same_bytes(made: Path, tmp_path: Path) -> None:
    write_dataset(tmp_path, CLIPS, SMALL, workers=2)
    assert tree(tmp_path) == tree(made)


def test_a_dataset_can_be_made_longer(made: Path, tmp_path: Path) -> None:
    write_dataset(tmp_path, 3, SMALL)
    assert len(read_manifest(tmp_path)) == 3
    write_dataset(tmp_path, CLIPS, SMALL)
    assert tree(tmp_path) == tree(made)


def test_a_damaged_clip_is_made_anew_and_whole_ones_are_kept(made: Path, tmp_path: Path) -> None:
    write_dataset(tmp_path, CLIPS, SMALL)
    audio = tmp_path / "clips/000002/audio.flac"
    audio.write_bytes(audio.read_bytes()[:-10])
    (tmp_path / "clips/000004/layout.json").unlink()
    (tmp_path / "clips/.000005.abc.part").mkdir()
    kept = (tmp_path / "clips/000001/clip.json").stat().st_mtime_ns
    write_dataset(tmp_path, CLIPS, SMALL)
    assert tree(tmp_path) == tree(made)
    assert (tmp_path / "clips/000001/clip.json").stat().st_mtime_ns == kept


SCRIPT = """
import sys
from pathlib import Path
from spa2v.world.dataset import Settings, few_tests, write_dataset
if __name__ == "__main__":
    settings = Settings(seed=5, width=48, height=32, frames=4, sample_rate=8000, test_share=0.4)
    write_dataset(Path(sys.argv[1]), 400, settings, workers=2)
"""


def test_killed_in_the_middle_it_goes_on_without_a_hole(made: Path, tmp_path: Path) -> None:
    script, folder = tmp_path / "run.py", tmp_path / "out"
    script.write_text(SCRIPT)
    process = subprocess.Popen([sys.executable, str(script), str(folder)], start_new_session=True)
    deadline = time.monotonic() + 60
    while len(list(folder.glob("clips/[0-9]*"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len(list(folder.glob("clips/[0-9]*"))) >= 3
    assert not (folder / "manifest.jsonl").exists()
    write_dataset(folder, CLIPS, SMALL)
    again = tree(folder)
    wanted = tree(made)
    assert {path: again[path] for path in wanted} == wanted
    assert [clip.id for clip in read_manifest(folder)] == [f"{index:06d}" for index in range(CLIPS)]


def test_other_settings_are_refused(made: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        write_dataset(made, 2, Settings(seed=6, width=48, height=32, frames=4, sample_rate=8000, test_share=0.4))
    assert "holds a dataset with other settings\n  seed: 5 there, 6 now\n  give another --out folder" in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [({"seed": -1}, "seed: -1"), ({"test_share": 1.5}, "test_share: 1.5"), ({"frames": 0}, "frames: 0")],
)
def test_settings_out_of_range_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings(**values)  # type: ignore[arg-type]


def test_no_clips_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="clips: 0, workers: 1"):
        write_dataset(tmp_path, 0, SMALL)


def test_the_command_line_renders_a_scene(tmp_path: Path) -> None:
    target = tmp_path / "scene.mp4"
    arguments = [
        "sample",
        "-o",
        str(target),
        "--class",
        "drum",
        "--quantity",
        "single",
        "--width",
        "64",
        "--height",
        "40",
    ]
    result = CliRunner().invoke(app, [*arguments, "--duration", "0.5", "--sample-rate", "16000"])
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {"scene.mp4", "scene.flac", "scene.json", "scene.png"}
    layout = VideoSceneLayout.loads((tmp_path / "scene.json").read_text())
    assert list(layout.names.values()) == ["drum"]
    assert read_audio(target).duration_s == pytest.approx(0.5, abs=0.05)


def test_the_command_line_makes_a_dataset(tmp_path: Path) -> None:
    arguments = [
        "dataset",
        "--clips",
        "2",
        "--out",
        str(tmp_path / "d"),
        "--workers",
        "1",
        "--width",
        "48",
        "--height",
        "32",
    ]
    result = CliRunner().invoke(app, [*arguments, "--frames", "2", "--sample-rate", "8000", "--quiet"])
    assert result.exit_code == 0, result.output
    assert len(read_manifest(tmp_path / "d")) == 2
    assert result.stderr.startswith("the split 'test' has ")
    assert max(map(len, result.stderr.splitlines())) <= 80


def test_a_test_split_that_is_too_small_is_named(made: Path) -> None:
    found = read_manifest(made)
    clips = [
        replace(clip, split="test", scenario=("stationary", "translational")[i % 2]) for i, clip in enumerate(found)
    ]
    few = few_tests([clip for clip in clips if clip.scenario == "stationary"], SMALL)
    assert few.splitlines()[0].endswith(", none translational")
    assert few_tests([], SMALL).startswith("the split 'test' has 0 clips of 0 sources\n")
    assert few_tests([], replace(SMALL, test_share=0.0)) == "", "none was asked for"
    many = [replace(clip, source_id=f"s{i}") for i, clip in enumerate(clips)]
    assert few_tests(many, SMALL) == ""
