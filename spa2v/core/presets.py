"""Presets and ablation files by name: those of spa2v and those that extension packages bring."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spa2v.core.errors import ConfigError, RegistryError, near

ABLATIONS = "ablations"
"""Folder of the ablation files beside the presets; they have another schema."""


@dataclass(frozen=True)
class ConfigFile:
    """A preset or an ablation that is found by name.

    Args:
        kind: "preset" or "ablation".
        name: the file's, without its suffix; of presets in subfolders "folder/name".
        path: of the file.
        origin: who contributes it.
    """

    kind: str
    name: str
    path: Path
    origin: str


def config_files(folder: Path, origin: str = "") -> list[ConfigFile]:
    """The presets in a folder, those of subfolders included, and the ablations in its subfolder `ablations`."""
    found = []
    for path in sorted(folder.rglob("*.yaml")):
        inside = path.relative_to(folder).with_suffix("")
        is_ablation = inside.parts[0] == ABLATIONS
        name = inside.relative_to(ABLATIONS) if is_ablation else inside
        found.append(ConfigFile("ablation" if is_ablation else "preset", name.as_posix(), path, origin))
    return found


class Catalog:
    """Presets and ablations by name. A name has one file; nothing wins silently."""

    def __init__(self, files: Iterable[ConfigFile] = ()) -> None:
        self._files: dict[tuple[str, str], ConfigFile] = {}
        self.add_all(files)

    def refuse_taken(self, files: Iterable[ConfigFile]) -> None:
        """Raises:
        RegistryError: a name is taken; both files are named.
        """
        for file in files:
            if taken := self._files.get((file.kind, file.name)):
                raise RegistryError(
                    f"two {file.kind}s are named {file.name!r}",
                    *(f"one is {item.path} from {item.origin}" for item in (taken, file)),
                    "rename one of them",
                )

    def add_all(self, files: Iterable[ConfigFile]) -> None:
        """Adds files, all of them or none.

        Raises:
            RegistryError: a name is taken.
        """
        files = list(files)
        self.refuse_taken(files)
        self._files |= {(file.kind, file.name): file for file in files}

    def files(self, kind: str) -> list[ConfigFile]:
        """All of a kind, in the order they were added."""
        return [file for file in self._files.values() if file.kind == kind]

    def names(self, kind: str = "preset") -> list[str]:
        """The names of a kind, sorted."""
        return sorted(file.name for file in self.files(kind))

    def find(self, source: str | Path, kind: str = "preset") -> Path:
        """The file of a name, or the path itself of a file that ends in .yaml or .yml.

        Raises:
            ConfigError: there is no such name.
        """
        if Path(source).suffix in (".yaml", ".yml"):
            return Path(source)
        if file := self._files.get((kind, str(source))):
            return file.path
        raise ConfigError(
            f"unknown {kind} {str(source)!r}", near(str(source), self.names(kind)), "a file ends in .yaml"
        )

    def is_packaged(self, path: Path) -> bool:
        """Whether a file is one of the catalog."""
        return any(file.path == path for file in self._files.values())
