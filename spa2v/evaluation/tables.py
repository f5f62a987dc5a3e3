"""Tables of evaluations: for the screen, Markdown, LaTeX, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from spa2v.core.errors import counted
from spa2v.core.types import MetricInfo
from spa2v.evaluation.aggregate import ALL, COLUMNS, Cell, Table
from spa2v.evaluation.engine.result import Evaluation

if TYPE_CHECKING:
    from rich.table import Table as RichTable

SCENARIO_HEADS = {"stationary": "Stat.", "translational": "Trans.", "unknown": "Unknown", ALL: "All"}
STAGE_TITLES = {"1": "Stage 1: layouts against the ground truth", "2": "Stage 2: videos"}


@dataclass(frozen=True)
class Row:
    """A row of texts.

    Args:
        cells: a number, or several with "/" between them, as S/M/C.
        kind: "" for a measured one, "truth" for the ground truth as its own plan, "deviation" for the spread over seeds
            of the row above, "paper" for published numbers, "failed".
        best: (column, place in the cell) of the numbers that are the best of their column.
    """

    cells: tuple[str, ...]
    kind: str = ""
    best: frozenset[tuple[int, int]] = frozenset()

    @property
    def parts(self) -> list[list[tuple[str, bool]]]:
        """Of each cell its numbers, and whether they are the best."""
        split = [cell.split("/") if i else [cell] for i, cell in enumerate(self.cells)]
        return [[(part, (i, k) in self.best) for k, part in enumerate(parts)] for i, parts in enumerate(split)]

    def texts(self, best: Callable[[str], str], plain: Callable[[str], str] = str) -> list[str]:
        """The cells, the best numbers and the others written by a function each."""
        return ["/".join(best(text) if is_best else plain(text) for text, is_best in cell) for cell in self.parts]


def with_best(rows: Sequence[Row], higher: Sequence[bool | None]) -> tuple[Row, ...]:
    """Rows with the best number of each column marked among the measured ones; what ties as printed is not marked.

    Args:
        rows: all rows of a table.
        higher: for each column whether more is better; None marks none.
    """
    marks: dict[int, set[tuple[int, int]]] = {}
    for column, up in enumerate(higher):
        printed: dict[int, dict[int, float]] = {}
        for place, row in enumerate(rows):
            for k, (text, _) in enumerate(row.parts[column] if row.kind == "" and up is not None else ()):
                if (value := _value(text)) is not None:
                    printed.setdefault(k, {})[place] = value
        for k, values in printed.items():
            top = max(values.values()) if up else min(values.values())
            winners = [place for place, value in values.items() if value == top]
            if len(values) > 1 and len(winners) == 1:
                marks.setdefault(winners[0], set()).add((column, k))
    return tuple(replace(row, best=frozenset(marks.get(place, ()))) for place, row in enumerate(rows))


def _value(text: str) -> float | None:
    try:
        return float(text.partition(" ")[0])
    except ValueError:
        return None


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
    if all(row.cells[-1] == "0" for row in rows):
        head, rows = head[:-1], [Row(row.cells[:-1]) for row in rows]
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
    clips = counted(len(made.infos), "clip")
    cells = [row["C"] for table in made.stages[stage].tables.values() for row in table.values() if "C" in row]
    known = any(cell.low is not None for cell in cells)
    spans = "95 % intervals" if known else "no intervals, which need clips of two sources"
    yield f"{clips}, split {made.split!r}; S: one sounding object, M: several, C: both; {spans}."
    flags = made.flags(stage)
    if flags:
        yield "Clips by flag: " + ", ".join(f"{flag} {count}" for flag, count in flags.items()) + "."


def triple(info: MetricInfo, row: dict[str, Cell]) -> str:
    """S/M/C as papers print it: "20.16/18.55/19.45"."""
    return "/".join(cell_text(info, row.get(column)) for column in COLUMNS)


def to_markdown(grids: Iterable[Grid]) -> str:
    """GitHub tables; the best numbers in bold, what papers printed in italics."""

    def line(cells: Iterable[str], kind: str = "") -> str:
        texts = [cell.replace("|", "\\|").replace("\n", " ") for cell in cells]
        texts = [f"*{text.strip()}*" if text else text for text in texts] if kind == "paper" else texts
        return "| " + " | ".join(texts) + " |"

    parts = []
    for grid in grids:
        rows = [
            line(grid.head),
            line(["---"] * len(grid.head)),
            *(line(row.texts("**{}**".format), row.kind) for row in grid.rows),
        ]
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
        rows = [row.texts(lambda text: rf"\textbf{{{latex_text(text)}}}", latex_text) for row in grid.rows]
        lines = [" & ".join(cells) + r" \\" for cells in ([latex_text(head) for head in grid.head], *rows)]
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
    """One line a number, in the unit of the tables (percent where they have it), without rounding."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LONG_HEAD)
    for made in evaluations:
        for stage, found in made.stages.items():
            for metric, table in found.tables.items():
                scale = made.info(metric).scale
                for scenario, row in table.items():
                    for column, cell in row.items():
                        scaled = [None if x is None else x * scale for x in (cell.value, cell.low, cell.high)]
                        names = (_plain(made.name), stage, metric, scenario, column)
                        writer.writerow([*names, *scaled, cell.count, cell.undefined])
    return text.getvalue()


def _plain(name: str) -> str:
    """A leading sign would make spreadsheets read a name as a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t") else name


NAME_WIDTH = 28
"""Of the first column on the screen, where names wrap."""


def to_rich(grid: Grid, width: int) -> list[RichTable]:
    """For the screen, in as many blocks as the width asks for; no number is cut, columns without any are left out.

    Heads wrap where that saves a block.
    """
    from rich.text import Text

    rows = [(row.kind, row.texts("{}*".format)) for row in grid.rows]
    measured = [texts for kind, texts in rows if kind != "paper"] or [texts for _, texts in rows]
    used = [i for i in range(1, len(grid.head)) if any(set(texts[i]) - set("-/ ") for texts in measured)]
    first = min(NAME_WIDTH, max(len(text) for text in (grid.head[0], *(texts[0] for _, texts in rows))))
    cells = {i: max((len(texts[i]) for _, texts in rows), default=0) for i in used}
    whole = {i: max(size, len(grid.head[i])) for i, size in cells.items()}
    wrapped = {i: max(size, *map(len, grid.head[i].split())) for i, size in cells.items()}
    sizes = min(whole, wrapped, key=lambda sizes: len(_blocks(sizes, first, width)))
    tables = [_block(grid, [0, *block], rows, {0: first} | sizes) for block in _blocks(sizes, first, width)]
    tables[0].title = Text(grid.title, style="bold")
    return tables


def _blocks(sizes: Mapping[int, int], first: int, width: int) -> list[list[int]]:
    """Columns that fit side by side, next to the first one."""
    blocks: list[list[int]] = [[]]
    for place, size in sizes.items():
        if blocks[-1] and first + 2 + sum(sizes[i] + 2 for i in blocks[-1]) + size > width:
            blocks.append([])
        blocks[-1].append(place)
    return blocks


def _block(
    grid: Grid, places: Sequence[int], rows: Sequence[tuple[str, list[str]]], sizes: dict[int, int]
) -> RichTable:
    from rich import box
    from rich.table import Table as Rich
    from rich.text import Text

    table = Rich(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False, title_justify="left")
    for place in places:
        justify: Literal["left", "right"] = "right" if place else "left"
        table.add_column(Text(grid.head[place]), justify=justify, overflow="fold", width=sizes[place])
    for kind, texts in rows:
        style = {"paper": "dim italic", "failed": "red", "deviation": "dim"}.get(kind, "")
        cells = (Text(texts[i], style="bold" if i and "*" in texts[i] else "") for i in places)
        table.add_row(*cells, style=style)
    return table


def show(grids: Iterable[Grid]) -> None:
    """Prints tables on stdout, as wide as the terminal (or COLUMNS; 80 where there is neither)."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for grid in grids:
        for table in to_rich(grid, console.width):
            console.print(table)
            console.print()
        starred = any(row.best for row in grid.rows)
        for note in (*grid.notes, *(["*: the best of its column."] if starred else [])):
            console.print(Text(note))
        console.print()


def publish(
    grids: Sequence[Grid],
    evaluations: Iterable[Evaluation],
    markdown: Path | None = None,
    csv_file: Path | None = None,
    latex: Path | None = None,
) -> list[Path]:
    """Writes tables into the files that were named, and gives those.

    Raises:
        MediaError: one cannot be written.
    """
    from spa2v.core.media.files import write_text

    written = []
    for path, text in ((markdown, to_markdown), (latex, to_latex)):
        if path is not None:
            write_text(path, text(grids))
            written.append(path)
    if csv_file is not None:
        write_text(csv_file, to_csv(evaluations))
        written.append(csv_file)
    return written
