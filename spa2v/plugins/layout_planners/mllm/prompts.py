"""Prompt texts: files that a researcher edits. Versions lie beside this module; any other folder may be named."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template

from spa2v.core.errors import ConfigError

DEFAULT_VERSION = "v1"
MAX_PROMPT_BYTES = 100_000
_FOLDER = Path(__file__).with_name("prompts")


@dataclass(frozen=True)
class Prompts:
    """The texts of one set of prompts.

    Args:
        name: a version that comes with spa2v ("v1"), or the path of a folder with some or all of its files; those that
            the folder lacks are taken from the default version.

    Raises:
        ConfigError: on first use, when there is no such version or folder, or it holds a file of an unknown name.
    """

    name: str = DEFAULT_VERSION

    @cached_property
    def texts(self) -> dict[str, str]:
        """File name without suffix to text."""
        texts = _read(_FOLDER / DEFAULT_VERSION)
        if self.name == DEFAULT_VERSION:
            return texts
        folder = _FOLDER / self.name if (_FOLDER / self.name).is_dir() else Path(self.name).expanduser()
        if not folder.is_dir():
            versions = ", ".join(sorted(path.name for path in _FOLDER.iterdir() if path.is_dir()))
            raise ConfigError(f"prompts: {self.name!r} is no version and no folder", f"versions: {versions}")
        own = _read(folder)
        for name in own:
            if name not in texts:
                raise ConfigError(f"prompts: {name + '.md'!r} in {str(folder)!r} is not a prompt", _known(texts))
        return {**texts, **own}

    def fill(self, name: str, **values: str | int) -> str:
        """A text with its $names replaced.

        Raises:
            ConfigError: the text names something that is not given.
        """
        try:
            return Template(self.texts[name]).substitute(values).strip()
        except (KeyError, ValueError) as error:
            known = "known here: " + ", ".join(f"${key}" for key in values)
            raise ConfigError(f"prompt {name + '.md'!r}: {error} cannot be filled in", known) from error

    @property
    def digest(self) -> str:
        """SHA-256 of all texts, for the manifest."""
        joined = "\0".join(f"{name}\0{text}" for name, text in sorted(self.texts.items()))
        return hashlib.sha256(joined.encode()).hexdigest()


def _read(folder: Path) -> dict[str, str]:
    try:
        paths = sorted(folder.glob("*.md"))
        if any(path.stat().st_size > MAX_PROMPT_BYTES for path in paths):
            raise ConfigError(f"prompts: a file in {str(folder)!r} is over {MAX_PROMPT_BYTES} bytes")
        return {path.stem: path.read_text(encoding="utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"prompts: cannot read {str(folder)!r}", str(error)) from error


def _known(texts: dict[str, str]) -> str:
    return "prompts: " + ", ".join(f"{name}.md" for name in sorted(texts))
