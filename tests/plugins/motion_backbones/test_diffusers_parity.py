"""The denoising loop against diffusers' own pipeline, with the same small weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from benchmarks import diffusers_parity as parity
from tests.kit import tiny_weights as tiny

CASES = {case.name: case for case in parity.cases()}


class Kept(parity.Comparison):
    """Draws each case here once."""

    @cached_property
    def drawn(self) -> dict[str, Any]:
        return {}

    def _ours(self, case: parity.Case, options: Mapping[str, Any], loras: Mapping[str, Path]) -> Any:
        if case.name not in self.drawn:
            self.drawn[case.name] = super()._ours(case, options, loras)
        return self.drawn[case.name]


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(str(tiny.home() / "sd"), str(tiny.home() / "motion"), tmp_path_factory.mktemp("parity"))


def test_every_sampler_and_every_addition_is_among_the_cases() -> None:
    assert set(parity.SCHEDULERS) <= set(CASES)
    assert {f"FreeInit, {kind}" for kind in ("butterworth", "gaussian", "ideal")} <= set(CASES)
    assert {"FreeNoise", "LoRA, spatial", "LoRA, temporal"} <= set(CASES)


@pytest.mark.parametrize("name", ["PNDMScheduler", "FreeNoise", "FreeInit, ideal", "LoRA, temporal"])
def test_latents_equal_those_of_diffusers(name: str, comparison: parity.Comparison) -> None:
    assert comparison.difference(CASES[name]) <= parity.TOLERANCE


@pytest.mark.slow
def test_all_cases_pass(comparison: parity.Comparison) -> None:
    lines: list[str] = []
    assert parity.run(comparison, parity.cases(), lines.append) == 0, "\n".join(lines)
    assert lines[-1] == f"{len(CASES)} passed, 0 failed"


class Changed(parity.Comparison):
    """Draws here with another option than there."""

    def _ours(self, case: parity.Case, options: Mapping[str, Any], loras: Mapping[str, Path]) -> Any:
        return super()._ours(case, {**options, "guidance": 7.4}, loras)


def test_a_small_change_fails(comparison: parity.Comparison) -> None:
    changed = Changed(comparison.base, comparison.motion, comparison.folder)
    lines: list[str] = []
    assert parity.run(changed, [CASES["DDIMScheduler"]], lines.append) == 1
    assert lines[0].startswith("FAIL  DDIMScheduler")
    assert lines[1] == "0 passed, 1 failed"


@pytest.mark.parametrize("name", ["FreeInit, ideal", "LoRA, spatial", "LoRA, temporal", "EulerDiscreteScheduler"])
def test_each_addition_changes_the_latents(name: str, comparison: parity.Comparison) -> None:
    case, plain = CASES[name], CASES["DDIMScheduler"]
    loras = {kind: comparison._lora(kind) for kind in case.loras}
    changed = comparison._ours(case, {**parity.SMALL, **case.options}, loras)
    assert float((changed - comparison._ours(plain, {**parity.SMALL, **plain.options}, {})).abs().max()) > 1e-2


def test_words_that_it_cannot_use_get_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert parity.main(["one"]) == 2
    assert "usage: python -m benchmarks.diffusers_parity" in capsys.readouterr().err
