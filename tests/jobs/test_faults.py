"""Faults as they happen: killed processes, full disks, folders that vanish, damaged files, Ctrl-C.

After each: no partial file under a final name, the manifests are true, and the same command completes the rest.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from spa2v.core.media.files import read_layout
from spa2v.core.media.video import read_video
from tests.kit.batches import Bench
from tests.kit.paths import ROOT

SPA2V = (sys.executable, "-m", "spa2v")

KILL_BEFORE_MOVE = """
import os, signal
real, left = os.replace, [{count}]
def killing(source, target, **words):
    if str(target).endswith({name!r}):
        left[0] -= 1
        if not left[0]:
            {instant}
            os.kill(os.getpid(), signal.SIGKILL)
    real(source, target, **words)
os.replace = killing
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, 3)


def until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Waits for something to happen while a process runs."""
    for _ in range(1200):
        if condition():
            return
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    raise TimeoutError


def assert_true(bench: Bench) -> None:
    """Every file under a final name is whole, and every manifest says what is there."""
    for path in bench.out.glob("clips/*/*"):
        if path.name.startswith("."):
            continue
        if path.suffix == ".mp4":
            assert len(read_video(path).frames)
        elif path.name == "layout.json":
            read_layout(path)
        elif path.suffix == ".json":
            json.loads(path.read_text())
    for path in bench.out.glob("clips/*/manifest.json"):
        manifest = json.loads(path.read_text())
        assert (manifest["status"] == "done") <= (path.parent / "video.mp4").is_file()
        assert set(manifest["stages"]) <= {"plan", "render"}


def assert_completes(bench: Bench, *words: object) -> str:
    """The same command again makes what is missing; gives what it told."""
    code, _, err = bench.call(*words)
    assert code == 0, err
    assert_true(bench)
    assert len(list(bench.out.glob("clips/*/video.mp4"))) == len(bench.names)
    assert not list(bench.out.rglob("*.part*"))
    return err


def test_killed_in_the_middle_of_a_clip(bench: Bench) -> None:
    code, _, _ = bench.call("--quiet", trouble="kill:b")
    assert code == -signal.SIGKILL
    assert_true(bench)
    assert json.loads((bench.clip("b") / "manifest.json").read_text())["status"] == "running"
    err = assert_completes(bench)
    assert "2 done, 1 skipped, 0 failed" in err
    assert len(bench.noted("plan b.wav")) == 1, "its plan was kept"


def test_killed_in_the_middle_of_an_encode(bench: Bench) -> None:
    big = ("motion_backbone.options.width=1280", "motion_backbone.options.height=720")
    words = (*big, "motion_backbone.options.frames=60")
    process = bench.start("--quiet", *words)
    until(lambda: any(path.stat().st_size for path in bench.out.glob("clips/*/.*.part.mp4")), process)
    process.kill()
    process.communicate()
    assert list(bench.out.rglob("*.part.mp4")), "it was killed while it wrote"
    assert not list(bench.out.glob("clips/*/video.mp4"))
    assert_true(bench)
    assert_completes(bench)


SLOW = pytest.mark.slow


@pytest.mark.parametrize("count", [pytest.param(1, marks=SLOW), 2, pytest.param(3, marks=SLOW)])
def test_killed_in_the_middle_of_writing_a_manifest(bench: Bench, count: int) -> None:
    halved = "open(source, 'r+').truncate(100)"
    prefix = KILL_BEFORE_MOVE.format(name="manifest.json", count=count, instant=halved)
    code, _, _ = bench.call("--quiet", prefix=prefix)
    assert code == -signal.SIGKILL
    assert list(bench.out.rglob("*.part.json"))
    assert_true(bench)
    assert_completes(bench)


@pytest.mark.parametrize("name", ["video.mp4", pytest.param("layout.json", marks=SLOW)])
def test_killed_just_before_a_file_is_in_place(bench: Bench, name: str) -> None:
    code, _, _ = bench.call("--quiet", prefix=KILL_BEFORE_MOVE.format(name=name, count=2, instant="pass"))
    assert code == -signal.SIGKILL
    assert_true(bench)
    assert_completes(bench)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts a small file system; needs the right to mount."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        target = tmp_path / "disk"
        target.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(target)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:
            pytest.skip(f"cannot mount: {error}")
        if done.returncode:
            pytest.skip(f"cannot mount: {done.stderr.strip()}")
        mounted.append(target)
        return target

    yield mount
    for target in mounted:
        subprocess.run(["umount", str(target)], check=True)


def test_a_full_disk(bench: Bench, small_disk: Callable[..., Path]) -> None:
    disk = small_disk("size=192k")
    bench.out = disk / "out"
    bench.out.mkdir()
    filler = disk / "filler"
    filler.write_bytes(bytes(150_000))
    code, _, err = bench.call("--quiet")
    assert code == 1
    assert f"error: the batch stopped: '{bench.out}' cannot be written any more" in err
    assert "No space left on device" in err
    assert "run the same command again: finished clips are kept" in err
    assert "Traceback" not in err
    assert len(bench.noted("plan ")) < 3, "no more plans are paid for"
    assert_true(bench)
    filler.unlink()
    assert_completes(bench)


def test_a_read_only_output(bench: Bench, small_disk: Callable[..., Path]) -> None:
    bench.out = small_disk("size=1m,ro") / "out"
    code, _, err = bench.call("--quiet")
    assert (code, err) == (1, f"error: cannot make the folder '{bench.out}/clips': Read-only file system\n")
    assert not bench.noted("plan ")


def test_files_of_limited_size(bench: Bench) -> None:
    """A quota on the size of one file: each clip fails by itself, with the reason."""
    prefix = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))"
    code, _, err = bench.call("--quiet", prefix=prefix)
    assert code == 1
    assert "failed: clip 'a': cannot encode the video: File too large" in err
    assert "Traceback" not in err
    assert_true(bench)
    assert_completes(bench)


TRAINING = ("world", "train", "vae", "--steps", "1", "--stills", "2", "--clips", "1", "--batch", "1", "--quiet")


LIMITED = """
import os, resource, sys
from spa2v.cli import main
refused = {100_000: "pools/stills-2x2-256x160", 4_000_000: "vae/checkpoint.pt"}
for limit, path in refused.items():
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        main()
    except SystemExit as error:
        print(error.code, path, os.path.exists(path))
"""


def test_files_of_limited_size_while_training(tmp_path: Path) -> None:
    """The pool of pictures is larger than the first limit, the checkpoint larger than the second."""
    pytest.importorskip("torch")
    command = [sys.executable, "-c", LIMITED, *TRAINING, "--out", "."]
    source = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=source, capture_output=True, text=True)
    pool, checkpoint = "pools/stills-2x2-256x160", "vae/checkpoint.pt"
    assert done.stdout == f"1 {pool} False\n1 {checkpoint} False\n"
    assert done.stderr == "".join(f"error: cannot write '{name}': File too large\n" for name in (pool, checkpoint))
    assert not list(tmp_path.rglob("*.part*"))


def test_what_a_command_does_not_foresee_is_one_line(tmp_path: Path) -> None:
    """A file where a folder is written to: no command checks that by itself everywhere."""
    data = tmp_path / "data"
    assert subprocess.run([*SPA2V, "world", "dataset", "--clips", "2", "--out", data, "--quiet"]).returncode == 0
    (tmp_path / "file").write_text("no folder")
    command = [*SPA2V, "bench", "index", data, "--out", tmp_path / "file", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"error: Not a directory: '{tmp_path / 'file' / 'cues'}'\n")


def test_a_dataset_on_a_full_disk(small_disk: Callable[..., Path]) -> None:
    out = small_disk("size=300k") / "data"
    command = [*SPA2V, "world", "dataset", "--clips", "6", "--out", out, "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(r"error: cannot write '.*': No space left on device\n", done.stderr), done.stderr
    assert not list(out.rglob("*.part*"))


def test_a_dataset_whose_worker_is_killed(tmp_path: Path) -> None:
    """As the kernel kills what takes too much memory."""
    psutil = pytest.importorskip("psutil")
    command = [*SPA2V, "world", "dataset", "--clips", "12", "--out", tmp_path / "data", "--workers", "2"]
    command += ["--width", "96", "--height", "60", "--quiet"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not list(tmp_path.glob("data/clips/0*")):
            time.sleep(0.05)
        workers = [child for child in psutil.Process(process.pid).children() if "spawn_main" in str(child.cmdline())]
        workers[0].kill()
        err = process.communicate()[1]
    assert process.returncode == 1
    assert err.startswith("error: a worker process died\n  was it out of memory?"), err
    made = len(list(tmp_path.glob("data/clips/0*")))
    assert 0 < made < 12
    assert subprocess.run(command).returncode == 0
    assert len(list(tmp_path.glob("data/clips/0*"))) == 12


@pytest.mark.parametrize("what", ["delete", "delete_clips"])
def test_an_output_folder_that_is_deleted_meanwhile(bench: Bench, what: str) -> None:
    code, _, err = bench.call("--quiet", trouble=f"{what}:b")
    assert code == 1
    assert f"error: the batch stopped: '{bench.out}' cannot be written any more" in err
    assert "Traceback" not in err
    assert_completes(bench)


def test_a_damaged_layout_fails_its_clip_alone(bench: Bench) -> None:
    code, _, err = bench.call("--quiet", "--stage", "plan")
    assert code == 0, err
    layouts = bench.folder / "given"
    layouts.mkdir()
    lines = []
    for name in bench.names:
        text = (bench.clip(name) / "layout.json").read_text()
        (layouts / f"{name}.json").write_text(text[: len(text) // 2] if name == "b" else text)
        line = {"id": name, "source_id": name, "split": "test", "scenario": "stationary", "quantity": "single"}
        lines.append(line | {"duration_s": 0.5, "objects": [], "audio": f"{name}.wav", "layout": f"given/{name}.json"})
    bench.list = bench.folder / "manifest.jsonl"
    bench.list.write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, _, err = bench.call("--quiet", "--stage", "render", "--given-layouts")
    assert code == 1
    assert "2 done, 0 skipped, 1 failed" in err
    assert f"in '{layouts}/b.json'" in err
    (layouts / "b.json").write_text((bench.clip("b") / "layout.json").read_text())
    assert_completes(bench, "--stage", "render", "--given-layouts")


def test_a_truncated_plan_is_made_again(bench: Bench) -> None:
    bench.call("--quiet", "--stage", "plan")
    path = bench.clip("b") / "layout.json"
    path.write_bytes(path.read_bytes()[:50])
    assert_completes(bench)
    assert len(bench.noted("plan b.wav")) == 2


def test_ctrl_c_once_finishes_what_was_begun(bench: Bench) -> None:
    process = bench.start("--quiet", trouble="until:a")
    until(lambda: bench.noted("drawing"), process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    with bench.notes.open("a") as file:
        file.write("go on\n")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "finishing the clips that were begun; Ctrl-C again stops at once" in err
    assert json.loads((bench.clip("a") / "manifest.json").read_text())["status"] == "done"
    assert not (bench.clip("c") / "video.mp4").exists()
    assert ", 1 left, in" in err
    assert "Traceback" not in err
    assert_completes(bench)


@pytest.mark.parametrize(("signals", "code"), [([signal.SIGINT] * 2, 130), ([signal.SIGTERM], 143)])
def test_ctrl_c_twice_stops_at_once(bench: Bench, signals: list[signal.Signals], code: int) -> None:
    process = bench.start("--quiet", trouble="hang:a")
    until(lambda: bench.noted("hanging") and (bench.clip("b") / "layout.json").exists(), process)
    for number in signals:
        process.send_signal(number)
        time.sleep(0.5)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    assert ", 3 left, in" in err
    statuses = [json.loads(path.read_text())["status"] for path in sorted(bench.out.glob("clips/*/manifest.json"))]
    assert statuses == ["interrupted", "interrupted"]
    assert_true(bench)
    assert_completes(bench)


def test_ctrl_c_in_a_single_run(bench: Bench) -> None:
    command = [sys.executable, "-m", "spa2v", "generate", bench.folder / "a.wav", "-c", bench.config, "-q"]
    command += ["-o", bench.folder / "v.mp4", "--run-dir", bench.folder / "run"]
    environment = {**os.environ, **bench.environment("hang:a")}
    # A shell starts what goes on in its background with Ctrl-C ignored, and the tests may be started so.
    heeds = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        list(map(str, command)), env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=heeds
    )
    until(lambda: bench.noted("hanging"), process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert json.loads((bench.folder / "run/manifest.json").read_text())["status"] == "interrupted"
    assert not (bench.folder / "v.mp4").exists()


@pytest.mark.slow
def test_damaged_weights_stop_a_batch_at_its_first_clip(bench: Bench, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    from tests.kit import tiny_weights as tiny

    base, motion = tiny.stable_diffusion(tmp_path / "sd"), tiny.motion_adapter(tmp_path / "motion")
    (file,) = Path(motion).rglob("*.safetensors")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    words = [f"motion_backbone.options.{key}={value}" for key, value in (("base", base), ("motion", motion))]
    words += ["motion_backbone.options.steps=2", "motion_backbone.options.frames=4"]
    words += ["motion_backbone.options.width=64", "motion_backbone.options.height=64", "run.device=cpu"]
    words = ["motion_backbone=animatediff", *words]
    code, _, err = bench.call("--quiet", *words)
    assert code == 1
    assert err.count("error: ") == 1
    assert "Traceback" not in err
    assert str(tmp_path / "motion") in err or file.name in err
    assert len(bench.noted("plan ")) <= 2
    file.write_bytes(whole)
    assert_completes(bench, *words)
