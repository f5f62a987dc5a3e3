"""Results of a study: the ranks of all raters, unblinded, as means with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spa2v.core.errors import ConfigError, counted
from spa2v.core.untrusted import read_json, reason_of
from spa2v.evaluation.ablation.paper import user_study
from spa2v.evaluation.aggregate import Bootstrap, Cell, mean_interval
from spa2v.evaluation.study.making import KEY, VERSION
from spa2v.evaluation.tables import Grid, Row, with_best

MAX_BYTES = 20_000_000


@dataclass(frozen=True)
class Rank:
    """One judgment: a rater gave a method this rank for a clip (1 is best)."""

    rater: str
    clip: str
    criterion: str
    method: str
    rank: int


def read_key(folder: str | Path) -> dict[str, Any]:
    """The key of a study.

    Raises:
        ConfigError: it cannot be read.
    """
    path = Path(folder)
    path = path / KEY if path.is_dir() else path
    data = _json(path)
    if data.get("version") != VERSION or not _is_key(data):
        raise ConfigError(f"{str(path)!r} is no key of a study of this release")
    return data


def _is_key(data: Mapping[str, Any]) -> bool:
    items, lists = data.get("items"), (data.get("methods"), data.get("criteria"))
    return (
        isinstance(data.get("study"), str)
        and all(isinstance(part, list) and all(isinstance(name, str) for name in part) for part in lists)
        and isinstance(items, dict)
        and all(_is_item(item) for item in items.values())
    )


def _is_item(item: Any) -> bool:
    """One question: a clip, and the method behind each letter."""
    methods = item.get("methods") if isinstance(item, dict) else None
    if not isinstance(methods, dict) or not isinstance(item.get("clip"), str):
        return False
    return all(isinstance(method, str) for method in methods.values())


def read_ranks(path: str | Path, key: Mapping[str, Any]) -> list[Rank]:
    """The judgments in a rater's file, checked: it comes from outside.

    Raises:
        ConfigError: of another study, or an answer that is no ranking; names the file.
    """
    path = Path(path)
    data = _json(path)
    if data.get("study") != key["study"]:
        raise ConfigError(f"{path.name!r} is of another study", f"{data.get('study')!r}, expected {key['study']!r}")
    rater, answers = str(data.get("rater") or path.stem)[:80], data.get("answers")
    if not isinstance(answers, list):
        raise ConfigError(f"{path.name!r} holds no answers")
    made: list[Rank] = []
    for place, answer in enumerate(answers):
        made += _ranks(answer, rater, key, f"{path.name} answers[{place}]")
    asked = [(rank.clip, rank.criterion, rank.method) for rank in made]
    if len(set(asked)) < len(asked):
        raise ConfigError(f"{path.name!r} answers a question twice")
    return made


def _ranks(answer: Any, rater: str, key: Mapping[str, Any], where: str) -> list[Rank]:
    try:
        item, criterion = key["items"][answer["item"]], answer["criterion"]
        ranks = {str(letter): int(rank) for letter, rank in answer["ranks"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ConfigError(f"{where}: no answer to this study", str(error)[:80]) from error
    if criterion not in key["criteria"]:
        raise ConfigError(f"{where}: unknown criterion {str(criterion)[:40]!r}")
    if set(ranks) != set(item["methods"]) or sorted(ranks.values()) != list(range(1, len(ranks) + 1)):
        raise ConfigError(f"{where}: {str(ranks)[:80]} is no ranking of {', '.join(item['methods'])}")
    return [Rank(rater, item["clip"], criterion, item["methods"][letter], rank) for letter, rank in ranks.items()]


def _json(path: Path) -> dict[str, Any]:
    try:
        data = read_json(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {str(path)!r}", reason_of(error)) from error
    if not isinstance(data, dict):
        raise ConfigError(f"{str(path)!r} is no JSON object")
    return data


def mean_ranks(ranks: Sequence[Rank], bootstrap: Bootstrap | None = None) -> dict[str, dict[str, Cell]]:
    """Method to criterion to mean rank and interval; whole raters are drawn, or clips where there is one rater."""
    bootstrap = bootstrap or Bootstrap()
    several = len({rank.rater for rank in ranks}) > 1
    groups: dict[tuple[str, str], list[Rank]] = {}
    for rank in ranks:
        groups.setdefault((rank.method, rank.criterion), []).append(rank)
    made: dict[str, dict[str, Cell]] = {}
    for (method, criterion), found in groups.items():
        ordered = sorted(found, key=lambda item: (item.rater, item.clip))
        values = np.array([item.rank for item in ordered], dtype=np.float64)
        drawn = [item.rater if several else item.clip for item in ordered]
        low, high = mean_interval(values, drawn, bootstrap, bootstrap.rng("study", method, criterion)) or (None, None)
        made.setdefault(method, {})[criterion] = Cell(float(values.mean()), low, high, len(values), 0, {})
    return made


def study_grid(ranks: Sequence[Rank], key: Mapping[str, Any]) -> Grid:
    """Mean ranks, best first, and the paper's beneath."""
    means = mean_ranks(ranks)
    criteria = list(key["criteria"])
    order = sorted(means, key=lambda method: sum(cell.value or 0.0 for cell in means[method].values()))
    rows = [Row((method, *(_text(means[method].get(criterion)) for criterion in criteria))) for method in order]
    for method, printed in user_study().items():
        texts = [f"{printed[criterion]:.2f}" if criterion in printed else "-" for criterion in criteria]
        rows.append(Row((f"  paper: {method}", *texts), "paper"))
    raters = len({rank.rater for rank in ranks})
    clips = len({rank.clip for rank in ranks})
    notes = (
        f"Mean rank of {len(key['methods'])} methods, lower is better; 95 % intervals; "
        f"{counted(raters, 'rater')}, {counted(clips, 'clip')}.",
        "The paper's ranks are of other videos and five methods.",
    )
    head = ("method", *(name.replace("_", " ") for name in criteria))
    return Grid("User study", head, with_best(rows, (None, *[False] * len(criteria))), notes)


def _text(cell: Cell | None) -> str:
    if cell is None or cell.value is None:
        return "-"
    return f"{cell.value:.2f}" if cell.low is None else f"{cell.value:.2f} [{cell.low:.2f}, {cell.high:.2f}]"
