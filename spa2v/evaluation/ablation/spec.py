"""Ablation files: rows and grids over config keys.

title: In-context examples
table: stage1                        # which table of the paper stands beside
stages: [1]
base: {config: [gemini], set: {layout_planner.options.examples: "{data}"}}
rows:
  - {name: Full, paper: full}
  - {name: no examples, set: {layout_planner.options.shots: 0}, paper: no_examples}
  - {paper: ac_lvd, measured: false}     # the paper's numbers alone
grid:                                # every combination, after the rows
  layout_planner.options.shots: [3, 2, 1]
  layout_planner.options.selection: [knn, random]
grid_paper: {"shots 3, selection knn": full}
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spa2v.core.config import Layer, nested, read_source, read_yaml
from spa2v.core.errors import ConfigError, near
from spa2v.core.host import Host
from spa2v.core.options import fitted
from spa2v.core.presets import Catalog
from spa2v.evaluation.ablation.paper import paper_rows

DATA = "{data}"
MAX_CELLS = 1_000
_KEYS = ("title", "about", "table", "stages", "base", "rows", "grid", "grid_paper")
_ROW_KEYS = ("name", "config", "set", "paper", "measured")


@dataclass(frozen=True)
class RowSpec:
    """A row of the table.

    Args:
        name: in the table.
        layers: settings of this row alone.
        paper: the row of the paper that stands beside, or "".
        measured: false for a row that only the paper has.
    """

    name: str
    layers: tuple[Layer, ...] = ()
    paper: str = ""
    measured: bool = True


@dataclass(frozen=True)
class AblationSpec:
    """A whole ablation.

    Args:
        title, about: for readers.
        table: of the paper, "stage1" or "stage2".
        stages: 1, 2 or both; 2 draws videos.
        base: settings under every row.
        rows: in order.
    """

    title: str
    about: str
    table: str
    stages: tuple[int, ...]
    base: tuple[Layer, ...]
    rows: tuple[RowSpec, ...]


def read_ablation(
    source: str | Path, data: Path, base: Sequence[str] = (), catalog: Catalog | None = None
) -> AblationSpec:
    """Reads and checks an ablation file; "{data}" in its settings becomes the folder of the benchmark.

    Args:
        source: a path, or the name of one that spa2v or an extension package contributes.
        data: the benchmark.
        base: presets or files in place of those under `base`; its single settings stay.
        catalog: where names are found; None takes those of all installed packages.

    Raises:
        ConfigError: names the file and the key.
    """
    catalog = catalog or Host().configs
    path = catalog.find(source, "ablation")
    if not path.is_file():
        raise ConfigError(f"there is no file {str(path)!r}", f"ablations: {', '.join(catalog.names('ablation'))}")
    raw = read_yaml(path)
    spec = _Reader(path, raw, str(data.resolve()), catalog).spec()
    if not base:
        return spec
    own = spec.base[-1:] if "set" in raw.get("base", {}) else ()
    return replace(spec, base=(*(layer for name in base for layer in read_source(name, catalog)), *own))


class _Reader:
    def __init__(self, path: Path, raw: dict[str, Any], data: str, catalog: Catalog) -> None:
        self.path, self.raw, self.data, self.catalog = path, raw, data, catalog

    def _refuse(self, fact: str, *details: str) -> ConfigError:
        return ConfigError(fact, *details, f"in {str(self.path)!r}")

    def spec(self) -> AblationSpec:
        for key in self.raw:
            if key not in _KEYS:
                raise self._refuse(f"unknown key {key!r}", near(str(key), _KEYS))
        table = self.raw.get("table", "stage1")
        if table not in ("stage1", "stage2"):
            raise self._refuse(f"table: {table!r}", "expected stage1 or stage2")
        stages = tuple(self._kind("stages", list, [1]))
        if not stages or not all(stage in (1, 2) for stage in stages):
            raise self._refuse(f"stages: {self.raw.get('stages')!r}", "expected [1], [2] or [1, 2]")
        rows = tuple(self._rows(table))
        if not 0 < len(rows) <= MAX_CELLS:
            raise self._refuse(f"there are {len(rows)} rows", f"expected 1 to {MAX_CELLS}, under rows or grid")
        names = [row.name for row in rows]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise self._refuse(f"the row {twice!r} appears twice", "give each row its own name")
        title = str(self.raw.get("title", self.path.stem))
        return AblationSpec(title, str(self.raw.get("about", "")), table, stages, self._layers("base"), rows)

    def _rows(self, table: str) -> Iterator[RowSpec]:
        for place, row in enumerate(self._kind("rows", list, [])):
            where = f"rows[{place}]"
            if not isinstance(row, dict):
                raise self._refuse(f"{where}: {row!r} is not a mapping")
            for key in row:
                if key not in _ROW_KEYS:
                    raise self._refuse(f"{where}: unknown key {key!r}", near(str(key), _ROW_KEYS))
            paper = self._paper(row.get("paper", ""), table, where)
            name = row.get("name") or (paper_rows(table)[paper].title if paper else f"row {place + 1}")
            measured = fitted(row.get("measured", True), bool, f"{where}.measured")
            yield RowSpec(str(name), self._made(row, where), paper, measured)
        grid, papers = self._kind("grid", dict, {}), self._kind("grid_paper", dict, {})
        yield from self._cells(grid, papers, table) if grid else ()

    def _cells(self, grid: Mapping[str, Any], papers: Mapping[str, str], table: str) -> Iterator[RowSpec]:
        values = [choices if isinstance(choices, list) else [choices] for choices in grid.values()]
        cells = math.prod(map(len, values))
        if cells > MAX_CELLS:
            raise self._refuse(f"the grid has {cells} cells", f"at most {MAX_CELLS} are run")
        known = set()
        for chosen in itertools.product(*values):
            settings = dict(zip(grid, chosen, strict=True))
            name = ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in settings.items())
            known.add(name)
            paper = self._paper(papers.get(name, ""), table, f"grid_paper[{name!r}]")
            yield RowSpec(name, (self._layer(settings, f"grid cell {name!r}"),), paper)
        for name in papers:
            if name not in known:
                raise self._refuse(f"grid_paper: no cell is called {name!r}", near(str(name), known))

    def _paper(self, key: Any, table: str, where: str) -> str:
        if not isinstance(key, str) or (key and key not in paper_rows(table)):
            raise self._refuse(f"{where}: the paper's {table} has no row {key!r}", near(str(key), paper_rows(table)))
        return key

    def _kind(self, key: str, kind: type[Any], default: Any) -> Any:
        value = self.raw.get(key, default)
        if not isinstance(value, kind):
            raise self._refuse(f"{key}: {value!r} is not a {'list' if kind is list else 'mapping'}")
        return value

    def _layers(self, key: str) -> tuple[Layer, ...]:
        part = self._kind(key, dict, {})
        for name in part:
            if name not in ("config", "set"):
                raise self._refuse(f"{key}: unknown key {name!r}", near(str(name), ("config", "set")))
        return self._made(part, key)

    def _made(self, part: Mapping[str, Any], where: str) -> tuple[Layer, ...]:
        sources, settings = part.get("config", []), part.get("set", {})
        sources = [sources] if isinstance(sources, str) else sources
        if not isinstance(sources, list) or not isinstance(settings, dict):
            raise self._refuse(f"{where}: config is a list of presets or files, set a mapping of keys")
        layers = [layer for source in sources for layer in read_source(self._source(str(source)), self.catalog)]
        return (*layers, *((self._layer(settings, where),) if settings else ()))

    def _source(self, source: str) -> str:
        """A file is relative to the ablation file."""
        return str(self.path.parent / source) if source.endswith((".yaml", ".yml")) else source

    def _layer(self, settings: Mapping[str, Any], where: str) -> Layer:
        return Layer(nested(self._filled(settings)), f"{self.path.name}, {where}", self.path.resolve().parent)

    def _filled(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.replace(DATA, self.data)
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return {key: self._filled(item) for key, item in value.items()} if isinstance(value, dict) else value
