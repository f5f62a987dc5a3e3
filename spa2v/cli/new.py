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
        command: uses the component, as it is.
        override: sets one of its options; a whole command where `use` is given.
        use: how to use it where that needs more than a preset.
    """

    word: str
    summary: str
    requirement: str
    command: str
    override: str
    use: str = ""


PRESET = """    TEMPLATE_COMMAND

`template_name` is also the name of a preset (`spa2v_template_name/configs/template_name.yaml`) that chooses it and
shows its options; it merges over spa2v's default. Any of them can be changed on the command line:

    TEMPLATE_OVERRIDE"""
EVALUATION = """Make a small benchmark, once, and score it:

    spa2v world dataset -o data -n 8 --test-share 0.5 --width 128 --height 80 -q
    TEMPLATE_COMMAND

The first option of the constructor may follow the name:

    TEMPLATE_OVERRIDE"""
PRESET_FILE = "| `spa2v_template_name/configs/template_name.yaml` | a preset that uses it |\n"
_SPA2V, _DIFFUSION = "spa2v>=0.1,<0.2", "spa2v[diffusion]>=0.1,<0.2"
_SPA2V_METRICS = "spa2v[metrics]>=0.1,<0.2"
KINDS = {
    "cue_extractors": Kind(
        "cue_extractor",
        "How wide a recording sounds, over time.",
        _SPA2V,
        'spa2v cues "$(python -m spa2v.demo)" --config template_name',
        "cue_extractors.template_name.options.window_s=0.5",
    ),
    "layout_planners": Kind(
        "planner",
        "One thing that stands where the recording is heard.",
        _SPA2V,
        'spa2v plan "$(python -m spa2v.demo)" --config template_name',
        "layout_planner.options.thing=train",
    ),
    "grounding_injectors": Kind(
        "injector",
        "Cross-attention to the name of each thing inside its box.",
        _DIFFUSION,
        'spa2v generate "$(python -m spa2v.demo)" --config template_name',
        "grounding_injector.options.strength=0.9",
    ),
    "motion_backbones": Kind(
        "backbone",
        "Every thing as a soft spot of its own color.",
        _SPA2V,
        'spa2v generate "$(python -m spa2v.demo)" --config template_name',
        "motion_backbone.options.background=90",
    ),
    "metrics": Kind(
        "metric",
        "How far the centers of objects lie from where they should be.",
        _SPA2V,
        "spa2v evaluate --data data --config storyboard --metric template_name -q",
        "spa2v evaluate --data data --config storyboard --metric template_name:0.5 -q",
        EVALUATION,
    ),
    "detectors": Kind(
        "detector",
        "The bright region of each frame as an object.",
        _SPA2V_METRICS,
        "spa2v evaluate --data data --videos data --detector template_name -q",
        "spa2v evaluate --data data --videos data --detector template_name:90 -q",
        EVALUATION,
    ),
}
FILES = {
    "init.py": "spa2v_template_name/__init__.py",
    "component.py": "spa2v_template_name/component.py",
    "test_component.py": "tests/test_template_name.py",
    "preset.yaml": "spa2v_template_name/configs/template_name.yaml",
    "gitignore": ".gitignore",
}
"""Where a template goes; the others keep their name."""


def new(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="cue_extractor, planner, injector, backbone, metric or detector.")
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the component, as configs will call it.")],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="Where to make the folder.")] = Path(),
    quiet: opt.Quiet = False,
) -> None:
    from spa2v.core.errors import shell

    family = find_family(kind)
    name = usable_name(name)
    refuse_taken(family, name)
    folder = write_package(family, name, into)
    opt.say(f"wrote {folder}\ntry:\n  cd {shell(folder)}\n  pip install -e '.[test]'\n  pytest")
    shown = _filled(KINDS[family].use or PRESET, family, name)
    commands = [line.strip() for line in shown.splitlines() if line.startswith("    ")]
    opt.say("\n".join(f"  {line}" for line in (f"spa2v components --why {name}", *commands[:-1])))


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

    host = Host(warn=lambda message: None)
    for component in host.registry.components(family):
        if component.name == name:
            raise ConfigError(f"{name!r} of {family} exists already", f"it is {component.origin}", "take another name")
    for file in host.configs.files("preset"):
        if file.name == name and not KINDS[family].use:
            raise ConfigError(f"there is a preset {name!r}", f"it is {file.origin}", "take another name")


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
        "TEMPLATE_USE": kind.use or PRESET,
        "TEMPLATE_MORE_FILES": "" if kind.use else PRESET_FILE,
        "TEMPLATE_COMMAND": kind.command,
        "TEMPLATE_OVERRIDE": kind.override if kind.use else f"{kind.command} {kind.override}",
        "TEMPLATE_TITLE": name.replace("_", " ").capitalize(),
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
