"""Evaluations of the same clips against one another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import binomtest

from spa2v.core.errors import ConfigError
from spa2v.core.types import MetricInfo
from spa2v.evaluation.ablation.seeds import mean_of, split_seeds, spread_of
from spa2v.evaluation.aggregate import ClipInfo, summarize
from spa2v.evaluation.compare import comparison_grids, named, paired
from spa2v.evaluation.engine.result import Evaluation, StageResult
from spa2v.evaluation.report.evaluation_page import _extremes
from spa2v.evaluation.scores import ClipScore


def evaluation(values: list[float | None], name: str = "a", higher: bool = True, twins: bool = False) -> Evaluation:
    infos = {f"c{i}": ClipInfo(f"c{i}", "stationary", 1, f"s{i // 2 if twins else i}") for i in range(len(values))}
    scores = tuple(ClipScore(f"c{i}", "m", value) for i, value in enumerate(values))
    stages = {"1": StageResult(summarize(scores, infos), scores)}
    metrics = {"m": MetricInfo("M", higher, 100.0, 2)}
    return Evaluation(name, "data", "test", infos, {}, (), stages, {}, metrics)


def test_differences_are_paired_with_a_sign_test() -> None:
    base = evaluation([0.1, 0.2, 0.3, 0.4, 0.5, None])
    other = evaluation([0.2, 0.3, 0.4, 0.5, 0.5, 0.9])
    found = paired(base, other, "1", "m")
    assert found is not None
    assert (found.baseline, found.other, found.gap.value) == pytest.approx((0.3, 0.38, 0.08))
    assert (found.better, found.worse, found.tied) == (4, 0, 1)
    assert found.p == pytest.approx(binomtest(4, 4).pvalue) == pytest.approx(0.125)
    assert 0.0 <= found.gap.low <= 0.08 <= found.gap.high <= 0.1 + 1e-12


def test_less_is_better_where_the_metric_says_so_and_twins_count_once() -> None:
    found = paired(evaluation([0.5] * 4, higher=False, twins=True), evaluation([0.4] * 4, twins=True), "1", "m")
    assert found is not None
    assert (found.better, found.worse, found.tied) == (2, 0, 0)


def test_without_any_difference_there_is_no_p_value() -> None:
    found = paired(evaluation([0.5] * 3), evaluation([0.5] * 3), "1", "m")
    assert found is not None
    assert (found.p, found.tied) == (None, 3)
    assert paired(evaluation([None]), evaluation([0.5]), "1", "m") is None


def test_tables_are_in_the_unit_of_the_metric_and_name_both() -> None:
    evaluations = {"x/one": evaluation([0.1, 0.2]), "x/two": evaluation([0.2, 0.3], "b")}
    (grid,) = comparison_grids(named(evaluations))
    assert grid.title == "Stage 1: layouts against the ground truth: b against a"
    assert grid.rows[0].cells == ("M ↑", "15.00", "25.00", "+10.00 [+10.00, +10.00]", "2/0/0", "0.500")
    assert [name for name, _ in named(evaluations | {"y": evaluation([0.1])})] == ["x/one", "x/two", "y"]


def test_evaluations_of_other_clips_are_refused() -> None:
    other = evaluation([0.1])
    other = replace(other, infos={"z": ClipInfo("z", "stationary", 1)})
    with pytest.raises(ConfigError, match="a and b share no clip"):
        comparison_grids([("a", evaluation([0.1])), ("b", other)])


def test_the_mean_over_seeds_and_its_deviation() -> None:
    made = [evaluation([0.1, 0.3]), evaluation([0.2, 0.4]), evaluation([0.3, 0.5])]
    mean, spread = mean_of(made), spread_of(made)
    assert [score.value for score in mean.stages["1"].scores] == pytest.approx([0.2, 0.4])
    assert mean.stages["1"].tables["m"]["all"]["C"].value == pytest.approx(0.3)
    assert spread.stages["1"].tables["m"]["all"]["C"].value == pytest.approx(0.1)


def test_values_of_sets_are_averaged_as_they_are() -> None:
    def of_set(value: float) -> Evaluation:
        made = evaluation([None, None])
        cells = {"all": {"C": replace(made.stages["1"].tables["m"]["all"]["C"], value=value, count=2)}}
        return replace(made, stages={"1": StageResult({"m": cells}, made.stages["1"].scores)})

    made = [of_set(10.0), of_set(14.0)]
    assert mean_of(made).stages["1"].tables["m"]["all"]["C"].value == 12.0
    assert spread_of(made).stages["1"].tables["m"]["all"]["C"].value == pytest.approx(8**0.5)


@pytest.mark.parametrize("value", ["3", "[]", "[1, 1]", "[a]", "{a: 1}"])
def test_seeds_are_a_list_of_different_numbers(value: str) -> None:
    from spa2v.core.config import read_overrides

    with pytest.raises(ConfigError, match=r"run\.seeds"):
        split_seeds(read_overrides([f"run.seeds={value}"]))


@pytest.mark.parametrize(
    ("values", "best", "worst"),
    [
        ([0.5] * 6, [], []),
        ([0.1, 0.2, 0.9, 0.9, 0.9, 0.9], ["c5", "c4", "c3"], ["c0", "c1"]),
        ([0.0, 0.0, 0.0, 0.0, 0.5, 0.7], ["c5", "c4"], ["c0", "c1", "c2"]),
        ([0.1, 0.2, 0.3], ["c2"], ["c0"]),
        ([], [], []),
    ],
)
def test_no_clip_is_among_the_best_and_the_worst(values: list[float], best: list[str], worst: list[str]) -> None:
    made = evaluation(values)
    groups = _extremes([("a", made)], [(value, f"c{i}") for i, value in enumerate(values)], "here", ("B", "W"))
    found = {group["title"]: [clip["clip"] for clip in group["clips"]] for group in groups}
    assert found == {title: clips for title, clips in (("B here", best), ("W here", worst)) if clips}


def test_the_files_of_evaluations_are_compared_by_the_command(tmp_path: Path, capsys, monkeypatch) -> None:
    from spa2v.core.media.files import write_json
    from spa2v.evaluation.engine.result import ClipPaths
    from tests.cli.test_cli import run

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    for name, values in (("one", [0.1, 0.2, 0.3]), ("two", [0.2, 0.3, 0.5])):
        made = evaluation(values, name)
        files = {clip: ClipPaths("", "", None, None, None) for clip in made.infos}
        (tmp_path / name).mkdir()
        write_json(tmp_path / name / "evaluation.json", replace(made, files=files).to_json())
    code, out, err = run(capsys, monkeypatch, "report", "one", "two")
    assert (code, err) == (0, "wrote comparison.html\n")
    assert "two against one" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "Clips that gain most from one to two" in (tmp_path / "comparison.html").read_text()
    code, _, err = run(capsys, monkeypatch, "report", "one", "two", "./one")
    assert code == 1
    assert "given twice" in err
