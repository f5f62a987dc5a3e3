"""Components made of other components: `run.component`."""

from __future__ import annotations

from pathlib import Path

import pytest

from spa2v import AudioClip, ConfigError, ContractError, Pipeline, Run, UnknownComponent
from spa2v.testing import check_component, toy_audio, toy_cues, toy_run

WRAPPERS = """
from contextlib import contextmanager
from dataclasses import replace


class Wrapper:
    def __init__(self, inner="middle"):
        self.inner = inner

    def plan(self, audio, cues, run):
        layout = run.component("layout_planners", self.inner, name="gong").plan(audio, cues, run)
        return replace(layout, caption=f"{layout.caption}, wrapped")


class Nested:
    def __init__(self, inner="wrapper"):
        self.inner = inner

    def plan(self, audio, cues, run):
        return run.component("layout_planners", self.inner).plan(audio, cues, run)


class Ring:
    def __init__(self, inner):
        self.inner = inner

    def plan(self, audio, cues, run):
        return run.component("layout_planners", "ring", inner=self.inner[1:] or "a" * 3).plan(audio, cues, run)


class Endless:
    @contextmanager
    def attach(self, backbone, layout, run):
        with run.component("grounding_injectors", "endless").attach(backbone, layout, run):
            yield


class Misuse:
    def plan(self, audio, cues, run):
        return run.component("layout_planners", "middle", sise=3)
"""


@pytest.fixture
def wrappers(toy: Path) -> Path:
    (toy.parent / "wrappers.py").write_text(WRAPPERS)
    (toy.parent / "wrappers.yaml").write_text(
        "grounding_injectors: {endless: 'wrappers.py:Endless'}\nlayout_planners:\n"
        + "".join(f"  {name.lower()}: 'wrappers.py:{name}'\n" for name in ("Wrapper", "Nested", "Ring", "Misuse"))
    )
    toy.write_text(toy.read_text().replace("[toy.yaml]", "[toy.yaml, wrappers.yaml]"))
    return toy


def test_a_planner_wraps_another_one_with_options_and_so_on(wrappers: Path, noise: AudioClip) -> None:
    plain = Pipeline.from_preset(wrappers).plan(noise)
    wrapped = Pipeline.from_preset(wrappers, overrides=["layout_planner=wrapper"]).plan(noise)
    assert wrapped.caption == f"{plain.caption}, wrapped"
    assert wrapped.keyframes == plain.keyframes
    assert Pipeline.from_preset(wrappers, overrides=["layout_planner=nested"]).plan(noise) == wrapped


def test_a_part_is_built_once_a_pipeline_and_shared_with_the_config(wrappers: Path) -> None:
    pipeline = Pipeline.from_preset(wrappers)
    first = pipeline.new_run().component("layout_planners", "middle", name="gong")
    assert first is pipeline.new_run().component("layout_planners", "middle", name="gong")
    assert first is pipeline.layout_planner
    assert first is not pipeline.new_run().component("layout_planners", "middle", size=0.5)


@pytest.mark.parametrize("inner", ["aaa", "aaaa"], ids=["the one of the config", "a part"])
def test_what_is_made_of_itself_is_refused(wrappers: Path, noise: AudioClip, inner: str) -> None:
    pipeline = Pipeline.from_preset(wrappers, overrides=[f"layout_planner={{name: ring, options: {{inner: {inner}}}}}"])
    with pytest.raises(ContractError, match=r"'ring' of layout_planners is made of itself\n  it asks for"):
        pipeline.plan(noise)


def test_an_injector_that_is_made_of_itself_is_refused(wrappers: Path, noise: AudioClip) -> None:
    pipeline = Pipeline.from_preset(wrappers, overrides=["grounding_injector=endless"])
    with pytest.raises(ContractError, match="'endless' of grounding_injectors is made of itself"):
        pipeline(noise)


def test_options_and_names_of_parts_are_checked(wrappers: Path, noise: AudioClip) -> None:
    with pytest.raises(ConfigError, match="unknown option 'sise'\n  did you mean 'size'"):
        Pipeline.from_preset(wrappers, overrides=["layout_planner=misuse"]).plan(noise)
    with pytest.raises(UnknownComponent, match="unknown component 'midle' of layout_planners"):
        Pipeline.from_preset(wrappers).new_run().component("layout_planners", "midle")
    with pytest.raises(ConfigError, match="unknown family 'planners'"):
        Pipeline.from_preset(wrappers).new_run().component("planners", "middle")
    with pytest.raises(ConfigError, match="no component 'middle': this run belongs to no pipeline"):
        Run().component("layout_planners", "middle")


def test_a_toy_run_has_the_built_in_components() -> None:
    planner = toy_run().component("layout_planners", "stereo_rules", keyframes=4)
    assert len(planner.plan(toy_audio(), toy_cues(), toy_run()).keyframes) == 4


CALM = """
from dataclasses import replace


class Calm:
    def __init__(self, inner="stereo_rules"):
        self.inner = inner

    def plan(self, audio, cues, run):
        layout = run.component("layout_planners", self.inner).plan(audio, cues, run)
        return replace(layout, keyframes=layout.keyframes[:1], attributes={})
"""


def test_the_kit_checks_a_planner_that_wraps_a_built_in_one_or_one_of_its_registry_file(tmp_path: Path) -> None:
    (tmp_path / "calm.py").write_text(CALM)
    registry = tmp_path / "calm.yaml"
    registry.write_text("layout_planners: {calm: 'calm.py:Calm', calm_again: 'calm.py:Calm'}\n")
    wrapping = check_component("layout_planners", "calm", [registry])
    assert {"clips", "silence", "mono", "same", "run"} <= set(wrapping.kept)
    assert check_component("layout_planners", "calm_again", [registry], inner="calm").kept == wrapping.kept
    with pytest.raises(ContractError, match="unknown component 'calm_' of layout_planners"):
        check_component("layout_planners", "calm_again", [tmp_path / "calm.yaml"], inner="calm_")


def test_the_kit_shows_one_crash_as_one_broken_rule_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "calm.py").write_text(CALM.replace("layout = run", "1 / 0; layout = run"))
    (tmp_path / "calm.yaml").write_text("layout_planners: {calm: 'calm.py:Calm'}\n")
    with pytest.raises(ContractError) as caught:
        check_component("layout_planners", "calm", [tmp_path / "calm.yaml"])
    said = str(caught.value)
    assert (
        said.count("ZeroDivisionError") == said.count("calm.py:10, in plan: 1 / 0; layout") == said.count("fix:") == 1
    )
    assert "the same crash hides: caption, silence, mono, bare_cues" in said
