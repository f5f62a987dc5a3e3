"""`spa2v report`: one HTML page for a run, an evaluation or an ablation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spa2v.cli import options as opt


def report(
    source: Annotated[Path, typer.Argument(metavar="RUN|EVAL", help="Folder of a run, an evaluation or an ablation.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page; report.html in the folder by default.")
    ] = None,
) -> None:
    """Make one self-contained HTML page that opens from disk, without a network."""
    from spa2v.core.media.files import check_output, write_text
    from spa2v.core.media.outputs import default_output, refuse_inputs

    if out is None:
        target, remark = default_output((source if source.is_dir() else source.parent) / "report.html", [source])
        if remark:
            opt.say(remark)
    else:
        target = out
        refuse_inputs([target], [source])
        check_output(target, (".html", ".htm"))  # a page reads many files of its folder; none of them is a page
    write_text(target, _page(source))
    opt.say(f"wrote {target}")


def _page(source: Path) -> str:
    from spa2v.core.errors import ConfigError
    from spa2v.evaluation.ablation import cells
    from spa2v.evaluation.engine import result
    from spa2v.evaluation.report import evaluation_page as pages
    from spa2v.evaluation.report.run_page import run_page

    folder = source if source.is_dir() else source.parent
    if source.is_file() and source.suffix == ".json" and source.name not in (cells.NAME, "manifest.json"):
        return pages.evaluation_page(result.Evaluation.read(source))
    if (folder / cells.NAME).is_file():
        return pages.ablation_page(cells.read_folder(folder))
    if (folder / result.NAME).is_file():
        return pages.evaluation_page(result.Evaluation.read(folder))
    if (folder / "manifest.json").is_file():
        return run_page(folder)
    raise ConfigError(
        f"{str(source)!r} is no run, evaluation or ablation",
        f"expected a folder with manifest.json, {result.NAME} or {cells.NAME}",
    )
