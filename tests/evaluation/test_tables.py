"""Tables for the screen: within the width, no number cut; the best of a column marked."""

from __future__ import annotations

import pytest

from spa2v.core.types import Score
from spa2v.evaluation.aggregate import ClipInfo, summarize
from spa2v.evaluation.compare import comparison_grids
from spa2v.evaluation.engine.result import Evaluation, StageResult
from spa2v.evaluation.scores import ClipScore
from spa2v.evaluation.tables import Grid, Row, show, stage_grid, to_csv, to_latex, to_markdown, with_best

TRIPLES = ("100.00/98.76/99.38", "12.34/-/12.34")
WIDE = Grid(
    "An ablation with a title that is somewhat longer than the screen is wide, as titles of papers are",
    ("variant", *(f"Trans. Metric {i} S/M/C" for i in range(6))),
    (
        Row(("a variant whose name is far too long for the first column", *TRIPLES * 3)),
        Row(("short", *TRIPLES[::-1] * 3)),
    ),
    ("A note. " * 20,),
)


@pytest.mark.parametrize("width", [80, 60, 132])
def test_a_wide_table_is_printed_in_blocks(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    show([WIDE])
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= width
    assert [out.count(text) for text in TRIPLES] == [6, 6]
    assert "…" not in out


def test_a_table_as_wide_as_the_screen_breaks_no_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = ("MaxIoU", "1" * 31, "2" * 31, "10")  # with the heads and gaps of 2: as wide as the screen
    assert len("  ".join((*cells[:3], "clips"))) == 79
    monkeypatch.setenv("COLUMNS", "79")
    show([Grid("T", ("metric", "a", "b", "clips"), (Row(cells),))])
    lines = capsys.readouterr().out.splitlines()
    assert any("clips" in line and "metric" in line for line in lines)
    assert any(all(cell in line for cell in cells) for line in lines)


def test_columns_without_a_measured_number_are_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    show([Grid("x", ("m", "some", "none"), (Row(("a", "1.0", "-/-/-")), Row(("  paper: p", "2.0", "3.0"), "paper")))])
    out = capsys.readouterr().out
    assert ("some" in out, "none" in out) == (True, False)


ROWS = (
    Row(("a", "1.00/2.00/3.00", "5.0", "7.0")),
    Row(("b", "2.00/2.00/1.00", "4.0", "7.0")),
    Row(("truth", "9.00/9.00/9.00", "0.0", "9.0"), "truth"),
    Row(("  paper: p", "8.00/8.00/8.00", "0.0", "9.0"), "paper"),
    Row(("c", "-/-/-", "-", "-")),
)


def test_the_best_measured_number_of_a_column_is_marked_and_no_tie() -> None:
    rows = with_best(ROWS, (None, True, False, True))
    assert [row.texts("{}*".format) for row in rows[:2]] == [
        ["a", "1.00/2.00/3.00*", "5.0", "7.0"],
        ["b", "2.00*/2.00/1.00", "4.0*", "7.0"],
    ]
    assert not any(row.best for row in rows[2:])


def test_markdown_and_latex_set_the_best_in_bold() -> None:
    grid = Grid("x", ("m", "A_1", "B", "C"), with_best(ROWS, (None, True, False, True)))
    assert "| b | **2.00**/2.00/1.00 | **4.0** | 7.0 |" in to_markdown([grid])
    assert r"b & \textbf{2.00}/2.00/1.00 & \textbf{4.0} & 7.0 \\" in to_latex([grid])
    assert r"A\_1" in to_latex([grid])


def test_one_row_has_no_best() -> None:
    assert with_best(ROWS[:1], (None, True, True, True)) == ROWS[:1]


def test_clips_of_one_source_have_no_interval_anywhere() -> None:
    infos = {name: ClipInfo(name, "stationary", 1, "one") for name in ("clip", "twin")}
    scores = tuple(ClipScore.of(name, "max_iou", Score(0.5)) for name in infos)
    result = {"1": StageResult(summarize(scores, infos), scores)}
    made = Evaluation("e", "data", "test", infos, {}, (), result, {"1": {}})
    grid = stage_grid(made, "1")
    assert set(grid.rows[0].cells[1:-1]) == {"50.00", "-"}
    assert "no intervals" in grid.notes[0]
    assert "[" not in to_markdown([grid])
    lines = [line.split(",") for line in to_csv([made]).splitlines()[1:]]
    assert {(low, high) for *_, low, high, _, _ in lines} == {("", "")}
    (compared,) = comparison_grids([("a", made), ("b", made)])
    assert compared.rows[0].cells[3] == "+0.00"
