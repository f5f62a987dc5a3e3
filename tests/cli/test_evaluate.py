"""`spa2v evaluate`: what is scored, what is reported, and that kills and restarts change nothing."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spa2v import MediaError, Run
from spa2v.core.errors import ConfigError, PlannerError
from spa2v.evaluation.bench.reading import read_bench
from spa2v.evaluation.chosen import Chosen
from spa2v.evaluation.engine.evaluate import Request, evaluate
from spa2v.evaluation.engine.inputs import Outputs
from spa2v.evaluation.engine.journal import Journal, content_key
from spa2v.evaluation.engine.result import Evaluation
from spa2v.evaluation.engine.scoring import Stage
from tests.cli.test_cli import run as run_command
from tests.kit.evaluation_data import layout, make_bench, predict


@pytest.fixture
def spa2v(capsys, monkeypatch):
    return lambda *words: run_command(capsys, monkeypatch, *words)


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    return make_bench(tmp_path / "bench")


def read(out: Path) -> dict:
    return json.loads((out / "evaluation.json").read_text())


def kinds(out: Path) -> dict[str, int]:
    return read(out)["counts"]["faults"]


def score(bench: Path, out: Path, layouts: Path | None, videos: Path | None = None, workers: int = 1) -> Evaluation:
    sides = (Outputs(layouts, "layout") if layouts else None, Outputs(videos, "video") if videos else None)
    return evaluate(Request(read_bench(bench), "test", *sides), out, Run(), workers)


def test_the_ground_truth_scores_the_maximum(bench: Path, tmp_path: Path) -> None:
    made = score(bench, tmp_path / "out", bench)
    table = made.stages["1"].tables
    assert {metric: table[metric]["all"]["C"].value for metric in ("max_iou", "lt_sim", "track_iou")} == {
        "max_iou": pytest.approx(1.0),
        "lt_sim": pytest.approx(1.0),
        "track_iou": pytest.approx(1.0),
    }
    assert table["max_iou"]["stationary"]["S"].count == 4
    assert made.faults == ()
    assert Evaluation.read(tmp_path / "out").to_json() == made.to_json()


def test_tables_on_screen_and_in_files(spa2v, bench: Path, tmp_path: Path) -> None:
    layouts = predict(bench, tmp_path / "layouts")
    files = [tmp_path / name for name in ("t.md", "t.csv", "t.tex")]
    folder = tmp_path / "my results"
    made = folder / "evaluation.json"
    code, out, err = spa2v(
        *("evaluate", "--data", bench, "--layouts", layouts, "-o", folder, "--workers", 1),
        *("--markdown", files[0], "--csv", files[1], "--latex", files[2], "--name", "a_b & c|d"),
    )
    assert (code, "MaxIoU" in out, "Trans. C" in out) == (0, True, True)
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "…" not in out
    assert err == f"wrote {files[0]}, {files[2]}, {files[1]}, {made}\nsee it with: spa2v report '{folder}'\n"
    value = read(folder)["stages"]["1"]["tables"]["max_iou"]["all"]["C"]["value"]
    rows = list(csv.DictReader(files[1].open()))
    mine = [row for row in rows if (row["metric"], row["scenario"], row["column"]) == ("max_iou", "all", "C")]
    assert [float(row["value"]) for row in mine] == [100 * value]  # percent, as in the tables
    assert r"a_b & c\|d" not in files[0].read_text().splitlines()[0]  # titles are no table cells
    assert f"{100 * value:.2f}" in files[0].read_text()
    assert r"a\_b \& c|d" in files[2].read_text()


def test_json_goes_to_stdout(spa2v, bench: Path, tmp_path: Path) -> None:
    code, out, _ = spa2v("evaluate", "-d", bench, "--layouts", bench, "-o", tmp_path / "out", "-q", "--json")
    assert (code, json.loads(out)) == (0, read(tmp_path / "out"))


def test_everything_amiss_is_reported_and_counted(spa2v, bench: Path, tmp_path: Path) -> None:
    layouts = predict(bench, tmp_path / "layouts")
    (layouts / "clip_00.json").unlink()
    (layouts / "clip_01.json").write_text('{"version": 1, "keyframes": [')
    (layouts / "clip_02.json").write_text((bench / "clip_07" / "layout.json").read_text())
    (layouts / "clip_03.json").write_text(layout("left", seconds=3.0).dumps())
    (layouts / "clip_99.json").write_text(layout("left").dumps())
    (bench / "clip_04" / "layout.json").write_text("{}")
    with (bench / "manifest.jsonl").open("a") as file:
        file.write('{"id": "torn", "source_id": \n\n' + json.dumps({"id": "clip_05"}) + "\n")
        file.write((bench / "manifest.jsonl").read_text().splitlines()[0] + "\n")
    code, _, err = spa2v("evaluate", "-d", bench, "--layouts", layouts, "-o", tmp_path / "out", "-q", "--workers", 1)
    assert code == 0
    assert kinds(tmp_path / "out") == {
        "duration_differs": 1,
        "layout_of_another_clip": 1,
        "layout_of_no_clip": 1,
        "layout_unreadable": 1,
        "manifest_line": 3,
        "no_layout": 2,
        "no_truth": 1,
    }
    facts = {(fault["kind"], fault["where"]): fault["text"] for fault in read(tmp_path / "out")["faults"]}
    assert facts["manifest_line", "manifest.jsonl line 9"].startswith("not JSON: ")
    assert facts["manifest_line", "manifest.jsonl line 11"] == "source_id is missing"
    assert facts["manifest_line", "manifest.jsonl line 12"] == "the id 'clip_00' stands twice; the first one counts"
    assert facts["layout_of_no_clip", "clip_99.json"] == "this layout is of no clip of the benchmark"
    assert "exactly the ground truth of another clip, 'clip_07'" in facts["layout_of_another_clip", "clip_02"]
    assert facts["duration_differs", "clip_03"].endswith("The layout lasts 3 s, the ground truth 1 s.")
    assert "3 x manifest_line: manifest.jsonl line 9: not JSON" in err
    cell = read(tmp_path / "out")["stages"]["1"]["tables"]["max_iou"]["all"]["C"]
    assert (cell["count"], cell["undefined"]) == (7, 1)
    code, _, err = spa2v("evaluate", "-d", bench, "--layouts", layouts, "-o", tmp_path / "out", "-q", "--strict")
    assert (code, "error: 10 things are missing or wrong" in err) == (1, True)


def test_the_truth_of_another_clip_is_told(bench: Path, tmp_path: Path) -> None:
    """Even where the two last equally long."""
    for name in ("clip_00", "clip_01"):
        kind = {"clip_00": "left", "clip_01": "right"}[name]
        (bench / name / "layout.json").write_text(layout(kind).dumps())
    layouts = predict(bench, tmp_path / "layouts")
    (layouts / "clip_00.json").write_text((bench / "clip_01" / "layout.json").read_text())
    made = score(bench, tmp_path / "out", layouts)
    assert [(fault.kind, fault.where) for fault in made.faults] == [("layout_of_another_clip", "clip_00")]


def test_a_run_folder_of_another_sound_is_told(spa2v, bench: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for clip, heard in (("clip_00", "clip_00"), ("clip_01", "clip_02")):
        assert spa2v("plan", bench / heard / "audio.wav", "--run-dir", runs / clip, "-q")[0] == 0
    made = score(bench, tmp_path / "out", runs)
    told = [fault.where for fault in made.faults if fault.kind == "layout_of_another_clip"]
    assert told == ["clip_01"]


def test_videos_are_scored_and_missing_ones_reported(tmp_path: Path) -> None:
    bench = make_bench(tmp_path / "bench", 4, with_video=True)
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("clip_00", "clip_02"):
        (videos / f"{name}.mp4").write_bytes((bench / name / "video.mp4").read_bytes())
    (videos / "clip_01.mp4").write_bytes(b"no video at all")
    made = score(bench, tmp_path / "out", None, videos)
    assert {(f.kind, f.where) for f in made.faults} == {
        ("no_video", "clip_01"),
        ("no_video", "clip_03"),
        ("video_unreadable", "clip_01"),
    }
    cell = made.stages["2"].tables["flicker"]["all"]["C"]
    assert (cell.count, cell.undefined) == (2, 2)
    assert {s.metric for s in made.stages["2"].scores} == {"av_align", "flicker"}


class Sees:
    """A detector that finds the bright square; and features from the mean colors."""

    name = "bright square"
    calls = 0

    def detect(self, frames, labels, run):
        from spa2v import Box
        from spa2v.core.types import Detection

        Sees.calls += 1
        found = []
        for frame in frames:
            columns = (frame[..., 0] > 150).any(axis=0).nonzero()[0]
            rows = (frame[..., 0] > 150).any(axis=1).nonzero()[0]
            box = Box(columns[0] / 64, rows[0] / 48, (columns[-1] + 1) / 64, (rows[-1] + 1) / 48)
            found.append((Detection(labels[0], 0.9, box),))
        return tuple(found)

    def features(self, videos, run):
        import numpy as np

        return np.array([video.mean(axis=(1, 2, 3))[:4] for video in videos], dtype=np.float64)


def test_detector_and_features_give_all_of_stage_2_once(tmp_path: Path) -> None:
    bench = make_bench(tmp_path / "bench", 4, with_video=True)
    networks = {
        "detector": Chosen("detectors", "bright", component=Sees()),
        "features": Chosen("feature_extractors", "mean", component=Sees()),
    }
    request = Request(read_bench(bench), "test", None, Outputs(bench, "video"), stage2=Stage.default(2, **networks))
    Sees.calls = 0
    made = evaluate(request, tmp_path / "out", Run())
    tables = made.stages["2"].tables
    assert set(tables) == {"av_align", "flicker", "lt_sim", "track_iou", "spatial_alignment", "fvd"}
    assert tables["fvd"]["all"]["C"].value == pytest.approx(0.0, abs=1e-9)
    assert tables["lt_sim"]["all"]["C"].value > 0.8
    assert tables["spatial_alignment"]["all"]["C"].value > 0.7
    again = evaluate(request, tmp_path / "out", Run())
    assert Sees.calls == 4
    assert again.to_json() == made.to_json()


def test_toyworlds_detector_and_features_from_the_command_line(spa2v, tmp_path: Path) -> None:
    """With weights drawn at random: what it sees is chance, but the way through all parts is the real one."""
    import torch
    from safetensors.torch import save_file

    from spa2v.world.detector import make_network

    torch.manual_seed(0)
    state = {k: v for k, v in make_network().state_dict().items() if not k.endswith("num_batches_tracked")}
    save_file(state, tmp_path / "d.safetensors")
    bench = make_bench(tmp_path / "bench", 2, with_video=True)
    own = f"toyworld:{tmp_path / 'd.safetensors'}"
    words = ("evaluate", "-d", bench, "--videos", bench, "-o", tmp_path / "out", "-q", "--workers", 1)
    code, out, _ = spa2v(*words, "--detector", own, "--features", own, "--device", "cpu")
    found = read(tmp_path / "out")
    assert (code, "FVD" in out, "LTSim" in out) == (0, True, True)
    assert found["stages"]["2"]["tables"]["fvd"]["all"]["C"]["value"] == pytest.approx(0.0, abs=1e-9)
    assert found["options"]["2"]["detector"] == "toyworld d.safetensors"
    code, _, err = spa2v(*words, "--features", "toyworld:gone.safetensors", "--device", "cpu")
    assert (code, "gone.safetensors" in err) == (1, True)


def test_the_result_does_not_depend_on_processes(bench: Path, tmp_path: Path) -> None:
    big = make_bench(tmp_path / "big", 40)
    layouts = predict(big, tmp_path / "layouts")
    one, two = (score(big, tmp_path / f"out{n}", layouts, workers=n) for n in (1, 2))
    assert one.to_json() == two.to_json()


def test_a_changed_layout_is_scored_again(bench: Path, tmp_path: Path) -> None:
    layouts = predict(bench, tmp_path / "layouts")
    before = score(bench, tmp_path / "out", layouts).stages["1"].tables["max_iou"]["all"]["C"].value
    for path in layouts.iterdir():
        path.write_text((bench / path.stem / "layout.json").read_text())
    after = score(bench, tmp_path / "out", layouts).stages["1"].tables["max_iou"]["all"]["C"].value
    assert before < 0.7 < after == pytest.approx(1.0)


SLOW = '''
import time
from pathlib import Path

from spa2v import Box, KeyFrame, SceneObject, VideoSceneLayout


class Slow:
    """Plans one thing and leaves a mark for each clip."""

    def __init__(self, marks: str, wait_s: float = 0.0) -> None:
        self.marks, self.wait_s = Path(marks), wait_s

    def plan(self, audio, cues, run):
        with self.marks.open("a") as file:
            file.write(f"{audio.source}\\n")
        time.sleep(self.wait_s)
        x = float(run.rng("place").uniform(0.1, 0.6))
        item = SceneObject("car_0", "car", Box(x, 0.3, x + 0.2, 0.6))
        return VideoSceneLayout(audio.duration_s, "a car", (KeyFrame(0.0, "now", (item,)),))
'''


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "slow.py").write_text(SLOW)
    (folder / "slow.yaml").write_text('layout_planners:\n  slow: "slow.py:Slow"\n')
    planner = f"{{name: slow, options: {{marks: {folder / 'marks.txt'}}}}}"
    (folder / "config.yaml").write_text(f"registries: [slow.yaml]\ncue_extractors: []\nlayout_planner: {planner}\n")
    return folder


def test_killed_and_restarted_gives_the_same_as_one_run(spa2v, slow: Path, bench: Path, tmp_path: Path) -> None:
    """A real process, really killed in the middle; the restart makes only what is missing."""
    words = ["evaluate", "--data", bench, "--config", slow / "config.yaml", "--workers", 1, "-q", "--name", "slow"]
    command = [sys.executable, "-m", "spa2v", *map(str, words)]
    process = subprocess.Popen([*command, "-o", tmp_path / "torn", "layout_planner.options.wait_s=0.2"])
    marks = slow / "marks.txt"
    deadline = time.monotonic() + 120
    while not (marks.exists() and len(marks.read_text().splitlines()) >= 4):
        assert time.monotonic() < deadline, "the run never began"
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "torn" / "evaluation.json").exists()
    kept = len((tmp_path / "torn" / "plans.jsonl").read_text().splitlines())
    assert 3 <= kept < 8
    with (tmp_path / "torn" / "plans.jsonl").open("a") as file:
        file.write('{"key": "torn')
    marks.unlink()
    finish = [*command, "-o", tmp_path / "torn", "layout_planner.options.wait_s=0.2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(finish, check=True, env=environment, capture_output=True)
    assert len(marks.read_text().splitlines()) == 8 - kept
    assert spa2v(*words, "-o", tmp_path / "whole", "layout_planner.options.wait_s=0.2")[0] == 0
    torn, whole = ((tmp_path / name / "evaluation.json").read_text() for name in ("torn", "whole"))
    assert torn.replace(str(tmp_path / "torn"), "OUT") == whole.replace(str(tmp_path / "whole"), "OUT")


def test_a_planner_that_always_fails_is_given_up(spa2v, toy: Path, tmp_path: Path) -> None:
    bench = make_bench(tmp_path / "bench", 12)
    code, _, err = spa2v(
        *("evaluate", "-d", bench, "-c", toy, "layout_planner=wrong_result", "-o", tmp_path / "out", "-q"),
        *("--workers", 1),
    )
    assert code == PlannerError.exit_code
    assert "error: the first 10 clips all failed; the rest was not tried\n" in err
    assert "layout planner 'wrong_result' returned a dict" in err


def test_clips_that_fail_are_reported_with_their_reason(spa2v, toy: Path, tmp_path: Path) -> None:
    bench = make_bench(tmp_path / "bench", 3)
    (bench / "clip_01" / "audio.wav").write_bytes(b"noise")
    code, _, _ = spa2v("evaluate", "-d", bench, "-c", toy, "-o", tmp_path / "out", "-q", "--workers", 1)
    (fault,) = read(tmp_path / "out")["faults"]
    assert (code, fault["kind"], fault["where"]) == (0, "no_layout", "clip_01")
    assert "audio.wav" in fault["text"]


def test_layouts_of_another_config_are_never_scored(spa2v, toy: Path, tmp_path: Path) -> None:
    bench = make_bench(tmp_path / "bench", 3)
    words = ("evaluate", "-d", bench, "-c", toy, "-o", tmp_path / "out", "-q", "--workers", 1)
    assert spa2v(*words)[0] == 0
    before = (tmp_path / "out" / "layouts" / "clip_00.json").read_bytes()
    assert spa2v(*words, "layout_planner.options.size=0.2")[0] == 0
    assert (tmp_path / "out" / "layouts" / "clip_00.json").read_bytes() != before
    assert spa2v(*words, "layout_planner=wrong_result")[0] == 0
    assert kinds(tmp_path / "out") == {"no_layout": 3}


def test_a_config_draws_and_both_stages_are_scored(spa2v, toy: Path, tmp_path: Path) -> None:
    bench = make_bench(tmp_path / "bench", 2)
    code, out, _ = spa2v("evaluate", "-d", bench, "-c", toy, "--draw", "-o", tmp_path / "out", "-q", "--workers", 1)
    assert (code, "Stage 1" in out, "Stage 2" in out) == (0, True, True)
    assert (tmp_path / "out" / "videos" / "clip_00.mp4").stat().st_size > 500
    assert set(read(tmp_path / "out")["stages"]) == {"1", "2"}


def test_refusals(spa2v, bench: Path, tmp_path: Path) -> None:
    def refused(*words: object) -> str:
        code, _, err = spa2v("evaluate", *words, "-o", tmp_path / "out", "-q")
        assert code == 1
        return err

    assert refused("-d", bench).startswith("error: nothing to evaluate\n  give --layouts DIR")
    assert "there is no folder" in refused("-d", bench, "--layouts", tmp_path / "gone")
    assert "cannot read the manifest" in refused("-d", tmp_path, "--layouts", bench)
    assert "has no clip of the split 'database'" in refused("-d", bench, "--layouts", bench, "--split", "database")
    assert "--labels: unknown component 'fuzzy'" in refused("-d", bench, "--layouts", bench, "--labels", "fuzzy")
    assert "--detector: unknown component 'eye'" in refused("-d", bench, "--layouts", bench, "--detector", "eye")
    assert "--features: unknown component 'c3d'" in refused("-d", bench, "--layouts", bench, "--features", "c3d")
    assert "orientation: 'up'" in refused("-d", bench, "--layouts", bench, "--orientation", "up")
    assert "exclude each other" in refused("-d", bench, "--layouts", bench, "--config", "default")
    assert "settings need a configuration" in refused("-d", bench, "--layouts", bench, "run.seed=1")


def test_a_journal_survives_torn_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.put({content_key(1): {"a": 1}})
    with journal.path.open("a") as file:
        file.write('{"key": "x", "resu')
    again = Journal(journal.path)
    again.put({content_key(2): {"b": 2}})
    last = Journal(journal.path)
    assert (last.get(content_key(1)), last.get(content_key(2)), last.get("x")) == ({"a": 1}, {"b": 2}, None)
    with pytest.raises(MediaError, match="cannot write"):
        Journal(tmp_path).put({"k": {}})


def test_what_is_no_evaluation_is_refused(tmp_path: Path) -> None:
    for text, fact in (("[]", "is no evaluation"), ("{}", "no evaluation of this release"), ("{", "cannot read")):
        (tmp_path / "evaluation.json").write_text(text)
        with pytest.raises(ConfigError, match=fact):
            Evaluation.read(tmp_path)


OWN = """
from spa2v import MetricInfo, Score


class Width:
    \"\"\"Mean width of the predicted boxes.\"\"\"

    reads = ("layout",)

    def __init__(self, scale: float = 1.0):
        self.scale = scale
        self.values = {"width" if scale == 1.0 else f"width[scale={scale:g}]": MetricInfo("Box width", digits=1)}

    def score(self, clips, run):
        return [dict.fromkeys(self.values, self.one(clip)) for clip in clips]

    def one(self, clip):
        widths = [item.box.x2 - item.box.x1 for frame in clip.layout_frames for item in frame.objects]
        return self.scale * sum(widths) / len(widths) if widths else None


class Spread(Width):
    \"\"\"The same as a metric of sets.\"\"\"

    values = {"spread": MetricInfo("Spread", higher=False)}

    def __init__(self):
        self.scale = 1.0

    def score(self, clips, run):
        return [{"spread": Score(None, ("set_metric",), vector=[self.one(clip) or 0.0])} for clip in clips]

    def combine(self, vectors):
        return float(vectors.std())


class Fails(Width):
    def score(self, clips, run):
        return [1 / 0 for clip in clips]


class Renames(Width):
    def score(self, clips, run):
        return [{"size": 1.0} for clip in clips]
"""
OWN_REGISTRY = """
metrics:
  width: {target: "own.py:Width", summary: Width of boxes.}
  spread: "own.py:Spread"
  fails: "own.py:Fails"
  renames: "own.py:Renames"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "own.yaml").write_text(OWN_REGISTRY)
    return tmp_path / "own.yaml"


def test_a_metric_of_a_third_party_is_in_every_table(spa2v, own: Path, tmp_path: Path) -> None:
    """On screen, in the JSON, in CSV, in the report; in worker processes, and read again without its registry."""
    bench = make_bench(tmp_path / "bench", 40)
    layouts = predict(bench, tmp_path / "layouts")
    (layouts / "clip_00.json").unlink()
    words = ("evaluate", "-d", bench, "--layouts", layouts, "-o", tmp_path / "out", "-q", "--workers", 2)
    more = ("--registry", own, "--metric", "width", "--metric", "width:2", "--metric", "spread")
    code, out, _ = spa2v(*words, *more, "--csv", tmp_path / "t.csv")
    assert (code, "Box width" in out, "Box width [layout, scale=2]" in out, "Spread" in out) == (0, True, True, True)
    tables = read(tmp_path / "out")["stages"]["1"]["tables"]
    cell = tables["width[layout]"]["all"]["C"]
    assert (cell["value"], cell["count"], cell["undefined"]) == (pytest.approx(0.2), 39, 1)
    assert tables["width[layout, scale=2]"]["all"]["C"]["value"] == pytest.approx(0.4)
    assert tables["spread[layout]"]["all"]["C"]["count"] == 40
    assert tables["spread[layout]"]["all"]["C"]["value"] == pytest.approx(0.2 * (39 / 40**2) ** 0.5)
    assert "width[layout]" in (tmp_path / "t.csv").read_text()
    again = Evaluation.read(tmp_path / "out")
    assert again.info("width[layout]").text(0.25) == "0.2"
    assert spa2v("report", tmp_path / "out")[0] == 0
    assert "Box width" in (tmp_path / "out" / "report.html").read_text()
    code, _, err = spa2v(*words, *more, "--metric", "widht")
    assert (code, "--metric: unknown component 'widht' of metrics\n  did you mean 'width'" in err) == (1, True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fails", r"metric 'fails' raised ZeroDivisionError: division by zero\n  .*own\.py:\d+, in .*\n  on 'clip_00'"),
        ("renames", r"metric 'renames' returned size\n  expected a mapping of width"),
    ],
)
def test_a_metric_that_fails_is_named(spa2v, own: Path, bench: Path, tmp_path: Path, name: str, text: str) -> None:
    words = ("evaluate", "-d", bench, "--layouts", bench, "-o", tmp_path / "out", "-q", "--workers", 1)
    code, _, err = spa2v(*words, "--registry", own, "--metric", name)
    assert code == 1
    assert re.fullmatch(f"error: {text}\n", err), err


def test_evaluations_of_older_releases_are_readable(bench: Path, tmp_path: Path) -> None:
    """They say nothing of the metrics themselves."""
    made = score(bench, tmp_path / "out", bench)
    data = read(tmp_path / "out")
    del data["metrics"]
    (tmp_path / "out" / "evaluation.json").write_text(json.dumps(data))
    old = Evaluation.read(tmp_path / "out")
    assert old.info("max_iou") == made.info("max_iou")


def test_the_options_are_grouped(spa2v) -> None:
    _, out, _ = spa2v("evaluate", "--help")
    titles = ("What is scored", "Clips", "Scoring", "Detector and features", "Results")
    assert [title for title in titles if f"─ {title} ─" not in out] == []
