"""The manifest of a run: what ran, on what, with which versions, how long it took, and how it ended."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from spa2v.core.errors import ConfigError, Spa2vError
from spa2v.core.media.files import write_json
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, VideoSceneLayout

NAME = "manifest.json"
MAX_MANIFEST_BYTES = 64 * 1024**2
PACKAGES = ("numpy", "scipy", "av", "soundfile", "torch", "diffusers", "transformers", "accelerate")


def describe_audio(audio: AudioClip) -> dict[str, Any]:
    """What identifies a clip; the hash is over its float32 samples."""
    return {
        "source": audio.source,
        "sample_rate": audio.sample_rate,
        "channels": audio.channels,
        "duration_s": audio.duration_s,
        "sha256": hashlib.sha256(audio.samples.tobytes()).hexdigest(),
        "notes": list(audio.notes),
        "notices": list(audio.notices),
    }


def file_sha256(path: Path) -> str | None:
    """The checksum of a regular file; None where there is none, or it cannot be read."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None


def versions() -> dict[str, str]:
    """Of Python, the system and the packages that are installed."""
    return dict(_versions())


@cache  # reading the metadata of ten packages takes a twelfth of planning a clip
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": platform.platform()}
    for package in ("spa2v", *PACKAGES):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


class Manifest:
    """The manifest of one run; written into the run's folder, if it has one, when the run starts and when it ends.

    Args:
        run: the run.
        config: the resolved configuration as plain data.
        components: what was selected, with origins.
        extensions: what was installed.
    """

    def __init__(
        self,
        run: Run,
        config: Mapping[str, Any],
        components: Sequence[Mapping[str, Any]],
        extensions: Sequence[Mapping[str, Any]],
    ) -> None:
        self._run = run
        self.data: dict[str, Any] = {
            "status": "running",
            "started": _now(),
            "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
            "versions": versions(),
            "seed": run.seed,
            "config": dict(config),
            "components": list(components),
            "extensions": list(extensions),
            "inputs": {},
            "outputs": {},
            "sha256": {},
        }

    def input(self, kind: str, path: str | Path) -> None:
        """Names a file that the run reads."""
        self.data["inputs"][kind] = os.path.abspath(path)

    def output(self, kind: str, path: Path) -> None:
        """Names a file that the run made, and keeps its checksum."""
        self.data["outputs"][kind] = str(path)
        if (digest := file_sha256(path)) is not None:
            self.data["sha256"][kind] = digest

    def decided(self, layout: VideoSceneLayout) -> None:
        """Keeps the checksum of the plan, as its file has it."""
        self.data["sha256"]["layout"] = hashlib.sha256(layout.dumps().encode("utf-8", "backslashreplace")).hexdigest()

    def write(self, **changes: Any) -> None:
        """Writes the current manifest, with changes."""
        self.data |= changes
        self.data["timings_s"] = {name: round(value, 4) for name, value in self._run.timings_s.items()}
        self.data["record"] = self._run.record
        if self._run.audio is not None:
            self.data["audio"] = describe_audio(self._run.audio)
        if self._run.folder is not None:
            write_json(self._run.folder / NAME, self.data)

    @contextmanager
    def kept(self) -> Iterator[Manifest]:
        """Keeps the manifest true: "running" inside, then "done", "failed" or "interrupted"."""
        if self._run.folder is not None:
            make_folder(self._run.folder)
        self.write()
        try:
            yield self
        except KeyboardInterrupt:
            self.write(status="interrupted", ended=_now())
            raise
        except Exception as error:
            message = str(error) if isinstance(error, Spa2vError) else f"{type(error).__name__}: {error}"
            code = getattr(error, "exit_code", 1)
            self.write(status="failed", ended=_now(), error=message, exit_code=code)
            raise
        self.write(status="done", ended=_now())


def make_folder(path: Path) -> None:
    """Makes a folder with its parents.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {str(path)!r}: {error.strerror}") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
