"""What a batch works on: the clips of a benchmark manifest, or of a plain list of recordings."""

from __future__ import annotations

import glob
import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spa2v.core.errors import ConfigError
from spa2v.core.types.benchmark import MANIFEST, MAX_MANIFEST_BYTES, read_manifest
from spa2v.core.untrusted import read_text, reason_of

_SAFE_CHARACTERS = 80
RECORDINGS = frozenset(
    (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac", ".mp4", ".mov", ".mkv", ".webm", ".avi")
)
"""Suffixes by which the recordings of a folder or glob are known; a list may name any file."""


@dataclass(frozen=True)
class Item:
    """One clip of a batch.

    Args:
        id: unique in the batch.
        audio: the recording.
        layout: a layout that came with it, or None.
    """

    id: str
    audio: Path
    layout: Path | None = None

    @property
    def folder_name(self) -> str:
        """The id where it is a plain name; else its harmless characters and a hash, since ids come from others."""
        slug = re.sub(r"[^A-Za-z0-9._-]+", "-", self.id).strip(".-")[:_SAFE_CHARACTERS]
        if slug and slug == self.id:
            return slug
        return f"{slug}-{hashlib.sha256(self.id.encode()).hexdigest()[:12]}".lstrip("-")


def read_items(manifest: str | Path) -> tuple[Item, ...]:
    """The clips of a benchmark (its folder, or its manifest of JSON lines), of a list with one path a line, or the
    recordings of a folder or a glob ("takes/*.wav", "**" for all levels).

    Paths in a benchmark manifest must lie below its folder. A list is the user's own: its paths may lead anywhere;
    relative ones start at the folder of the list, and lines that begin with "#" are comments.

    Raises:
        ConfigError: unreadable, empty, a line of a benchmark manifest that is not valid, or a duplicate id.
    """
    path = Path(manifest)
    path = path / MANIFEST if (path / MANIFEST).is_file() else path
    if (found := _recordings(path)) is not None:
        items = _listed(map(str, found), Path())
    elif (text := _text(path)).lstrip()[:1] == "{":
        items = [Item(_whole(c.id), path.parent / c.audio, path.parent / c.layout) for c in read_manifest(path)]
    else:
        lines = (line.strip() for line in text.splitlines())
        items = _listed((line for line in lines if not line.startswith("#")), path.parent)
    if not items:
        expected = f"a folder or glob is read for {', '.join(sorted(RECORDINGS))}"
        raise ConfigError(f"the manifest {str(path)!r} names no clip", *([expected] if found == [] else []))
    folders = Counter(item.folder_name for item in items)
    twice = next((item.id for item in items if folders[item.folder_name] > 1), None)
    if twice is not None:
        raise ConfigError(f"the manifest {str(path)!r} names the clip {twice!r} twice")
    return tuple(items)


def _recordings(path: Path) -> list[Path] | None:
    """The recordings that a folder or a glob holds, sorted; None for what is neither."""
    if path.is_dir():
        paths = list(path.iterdir())
    elif any(char in str(path) for char in "*?[") and not path.exists():
        paths = [Path(found) for found in glob.glob(str(path), recursive=True)]
    else:
        return None
    return sorted(found for found in paths if found.suffix.lower() in RECORDINGS and found.is_file())


def _text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(f"the manifest {str(path)!r} is no regular file")
        return read_text(path, MAX_MANIFEST_BYTES)
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"the manifest {str(path)!r} is no text",
            "expected JSON lines in the benchmark format, or one path of a recording a line",
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ConfigError(f"cannot read the manifest {str(path)!r}: {reason_of(error)}") from error


def _whole(text: str) -> str:
    """Text that UTF-8 can hold: JSON may carry half a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def _listed(lines: Iterable[str], folder: Path) -> list[Item]:
    """Clips of a list: the id is the name without suffix, or the whole path where several share that name."""
    lines = [line for line in dict.fromkeys(lines) if line]
    stems = Counter(Path(line).stem for line in lines)
    return [
        Item(Path(line).stem if stems[Path(line).stem] == 1 else line, folder / _from_home(Path(line)))
        for line in lines
    ]


def _from_home(path: Path) -> Path:
    """A path in which `~` is the home folder; as it is where that means nobody's, or no path at all."""
    try:
        return path.expanduser()
    except (RuntimeError, ValueError):  # no such user; a NUL
        return path
