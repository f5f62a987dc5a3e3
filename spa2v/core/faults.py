"""Faults of components: whose code raised what, and on which line of their file; `--debug` adds the traceback."""

from __future__ import annotations

import errno
import inspect
import linecache
import numbers
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from spa2v.core.errors import ComponentError, ContractError, Spa2vError

BUILT_IN = "built in"
DEBUG_VARIABLE = "SPA2V_DEBUG"
OUTSIDE = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
        *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EMFILE, errno.ENFILE),
    }
)
"""What a user can fix: no room, no right, a file where a folder should be. A missing file is not among them: commands
name it themselves, and why they need it."""
PACKAGE = Path(__file__).resolve().parents[1]
MAX_SOURCE, MAX_NUMBERS = 90, 4


@dataclass(frozen=True)
class Origin:
    """A component as messages name it.

    Args:
        who: as in "layout planner 'mine'".
        where: "built in", the path of a registry file, or an extension with its version.
        home: its file, or the folder of its package.
    """

    who: str
    where: str
    home: Path

    @property
    def is_built_in(self) -> bool:
        return self.where == BUILT_IN

    def refusal(self, component: object, method: str, fact: str, *details: str) -> ContractError:
        """An error about what a method returned, with the line of the method where it is not built in."""
        if self.is_built_in:
            return ContractError(f"{self.who} {fact}", *details)
        line = line_of_method(component, method)
        made = ContractError(f"{self.who} {fact}", *details, *line, f"from {self.where}")
        made.located = True
        return made


def home_of(target: str) -> Path:
    """The file of "file.py:Class", or the folder of the package of "package.module:Class", once it is imported."""
    module = target.rpartition(":")[0]
    file = getattr(sys.modules.get(module.partition(".")[0]), "__file__", None)
    return Path(module) if module.endswith(".py") else Path(file).parent if file else PACKAGE


@contextmanager
def guarded(*origins: Origin) -> Iterator[None]:
    """Names the component, and the line of its file, in whatever is raised inside.

    Args:
        origins: whose code runs; the first one unless a line of the traceback belongs to another.

    Raises:
        ComponentError: in place of what is no error of spa2v. Errors of spa2v stay what they are, with further lines.
    """
    try:
        yield
    except Spa2vError as error:
        origin, line = _found(error, origins)
        if not origin.is_built_in and not error.located:
            error.details += (f"raised by {origin.who}", *line, f"from {origin.where}", *_debug(error))
            error.located = True
        raise
    except (Exception, SystemExit) as error:
        origin, line = _found(error, origins)
        if isinstance(error, OSError) and error.errno in OUTSIDE and origin.is_built_in:
            raise
        fact = f"{origin.who} raised {type(error).__name__}: {error}".removesuffix(": ")
        fact = "".join(char if char.isprintable() else "?" for char in " ".join(fact.split()))  # escapes of terminals
        made = ComponentError(fact, *line, f"from {origin.where}", *_debug(error))
        made.located = True
        raise made from error


def _debug(error: BaseException) -> list[str]:
    if not os.environ.get(DEBUG_VARIABLE):
        return ["the whole traceback: --debug"]
    return ["".join(traceback.format_exception(error)).rstrip()]


def _found(error: BaseException, origins: tuple[Origin, ...]) -> tuple[Origin, list[str]]:
    """Whose line raised an error, and the line; what is not built in comes first."""
    others = [origin for origin in origins if not origin.is_built_in]
    frames = list(_frames(error))
    for candidates in (others, list(origins)):
        homes = [origin.home for origin in candidates]
        at = next((i for i, (frame, _) in enumerate(frames) if _is_theirs(_file(frame), homes)), None)
        if at is not None and candidates:
            outer = [_file(frame) for frame, _ in frames[at:]]
            found = [origin for file in outer for origin in candidates if file.is_relative_to(origin.home)]
            return (found or candidates)[0], shown(*frames[at])
    return origins[0], []


def _frames(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    """Frames and lines of an error, the innermost first, then those of its causes."""
    seen: list[BaseException] = []
    fault: BaseException | None = error
    while fault is not None and fault not in seen:
        seen.append(fault)
        yield from reversed(list(traceback.walk_tb(fault.__traceback__)))
        fault = fault.__cause__ or fault.__context__


def _file(frame: FrameType) -> Path:
    return Path(frame.f_code.co_filename)


def _is_theirs(file: Path, homes: list[Path]) -> bool:
    """Whether a file is in a home, or is neither of spa2v nor installed, as the helper beside a component's file."""
    if any(file.is_relative_to(home) for home in homes):
        return True
    elsewhere = file.is_absolute() and not any(file.is_relative_to(root) for root in (PACKAGE, *_installed()))
    return elsewhere and file.suffix == ".py" and bool(homes)


@cache
def _installed() -> frozenset[Path]:
    import sysconfig

    return frozenset(Path(sysconfig.get_path(key)) for key in ("stdlib", "platstdlib", "purelib", "platlib"))


def crash_line(error: BaseException, home: Path) -> list[str]:
    """The innermost line of a traceback that belongs to a component's code, as `shown`; empty where there is none."""
    found = (item for item in _frames(error) if _is_theirs(_file(item[0]), [home]))
    return next((shown(*item) for item in found), [])


def shown(frame: FrameType, line: int) -> list[str]:
    """A line of code for a person, with the values of a few local numbers: those that the line names come first."""
    source = linecache.getline(frame.f_code.co_filename, line).strip()
    local = {key: value for key, value in frame.f_locals.items() if isinstance(value, numbers.Real)}
    named = sorted(local, key=lambda name: not re.search(rf"\b{re.escape(name)}\b", source))[:MAX_NUMBERS]
    text = f"{short(_file(frame))}:{line}, in {frame.f_code.co_name}: {source[:MAX_SOURCE]}"
    return [text, *(["with " + ", ".join(f"{name} = {_digits(local[name])}" for name in named)] if named else [])]


def _digits(number: numbers.Real) -> str:
    """Six digits of a number; one without such a form, as an integer beyond all floats, is named by its type."""
    try:
        return f"{number:.6g}"
    except (OverflowError, TypeError, ValueError):
        return f"({type(number).__name__})"


def short(path: Path) -> str:
    """A path as a person would write it from the working folder."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def line_of_method(component: Any, method: str) -> list[str]:
    """The line on which the class of a component defines a method."""
    kind = component if inspect.isclass(component) else type(component)
    code: Any = getattr(inspect.unwrap(getattr(kind, method, kind)), "__code__", None)
    return [] if code is None else [f"{short(Path(code.co_filename))}:{code.co_firstlineno}, in {method}"]


def line_of_class(kind: type[Any]) -> list[str]:
    """The line on which a class is defined."""
    try:
        return [f"{short(Path(inspect.getfile(kind)))}:{inspect.getsourcelines(kind)[1]}, in {kind.__name__}"]
    except (OSError, TypeError):
        return []
