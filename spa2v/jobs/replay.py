"""Replaying a run from its folder: the same configuration on the same recording, and what has changed since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spa2v.core import config as configs
from spa2v.core.config import Config, Layer
from spa2v.core.errors import AudioError, ConfigError
from spa2v.core.manifest import MAX_MANIFEST_BYTES, NAME, describe_audio, versions
from spa2v.core.pipeline import Pipeline
from spa2v.core.untrusted import read_json, reason_of
from spa2v.jobs.job import Job
from spa2v.jobs.tries import Tries


@dataclass(frozen=True)
class Replay:
    """What a run folder says of its run.

    Args:
        manifest: parsed, of the right kinds where this class reads it.
        origin: the manifest's path, for messages.
    """

    manifest: Mapping[str, Any]
    origin: Path

    @classmethod
    def read(cls, run: str | Path) -> Replay:
        """From a run folder, or its manifest.

        Raises:
            ConfigError: no manifest that can be read, or none of a run.
        """
        path = Path(run)
        path = path / NAME if path.is_dir() else path
        data = _read(path)
        for key in ("config", "versions"):
            if not isinstance(data.get(key), dict):
                raise ConfigError(f"{str(path)!r} is no manifest of a run", f"{key!r} is missing")
        return cls(data, path)

    @property
    def config(self) -> Config:
        """The resolved configuration of the run, without any preset beneath it.

        Raises:
            ConfigError: it is not valid any more.
        """
        return configs.merge([Layer(dict(self.manifest["config"]), str(self.origin), self.origin.parent)])

    def audio(self) -> Path:
        """Where the recording was.

        Raises:
            ConfigError: the manifest does not say.
        """
        path = self._input("audio")
        if path is None:
            raise ConfigError(
                f"{str(self.origin)!r} does not say where its recording was", "name it: AUDIO --from-run RUN"
            )
        return path

    def layout(self) -> Path | None:
        """The layout that the run drew, where it did not plan one itself."""
        return self._input("layout")

    def tries(self) -> Tries | None:
        """The seed that the run kept of several tries, as the one to draw."""
        record = self.manifest.get("record")
        tries = record.get("tries") if isinstance(record, dict) else None
        kept = tries.get("kept") if isinstance(tries, dict) else None
        return Tries(kept=kept) if isinstance(kept, int) else None

    def _input(self, kind: str) -> Path | None:
        inputs = self.manifest.get("inputs")
        path = inputs.get(kind) if isinstance(inputs, dict) else None
        return Path(path) if isinstance(path, str) else None

    def check(self, job: Job) -> None:
        """Notices what has changed since the run, and refuses a recording that is not the one of the run.

        Raises:
            AudioError: other samples.
        """
        for line in self.changes(job.pipeline):
            job.run.notice(f"changed since the run: {line}")
        entry = self.manifest.get("audio")
        before = entry.get("sha256") if isinstance(entry, dict) else None
        if before is not None and job.sound is not None and before != describe_audio(job.sound)["sha256"]:
            raise AudioError(
                f"{job.sound.source!r} does not hold the sound of the run in {str(self.origin.parent)!r}",
                "its samples differ; give the recording of the run: AUDIO --from-run RUN",
            )

    def changes(self, pipeline: Pipeline) -> Iterator[str]:
        """A line for each version, extension or component that is not as it was."""
        yield from _differences("", self.manifest["versions"], versions())
        before = _by_name(self.manifest.get("extensions"), "package", "version")
        now = {extension.package: extension.version for extension in pipeline.host.extensions}
        yield from _differences("extension ", before, now)
        before = _by_name(self.manifest.get("components"), "name", "target")
        now = {item["name"]: item["target"] for item in pipeline.origins()}
        yield from _differences("component ", before, now)

    def compare(self, found: Mapping[str, str | None]) -> Iterator[str]:
        """A line for each output: whether its checksum is that of the run."""
        sums = self.manifest.get("sha256")
        before = sums if isinstance(sums, dict) else {}
        for kind, digest in found.items():
            if kind in before:
                yield f"{kind}: {'the same bytes as in the run' if before[kind] == digest else 'not as in the run'}"


def _read(path: Path) -> dict[str, Any]:
    try:
        data = read_json(path, MAX_MANIFEST_BYTES)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the manifest {str(path)!r}: {reason_of(error)}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{str(path)!r} is no manifest of a run")
    return data


def _by_name(items: Any, name: str, value: str) -> dict[str, Any]:
    known = items if isinstance(items, list) else []
    return {str(item[name]): item.get(value) for item in known if isinstance(item, dict) and name in item}


def _differences(kind: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"{kind}{name}: {before.get(name, 'absent')} in the run, {now.get(name, 'absent')} now"
