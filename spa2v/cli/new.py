"""`spa2v new`: a working extension package to start from."""

from __future__ import annotations

import keyword
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from spa2v.cli import options as opt

TEMPLATES = Path(__file__).with_name("templates")
MAX_NAME = 40


@dataclass(frozen=True)
class Kind:
    """What differs between the families.

    Args:
        word: the short name on the command line.
        summary: of the component that the templates make.
        requirement: what the package needs.
        command: uses the component, as it stands.
        override: sets one of its options.
    """

    word: str
    summary: str
    requirement: str
    command: str
    override: str


_SPA2V, _DIFFUSION = "spa2v>=0.1,<0.2", "spa2v[diffusion]>=0.1,<0.2"
KINDS = {
    "cue_extractors": Kind(
        "cue_extractor",
        "How wide a recording sounds, over time.",
        _SPA2V,
        'spa2v cues "$(python -m spa2v.demo)" --config template_name.yaml',
        "cue_extractors.template_name.options.window_s=0.5",
    ),
    "layout_planners": Kind(
        "planner",
        "One thing that stands where the recording is heard.",
        _SPA2V,
        'spa2v plan "$(python -m spa2v.demo)" --config template_name.yaml',
        "layout_planner.options.thing=train",
    ),
    "grounding_injectors": Kind(
        "injector",
        "Cross-attention to the name of each thing inside its box.",
        _DIFFUSION,
        'spa2v generate "$(python -m spa2v.demo)" --config template_name.yaml',
        "grounding_injector.options.strength=0.9",
    ),
    "motion_backbones": Kind(
        "backbone",
        "Every thing as a soft spot of its own color.",
        _SPA2V,
        'spa2v generate "$(python -m spa2v.demo)" --config template_name.yaml',
        "motion_backbone.options.background=90",
    ),
}
FILES = {
    "init.py": "spa2v_template_name/__init__.py",
    "component.py": "spa2v_template_name/component.py",
    "test_component.py": "tests/test_template_name.py",
    "preset.yaml": "template_name.yaml",
    "gitignore": ".gitignore",
}
"""Where a template goes; the others keep their name."""


def new(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="cue_extractor, planner, injector or backbone.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the component, as configs will call it.")],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="Where to make the folder.")] = Path(),
) -> None:
    """Write an extension package that works as it stands: component, contract test, config, README."""
    family = find_family(kind)
    name = usable_name(name)
    refuse_taken(family, name)
    folder = write_package(family, name, into)
    opt.say(f"wrote {folder}\ntry:\n  cd {folder}\n  pip install -e '.[test]'\n  pytest")
    opt.say(f"  spa2v components --why {name}\n  {_filled(KINDS[family].command, family, name)}")


def find_family(kind: str) -> str:
    """The family that a word on the command line names: planner, layout_planner or layout_planners.

    Raises:
        ConfigError: none.
    """
    from spa2v.core.errors import ConfigError, near

    words = {key: family for family, item in KINDS.items() for key in (item.word, family, family.removesuffix("s"))}
    if kind not in words:
        raise ConfigError(f"unknown kind {kind!r}", near(kind, words))
    return words[kind]


def usable_name(name: str) -> str:
    """The name of a component, with "_" for "-" and without a leading "spa2v".

    Raises:
        ConfigError: it cannot be the name of a Python module and class, or spa2v has a class of that name.
    """
    import spa2v
    from spa2v.core.errors import ConfigError

    plain = name.replace("-", "_").removeprefix("spa2v_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", plain) or len(plain) > MAX_NAME:
        raise ConfigError(
            f"{name!r} is not a usable name", f"use up to {MAX_NAME} lower-case letters, digits and _, letters first"
        )
    if keyword.iskeyword(plain):
        raise ConfigError(f"{name!r} is not a usable name", "it is a word of Python")
    if class_name(plain) in spa2v.__all__:
        raise ConfigError(f"{name!r} is not a usable name", f"spa2v itself has a class {class_name(plain)!r}")
    return plain


def class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def refuse_taken(family: str, name: str) -> None:
    """Refuses a name that is in the catalog already: two components of a name cannot be installed together.

    Raises:
        ConfigError: it is taken; says by whom.
    """
    from spa2v.core.errors import ConfigError
    from spa2v.core.host import Host

    for component in Host(warn=lambda message: None).registry.components(family):
        if component.name == name:
            raise ConfigError(f"{name!r} of {family} exists already", f"it is {component.origin}", "take another name")


def write_package(family: str, name: str, into: Path) -> Path:
    """Writes the package into a new folder, whole or not at all; the path of the folder.

    Raises:
        ConfigError: the folder exists, or cannot be made.
    """
    from spa2v.core.errors import ConfigError

    folder = into / f"spa2v-{name.replace('_', '-')}"
    if folder.exists():
        raise ConfigError(f"{str(folder)!r} exists already", "take another name, or another folder with --into")
    if not into.is_dir():
        raise ConfigError(f"the folder {str(into)!r} does not exist")
    try:
        with _whole(folder) as temporary:
            for source in sorted([*(TEMPLATES / "package").iterdir(), *(TEMPLATES / family).iterdir()]):
                if source.is_file():
                    target = temporary / _filled(FILES.get(source.name, source.name), family, name)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(_filled(source.read_text(encoding="utf-8"), family, name), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {str(folder)!r}: {error.strerror or error}") from error
    return folder


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes `folder` on success and is gone on any failure."""
    temporary = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.part")
    temporary.mkdir()
    try:
        yield temporary
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _filled(text: str, family: str, name: str) -> str:
    """A template with its words replaced."""
    kind = KINDS[family]
    words: Mapping[str, str] = {
        "TEMPLATE_COMMAND": kind.command,
        "TEMPLATE_OVERRIDE": f"{kind.command} {kind.override}",
        "TEMPLATE_SUMMARY": kind.summary,
        "TEMPLATE_REQUIREMENT": kind.requirement,
        "TEMPLATE_FAMILY": family.replace("_", " "),
        "template_name": name,
        "template-name": name.replace("_", "-"),
        "TemplateName": class_name(name),
    }
    for word, value in words.items():
        text = text.replace(word, value)
    return text
