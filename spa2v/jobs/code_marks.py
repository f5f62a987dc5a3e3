"""What results depend on beside settings: the source of components, and the content of files that options name.

Code that comes from files or from an editable installation counts by its source, an installed package by its version.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spa2v.core.faults import BUILT_IN
from spa2v.core.registry import Component, Registry
from spa2v.core.weights import local_path

PACKAGE = Path(__file__).resolve().parents[1]
OTHER_ROOMS = ("cli", "edit", "testing", "training")
"""Rooms of spa2v that no output is made in."""
SOURCES = (".py", ".json", ".yaml", ".yml", ".txt", ".safetensors")
WHOLE_BYTES = 16 * 1024**2
"""Up to this size a file counts with all its bytes."""
BLOCKS, BLOCK_BYTES = 64, 64 * 1024
"""Of a larger one, such as weights: so many blocks, from the first (the header of safetensors) to the last."""
INDEXES = ("index.json", "manifest.jsonl")
"""In a folder of examples: the files that name everything else in it by content."""
MAX_FILES = 20_000


def code_mark(component: Component, registry: Registry) -> Any:
    """The code behind an entry, as a JSON value; another one where anything was edited or upgraded.

    Where the entry's source asks for further components (`run.component`), all entries that are not built in count.
    """
    own = _mark(component)
    asks = component.origin != BUILT_IN and _may_ask(component)
    others = [item for item in registry.components() if item.origin != BUILT_IN] if asks else []
    parts = sorted([item.family, item.name, _mark(item)] for item in others if item is not component)
    return [own, spa2v_mark(), *parts]


def _mark(component: Component) -> Any:
    module, _, name = component.entry.target.rpartition(":")
    return [name, _file_marks(Path(module)) if module.endswith(".py") else package_mark(module.partition(".")[0])]


def _may_ask(component: Component) -> bool:
    module = component.entry.target.rpartition(":")[0]
    if not module.endswith(".py"):
        return True
    try:
        return b".component(" in Path(module).read_bytes()
    except OSError:
        return False


@cache
def spa2v_mark() -> str | None:
    """Of spa2v itself."""
    return package_mark(PACKAGE.name)


@cache  # a module is imported once a process, so its first source is the one that runs
def package_mark(name: str) -> str | None:
    """The version of an installed package, the checksum of one in a source tree; None for Python's own modules."""
    if name in sys.stdlib_module_names:
        return None
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    folders = [Path(path) for path in spec.submodule_search_locations or ()]
    files = [Path(spec.origin)] if spec.origin and not folders else []
    if any(map(_is_installed, [*folders, *files])):
        return ", ".join(f"{item} {version(item)}" for item in sorted(set(packages_distributions().get(name, [name]))))
    if files:
        return _checksum(_file_marks(files[0]))
    return _checksum([(str(path.relative_to(root)), file_mark(path)) for root in folders for path in _sources(root)])


def _is_installed(path: Path) -> bool:
    roots = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    return any(path.is_relative_to(root) for root in roots)


def _sources(root: Path) -> Iterator[Path]:
    left_out = OTHER_ROOMS if root.resolve() == PACKAGE else ()
    count = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(item for item in folders if item[0] not in "._" and item not in left_out)
        left_out = ()  # at the top alone
        for name in sorted(files):
            if name.endswith(SOURCES) and (count := count + 1) <= MAX_FILES:
                yield Path(folder, name)


def _file_marks(path: Path) -> list[Any]:
    """Of a Python file, and of the modules that it imports by name."""
    try:
        text = path.read_bytes()
        imported = sorted(set(_imports(ast.parse(text))) - {path.stem, PACKAGE.name})
    except (OSError, SyntaxError, ValueError, RecursionError):
        return [file_mark(path)]
    return [hashlib.sha256(text).hexdigest(), *filter(None, map(package_mark, imported))]


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def content_marks(paths: Iterable[str]) -> dict[str, Any]:
    """The content of those of some texts that are paths of files or folders."""
    found = {}
    for path in filter(None, paths):
        try:
            place = local_path(path)
            found[path] = file_mark(place) if place.is_file() else _folder_mark(place)
        except (OSError, ValueError, RuntimeError):  # too long for a name; a NUL; no home folder
            continue
    return {path: mark for path, mark in found.items() if mark is not None}


def _folder_mark(folder: Path) -> Any:
    if not folder.is_dir():
        return None
    files = sorted(folder / name for name in INDEXES if (folder / name).is_file())
    if not files:
        walked = (Path(at, name) for at, _, names in os.walk(folder) for name in names)
        files = sorted(path for path, _ in zip(walked, range(MAX_FILES), strict=False))
    return _checksum([(str(path.relative_to(folder)), file_mark(path)) for path in files])


def file_mark(path: Path) -> str | None:
    """A checksum of a file's size and bytes, or of blocks of them where it is large; None where it cannot be read."""
    try:
        found = path.stat()
        return _bytes_mark(path, found.st_size, found.st_mtime_ns) if path.is_file() else None
    except OSError:
        return None


@cache
def _bytes_mark(path: Path, size: int, mtime_ns: int) -> str:
    mark = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        if size <= WHOLE_BYTES:
            mark.update(file.read())
        else:
            for block in range(BLOCKS):
                file.seek((size - BLOCK_BYTES) * block // (BLOCKS - 1))
                mark.update(file.read(BLOCK_BYTES))
    return mark.hexdigest()


def _checksum(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
