"""Scores for experiment trackers: one value a cell of the tables, in their unit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spa2v.core.trackers import tracking
from spa2v.evaluation.engine.result import Evaluation


def track(made: Evaluation, names: Sequence[str], folder: Path) -> None:
    """Logs an evaluation under its name, with its configuration.

    Args:
        made: the evaluation.
        names: of trackers (`run.trackers`); none logs nothing.
        folder: for trackers that keep files.

    Raises:
        ConfigError, MissingDependency: a tracker cannot be used.
    """
    if names:
        settings = {"data": made.data, "split": made.split, **(made.config or {})}
        with tracking(names, folder, made.name, settings) as log:
            log(values_of(made), 0)


def values_of(made: Evaluation) -> dict[str, float]:
    """Values by "stage1/max_iou/stationary/S"; undefined ones are left out."""
    return {
        f"stage{stage}/{metric}/{scenario}/{column}": cell.value * made.info(metric).scale
        for stage, found in made.stages.items()
        for metric, table in found.tables.items()
        for scenario, row in table.items()
        for column, cell in row.items()
        if cell.value is not None
    }
