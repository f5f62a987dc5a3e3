"""Commands that pages show: found in blocks and in lines, and held against what there is, without running them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

from spa2v.core.config import LIST_ROLE, SINGLE_ROLES, load
from spa2v.core.errors import Spa2vError, UnknownComponent
from spa2v.core.host import Host
from spa2v.core.pipeline import Pipeline
from tests.kit.doc_blocks import blocks
from tests.kit.doc_commands import application
from tests.kit.doc_pages import ROOT, Page

STARTS = ("spa2v", "python", "pytest", "make")
_ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=\S*")
_BRACKETS = re.compile(r"[\[\]]")
HELP = ("-h", "--help")
MADE_THERE = ("loud",)
"""Components and presets that the reader makes on the page."""
CATALOG = Host(extensions=[]).configs


def shown(page: Page) -> list[str]:
    """Every command of a page, a line each."""
    told = [line for block in blocks(page.text) if block.language == "sh" for line in lines(block.text)]
    told += [line for text in page.indented for line in lines(text)]
    return [line for line in [*told, *page.spans] if words_of(line)]


def lines(text: str) -> list[str]:
    """The lines of a script, continued ones joined, without comments."""
    joined = re.sub(r"\\\n\s*", "", text)
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def words_of(line: str) -> list[str]:
    """The words of a command that starts with one of `STARTS`; nothing for anything else."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return []
    while words and _ASSIGNMENT.fullmatch(words[0]):
        words.pop(0)
    first = words[0].rpartition("/")[2] if words else ""
    return [first, *words[1:]] if first in STARTS and len(words) > 1 else []


def problem(line: str) -> str | None:
    """What is wrong with a command: a word that there is not; None where everything is there."""
    words = words_of(line)
    check = {"spa2v": _spa2v, "python": _python, "pytest": _pytest, "make": _make}[words[0]]
    return check(words[1:])


def _spa2v(words: list[str]) -> str | None:
    command, rest = application(), list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith(("-", "[")):
        if rest[0] in ("...", "COMMAND"):
            return None
        if rest[0] not in command.commands:
            return f"no command {rest[0]!r}"
        command = command.commands[rest.pop(0)]
    known = {spelling for item in command.params for spelling in (*item.opts, *item.secondary_opts)}
    for word in rest:
        option = _BRACKETS.sub("", word)
        if option.startswith("-") and option.partition("=")[0] not in {*known, *HELP}:
            return f"no option {option!r}"
    return _config(command, rest)


def _config(command: Any, words: list[str]) -> str | None:
    """What is wrong with the presets and settings of a command; those that hold a placeholder are passed over."""
    plain = [word for word in words if not re.search(r"[A-Z]{3,}|\.\.\.|\|", word)]
    takes = {spelling for item in command.params if item.name in ("config", "base") for spelling in item.opts}
    chosen = [value for option, value in pairwise(plain) if option in takes]
    sources = [value for value in chosen if value in CATALOG.names()]
    known = (*sources, *MADE_THERE)
    if len(sources) < len(chosen) or "overrides" not in {item.name for item in command.params}:
        return next((f"no preset {value!r}" for value in chosen if value not in known and "." not in value), None)
    roles = (LIST_ROLE, *SINGLE_ROLES, "run", "audio")
    settings = [word for word in plain if "=" in word and word.partition("=")[0].partition(".")[0] in roles]
    try:
        problems = Pipeline(load(sources, settings, CATALOG)).check()
    except Spa2vError as error:
        problems = [error]
    return "; ".join(str(error) for error in problems if not _of_the_tutorial(error)) or None


def _of_the_tutorial(error: Spa2vError) -> bool:
    return isinstance(error, UnknownComponent) and any(repr(name) in error.fact for name in MADE_THERE)


def _python(words: list[str]) -> str | None:
    if words[:1] != ["-m"] or len(words) < 2 or words[1] in ("venv", "pip"):
        return None
    module = words[1]
    top = ROOT / module.partition(".")[0]
    if not top.is_dir():
        return None if find_spec(module.partition(".")[0]) else f"no module {module!r}"
    path = ROOT.joinpath(*module.split("."))
    file = next((file for file in (path.with_suffix(".py"), path / "__main__.py") if file.is_file()), None)
    if file is None:
        return f"no module {module!r}"
    texts = "".join(item.read_text(encoding="utf-8") for item in file.parent.glob("*.py"))
    options = [_BRACKETS.sub("", word) for word in words[2:] if _BRACKETS.sub("", word).startswith("--")]
    return next((f"{module} has no option {option!r}" for option in options if f'"{option}"' not in texts), None)


def _pytest(words: list[str]) -> str | None:
    for path in (word for word in words if word.startswith(("tests/", "benchmarks/")) and word.endswith(".py")):
        if not (ROOT / path).is_file():
            return f"no file {path!r}"
        if "-k" in words:
            name = words[words.index("-k") + 1]
            if name not in (ROOT / path).read_text(encoding="utf-8"):
                return f"no test {name!r} in {path!r}"
    return None


def _make(words: list[str]) -> str | None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    return next((f"no target {word!r}" for word in words if "=" not in word and word not in targets), None)


def hidden(page: Page) -> Iterator[str]:
    """Commands in blocks without a fence, which no test runs and no mark tells about."""
    yield from (line for text in page.indented for line in lines(text) if words_of(line))
