"""Whole data sets, made by the tests, into benchmarks that `spa2v bench validate` accepts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import HEADER, RATE, add, ambisonics, lines, stereo, write_film
from spa2v import BenchmarkClip, Run, read_layout, read_video
from spa2v.core.types.benchmark import read_manifest

from spa2v_dcase.__main__ import main
from spa2v_dcase.clips import Recipe
from spa2v_dcase.convert import REJECTED, convert

NAME = "fold3_room4_mix001_deg010_start0100"
RUN = Run(device="cpu")


def validated(out: Path) -> dict[str, object]:
    """What `spa2v bench validate` says."""
    command = [sys.executable, "-m", "spa2v", "bench", "validate", str(out), "--json", "--workers", "1", "--quiet"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert (done.returncode == 0) is not bool(found["faults"]), done.stderr
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small DCASE2025 Task 3 stereo data set."""
    root = tmp_path_factory.mktemp("stereo")
    sound = stereo(5.0, 25.0)
    speaks = lines(range(5, 40), 0, 1, 25, 180, 1)
    add(root, "dev-train-tau", NAME, [*speaks, *lines(range(10), 3, 0, -3, 200, 0)], sound)
    add(root, "dev-train-tau", NAME.replace("0100", "0300"), [*speaks, *lines(range(50), 1, 2, -30, 250, 1)], sound)
    add(root, "dev-test-sony", "fold4_room23_mix002_deg300_start0007", lines(range(50), 8, 0, -40, 300, 1), sound)
    add(root, "dev-test-sony", "fold4_room23_mix002_deg100_start0007", lines(range(50), 8, 0, -40, 300, 0), sound)
    add(root, "dev-test-sony", "fold4_room23_mix003_deg000_start0000", [], sound)
    add(root, "dev-test-sony", "fold4_room23_mix004_deg000_start0000", ["0,99,0,0,100,1"], sound)
    crowd = [line for thing in range(70) for line in lines([thing % 35], 8, thing, 0, 300, 1)]
    add(root, "dev-test-sony", "fold4_room23_mix006_deg000_start0000", crowd, sound)
    add(root, "dev-test-sony", "fold4_room23_mix005_deg000_start0000", lines(range(9), 8, 0, 0, 100, 1), sound[:, :1])
    return root


def clips_of(out: Path) -> dict[str, BenchmarkClip]:
    return {clip.id: clip for clip in read_manifest(out)}


def test_the_stereo_data(data: Path, tmp_path: Path) -> None:
    count, left_out = convert(data, tmp_path / "out", Recipe(), RUN)
    assert (count, dict(left_out)) == (3, {"offscreen": 1, "silent": 1, "annotation": 2, "sound": 1})
    assert validated(tmp_path / "out")["clips"] == 3
    clip, both = clips_of(tmp_path / "out")[NAME], clips_of(tmp_path / "out")[NAME.replace("0100", "0300")]
    assert (clip.split, clip.source_id, clip.duration_s) == ("database", "fold3_room4_mix001", 5.0)
    assert (clip.quantity, clip.scenario, clip.caption) == ("single", "stationary", "A woman speaks at the left.")
    assert [(item.id, item.attribute) for item in clip.objects] == [("woman_0", "left")]
    assert clip.facts["offscreen"] == [{"name": "telephone", "azimuth_deg": 3.0, "distance_m": 2.0}]
    assert "derived" in clip.facts["boxes"]
    assert (both.quantity, both.source_id) == ("multiple", clip.source_id)
    assert {clip.split for clip in clips_of(tmp_path / "out").values() if clip.id.startswith("fold4")} == {"test"}
    copied, original = tmp_path / "out" / str(clip.video), data / "video_dev/dev-train-tau" / f"{NAME}.mp4"
    assert copied.read_bytes() == original.read_bytes()
    left = [json.loads(line) for line in (tmp_path / "out" / REJECTED).read_text().splitlines()]
    reasons = {item["id"].split("_")[2]: item["reason"] for item in left}
    assert reasons["mix004"].splitlines()[0].endswith("line 2: class is '99'")
    assert reasons["mix005"].startswith("'fold4_room23_mix005_deg000_start0000.wav' has 1 channels")
    assert reasons["mix006"].startswith("keyframe.objects: 70 are too many")


def test_it_goes_on_where_it_stopped_and_says_what_it_assumes(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert(data, out, Recipe(videos=False), RUN)
    manifest = (out / "manifest.jsonl").read_bytes()
    kept, lost = (out / f"clips/{name}/layout.json" for name in (NAME, NAME.replace("0100", "0300")))
    lost.unlink()
    before = kept.stat().st_mtime_ns
    convert(data, out, Recipe(videos=False), RUN)
    assert kept.stat().st_mtime_ns == before
    assert lost.exists()
    assert (out / "manifest.jsonl").read_bytes() == manifest
    about = json.loads((out / "dataset.json").read_text())
    assert "nobody drew them" in about["boxes"]
    assert about["recipe"]["field_of_view_deg"] == 100.0
    assert not list(out.rglob("*.mp4"))


def test_silent_things_can_be_absent(data: Path, tmp_path: Path) -> None:
    convert(data, tmp_path / "out", Recipe(hold=False, videos=False), RUN)
    layout = read_layout(tmp_path / f"out/clips/{NAME}/layout.json")
    assert [bool(frame.objects) for frame in layout.keyframes] == [5 <= frame < 40 for frame in range(50)]


def test_starss(tmp_path: Path) -> None:
    """Twelve seconds of Ambisonics and a 360 degree film: a bell that rings at the left, 10 degrees up."""
    root, out = tmp_path / "data", tmp_path / "out"
    rows = lines(range(120), 11, 0, 35, 10, 300)
    add(root, "dev-train-sony", "fold3_room21_mix001", rows, ambisonics(12.0, 35.0), kind="foa")
    film = root / "video_dev/dev-train-sony/fold3_room21_mix001.mp4"
    write_film(film, 12.0, (240, 480), (0.5 - 35 / 360, 0.5 - 10 / 180), 0.02)
    count, _ = convert(root, out, Recipe(view_deg=-20.0), RUN)
    assert count == 2
    assert validated(out)["clips"] == 2
    clip = clips_of(out)["fold3_room21_mix001_deg340_start0050"]
    assert (clip.source_id, clip.split) == ("fold3_room21_mix001", "database")
    assert (clip.facts["start_s"], clip.facts["view_deg"]) == (5.0, -20.0)
    assert clip.objects[0].cues["azimuth_deg"] == -15.0
    box = read_layout(out / clip.layout).keyframes[0].objects[0].box
    picture = read_video(out / str(clip.video)).frames[10]
    rows_of, columns_of = np.nonzero((picture[..., 0] > 150) & (picture[..., 1] < 120))
    seen = (columns_of.mean() + 0.5) / picture.shape[1], (rows_of.mean() + 0.5) / picture.shape[0]
    assert box.center == pytest.approx(seen, abs=0.02)
    samples, rate = soundfile.read(out / clip.audio)
    assert (len(samples), rate) == (5 * RATE, RATE)
    assert np.std(samples[:, 0]) > 1.2 * np.std(samples[:, 1]), "louder at the left"
    turned = tmp_path / "turned"
    assert convert(root, turned, Recipe(view_deg=100.0), RUN) == (0, {"offscreen": 2})
    assert (turned / "manifest.jsonl").read_text() == ""


def test_files_side_by_side(tmp_path: Path) -> None:
    root = tmp_path / "flat"
    root.mkdir()
    (root / "fold4_a.csv").write_text(f"{HEADER}\n0,0,1,9,155,1\n")
    soundfile.write(root / "fold4_a.wav", stereo(5.0, 9.0), RATE)
    assert convert(root, tmp_path / "out", Recipe(), RUN)[0] == 1
    (clip,) = clips_of(tmp_path / "out").values()
    assert (clip.split, clip.video) == ("test", None)
    assert validated(tmp_path / "out")["clips"] == 1


def test_a_film_that_cannot_be_cut_costs_its_clips(tmp_path: Path) -> None:
    root = tmp_path / "data"
    add(
        root,
        "dev-test-tau",
        "fold4_room1_mix001",
        lines(range(100), 8, 0, 0, 0, 300),
        ambisonics(10.0, 0.0),
        kind="foa",
    )
    write_film(root / "video_dev/dev-test-tau/fold4_room1_mix001.mp4", 6.0, (96, 192), (0.5, 0.5), 0.1)
    assert convert(root, tmp_path / "out", Recipe(), RUN) == (1, {"video": 1})
    assert validated(tmp_path / "out")["clips"] == 1


def test_the_command(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main([str(data), "-o", str(out), "--no-video"]) == 0
    told = capsys.readouterr().err
    assert f"3 clips in {out}\n" in told
    assert f"left out: 1 x offscreen; see {out / REJECTED}\n" in told


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 1
    return capsys.readouterr().err


def test_what_the_command_refuses(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, empty, used = str(tmp_path / "out"), tmp_path / "empty", tmp_path / "used"
    empty.mkdir()
    used.mkdir()
    (used / "thesis.txt").write_text("mine")
    assert "error: no annotation in " in refused([str(empty), "-o", out], capsys)
    assert "error: length_s: 0.1\n  expected 0.5 to 60" in refused([str(data), "-o", out, "--length", "0.1"], capsys)
    assert "holds something else" in refused([str(data), "-o", str(used)], capsys)
    assert [path.name for path in used.iterdir()] == ["thesis.txt"]
    assert "cannot use the folder" in refused([str(data), "-o", str(used / "thesis.txt")], capsys)
    assert main([str(data), "-o", out, "--no-video"]) == 0
    assert "holds something else\n  take a new one, or the options" in refused([str(data), "-o", out], capsys)
    (empty / "strange name.csv").write_text("0,0,0,0,0,100\n")
    assert "has no usable name" in refused([str(empty), "-o", out], capsys)
    (empty / "strange name.csv").rename(empty / "alone.csv")
    assert "has no sound\n  looked for" in refused([str(empty), "-o", out], capsys)
