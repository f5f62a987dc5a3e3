"""`spa2v report`: one HTML page for a run, a batch, an evaluation, an ablation, or evaluations against one another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spa2v.cli import options as opt


def report(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...", help="Of a run, a batch, an evaluation, an ablation; or several evaluations."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page; report.html in the folder by default.")
    ] = None,
    quiet: opt.Quiet = False,
) -> None:
    from spa2v.core.media.files import check_output, write_text
    from spa2v.core.media.outputs import default_output, refuse_inputs

    first = sources[0]
    if out is None:
        folder = Path() if len(sources) > 1 else first if first.is_dir() else first.parent
        target, remark = default_output(folder / ("comparison.html" if len(sources) > 1 else "report.html"), sources)
        if remark:
            opt.warn(remark)
    else:
        target = out
        refuse_inputs([target], sources)
        check_output(target, (".html", ".htm"))  # a page reads many files of its folder; none of them is a page
    write_text(target, _comparison(sources) if len(sources) > 1 else _page(first, quiet))
    opt.say(f"wrote {target}")


def _comparison(sources: list[Path]) -> str:
    """The page, and its tables on stdout."""
    from spa2v.core.errors import ConfigError
    from spa2v.evaluation import compare, tables
    from spa2v.evaluation.ablation.cells import NAME as ABLATION
    from spa2v.evaluation.ablation.cells import read_folder
    from spa2v.evaluation.engine.result import Evaluation
    from spa2v.evaluation.report.evaluation_page import comparison_page

    if len({source.resolve() for source in sources}) < len(sources):
        raise ConfigError("an evaluation is given twice", "give others to compare the first with")
    if whole := [source for source in sources if (source / ABLATION).is_file()]:
        rows = (f"{whole[0]}/{row.folder}" for row in read_folder(whole[0]).rows if row.evaluation)
        raise ConfigError(
            f"{str(whole[0])!r} is an ablation, whose rows can be compared:",
            *rows,
        )
    found = compare.named({str(source): Evaluation.read(source) for source in sources})
    tables.show(compare.comparison_grids(found))
    return comparison_page(found)


def _page(source: Path, quiet: bool) -> str:
    from spa2v.core.errors import ConfigError
    from spa2v.core.runtime import Run
    from spa2v.evaluation.ablation import cells
    from spa2v.evaluation.engine import result
    from spa2v.evaluation.report import evaluation_page as pages
    from spa2v.evaluation.report.batch_page import batch_page
    from spa2v.evaluation.report.run_page import run_page
    from spa2v.jobs.batch.summary import NAME as SUMMARY

    folder = source if source.is_dir() else source.parent
    if source.is_file() and source.suffix == ".json" and source.name not in (cells.NAME, SUMMARY, "manifest.json"):
        return pages.evaluation_page(result.Evaluation.read(source))
    if (folder / cells.NAME).is_file():
        return pages.ablation_page(cells.read_folder(folder))
    if (folder / result.NAME).is_file():
        return pages.evaluation_page(result.Evaluation.read(folder))
    if (folder / SUMMARY).is_file():
        return batch_page(folder, Run(quiet=quiet))
    if (folder / "manifest.json").is_file():
        return run_page(folder)
    raise ConfigError(
        f"{str(source)!r} is no run, batch, evaluation or ablation",
        f"expected a folder with manifest.json, {SUMMARY}, {result.NAME} or {cells.NAME}",
    )
