"""The contract tests for authors: every rule of every family is kept by a good component and broken by a bad one."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spa2v import (
    AudioClip,
    ConfigError,
    ContractError,
    Run,
    SpatialCues,
    UnknownComponent,
    VideoSceneLayout,
    Weights,
    WeightsError,
    locate,
)
from spa2v.core.registry import FAMILIES
from spa2v.testing import Contract, check_component, toy_audio, toy_backbone, toy_cues, toy_layout, toy_run
from spa2v.testing.__main__ import main as contract_command
from spa2v.testing.contract import rules
from spa2v.testing.same import difference
from tests.kit import broken_components as broken
from tests.kit import heavy_components
from tests.kit.paths import ROOT

pytest_plugins = ["pytester"]

EVERY_RULE = [(family, rule.name) for family in FAMILIES for rule in rules(family) if rule.name != "cheap"]
"""For "cheap" see EXPENSIVE."""


UNCHECKED = {
    "cue_extractors": {"tag"},
    "layout_planners": {"prompt"},
    "motion_backbones": {"sites", "text", "loop", "steer", "several", "rewords"},
    "grounding_injectors": {"several"},
}
"""What components without any capability leave open."""


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_good_component_keeps_every_rule(family: str) -> None:
    report = check_component(family, broken.FAMILIES[family][0])
    unchecked = UNCHECKED.get(family, set())
    assert set(report.unchecked) == unchecked
    assert set(report.kept) | unchecked == {rule.name for rule in rules(family)}


@pytest.mark.parametrize(("family", "name"), EVERY_RULE, ids=[f"{family}-{name}" for family, name in EVERY_RULE])
def test_every_rule_can_be_broken(family: str, name: str) -> None:
    bad = getattr(broken.FAMILIES[family][1], name)
    contract = Contract(family, bad, options={})
    rule = next(rule for rule in contract.rules if rule.name == name)
    with pytest.raises(ContractError) as caught:
        contract.check(rule)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"'{bad.__name__}' of {family} breaks its contract"
    assert lines[1] == f"  rule '{name}': {rule.says}"
    assert lines[2].startswith("    seen: ")
    assert lines[-1] == f"    fix: {rule.fix}"


EXPENSIVE = [
    ("cue_extractors", broken.ImportsTorch, "the constructor imports torch"),
    ("layout_planners", broken.CallsHost, "the constructor calls 127.0.0.1"),
    ("motion_backbones", broken.ReadsWeights, "the constructor opens no_such.safetensors"),
    ("grounding_injectors", heavy_components.Heavy, "importing tests.kit.heavy_components:Heavy imports openai"),
]


@pytest.mark.parametrize(("family", "bad", "text"), EXPENSIVE, ids=[text for _, _, text in EXPENSIVE])
def test_what_is_expensive_is_told(family: str, bad: type, text: str) -> None:
    contract = Contract(family, bad)
    with pytest.raises(ContractError, match=f"    seen: {text}\n"):
        contract.check(next(rule for rule in contract.rules if rule.name == "cheap"))


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (broken.Deaf, r"a hook of before_step is called at the steps \[\], expected \[0, 1, 2, 3\]"),
        (broken.Stubborn, r"a hook returns latents of mean \S+, the denoiser sees "),
    ],
)
def test_hooks_before_a_step_must_be_heeded(bad: type, text: str) -> None:
    contract = Contract("motion_backbones", bad)
    with pytest.raises(ContractError, match=f"    seen: {text}"):
        contract.check(next(rule for rule in contract.rules if rule.name == "steer"))


def test_a_hook_before_a_step_that_is_left_is_told() -> None:
    class Leaves(broken.Injector):
        def place(self, denoiser: Any) -> Any:
            self.backbone.denoising.before_step.append(lambda latents, predict: latents)
            return super().place(denoiser)

        def attach(self, backbone: Any, layout: VideoSceneLayout, run: Run) -> Any:
            self.backbone = backbone
            return super().attach(backbone, layout, run)

    contract = Contract("grounding_injectors", Leaves)
    with pytest.raises(
        ContractError, match=r"seen: on one thing, after `with`: denoising.before_step still holds a hook"
    ):
        contract.check(next(rule for rule in contract.rules if rule.name == "reversible"))


def test_all_broken_rules_are_told_at_once() -> None:
    class Worst(broken.Plans.caption):
        def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
            run.audio = None
            return super().plan(audio, cues, run)

    with pytest.raises(ContractError) as caught:
        check_component("layout_planners", Worst)
    told = str(caught.value)
    assert told.startswith(
        "'Worst' of layout_planners breaks its contract\n"
        "  rule 'caption': The caption of the video is not empty, for silence too.\n"
        "    seen: on pass: the caption is empty\n"
        "    fix: describe the scene in a sentence; for silence an empty place will do\n"
        "  rule 'run': "
    )
    assert "seen: run.seed, run.audio or run.cues is another one after the call" in told


def test_what_a_component_raises_is_told_with_the_clip() -> None:
    with pytest.raises(ContractError, match="seen: on silence: raised ZeroDivisionError: no level"):
        check_component("cue_extractors", broken.Cues.clips)


def test_names_from_a_registry_file_are_found(toy: Path) -> None:
    registry = toy.parent / "toy.yaml"
    with pytest.raises(ContractError, match=r"rule 'silence'.*\n.*there stands gong"):
        check_component("layout_planners", "middle", [registry], name="gong")
    report = check_component("cue_extractors", "loudest", [registry])
    assert report.component == "'loudest' of cue_extractors"


UNUSABLE = [
    ((["layout_planers", "x"], {}), ConfigError, "unknown family 'layout_planers'\n  did you mean 'layout_planners'?"),
    ((["layout_planners", "stereo_rule"], {}), UnknownComponent, "did you mean 'stereo_rules'?"),
    ((["layout_planners", 3], {}), ConfigError, "3 is neither a name nor a class"),
    ((["layout_planners", broken.Extractor], {}), ContractError, "has no method plan(audio, cues, run)"),
    ((["layout_planners", broken.Planner], {"x": 1}), ConfigError, "unknown option 'x'"),
    ((["layout_planners", "layout_file"], {}), ConfigError, "the option 'path' is required"),
]


@pytest.mark.parametrize(("call", "error", "text"), UNUSABLE, ids=[text for _, _, text in UNUSABLE])
def test_what_cannot_be_checked_says_why(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        check_component(*call[0], **call[1])
    assert text in str(caught.value)


def test_options_that_are_not_plain_data_leave_a_rule_unchecked() -> None:
    class Counted(broken.Planner):
        def __init__(self, counter: Any = None) -> None:
            self.counter = counter

    report = check_component("layout_planners", Counted, counter=object())
    assert report.unchecked == {
        "cheap": "the options are not plain data, as a config would hold them",
        "prompt": "it has no describe_prompt (see DescribesPrompt)",
    }
    report = check_component("layout_planners", Counted)
    assert "cannot be imported from another process" in report.unchecked["cheap"]


def test_toy_sounds_are_what_they_say() -> None:
    left, right, silence, mono = (toy_audio(kind) for kind in ("left", "right", "silence", "mono"))
    assert not silence.samples.any()
    assert mono.channels == 1
    levels = [20 * np.log10(np.std(clip.right) / np.std(clip.left)) for clip in (left, right)]
    assert levels == pytest.approx([-6, 6], abs=0.1)
    shift = round(0.0004 * 44_100)
    assert np.corrcoef(left.left[:-shift], left.right[shift:])[0, 1] > 0.97
    assert difference(toy_audio("pass"), toy_audio("pass")) is None
    with pytest.raises(ConfigError, match=r"unknown toy sound 'lft'\n  did you mean 'left'\?"):
        toy_audio("lft")


def test_toy_cues_are_measured() -> None:
    azimuth = toy_cues("pass").tracks["azimuth"]
    assert azimuth.at(0.2) < -10 < 10 < azimuth.at(1.8)
    assert toy_cues("mono").measures["lateral_evidence"] == 0
    many = toy_cues("pass", sources=12)
    assert len(many.sources) == 12
    assert sum(source.share for source in many.sources) == pytest.approx(1)


@pytest.mark.parametrize("objects", [0, 1, 2, 12, 64])
def test_toy_layouts_hold_what_was_asked_for(objects: int) -> None:
    layout = toy_layout(objects, keyframes=3, duration_s=0.7)
    assert [len(frame.objects) for frame in layout.keyframes] == [objects] * 3
    assert layout.duration_s == 0.7
    with pytest.raises(ConfigError, match="objects: 65\n  expected 0 to 64"):
        toy_layout(65)


def test_the_toy_backbone_draws_the_same_twice() -> None:
    videos = [toy_backbone().generate(toy_layout(1), toy_run()) for _ in range(2)]
    assert difference(*videos) is None
    assert videos[0].frames.shape == (4, 48, 64, 3)


DIFFERENT = [
    ((1, 2.0), "the result is a int once and a float then"),
    (({"a": 1}, {"b": 1}), "the result has the keys ['a'] once and ['b'] then"),
    (((1, 2), (1,)), "the result has 2 entries once and 1 then"),
    (({"a": (1, 2)}, {"a": (1, 3)}), "the result['a'][1] is 2 once and 3 then"),
    ((np.zeros(2), np.ones(2)), "the result differs"),
    ((toy_layout(1), toy_layout(2)), "the result.caption is 'a car' once and 'a car, a dog' then"),
]


@pytest.mark.parametrize(("pair", "text"), DIFFERENT, ids=[text for _, text in DIFFERENT])
def test_differences_are_found(pair: tuple[Any, Any], text: str) -> None:
    assert difference(*pair) == text


PLUGIN_TESTS = """
import pytest
from tests.kit import broken_components as broken

@pytest.mark.spa2v_component("layout_planners", broken.Planner)
def test_good(spa2v_rule):
    spa2v_rule()

@pytest.mark.spa2v_component("layout_planners", broken.Plans.caption)
def test_bad(spa2v_rule):
    spa2v_rule()

@pytest.mark.spa2v_component("motion_backbones", broken.Backbone)
def test_plain(spa2v_rule):
    spa2v_rule()

@pytest.mark.spa2v_component("layout_planners", broken.Weightless)
def test_without_weights(spa2v_rule):
    spa2v_rule()

@pytest.mark.spa2v_component("layout_planners", "stereo_rule")
def test_unknown(spa2v_rule):
    spa2v_rule()
"""


EXPECTED_RULES = 4 * len(rules("layout_planners")) + len(rules("motion_backbones"))


def test_the_plugin_makes_a_test_of_every_rule(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(PLUGIN_TESTS)
    result = pytester.runpytest_subprocess("-rs", "-p", "no:cacheprovider", "-k", "sites or (caption and not plain)")
    wanted = {"passed": 1, "failed": 2, "skipped": 2, "deselected": EXPECTED_RULES - 5}
    assert result.parseoutcomes() == wanted, result.stdout.str()
    result.stdout.fnmatch_lines(
        [
            "*test_bad?caption?*",
            "'caption' of layout_planners breaks its contract",
            "*test_unknown?caption?*",
            "unknown component 'stereo_rule' of layout_planners",
            "*SKIPPED*it does not offer a denoiser to injectors*",
            "*SKIPPED*the weights 'a/b' are not there*",
        ]
    )
    assert "exception" not in result.stdout.str()


def test_the_plugin_wants_a_mark(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_contract(spa2v_rule): ...")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*test_contract: mark it with @pytest.mark.spa2v_component(family, component)*"])


def test_the_plugin_costs_nothing_where_it_is_not_used() -> None:
    probe = [sys.executable, "-X", "importtime", "-c", "import spa2v.testing.pytest_plugin"]
    done = subprocess.run(probe, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")}
    assert {name for name in imported if name.startswith("spa2v")} == {
        "spa2v",
        "spa2v.core",
        "spa2v.core.deprecated",
        "spa2v.testing",
        "spa2v.testing.pytest_plugin",
    }
    assert "numpy" not in imported


def test_the_command_tells_what_cannot_be_checked(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    registry = ["--registry", str(toy.parent / "toy.yaml")]
    assert contract_command(["layout_planners", "midle", *registry]) == 1
    assert capsys.readouterr().err.startswith("error: unknown component 'midle' of layout_planners\n  did you mean")
    assert contract_command(["layout_planners", "middle", "size", *registry]) == 1
    assert capsys.readouterr().err == "error: option 'size' is not of the form key=value\n"
    assert contract_command(["layout_planners", "middle", "size=0.2", "name=gong", *registry]) == 1
    out = capsys.readouterr().out.splitlines()
    assert "  seen: on silence: there stands gong" in out
    assert out[-1] == "10 kept, 1 broken, 1 unchecked"
    assert contract_command(["cue_extractors", "loudest", *registry]) == 0


SMALL = {"base": "spa2v:weights/toyworld/stable-diffusion", "motion": "spa2v:weights/toyworld/motion-adapter"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["migc", "gligen"])
def test_injectors_are_held_on_the_packaged_weights(name: str) -> None:
    pytest.importorskip("diffusers")
    file = {"migc": "migc.safetensors", "gligen": "gligen"}[name]
    report = check_component("grounding_injectors", name, weights=f"spa2v:weights/toyworld/{file}")
    assert not report.unchecked
    assert report.facts["grounds"] is True


@pytest.mark.slow
def test_a_backbone_is_held_on_the_packaged_weights() -> None:
    pytest.importorskip("diffusers")
    size = {"width": 64, "height": 64, "frames": 4, "steps": 4}
    assert not check_component("motion_backbones", "animatediff", **SMALL, **size).unchecked


class Fetching:
    """A planner whose weights are on a hub."""

    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        locate(Weights("planner", "nobody-of-ours/no-such-planner", "weights"))
        raise AssertionError


class Asking:
    """A planner that asks the hub past `locate`."""

    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        from huggingface_hub import hf_hub_download

        hf_hub_download("nobody-of-ours/no-such-planner", "config.json")
        raise AssertionError


def test_the_kit_lets_no_component_ask_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    asked: list[str] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *words, **more: asked.append(str(words[0])))
    with pytest.raises(ContractError, match="LocalEntryNotFoundError"):
        check_component("layout_planners", Asking)
    assert (asked, constants.HF_HUB_OFFLINE) == ([], False)


def test_the_kit_never_asks_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *words, **more: asked.append(str(words[0])))
    with pytest.raises(WeightsError, match="'nobody-of-ours/no-such-planner' is not on this machine"):
        check_component("layout_planners", Fetching)
    assert not asked
