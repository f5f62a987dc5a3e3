"""The signal library depends on the types, numpy and scipy, and on nothing else of the package."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import spa2v.dsp

ALLOWED = ("spa2v.core.types", "spa2v.dsp", "numpy", "scipy")


def test_the_signal_library_imports_the_types_alone() -> None:
    modules = sorted(Path(spa2v.dsp.__file__).parent.rglob("*.py"))
    assert len(modules) > 10
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                standard = name.split(".")[0] in sys.stdlib_module_names
                assert standard or any(f"{name}.".startswith(f"{each}.") for each in ALLOWED), (module.name, name)
