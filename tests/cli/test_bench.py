"""`spa2v bench validate` and `spa2v bench build`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spa2v import AudioClip, Box, GeneratedVideo, KeyFrame, Run, SceneObject
from spa2v.core.errors import ConfigError
from spa2v.core.media.video import read_video, write_video
from spa2v.core.types import Detection
from spa2v.core.types.benchmark import read_manifest
from spa2v.evaluation.bench.build.annotating import RuleCaptioner, attributes_of
from spa2v.evaluation.bench.build.building import Recipe, Tools, build_bench
from spa2v.evaluation.bench.build.sourcing import Cut, cuts, take_frames
from spa2v.evaluation.bench.checks import check_bench
from spa2v.world.augment import AUGMENTATIONS
from tests.cli.test_cli import run as run_command
from tests.kit.evaluation_data import RATE, layout, make_bench


@pytest.fixture
def spa2v(capsys, monkeypatch):
    return lambda *words: run_command(capsys, monkeypatch, *words)


def test_a_sound_benchmark_is_fine(spa2v, tmp_path: Path) -> None:
    bench = make_bench(tmp_path / "bench", 3, with_video=True)
    code, _, err = spa2v("bench", "validate", bench, "--workers", 1)
    assert (code, err) == (0, "3 clips, nothing is wrong\n")


def test_toyworld_passes(spa2v, tmp_path: Path) -> None:
    words = ("world", "dataset", "-o", tmp_path / "toy", "-n", 4, "--width", 64, "--height", 48, "--workers", 1, "-q")
    assert spa2v(*words)[0] == 0
    assert check_bench(tmp_path / "toy", Run()) == (4, ())


def test_all_faults_are_told_at_once(spa2v, tmp_path: Path) -> None:
    bench = make_bench(tmp_path / "bench", 8, with_video=True)
    (bench / "clip_00" / "audio.wav").unlink()
    (bench / "clip_01" / "layout.json").write_text(layout("right", name="bus").dumps())
    (bench / "clip_02" / "video.mp4").write_bytes(b"x")
    (bench / "clip_03" / "layout.json").write_text(layout("left", seconds=4.0).dumps())
    lines = [json.loads(line) for line in (bench / "manifest.jsonl").read_text().splitlines()]
    lines[4]["objects"] = []
    lines[5] |= {"source_id": "source_6", "split": "database"}
    lines[6]["quantity"] = "multiple"
    outside = tmp_path / "outside.wav"
    outside.write_bytes((bench / "clip_07" / "audio.wav").read_bytes())
    (bench / "clip_07" / "audio.wav").unlink()
    (bench / "clip_07" / "audio.wav").symlink_to(outside)
    (bench / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + "{]\n")
    code, out, err = spa2v("bench", "validate", bench, "-q", "--workers", 1, "--json")
    counts = json.loads(out)["counts"]
    assert code == 1
    assert counts == {
        "audio": 1,
        "duration": 1,
        "manifest_line": 1,
        "objects": 2,
        "path": 1,
        "quantity": 1,
        "scenario": 1,
        "split_leak": 1,
        "video": 1,
    }
    assert err.startswith(f"error: 10 things are wrong with '{bench}' (8 clips can be read)\n")
    for line in (
        "manifest_line: manifest.jsonl line 9: not JSON",
        "split_leak: source_6: clips of one source lie in the splits database and test",
        "objects: clip_01: the object 'car_0' is a 'car' in the manifest and a 'bus' in the layout",
        "duration: clip_03: the layout lasts 4.000 s, the manifest says 1.002 s",
        "objects: clip_04: no sounding object is listed",
        "quantity: clip_06: 'multiple' with 1 object",
        "path: clip_07: 'clip_07/audio.wav' leads out of the folder through a link",
    ):
        assert line in err


RED = (230, 30, 30)


def film(path: Path, kind: str, seconds: float = 2.0, gain: float = 0.3) -> None:
    """A red square that moves left to right, and a sound: true, swapped, or one of those that must be rejected."""
    rng = np.random.default_rng(len(kind))
    count = int(seconds * 12)
    frames = np.full((count, 60, 96, 3), 70, np.uint8)
    for place in range(count):
        x = round(4 + 76 * place / (count - 1))
        frames[place, 20:40, x : x + 14] = RED
    samples = int(seconds * RATE)
    pan = np.linspace(0.1, 0.9, samples)
    noise = rng.normal(0.0, gain, samples)
    stereo = np.stack([noise * (1 - pan), noise * pan])
    if kind == "swapped":
        stereo = stereo[::-1]
    elif kind == "dual":
        stereo = np.stack([noise, noise]) * 0.5
    elif kind == "silent":
        stereo *= 1e-5
    elif kind == "clipped":
        stereo = np.clip(stereo * 40, -1, 1)
    elif kind == "still":
        frames[:] = frames[0]
    elif kind == "nothing":
        frames[:, :, :, :] = rng.integers(60, 90, frames.shape)
    audio = AudioClip(stereo[:1] if kind == "mono" else stereo, RATE)
    write_video(path, GeneratedVideo(frames, count / seconds), audio)


class Red:
    """Finds red things."""

    name = "red things"
    calls = 0

    def detect(self, frames, labels, run):
        Red.calls += 1
        found = []
        for frame in frames:
            mask = (frame[..., 0] > 150) & (frame[..., 1] < 100)
            if not mask.any():
                found.append(())
                continue
            rows, columns = np.nonzero(mask)
            height, width = mask.shape
            box = Box(
                columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height
            )
            found.append((Detection(labels[0], 0.9, box),))
        return tuple(found)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    for kind in ("true", "swapped", "dual", "silent", "clipped", "still", "nothing", "mono"):
        film(folder / f"{kind}.mp4", kind)
    (folder / "broken.mp4").write_bytes(b"not a video")
    (folder / "notes.txt").write_text("no video")
    return folder


RECIPE = Recipe(("ball",), clip_s=2.0, least_s=1.0, frames=8, width=96, test_share=0.5)


def test_own_videos_become_a_benchmark_and_rejections_have_reasons(media: Path, tmp_path: Path) -> None:
    built = build_bench(media, tmp_path / "out", RECIPE, Tools(Red(), RuleCaptioner(), AUGMENTATIONS), Run())
    rejected = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()]
    assert {item["file"]: item["kind"] for item in rejected} == {
        "swapped.mp4": "disagreement",
        "dual.mp4": "dual_mono",
        "silent.mp4": "silent",
        "clipped.mp4": "clipped",
        "still.mp4": "still",
        "nothing.mp4": "nothing_seen",
        "mono.mp4": "mono",
        "broken.mp4": "unreadable",
    }
    assert all(item["reason"] for item in rejected)
    assert (built.clips, sum(built.rejected.values())) == (2, 8)
    clip, twin = read_manifest(tmp_path / "out")
    assert [item.attribute for item in (*clip.objects, *twin.objects)] == ["left_to_right", "right_to_left"]
    assert (clip.scenario, clip.quantity, twin.augmentation) == ("translational", "single", ("mirror",))
    assert clip.caption == "A ball moves from left to right."
    assert twin.caption == "A ball moves from right to left."
    assert (clip.source_id, clip.split) == (twin.source_id, twin.split)
    assert check_bench(tmp_path / "out", Run()) == (2, ())
    picture = read_video(tmp_path / "out" / str(clip.video))
    assert picture.frames.shape == (8, 60, 96, 3)


def test_building_again_does_nothing_twice(media: Path, tmp_path: Path) -> None:
    tools = Tools(Red(), RuleCaptioner(), AUGMENTATIONS)
    first = build_bench(media, tmp_path / "out", RECIPE, tools, Run())
    manifest = (tmp_path / "out" / "manifest.jsonl").read_bytes()
    Red.calls = 0
    assert build_bench(media, tmp_path / "out", RECIPE, tools, Run()) == first
    assert Red.calls == 0
    clip = read_manifest(tmp_path / "out")[0]
    (tmp_path / "out" / clip.layout).unlink()
    build_bench(media, tmp_path / "out", RECIPE, tools, Run())
    assert Red.calls == 1
    assert (tmp_path / "out" / clip.layout).is_file()
    assert (tmp_path / "out" / "manifest.jsonl").read_bytes() == manifest


def test_frames_of_a_cut_are_those_of_its_times(tmp_path: Path) -> None:
    """Frame i of the film is of brightness 10 i; a cut of it must hold the right ones."""
    frames = np.stack([np.full((32, 48, 3), 10 * i, np.uint8) for i in range(24)])
    write_video(tmp_path / "v.mp4", GeneratedVideo(frames, 12.0))
    pieces = [Cut(0.0, 1.0), Cut(1.0, 1.0)]
    first, second = take_frames(tmp_path / "v.mp4", pieces, 4, 48)
    assert first is not None
    assert second is not None
    assert np.allclose(first.frames.mean(axis=(1, 2, 3)), [0, 30, 60, 90], atol=4)
    assert np.allclose(second.frames.mean(axis=(1, 2, 3)), [120, 150, 180, 210], atol=4)
    assert list(take_frames(tmp_path / "v.mp4", [Cut(1.5, 2.0)], 4, 48)) == [None]


def test_cuts_cover_a_file_and_drop_short_rests() -> None:
    assert [(c.start_s, c.duration_s) for c in cuts(11.0, 5.0, 2.0)] == [(0.0, 5.0), (5.0, 5.0)]
    assert [(c.start_s, c.duration_s) for c in cuts(12.5, 5.0, 2.0)][-1] == (10.0, 2.5)
    assert cuts(1.0, 5.0, 2.0) == []


@pytest.mark.parametrize(
    ("path", "sizes", "expected"),
    [
        ((0.2, 0.25), (0.1, 0.1), "left"),
        ((0.5, 0.5), (0.1, 0.1), "center"),
        ((0.8, 0.7), (0.1, 0.1), "right"),
        ((0.2, 0.8), (0.1, 0.1), "left_to_right"),
        ((0.8, 0.2), (0.1, 0.2), "right_to_left"),
        ((0.5, 0.5), (0.1, 0.3), "approaching"),
        ((0.5, 0.5), (0.3, 0.1), "receding"),
    ],
)
def test_attributes_follow_the_path(path: tuple, sizes: tuple, expected: str) -> None:
    frames = []
    for part in np.linspace(0, 1, 16):
        x, half = path[0] + (path[1] - path[0]) * part, (sizes[0] + (sizes[1] - sizes[0]) * part) / 2
        frames.append(
            KeyFrame(float(part), "", (SceneObject("a", "car", Box(x - half, 0.5 - half, x + half, 0.5 + half)),))
        )
    assert attributes_of(frames) == {"a": expected}


def test_refusals(spa2v, tmp_path: Path) -> None:
    code, _, err = spa2v("bench", "build", tmp_path / "gone", "-o", tmp_path / "out", "--labels", "car", "-q")
    assert (code, err) == (1, f"error: there is no folder '{tmp_path / 'gone'}'\n")
    code, _, err = spa2v("bench", "build", tmp_path, "-o", tmp_path / "out", "--labels", " , ", "-q")
    assert (code, err) == (1, "error: --labels names nothing\n  as in --labels car,bus,piano\n")
    with pytest.raises(ConfigError, match="no video in"):
        build_bench(tmp_path, tmp_path / "out", RECIPE, Tools(Red(), RuleCaptioner(), AUGMENTATIONS), Run())


def test_a_planner_can_write_the_captions(toy: Path, tmp_path: Path) -> None:
    from spa2v.cli.bench import PlannerCaptioner

    audio = AudioClip(np.random.default_rng(0).normal(0, 0.1, (2, RATE)), RATE)
    captioner = PlannerCaptioner([str(toy)])
    assert captioner.caption(audio, layout("left"), Run()) == "a gong"
    assert captioner.name == "middle {'name': 'gong'}"
