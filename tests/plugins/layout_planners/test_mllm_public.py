"""What the MLLM planners offer to extensions: documented, light to import, and enough for a planner of one's own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from spa2v import Pipeline, PlannerError
from spa2v.plugins.layout_planners import mllm
from spa2v.testing import check_component, toy_audio
from tests.kit.doc_blocks import blocks
from tests.kit.doc_parts import DOCS

PAGE = (DOCS / "planners.md").read_text()


@pytest.fixture
def parrot(tmp_path: Path) -> Path:
    """A registry file with the planner of the documentation."""
    (block,) = (block for block in blocks(PAGE) if block.title == "parrot.py")
    (tmp_path / "parrot.py").write_text(block.text)
    (tmp_path / "parts.yaml").write_text("layout_planners: {parrot: {target: 'parrot.py:Parrot', summary: Repeats.}}\n")
    return tmp_path / "parts.yaml"


def test_every_name_is_there_and_documented() -> None:
    told = set(re.findall(r"`(\w+)`", PAGE.partition("## A planner for another model")[2].partition("\n## ")[0]))
    assert set(mllm.__all__) <= told
    assert all(getattr(mllm, name).__name__ == name for name in mllm.__all__)
    assert set(mllm.__all__) <= set(dir(mllm))
    with pytest.raises(AttributeError, match="has no attribute 'Planner'"):
        mllm.Planner  # noqa: B018


def test_the_package_imports_nothing_before_a_name_is_asked_for() -> None:
    code = "import sys; import spa2v.plugins.layout_planners.mllm as mllm; mllm.Reply; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "spa2v.plugins.layout_planners.mllm.service" in loaded
    assert not {"spa2v.plugins.layout_planners.mllm.planner", "torch", "openai", "soundfile"} & set(loaded)


def test_the_documented_planner_works(parrot: Path) -> None:
    overrides = [f"registries=['{parrot}']", "layout_planner.name=parrot"]
    pipeline = Pipeline.from_preset("default", overrides=overrides)
    run = pipeline.new_run()
    layout = pipeline.plan(toy_audio("pass"), run)
    assert len(layout.keyframes) == 16
    assert layout.names
    assert run.record["planner"]["answers"][0]["model_version"] == "parrot"


def test_the_documented_planner_keeps_its_contract(parrot: Path) -> None:
    report = check_component("layout_planners", "parrot", [parrot], shots=1)
    assert {"needs", "caption", "silence", "prompt"} <= set(report.kept)
    assert not report.unchecked


def test_an_empty_answer_ends_in_one_message(parrot: Path) -> None:
    overrides = [f"registries=['{parrot}']", "layout_planner.name=parrot", "layout_planner.options.shots=0"]
    with pytest.raises(PlannerError) as caught:
        Pipeline.from_preset("default", overrides=overrides).plan(toy_audio("pass"))
    said = str(caught.value)
    assert said.startswith("no usable answer from 'parrot' in 3 tries\n  there is no example to repeat\n")
    assert f"from {parrot}" in said
