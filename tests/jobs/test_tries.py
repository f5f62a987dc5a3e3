"""Drawing several seeds: what is kept, what is said, and plans that no seed can draw."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spa2v.core.errors import ConfigError
from spa2v.core.pipeline import Pipeline
from spa2v.core.types import Box, KeyFrame, SceneObject, VideoSceneLayout
from spa2v.jobs.judge import judge
from spa2v.jobs.tries import Tries
from spa2v.layouts.drawable import problems, repaired
from tests.cli.test_cli import spa2v  # noqa: F401 - a fixture

FEW = [f"motion_backbone.options.{option}" for option in ("frames=2", "steps=3", "width=128", "height=80")]
FEW.append("run.device=cpu")
FOUR = "motion_backbone.options.frames=4"


def plan(**boxes: Box) -> VideoSceneLayout:
    """Objects that stay, named like their keys."""
    objects = tuple(SceneObject(key, key.rstrip("_0123456789"), box) for key, box in boxes.items())
    return VideoSceneLayout(2.0, "a street", (KeyFrame(0.0, "", objects),))


ORDINARY = plan(car=Box(0.1, 0.3, 0.5, 0.8))


@pytest.mark.slow
def test_the_best_seed_is_kept_and_a_replay_of_that_seed_is_the_same_video(spa2v, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "plan.json").write_text(ORDINARY.dumps())
    run = tmp_path / "run"
    words = ["render", tmp_path / "plan.json", *FEW, "--config", "toyworld"]
    code, _, err = spa2v(*words, "--tries", 3, "--run-dir", run)
    assert code == 0
    tries = json.loads((run / "manifest.json").read_text())["record"]["tries"]
    scores = {entry["seed"]: entry["score"] for entry in tries["scores"]}
    assert sorted(scores) == [0, 1, 2]
    assert len(set(scores.values())) > 1
    assert scores[tries["kept"]] == max(scores.values())
    assert "(kept)" in err
    assert spa2v(*words, f"run.seed={tries['kept']}", "-o", tmp_path / "one.mp4")[0] == 0
    assert (tmp_path / "one.mp4").read_bytes() == (run / "video.mp4").read_bytes()
    code, _, _ = spa2v(*words, "--tries", 3, "--until", 0, "--run-dir", tmp_path / "early")
    early = json.loads((tmp_path / "early" / "manifest.json").read_text())["record"]["tries"]
    assert [entry["seed"] for entry in early["scores"]] == [0]


def test_seeds_in_one_batch_draw_what_each_draws_alone() -> None:
    pipeline = Pipeline.from_preset("toyworld", overrides=FEW)
    run = pipeline.new_run()
    runs = [run.seeded(seed) for seed in (4, 5)]
    together = pipeline.render_seeds(ORDINARY, runs)
    for one, video in zip(runs, together, strict=True):
        alone = pipeline.render(ORDINARY, run.seeded(one.seed))
        assert abs(alone.frames.astype(int) - video.frames).max() <= 1
    verdict = judge(together[0], run.component("detectors", "toyworld"), run, ORDINARY, metrics=("grounding",))
    assert set(verdict.to_json()) == {"score", "box_iou", "class_held"}


def test_seeds_count_on_from_zero_after_the_last_one(spa2v, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "plan.json").write_text(ORDINARY.dumps())
    words = ("render", tmp_path / "plan.json", FOUR, "-c", "storyboard", "--tries", 2, "--detector", "toyworld")
    assert spa2v(*words, f"run.seed={2**32 - 1}", "--run-dir", tmp_path / "run")[0] == 0
    tries = json.loads((tmp_path / "run" / "manifest.json").read_text())["record"]["tries"]
    assert [entry["seed"] for entry in tries["scores"]] == [2**32 - 1, 0]


def test_options_of_tries_need_tries(spa2v, tmp_path: Path) -> None:  # noqa: F811
    code, _, err = spa2v("render", tmp_path / "plan.json", "--until", 0.5)
    assert code == 2
    assert "--tries" in err


def test_a_backbone_without_weights_needs_a_named_detector() -> None:
    with pytest.raises(ConfigError, match="--detector"):
        Tries(2).detector_of(Pipeline.from_preset("storyboard"))
    assert Tries(2).detector_of(Pipeline.from_preset("toyworld"))[0] == "toyworld"
    assert Tries(2).detector_of(Pipeline.from_preset("spa2v"))[0] == "owlv2"


@pytest.mark.parametrize("words", [(), ("--detector", "none_such")])
def test_a_detector_that_is_not_known_stops_before_anything_is_planned(spa2v, tmp_path: Path, words) -> None:  # noqa: F811
    from spa2v.demo import demo_recording

    (tmp_path / "list.txt").write_text(f"{demo_recording()}\n")
    words = ("--config", "storyboard", "--tries", 2, *words)
    for command in (
        ("batch", tmp_path / "list.txt", "-o", tmp_path / "out"),
        ("generate", demo_recording(), "-o", tmp_path / "a.gif", "--run-dir", tmp_path / "run"),
    ):
        code, _, err = spa2v(*command, *words)
        assert code == 1
        assert err.count("detector") >= 1
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "run").exists()


def test_a_replay_refuses_options_of_tries(spa2v, tmp_path: Path) -> None:  # noqa: F811
    code, _, err = spa2v("generate", "--from-run", tmp_path, "--until", 0.5)
    assert code == 2
    assert "--from-run" in err


@pytest.mark.parametrize(
    ("kind", "layout"),
    [
        ("small", plan(bird=Box(0.5, 0.5, 0.503, 0.503))),
        ("same_place", plan(car=Box(0.2, 0.2, 0.6, 0.8), bus=Box(0.22, 0.2, 0.6, 0.8))),
        ("same_place", plan(car=Box(0.0, 0.0, 1.0, 1.0), bus=Box(0.0, 0.0, 1.0, 1.0))),
        ("outside", plan(car=Box(0.99, 0.2, 1.0, 0.8), bus=Box(0.22, 0.2, 0.6, 0.8))),
    ],
)
def test_a_plan_that_cannot_be_drawn_has_a_reason_and_a_repair(kind: str, layout: VideoSceneLayout) -> None:
    (found,) = problems(layout)
    assert found.kind == kind
    assert all(key in found.text for key in found.objects)
    assert problems(repaired(layout)) == []
    assert VideoSceneLayout.loads(repaired(layout).dumps()) == repaired(layout)


def test_objects_that_pass_each_other_can_be_drawn() -> None:
    def frame(time_s: float, x: float) -> KeyFrame:
        first = SceneObject("car", "car", Box(x, 0.3, x + 0.3, 0.7))
        return KeyFrame(time_s, "", (first, SceneObject("bus", "bus", Box(0.7 - x, 0.3, 1.0 - x, 0.7))))

    layout = replace(ORDINARY, keyframes=(frame(0.0, 0.0), frame(2.0, 0.7)))
    assert problems(layout) == []
    assert repaired(layout) == layout


def test_a_repaired_plan_is_offered_and_the_given_one_is_drawn(spa2v, tmp_path: Path) -> None:  # noqa: F811
    given = plan(car=Box(0.5, 0.5, 0.503, 0.9))
    (tmp_path / "plan.json").write_text(given.dumps())
    words = ["render", tmp_path / "plan.json", *FEW, "--config", "toyworld", "-o", tmp_path / "a.mp4"]
    code, _, err = spa2v(*words, "--tries", 1, "--run-dir", tmp_path / "run")
    assert code == 0
    noticed = json.loads((tmp_path / "run" / "manifest.json").read_text())["record"]["notices"]
    for line in ("car is too small to be drawn in frames 0-15", "car is smaller than a cell"):
        assert line in err
        assert any(line in text for text in noticed)
    assert (tmp_path / "plan.json").read_text() == given.dumps()
    assert VideoSceneLayout.loads((tmp_path / "run" / "repaired.json").read_text()) == repaired(given)


def test_a_batch_ranks_tries_and_knows_videos_by_them(spa2v, tmp_path: Path) -> None:  # noqa: F811
    from spa2v.demo import demo_recording

    (tmp_path / "list.txt").write_text(f"{demo_recording()}\n")
    words = ["batch", tmp_path / "list.txt", "-o", tmp_path / "out", "--config", "storyboard", FOUR]
    words += ["--detector", "toyworld"]
    launches = []
    for tries in (2, 3, 3):
        assert spa2v(*words, "--tries", tries)[0] == 0
        (manifest,) = (tmp_path / "out" / "clips").glob("*/manifest.json")
        record = json.loads(manifest.read_text())
        launches.append(record["launch"])
        assert len(record["record"]["tries"]["scores"]) == tries
    assert launches[0] != launches[1] == launches[2]
    seconds = record["timings_s"]
    assert seconds["judge"] > 0
    assert record["stages"]["render"]["seconds"] == pytest.approx(
        seconds["generate"] + seconds["judge"] + seconds["write"], abs=1e-2
    )
