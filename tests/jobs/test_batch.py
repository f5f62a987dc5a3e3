"""Batches: what is read, claimed, made, skipped and told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from spa2v import ConfigError, MediaError, WeightsError
from spa2v.jobs.batch import Item, Summary, read_items
from spa2v.jobs.batch.background import NAME, Background
from tests.kit.batches import Bench, recording


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path, 4)
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    return made


def test_a_batch_makes_everything_and_again_nothing(bench: Bench) -> None:
    batch = bench.batch()
    batch.run()
    assert batch.status == dict.fromkeys("abcd", "done")
    assert {path.name for path in bench.clip("a").iterdir()} == {
        "config.yaml",
        "cues.json",
        "layout.json",
        "manifest.json",
        "video.mp4",
    }
    again = bench.batch(launch="two")
    again.run()
    assert again.status == dict.fromkeys("abcd", "skipped")
    assert len(bench.noted("draw")) == 4


def test_components_are_made_and_weights_loaded_once(bench: Bench) -> None:
    bench.batch().run()
    assert bench.noted("planner made") == ["planner made"]
    assert bench.noted("weights loaded") == ["weights loaded"]


def test_a_notice_is_told_once_a_batch_and_kept_for_every_clip(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.batch().run()
    assert capsys.readouterr().err.count("mind the license") == 1
    for name in "abcd":
        assert json.loads((bench.clip(name) / "manifest.json").read_text())["record"]["notices"] == ["mind the license"]


def test_planning_goes_on_while_a_clip_is_drawn(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROUBLE", "overlap:a")  # drawing a waits until b is being planned
    batch = bench.batch()
    batch.run()
    assert batch.status["a"] == "done"


@pytest.mark.parametrize("name", ["video.mp4", "layout.json"])
@pytest.mark.parametrize("damage", ["remove", "truncate"])
def test_what_is_missing_or_damaged_is_made_again(bench: Bench, name: str, damage: str) -> None:
    bench.batch().run()
    path = bench.clip("b") / name
    whole = path.read_bytes()
    path.unlink() if damage == "remove" else path.write_bytes(whole[:-7])
    again = bench.batch(launch="two")
    again.run()
    assert again.status == {"a": "skipped", "b": "done", "c": "skipped", "d": "skipped"}
    assert path.read_bytes() == whole
    assert len(bench.noted("plan b.wav")) == (2 if name == "layout.json" else 1), "a plan that is whole is kept"


def test_another_config_or_recording_is_another_result(bench: Bench) -> None:
    bench.batch().run()
    other = bench.batch(overrides=("motion_backbone.options.frames=5",), launch="two")
    other.run()
    assert set(other.status.values()) == {"done"}
    assert len(bench.noted("plan ")) == 4, "the plans were kept"
    recording(bench.folder / "c.wav", seed=99)
    last = bench.batch(overrides=("motion_backbone.options.frames=5",), launch="three")
    last.run()
    assert last.status == {"a": "skipped", "b": "skipped", "c": "done", "d": "skipped"}


def test_a_clock_that_jumps_changes_nothing(bench: Bench) -> None:
    bench.batch().run()
    for number, path in enumerate(bench.out.rglob("*")):
        os.utime(path, (0, 0) if number % 2 else (4e9, 4e9))
    again = bench.batch(launch="two")
    again.run()
    assert set(again.status.values()) == {"skipped"}


def test_bad_clips_never_stop_the_rest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (bench.folder / "b.wav").write_bytes(b"RIFF but not really")
    (bench.folder / "c.wav").unlink()
    monkeypatch.setenv("TROUBLE", "plan-bug:d")
    batch = bench.batch()
    batch.run()
    assert batch.status == {"a": "done", "b": "failed", "c": "failed", "d": "failed"}
    err = capsys.readouterr().err
    assert f"failed: clip 'c': there is no file '{bench.folder}/c.wav'" in err
    assert "failed: clip 'd': layout planner 'planner' raised KeyError: 'a bug in a component'\n" in err
    summary = Summary.of(batch, 1.0)
    failed = {clip["id"]: clip["error"] for clip in summary.clips if clip["status"] == "failed"}
    assert "there is no file" in failed["c"]
    assert summary.exit_code == 1
    assert json.loads((bench.clip("d") / "manifest.json").read_text())["status"] == "failed"


def test_the_exit_code_blames_the_service_where_only_it_failed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROUBLE", "service:b service:c")
    batch = bench.batch()
    batch.run()
    summary = Summary.of(batch, 1.0)
    assert (summary.exit_code, summary.count("failed"), summary.count("done")) == (3, 2, 2)


def test_failed_clips_are_tried_again_by_the_next_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROUBLE", "service:b")
    bench.batch().run()
    monkeypatch.setenv("TROUBLE", "")
    again = bench.batch(launch="two")
    again.run()
    assert again.status == {"a": "skipped", "b": "done", "c": "skipped", "d": "skipped"}


def test_what_is_wrong_for_all_clips_stops_at_the_first(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROUBLE", "weights:a weights:b weights:c weights:d")
    with pytest.raises(WeightsError, match="the weights file 'x' is damaged"):
        bench.batch().run()
    assert len(bench.noted("draw")) == 1


def test_max_failures(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROUBLE", "service:a service:b service:c")
    batch = bench.batch(max_failures=1)
    with pytest.raises(MediaError, match=r"the batch stopped after 2 failed clips\n  as --max-failures says"):
        batch.run()
    assert "c" not in batch.status


def test_the_summary_counts_seconds_and_cost(bench: Bench) -> None:
    batch = bench.batch()
    batch.run()
    data = Summary.of(batch, 2.0).to_json()
    assert data["counts"] == {"clips": 4, "done": 4}
    assert data["cost_usd_estimated"] == 1.0
    assert {"plan", "render"} == set(data["clips"][0]["seconds"])
    lines = list(Summary.of(batch, 2.0).lines())
    assert lines[0] == "4 clips: 4 done, 0 skipped, 0 failed, in 2.0 s by 1 process"
    assert "  planner: about 1.0000 USD" in lines
    again = bench.batch(launch="two")
    again.run()
    assert Summary.of(again, 1.0).cost_usd is None, "what was paid before is not paid again"


def test_plan_first_and_draw_later(bench: Bench) -> None:
    bench.batch("plan").run()
    assert not bench.noted("draw")
    drawn = bench.batch("render", launch="two")
    drawn.run()
    assert set(drawn.status.values()) == {"done"}
    assert len(bench.noted("plan ")) == 4
    both = bench.batch("both", launch="three")
    both.run()
    assert set(both.status.values()) == {"skipped"}, "the two stages together are what both would have made"


def test_drawing_what_is_not_planned(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    batch = bench.batch("render")
    batch.run()
    assert set(batch.status.values()) == {"failed"}
    err = capsys.readouterr().err
    assert f"the clip 'a' is not planned in '{bench.clip('a')}'\n  plan first: spa2v batch ... --stage plan" in err
    listed = bench.batch("render", launch="two", given_layouts=True)
    listed.run()
    assert "the clip 'a' comes without a layout\n  a plain list names none" in capsys.readouterr().err


DRAWS_TOGETHER = ("motion_backbone=together", "grounding_injector=many")


def test_clips_are_drawn_together_where_components_can(bench: Bench) -> None:
    bench.batch(overrides=DRAWS_TOGETHER, together=3).run()
    assert bench.noted("together") == ["together a.wav b.wav c.wav"]
    assert bench.noted("draw") == ["draw d.wav"]
    record = json.loads((bench.clip("b") / "manifest.json").read_text())["record"]
    assert record["drawn_together"] == 3
    videos = {name: (bench.clip(name) / "video.mp4").read_bytes() for name in "abcd"}
    (bench.out / "clips").rename(bench.out / "first")
    bench.batch(overrides=DRAWS_TOGETHER, launch="two").run()
    assert videos == {name: (bench.clip(name) / "video.mp4").read_bytes() for name in "abcd"}


def test_a_batch_that_does_not_fit_is_halved(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TROUBLE", "memory:c")
    batch = bench.batch(overrides=DRAWS_TOGETHER, together=4)
    batch.run()
    assert set(batch.status.values()) == {"done"}
    tried = [line.removeprefix("together ").replace(".wav", "") for line in bench.noted("together")]
    assert tried == ["a b c d", "a b", "c d"]
    assert bench.noted("draw") == ["draw c.wav", "draw d.wav"]


def test_an_injector_of_one_layout_is_never_given_several(bench: Bench) -> None:
    bench.batch(overrides=("motion_backbone=together",), together=4).run()
    assert not bench.noted("together")
    assert len(bench.noted("draw")) == 4


def test_a_clip_that_somebody_holds_is_waited_for(bench: Bench) -> None:
    (bench.out / ".claims").mkdir(parents=True)
    other = FileLock(bench.out / ".claims" / "b.lock", thread_local=False)
    other.acquire()
    batch = bench.batch()
    release = threading.Timer(0.0, lambda: None)

    def tick(count: int) -> None:
        nonlocal release
        if len(batch.status) == 3 and other.is_locked:
            assert "b" not in batch.status
            release = threading.Timer(0.2, other.release)
            release.start()

    batch.run(tick)
    assert list(batch.status) == ["a", "c", "d", "b"], "the others came first"


def test_two_runs_on_one_folder_share_the_clips(bench: Bench) -> None:
    batches = [bench.batch(launch=launch) for launch in ("one", "two")]
    threads = [threading.Thread(target=batch.run) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(bench.noted("draw")) == [f"draw {name}.wav" for name in "abcd"], "each clip once"
    for batch in batches:
        assert set(batch.status) == set("abcd")
    assert sum(status == "done" for batch in batches for status in batch.status.values()) == 4


def test_a_clip_under_which_a_process_died_comes_last(bench: Bench) -> None:
    folder = bench.clip("a")
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"status": "running"}')
    (folder / ".video.0123abcd.part.mp4").write_bytes(b"half a video")
    batch = bench.batch()
    batch.run()
    assert list(batch.status) == ["b", "c", "d", "a"]
    assert not list(bench.out.rglob("*.part*"))


def test_a_manifest_that_lies_is_not_believed(bench: Bench) -> None:
    bench.batch().run()
    for name, text in (
        ("a", "[1"),
        ("b", '{"stages": 7}'),
        ("c", '{"stages": {"plan": {"sha256": {"../../x": "0"}}}}'),
    ):
        (bench.clip(name) / "manifest.json").write_text(text)
    (bench.clip("d") / "manifest.json").write_text("[" * 200_000)
    again = bench.batch(launch="two")
    again.run()
    assert set(again.status.values()) == {"done"}


def test_a_linked_clip_folder_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (bench.out / "clips").mkdir(parents=True)
    bench.clip("a").symlink_to(elsewhere)
    batch = bench.batch()
    batch.run()
    assert batch.status["a"] == "failed"
    assert not list(elsewhere.iterdir())


# What batches are read from


STRANGE = ("../../etc/passwd", "/abs", "a\nb", "$(reboot)", "..", "", "x" * 300, "a/../../b", "\ud800", "<b>", "CON ")


@pytest.mark.parametrize("name", STRANGE)
def test_ids_never_lead_out_of_the_folder(name: str) -> None:
    folder = Item(name.encode("utf-8", "replace").decode(), Path("x.wav")).folder_name
    assert folder == Path(folder).name
    assert folder not in ("", ".", "..")
    assert len(folder.encode()) < 120
    assert folder.isprintable()


def test_plain_ids_are_their_own_folders() -> None:
    assert Item("clip_0-1.x", Path("x.wav")).folder_name == "clip_0-1.x"
    assert Item("a/b", Path("x")).folder_name != Item("a-b", Path("x")).folder_name


def test_lists_of_recordings(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# mine\nx/car.wav\n\ny/car.wav\n/abs/dog.flac\ny/car.wav\n")
    items = read_items(tmp_path / "list.txt")
    assert [item.id for item in items] == ["x/car.wav", "y/car.wav", "dog"]
    assert items[0].audio == tmp_path / "x/car.wav"
    assert items[2].audio == Path("/abs/dog.flac")


LINE = {
    "id": "one",
    "source_id": "s",
    "split": "test",
    "scenario": "stationary",
    "quantity": "single",
    "duration_s": 1.0,
    "objects": [],
    "audio": "clips/a.wav",
    "layout": "clips/a.json",
}


def test_benchmark_manifests(tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_text(json.dumps(LINE) + "\n")
    (item,) = read_items(tmp_path)
    assert item == Item("one", tmp_path / "clips/a.wav", tmp_path / "clips/a.json")


@pytest.mark.parametrize("path", ["../a.wav", "/etc/passwd", "x/../../a.wav", "C:\\a.wav", "a\0.wav"])
@pytest.mark.parametrize("key", ["audio", "layout"])
def test_benchmark_paths_never_lead_out(tmp_path: Path, key: str, path: str) -> None:
    (tmp_path / "manifest.jsonl").write_text(json.dumps(LINE | {key: path}) + "\n")
    with pytest.raises(ConfigError, match=f"manifest.jsonl line 1: {key}: "):
        read_items(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "names no clip"),
        (b"\xff\xfe\x00RIFF", "is no text"),
        (b'{"id": 3}\n', "line 1: "),
        ((json.dumps(LINE) + "\n" + json.dumps(LINE)).encode(), "the id 'one' stands twice"),
        (("[" * 100_000).encode(), "there is no file|cannot|is no"),
    ],
    ids=["empty", "binary", "wrong", "twice", "deep"],
)
def test_manifests_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(content)
    if content.startswith(b"[["):
        assert len(read_items(path)) == 1, "a list with one strange name; the clip fails later"
        return
    with pytest.raises(ConfigError, match=message):
        read_items(path)


def test_a_folder_or_a_glob_is_a_list_of_its_recordings(tmp_path: Path) -> None:
    for name in ("b.wav", "a.FLAC", "#c.mp3", "notes.txt", "deep/d.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [item.id for item in read_items(tmp_path)] == ["#c", "a", "b"]
    assert [item.audio for item in read_items(tmp_path / "**" / "*.wav")] == [
        tmp_path / "b.wav",
        tmp_path / "deep" / "d.wav",
    ]
    with pytest.raises(ConfigError, match=r"names no clip\n  a folder or glob is read for \.aac, "):
        read_items(tmp_path / "*.txt")


def test_the_slowest_clips_are_named_among_many() -> None:
    clips = [{"id": f"c{i}", "status": "done", "seconds": {"plan": 1.0, "render": float(i)}} for i in range(5)]
    clips += [{"id": "old", "status": "skipped", "seconds": {"plan": 99.0}}]
    lines = list(Summary(tuple(clip | {"cost_usd": None} for clip in clips), 9.0, 1).lines())
    assert "  slowest: 'c4' 5.0 s, 'c3' 4.0 s, 'c2' 3.0 s" in lines
    few = Summary(tuple(clip | {"cost_usd": None} for clip in clips[:3]), 9.0, 1).lines()
    assert not any("slowest" in line for line in few)


def test_a_manifest_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_items(tmp_path / "gone.jsonl")
    assert str(caught.value) == f"cannot read the manifest '{tmp_path}/gone.jsonl': No such file or directory"


# The command


def test_the_command_tells_what_it_did(bench: Bench) -> None:
    (bench.folder / "d.wav").write_bytes(b"")
    code, out, err = bench.call("--quiet")
    assert (code, out) == (1, f"{bench.out}/summary.json\n")
    assert "4 clips: 3 done, 0 skipped, 1 failed" in err
    assert f"failed: 'd': '{bench.folder}/d.wav' is empty" in err
    assert "Traceback" not in err
    recording(bench.folder / "d.wav")
    code, _, err = bench.call()
    assert (code, "1 done, 3 skipped, 0 failed" in err) == (0, True)
    assert json.loads((bench.out / "summary.json").read_text())["counts"] == {"clips": 4, "done": 1, "skipped": 3}


def test_the_command_refuses_what_it_cannot_do(bench: Bench) -> None:
    code, _, err = bench.call("--stage", "draw")
    assert (code, err) == (1, "error: unknown stage 'draw'\n  known names: both, plan, render\n")
    code, _, err = bench.call("--given-layouts")
    assert (code, err) == (1, "error: --given-layouts goes with --stage render\n  the stage is 'both'\n")
    code, _, err = bench.call("motion_backbone=nowhere")
    assert code == 1
    assert err.startswith("error: unknown component 'nowhere' of motion_backbones")
    assert not bench.out.exists()


def launch(bench: Bench, processes: int, *words: object, trouble: str = "") -> subprocess.CompletedProcess[str]:
    """The command under accelerate launch, on the CPU."""
    accelerate = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(processes)]
    accelerate += [
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
        "--main_process_port",
        "0",
    ]
    environment = {**os.environ, **bench.environment(trouble), "OMP_NUM_THREADS": "1"}
    command = [*accelerate, *bench.command(*words)[1:], "run.device=cpu"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)


@pytest.mark.slow
def test_two_processes_of_accelerate_make_the_same_bytes(bench: Bench) -> None:
    pytest.importorskip("accelerate")
    bench.batch(overrides=("run.device=cpu",)).run()
    alone = {path.parent.name: path.read_bytes() for path in bench.out.glob("clips/*/video.mp4")}
    bench.out.rename(bench.folder / "alone")
    done = launch(bench, 2)
    assert done.returncode == 0, done.stderr
    assert "4 clips: 4 done, 0 skipped, 0 failed" in done.stderr
    assert "by 2 processes" in done.stderr
    assert {path.parent.name: path.read_bytes() for path in bench.out.glob("clips/*/video.mp4")} == alone


@pytest.mark.slow
def test_a_rank_that_dies(bench: Bench) -> None:
    pytest.importorskip("accelerate")
    done = launch(bench, 2, "--quiet", trouble="kill-any-rank-1:any")
    assert done.returncode != 0
    assert len(list(bench.out.glob("clips/*/video.mp4"))) < 4
    done = launch(bench, 2)
    assert done.returncode == 0, done.stderr
    assert len(list(bench.out.glob("clips/*/video.mp4"))) == 4


def planning_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(NAME)]


def test_no_thread_is_left_when_a_batch_has_ended(bench: Bench) -> None:
    """One that frees tensors while the interpreter shuts down aborts the process, and with it the whole launch."""
    bench.batch().run()
    assert not planning_threads()


def test_a_call_that_hangs_holds_up_nobody_for_ever() -> None:
    background, asked, answered = Background(2), threading.Event(), threading.Event()
    hanging = background.submit(lambda: (asked.set(), answered.wait()))
    assert asked.wait(60)
    assert background.submit(int, "7").result(60) == 7
    background.close(patience_s=0.1)
    assert not hanging.done()
    assert len(planning_threads()) == 1
    answered.set()
    hanging.result(60)
    for thread in planning_threads():
        thread.join(60)
    assert not planning_threads()


def test_a_process_with_a_thread_left_ends_with_its_code(tmp_path: Path) -> None:
    """Such a process is ended without the interpreter's shutdown; what it said is not lost."""
    lines = f"""
import sys, threading, time
import spa2v.cli as cli
threading.Thread(target=time.sleep, args=(600,), name="{NAME}0", daemon=True).start()
sys.argv = ["spa2v", "check", "--config", "no such preset"]
sys.stdout.write("said")
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "said")
    assert done.stderr.startswith("error: unknown preset")


@pytest.mark.slow
def test_two_processes_with_weights_end_well(bench: Bench, tmp_path: Path) -> None:
    """The one that ends first must not take the other with it, as it did by an abort while it freed its tensors."""
    pytest.importorskip("diffusers")
    from tests.kit import tiny_weights as tiny

    base, motion = tiny.stable_diffusion(tmp_path / "sd"), tiny.motion_adapter(tmp_path / "motion")
    size = {"base": base, "motion": motion, "width": 64, "height": 64, "frames": 4, "steps": 1}
    words = ["motion_backbone=animatediff", "grounding_injector=ungrounded"]
    words += [f"motion_backbone.options.{key}={value}" for key, value in size.items()]
    for seed in range(3):
        done = launch(bench, 2, *words, f"run.seed={seed}")
        assert done.returncode == 0, done.stderr
        assert "4 clips: 4 done, 0 skipped, 0 failed" in done.stderr


@pytest.mark.slow
def test_the_diffusion_path_draws_several_clips_as_it_draws_one(bench: Bench, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    from spa2v import Run
    from spa2v.core.media.files import read_layout
    from spa2v.plugins.motion_backbones.animatediff.backbone import AnimateDiff
    from tests.kit import tiny_weights as tiny

    base, motion = tiny.stable_diffusion(tmp_path / "sd"), tiny.motion_adapter(tmp_path / "motion")
    size = {"base": str(base), "motion": str(motion), "width": 64, "height": 64, "frames": 4, "steps": 2}
    sites = AnimateDiff(**size).attention_sites(Run(device="cpu"))
    migc = tiny.migc_checkpoint(tmp_path / "migc.ckpt", tiny.grounded(sites))
    words = [f"motion_backbone.options.{key}={value}" for key, value in size.items()]
    words = ["motion_backbone=animatediff", *words, "grounding_injector=migc", "run.device=cpu"]
    batch = bench.batch(overrides=(*words, f"grounding_injector.options.weights={migc}"), together=4)
    batch.run()
    assert set(batch.status.values()) == {"done"}
    manifest = json.loads((bench.clip("b") / "manifest.json").read_text())
    assert manifest["record"]["drawn_together"] == 4
    assert manifest["record"]["grounding"]["injector"] == "migc"
    layouts = [read_layout(bench.clip(name) / "layout.json") for name in "abcd"]
    drawn = batch.pipeline.render_together(layouts, Run(device="cpu"))
    for layout, many in zip(layouts, drawn, strict=True):
        one = batch.pipeline.render(layout, Run(device="cpu"))
        apart = abs(one.frames.astype(int) - many.frames.astype(int))
        assert apart.max() <= 1, "a batch may round otherwise, and no more"
        assert apart.mean() < 1e-3
