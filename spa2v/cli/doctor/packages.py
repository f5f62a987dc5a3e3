"""Which packages are here, against the ranges that spa2v asks for and the versions that it was tested with."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, metadata, version
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

NOT_FOR_RUNNING = ("all", "dev", "docs")
"""Extras that bring nothing of their own to a run."""


def system() -> dict[str, Any]:
    """Versions of spa2v and Python, the range of Python, and the system."""
    wanted = str(metadata("spa2v")["Requires-Python"])
    running = platform.python_version()
    return {
        "spa2v": version("spa2v"),
        "python": running,
        "python_wanted": wanted,
        "python_fits": SpecifierSet(wanted).contains(running, prereleases=True),
        "platform": platform.platform(),
    }


def found() -> list[dict[str, Any]]:
    """Every package that spa2v or one of its extras requires: wanted range, tested and installed version, the fit."""
    tested = tested_versions()
    return [_package(name, specifiers, extras, tested) for name, (specifiers, extras) in wanted().items()]


def wanted() -> dict[str, tuple[SpecifierSet, list[str]]]:
    """Range and extras of each package, by name; an empty extra for what spa2v always needs."""
    declared = metadata("spa2v")
    extras = ["", *(extra for extra in declared.get_all("Provides-Extra") or [] if extra not in NOT_FOR_RUNNING)]
    ranges: dict[str, tuple[SpecifierSet, list[str]]] = {}
    for requirement in map(Requirement, declared.get_all("Requires-Dist") or []):
        name = canonicalize_name(requirement.name)
        asking = [extra for extra in extras if _asks(requirement, extra)]
        if asking and name != "spa2v":
            specifiers, known = ranges.get(name, (SpecifierSet(), []))
            ranges[name] = specifiers & requirement.specifier, [*known, *(extra for extra in asking if extra)]
    return dict(sorted(ranges.items()))


def _asks(requirement: Requirement, extra: str) -> bool:
    """Whether an extra brings a requirement; what is asked for without any extra belongs to none."""
    if requirement.marker is None:
        return extra == ""
    plain = requirement.marker.evaluate({"extra": ""})
    return plain if extra == "" else not plain and requirement.marker.evaluate({"extra": extra})


def tested_versions() -> dict[str, str]:
    """The versions of constraints.txt, which comes with the package."""
    from spa2v.core.host import data_folder

    lines = (data_folder() / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("==") for line in lines if "==" in line and not line.startswith("#"))
    return {canonicalize_name(name.strip()): pinned.strip() for name, _, pinned in pairs}


def _package(name: str, specifiers: SpecifierSet, extras: list[str], tested: dict[str, str]) -> dict[str, Any]:
    try:
        installed = version(name)
    except PackageNotFoundError:
        installed = None
    return {
        "name": name,
        "extras": extras,
        "wanted": ",".join(sorted(map(str, specifiers), reverse=True)),
        "tested": tested.get(name),
        "installed": installed,
        "fits": None if installed is None else specifiers.contains(installed, prereleases=True),
    }
