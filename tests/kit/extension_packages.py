"""The packages in `extensions/`: what their `pyproject.toml` says, and a search path on which they look installed."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from spa2v.core.config import LIST_ROLE, SINGLE_ROLES
from tests.kit.paths import ROOT

EXTENSIONS = ROOT / "extensions"
FACE = (
    "spa2v",
    "spa2v.testing",
    "spa2v.core.protocols",
    "spa2v.core.types.benchmark",
    "spa2v.core.media",
    "spa2v.core.weights",
    "spa2v.plugins.layout_planners.mllm",
)
"""What the packages may import (docs/extending.md)."""


@dataclass(frozen=True)
class Package:
    """A folder in `extensions/`."""

    folder: Path

    @cached_property
    def project(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    @property
    def name(self) -> str:
        return self.project["name"]

    @property
    def origin(self) -> str:
        """As `spa2v components` tells it."""
        return f"extension {self.name} {self.project['version']}"

    @property
    def points(self) -> dict[str, str]:
        """Its entry points in the group `spa2v`."""
        return self.project["entry-points"]["spa2v"]

    @property
    def source(self) -> Path:
        """The folder that holds its module: `src` or the package's own."""
        return self.folder / "src" if (self.folder / "src").is_dir() else self.folder

    @property
    def modules(self) -> list[Path]:
        """The folders of its modules."""
        return [path.parent for path in self.source.glob("*/__init__.py") if path.parent.name != "tests"]

    @property
    def presets(self) -> list[Path]:
        """Its YAML files that are configs: every key is one of a config."""
        known = {LIST_ROLE, *SINGLE_ROLES, "run", "audio", "registries"}
        found = [
            (path, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in sorted(self.folder.glob("*.yaml"))
        ]
        return [path for path, data in found if isinstance(data, dict) and set(data) <= known]

    def imports(self) -> Iterator[tuple[Path, str]]:
        """Every module of spa2v that its modules import, by file."""
        for path in (path for module in self.modules for path in module.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    names = [node.module]
                else:
                    names = [item.name for item in node.names] if isinstance(node, ast.Import) else []
                yield from ((path, name) for name in names if name.split(".")[0] == "spa2v")

    def lay_out(self, site: Path) -> list[str]:
        """Metadata as pip would write them, in `site`; the search path on which the package looks installed."""
        info = site / f"{self.name.replace('-', '_')}-{self.project['version']}.dist-info"
        info.mkdir(parents=True)
        version = self.project["version"]
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {version}\n")
        lines = [f"{name} = {target}" for name, target in self.points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[spa2v]", *lines, ""]))
        return [str(site), str(self.source)]


PACKAGES = [Package(path.parent) for path in sorted(EXTENSIONS.glob("*/pyproject.toml"))]
