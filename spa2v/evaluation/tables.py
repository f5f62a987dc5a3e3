"""Tables of evaluations: for the screen, Markdown, LaTeX, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spa2v.core.types import MetricInfo
from spa2v.evaluation.aggregate import ALL, COLUMNS, Cell, Table
from spa2v.evaluation.engine.result import Evaluation

if TYPE_CHECKING:
    from rich.table import Table as RichTable

SCENARIO_HEADS = {"stationary": "Stat.", "translational": "Trans.", "unknown": "Unknown", ALL: "All"}
STAGE_TITLES = {"1": "Stage 1: layouts against the ground truth", "2": "Stage 2: videos"}


@dataclass(frozen=True)
class Row:
    """A row of texts. `kind`: "" for a measured one, "paper" for published numbers, "failed"."""

    cells: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True)
class Grid:
    """A table as texts: a title, heads, rows, notes beneath."""

    title: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())


def stage_grid(made: Evaluation, stage: str) -> Grid:
    """One row a metric; S, M, C of each scenario, C with its interval."""
    tables = made.stages[stage].tables
    scenarios = [name for name in SCENARIO_HEADS if any(name in table for table in tables.values())]
    columns = [(name, column) for name in scenarios for column in (COLUMNS if name != ALL else ("C",))]
    head = ("metric", *(f"{SCENARIO_HEADS[name]} {column}" for name, column in columns), "clips", "undefined")
    rows = [Row(_metric_row(made.info(metric), table, columns)) for metric, table in tables.items()]
    return Grid(f"{STAGE_TITLES[stage]} ({made.name})", head, tuple(rows), tuple(_notes(made, stage)))


def _metric_row(info: MetricInfo, table: Table, columns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    title = f"{info.title} {'↑' if info.higher else '↓'}"
    cells = [cell_text(info, table.get(name, {}).get(column), column == "C") for name, column in columns]
    total = table.get(ALL, {}).get("C")
    counts = ("0", "0") if total is None else (str(total.count), str(total.undefined))
    return (title, *cells, *counts)


def cell_text(info: MetricInfo, cell: Cell | None, interval: bool = False) -> str:
    """A cell in the unit that papers print; with its interval where there is one."""
    if cell is None or cell.value is None:
        return "-"
    text = info.text(cell.value)
    return f"{text} [{info.text(cell.low)}, {info.text(cell.high)}]" if interval and cell.low is not None else text


def _notes(made: Evaluation, stage: str) -> Iterable[str]:
    yield f"{len(made.infos)} clips, split {made.split!r}; S: one sounding thing, M: several, C: both; 95 % intervals."
    flags = made.flags(stage)
    if flags:
        yield "Clips by flag: " + ", ".join(f"{flag} {count}" for flag, count in flags.items()) + "."


def triple(info: MetricInfo, row: dict[str, Cell]) -> str:
    """S/M/C as papers print it: "20.16/18.55/19.45"."""
    return "/".join(cell_text(info, row.get(column)) for column in COLUMNS)


def to_markdown(grids: Iterable[Grid]) -> str:
    """GitHub tables; what papers printed stands in italics."""

    def line(cells: Iterable[str], kind: str = "") -> str:
        texts = [cell.replace("|", "\\|").replace("\n", " ") for cell in cells]
        texts = [f"*{text.strip()}*" if text else text for text in texts] if kind == "paper" else texts
        return "| " + " | ".join(texts) + " |"

    parts = []
    for grid in grids:
        rows = [line(grid.head), line(["---"] * len(grid.head)), *(line(row.cells, row.kind) for row in grid.rows)]
        parts.append("\n".join([f"**{grid.title}**", "", *rows, "", *grid.notes]).rstrip() + "\n")
    return "\n".join(parts)


_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}


def latex_text(text: str) -> str:
    """Text with everything escaped that LaTeX would take as a command."""
    return "".join(_LATEX.get(char, char) for char in " ".join(text.split()))


def to_latex(grids: Iterable[Grid]) -> str:
    """`table` environments for booktabs."""
    parts = []
    for grid in grids:
        lines = [
            " & ".join(map(latex_text, cells)) + r" \\" for cells in (grid.head, *(row.cells for row in grid.rows))
        ]
        columns = "l" + "r" * (len(grid.head) - 1)
        caption = latex_text(" ".join([grid.title + ".", *grid.notes]))
        parts.append(
            "\n".join(
                [
                    r"\begin{table}",
                    rf"\caption{{{caption}}}",
                    rf"\begin{{tabular}}{{{columns}}}",
                    r"\toprule",
                    lines[0],
                    r"\midrule",
                    *lines[1:],
                    r"\bottomrule",
                    r"\end{tabular}",
                    r"\end{table}",
                    "",
                ]
            )
        )
    return "\n".join(parts)


LONG_HEAD = ("row", "stage", "metric", "scenario", "column", "value", "low", "high", "count", "undefined")


def to_csv(evaluations: Iterable[Evaluation]) -> str:
    """One line a number, in stored units (fractions), without rounding."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LONG_HEAD)
    for made in evaluations:
        for stage, found in made.stages.items():
            for metric, table in found.tables.items():
                for scenario, row in table.items():
                    for column, cell in row.items():
                        numbers = (cell.value, cell.low, cell.high, cell.count, cell.undefined)
                        writer.writerow([_plain(made.name), stage, metric, scenario, column, *numbers])
    return text.getvalue()


def _plain(name: str) -> str:
    """A leading sign would make spreadsheets read a name as a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t") else name


def to_rich(grid: Grid) -> RichTable:
    """For the screen."""
    from rich.table import Table as Rich
    from rich.text import Text

    table = Rich(title=Text(grid.title), title_justify="left", caption_justify="left")
    for place, head in enumerate(grid.head):
        table.add_column(Text(head), justify="right" if place else "left")
    for row in grid.rows:
        style = {"paper": "dim italic", "failed": "red"}.get(row.kind, "")
        table.add_row(*(Text(cell) for cell in row.cells), style=style)
    table.caption = Text("\n".join(grid.notes))
    return table


def show(grids: Iterable[Grid]) -> None:
    """Prints tables on stdout, as wide as they need where the output is no terminal."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, 240))
    for grid in grids:
        console.print(to_rich(grid))
