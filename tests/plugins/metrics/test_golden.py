"""The runner for golden values: on the reference files where they are, and on files made here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.golden_metrics import Check, main, run_case

NAMES = ("maxiou", "ltsim", "docsim", "av_align", "frechet")


@pytest.mark.parametrize("name", NAMES)
def test_reference_values(name: str, reference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if name == "av_align":
        pytest.importorskip("cv2")
    assert main([str(reference / "reference" / "golden" / f"{name}.json")]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(" passed, 0 failed")


def _lt_sim_case(**changes: Any) -> dict[str, Any]:
    box, far = [0.5, 0.5, 0.2, 0.2], [0.5, 0.5, 0.2, 0.1]
    case = {
        "name": "by_hand",
        "layouts_1": [{"boxes": [box], "labels": ["car"]}],
        "layouts_2": [{"boxes": [far], "labels": ["dog"]}],
        "pair_costs": [0.625],  # gIoU 0.5: 0.25 * 0.5 + 0.5
        "pair_scores": [0.5352614285],
        "score": 0.5352614285,
    }
    return case | changes


def test_a_case_by_hand_passes() -> None:
    passed, row = run_case(_lt_sim_case())
    assert passed, row


@pytest.mark.parametrize("wrong", [{"score": 0.53527}, {"pair_costs": [0.625, 0.1]}, {"pair_costs": ["nan"]}])
def test_a_wrong_value_fails(wrong: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "values.json"
    file.write_text(json.dumps({"about": {}, "cases": [_lt_sim_case(), _lt_sim_case(**wrong)]}))
    assert main([str(file)]) == 1
    out = capsys.readouterr().out
    assert "FAIL" in out
    assert out.splitlines()[-1] == "1 passed, 1 failed"


def test_an_unknown_kind_and_a_missing_field_fail() -> None:
    assert run_case({"name": "x", "numbers": []}) == (
        False,
        "FAIL  x: none of the known kinds of case; it has ['name', 'numbers']",
    )
    case = _lt_sim_case()
    del case["score"]
    assert run_case(case) == (False, "FAIL  by_hand: the case has no field 'score'")


def test_no_value_matches_only_no_value() -> None:
    assert Check("f", None, None, 0.0).error() == 0.0
    assert Check("f", "ValueError", float("nan"), 0.0).error() == 0.0
    assert Check("f", None, 0.0, 1.0).error() == float("inf")
    assert main([]) == 2
