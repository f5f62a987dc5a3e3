"""The pipeline with components from a file beside the config: stages, hooks, contracts, manifest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from spa2v import AudioClip, ConfigError, ContractError, Pipeline, Run
from spa2v.core.runtime import DTYPES


def test_both_stages(toy: Path, noise: AudioClip) -> None:
    result = Pipeline.from_preset(toy)(noise)
    assert result.layout.caption == "a gong"
    assert result.cues.measures["peak"] == pytest.approx(abs(noise.samples).max())
    assert result.video.frames.shape == (4, 32, 48, 3)
    assert result.video.fps == pytest.approx(2.0)
    assert (result.video.frames == 200).all(), "the injector was attached"


def test_the_injector_leaves_nothing_behind(toy: Path, noise: AudioClip) -> None:
    pipeline = Pipeline.from_preset(toy)
    layout = pipeline.plan(noise)
    assert (pipeline.render(layout).frames == 200).all()
    assert (pipeline.motion_backbone.generate(layout, pipeline.new_run()).frames == 100).all()


WORDY = """
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from spa2v import GeneratedVideo


class Wordy:
    heard = ""

    def reword(self, layout, run):
        return replace(layout, caption="in its words")

    def generate(self, layout, run):
        same = layout.caption == self.heard == "in its words"
        return GeneratedVideo(np.full((2, 32, 48, 3), 255 if same else 0, np.uint8), 1.0)


class Mute(Wordy):
    def reword(self, layout, run):
        return "nothing"


class Listener:
    @contextmanager
    def attach(self, backbone, layout, run):
        backbone.heard = layout.caption
        yield
"""


def test_a_backbone_may_reword_a_layout_before_the_injector_sees_it(toy: Path, noise: AudioClip) -> None:
    (toy.parent / "wordy.py").write_text(WORDY)
    (toy.parent / "wordy.yaml").write_text(
        "grounding_injectors: {listener: 'wordy.py:Listener'}\n"
        "motion_backbones: {wordy: 'wordy.py:Wordy', mute: 'wordy.py:Mute'}\n"
    )
    toy.write_text(toy.read_text().replace("[toy.yaml]", "[toy.yaml, wordy.yaml]"))
    pipeline = Pipeline.from_preset(toy, overrides=["grounding_injector=listener", "motion_backbone=wordy"])
    result = pipeline(noise)
    assert (result.video.frames == 255).all(), "injector and backbone got the reworded layout"
    assert result.layout.caption == "a gong", "the result has the plan as it was"
    mute = Pipeline.from_preset(toy, overrides=["grounding_injector=listener", "motion_backbone=mute"])
    with pytest.raises(ContractError, match=r"backbone 'mute' returned a str\n.*\n.*, in reword\n"):
        mute(noise)


def test_components_are_built_once(toy: Path) -> None:
    pipeline = Pipeline.from_preset(toy)
    assert pipeline.motion_backbone is pipeline.motion_backbone
    assert pipeline.cue_extractors is pipeline.cue_extractors


def test_wrong_results_name_the_component(toy: Path, noise: AudioClip) -> None:
    pipeline = Pipeline.from_preset(toy, overrides=["layout_planner=wrong_result"])
    with pytest.raises(ContractError) as caught:
        pipeline.plan(noise)
    assert str(caught.value).splitlines()[:2] == [
        "layout planner 'wrong_result' returned a dict",
        "  expected a VideoSceneLayout",
    ]


def test_bad_option_values_are_config_errors(toy: Path) -> None:
    pipeline = Pipeline.from_preset(toy, overrides=["layout_planner.options.size=3"])
    with pytest.raises(ConfigError) as caught:
        pipeline.layout_planner  # noqa: B018
    assert str(caught.value).startswith("layout_planner (middle): size: 3 is not in 0..1")


def test_check_tells_everything(toy: Path) -> None:
    wrong = ["layout_planner=midle", "motion_backbone.options.x=1", "grounding_injector=needy"]
    problems = Pipeline.from_preset(toy, overrides=wrong).check()
    assert [problem.fact for problem in problems] == [
        "unknown component 'midle' of layout_planners",
        "unknown component 'needy' of grounding_injectors",
        "motion_backbone (gray): unknown option 'x'",
    ]
    assert Pipeline.from_preset(toy).check() == []


STEPS = """
import spa2v

seen = []

@spa2v.hookimpl
def spa2v_run_step(step, inputs, compute, run):
    seen.append((step, inputs["component"] if "component" in inputs else None))
    if step == "plan":
        return replay
    return None
"""


def test_the_step_hook_sees_every_step_and_may_answer(toy: Path, noise: AudioClip, install: Callable[..., str]) -> None:
    import importlib

    install("stepper", STEPS)
    stepper = importlib.import_module("stepper")
    pipeline = Pipeline.from_preset(toy)
    stepper.replay = None
    planned = pipeline.plan(noise)
    stepper.seen.clear()
    stepper.replay = planned
    result = Pipeline.from_preset(toy, overrides=["layout_planner.options.name=drum"])(noise)
    assert result.layout is planned, "the hook replayed another plan"
    assert stepper.seen == [("extract:loudest", "loudest"), ("plan", "middle"), ("generate", "gray")]


def test_a_run_folder_holds_what_happened(toy: Path, noise: AudioClip, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "run"
    pipeline = Pipeline.from_preset(toy, overrides=["run.seed=5"])
    with pipeline.recorded(folder) as (run, manifest):
        pipeline(noise, run)
        run.record["fact"] = 1
        manifest.output("video", folder / "video.mp4")
        assert json.loads((folder / "manifest.json").read_text())["status"] == "running"
    data = json.loads((folder / "manifest.json").read_text())
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "cues.json", "layout.json", "manifest.json"}
    assert (data["status"], data["seed"], data["record"]) == ("done", 5, {"fact": 1})
    assert set(data["timings_s"]) == {"extract:loudest", "plan", "generate"}
    assert data["components"][1]["origin"] == str(toy.parent / "toy.yaml")
    assert data["audio"]["duration_s"] == pytest.approx(2.0)
    assert data["versions"]["spa2v"]
    assert Pipeline.from_preset(folder / "config.yaml").config == pipeline.config


@pytest.mark.parametrize(("error", "status"), [(ValueError("x"), "failed"), (KeyboardInterrupt(), "interrupted")])
def test_the_manifest_of_a_run_that_ends_badly_is_true(
    toy: Path, tmp_path: Path, error: BaseException, status: str
) -> None:
    with pytest.raises(type(error)), Pipeline.from_preset(toy).recorded(tmp_path / "run"):
        raise error
    assert json.loads((tmp_path / "run/manifest.json").read_text())["status"] == status


def test_a_run_folder_that_cannot_be_made(toy: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigError, match="cannot make the folder"),
        Pipeline.from_preset(toy).recorded(tmp_path / "file" / "run"),
    ):
        pass


def test_seeds_are_derived_by_name() -> None:
    one, other = Run(seed=1), Run(seed=2)
    assert one.rng("a").random() == Run(seed=1).rng("a").random()
    assert len({run.derived_seed(name) for run in (one, other) for name in ("a", "b")}) == 4


def test_devices_and_dtypes_that_are_not_there() -> None:
    torch = pytest.importorskip("torch")
    run = Run(device="cpu")
    assert (run.device.type, run.dtype) == ("cpu", torch.float32)
    assert Run(device="cpu", dtype="bfloat16").dtype == torch.bfloat16
    with pytest.raises(ConfigError, match=r"run\.dtype: 'int8'\n  expected one of: " + ", ".join(DTYPES)):
        Run(dtype="int8")
    with pytest.raises(ConfigError, match=r"run\.device: 'tpu'"):
        Run(device="tpu").device  # noqa: B018
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match=r"run\.device: 'cuda:1' is not available"):
            Run(device="cuda:1").device  # noqa: B018


def test_the_noise_of_a_run_is_drawn_on_the_cpu() -> None:
    torch = pytest.importorskip("torch")
    draws = [torch.randn(3, generator=Run(seed=3).torch_generator("noise")) for _ in range(2)]
    assert torch.equal(*draws)


def test_a_notice_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run()
    run.notice("mind the license")
    run.notice("mind the license")
    assert capsys.readouterr().err == "mind the license\n"
    assert run.record["notices"] == ["mind the license"]


def test_the_planner_without_a_prompt(toy: Path, noise: AudioClip) -> None:
    with pytest.raises(ConfigError, match="the planner 'middle' sends no prompt"):
        Pipeline.from_preset(toy).describe_prompt(noise)
