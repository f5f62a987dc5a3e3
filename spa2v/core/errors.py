"""What can go wrong, one class for each kind of mistake. This module imports nothing of spa2v.

The first line of a message is the fact, with the offending value quoted. `details` follow, one indented line each:
the origin, near names, the command that helps. The command line prints the message and no traceback.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable

MAX_LINE = 2_000


class Spa2vError(Exception):
    """Base of everything that spa2v raises on purpose.

    Args:
        fact: what is wrong, in one line, with the value quoted.
        details: further lines, each indented under the fact.
    """

    exit_code = 1

    def __init__(self, fact: str, *details: str) -> None:
        super().__init__(fact, *details)
        self.fact = fact
        self.details = tuple(details)
        self.located = False  # whether the details name the component that raised it

    def __str__(self) -> str:
        lines = [self.fact, *("  " + line for detail in self.details for line in detail.splitlines())]
        return "\n".join(_short(line) for line in lines)


def _short(line: str) -> str:
    """A line that a person can read, also where a quoted value holds a million characters."""
    more = len(line) - MAX_LINE
    return line if more <= 0 else f"{line[:MAX_LINE]}... ({more} more characters)"


class ConfigError(Spa2vError):
    """A configuration, or an argument of the command line, cannot be used."""


class UnknownComponent(ConfigError):
    """A configuration names a component that no registry holds."""


class RegistryError(Spa2vError):
    """A registry file or an extension contributes something invalid, or a name that is taken."""


class ComponentLoadError(Spa2vError):
    """The target of an entry cannot be imported."""


class MissingDependency(ComponentLoadError):
    """An entry needs a package that is not installed."""


class ContractError(Spa2vError):
    """A component does not keep the contract of its family."""


class ComponentError(Spa2vError):
    """A component raised something else than an error of spa2v."""


class AudioError(Spa2vError):
    """A sound file cannot be read, or its samples cannot be used."""


class LayoutError(Spa2vError):
    """A Video Scene Layout is invalid; the message names the field."""


class PlannerError(Spa2vError):
    """A layout planner gave no usable plan, or the service behind it failed."""

    exit_code = 3


class WeightsError(Spa2vError):
    """Weights are missing, damaged, or do not fit the model."""


class NumericalError(Spa2vError):
    """A computation gave values that are not finite (NaN or infinite)."""


class WorkerError(Spa2vError):
    """A process that did a part of the work died."""


class MediaError(Spa2vError):
    """A picture or video cannot be written or read."""


class MetricError(Spa2vError):
    """A score is not defined for what was given, or the inputs of a metric do not fit together."""


def near(name: str, names: Iterable[str]) -> str:
    """A "did you mean" line for a name that is not among `names`, or the names themselves."""
    names = sorted(names)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(item) for item in close) + "?"
    return "known names: " + (", ".join(names) or "none")


def shell(path: object) -> str:
    """A path as a word of a command that a person may copy."""
    return shlex.quote(str(path))


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: "1 clip", "2 clips"."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"
