"""The paper's printed numbers, to stand beside measured ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from spa2v.evaluation.catalog import built_in

_FILE = Path(__file__).parents[1] / "paper_tables.yaml"
METRICS_OF = {"stage1": ("max_iou", "lt_sim", "doc_sim"), "stage2": ("fvd", "av_align", "lt_sim")}


@dataclass(frozen=True)
class PaperRow:
    """A row as it was printed: scenario to metric to S, M, C, in printed units."""

    title: str
    numbers: Mapping[str, Mapping[str, tuple[float, float, float]]]

    def triple(self, scenario: str, metric: str) -> str:
        """S/M/C with as many digits as ours."""
        values = self.numbers.get(scenario, {}).get(metric)
        return "-" if values is None else "/".join(f"{value:.{built_in()[metric].digits}f}" for value in values)

    def stored(self, scenario: str, metric: str, column: str) -> float | None:
        """A number in the unit of our scores."""
        values = self.numbers.get(scenario, {}).get(metric)
        return None if values is None else values["SMC".index(column)] / built_in()[metric].scale


@cache
def _tables() -> dict[str, Any]:
    import yaml

    return dict(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def source() -> str:
    """Where the numbers were printed."""
    return str(_tables()["source"])


@cache
def paper_rows(table: str) -> dict[str, PaperRow]:
    """The rows of "stage1" or "stage2", by short name."""
    return {
        key: PaperRow(
            row["title"],
            {
                scenario: {metric: tuple(values) for metric, values in metrics.items()}
                for scenario, metrics in row.items()
                if scenario != "title"
            },
        )
        for key, row in _tables()[table].items()
    }


def user_study() -> dict[str, dict[str, float]]:
    """Mean ranks of the paper's user study: method to criterion to rank."""
    return dict(_tables()["user_study"])
