"""Drawing what the page shows: one try at a time in a thread, with progress, a stop, and a folder for each try."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from spa2v.core.config import read_source
from spa2v.core.errors import ConfigError, Spa2vError
from spa2v.core.host import Host
from spa2v.core.manifest import MAX_MANIFEST_BYTES, NAME
from spa2v.core.media.files import write_json, write_text
from spa2v.core.pipeline import Pipeline
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, SpatialCues, VideoSceneLayout
from spa2v.core.untrusted import FAULTS, read_json, reason_of
from spa2v.edit.opening import Heard
from spa2v.edit.preview import preview_of
from spa2v.jobs.job import Job

STORYBOARD = "storyboard"
MAX_SEED = 2**32
MAX_TRIES = 9_999
Publish = Callable[[Mapping[str, Any]], None]


class Stopped(KeyboardInterrupt):
    """The user stopped the work; to components it is Ctrl-C."""


class _WatchedRun(Run):
    """A run whose progress goes to the page, and that ends where the page stops it."""

    publish: Publish
    stop: threading.Event

    @contextmanager
    def progress(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            if self.stop.is_set():
                raise Stopped
            done += count
            self.publish({"kind": "progress", "title": title, "done": done, "total": total})

        advance(0)
        yield advance


class _WatchedPipeline(Pipeline):
    """A pipeline whose runs are watched, and for which the recording is read and measured already."""

    run_type = _WatchedRun
    publish: Publish
    stop: threading.Event
    heard: Heard | None

    def new_run(self, folder: Path | None = None, notices: set[str] | None = None) -> Run:
        run = super().new_run(folder, notices)
        assert isinstance(run, _WatchedRun)
        run.publish, run.stop = self.publish, self.stop
        return run

    def read(self, path: str | Path) -> AudioClip:
        return self.heard.audio if self.heard else super().read(path)

    def measure(self, audio: AudioClip, run: Run | None = None) -> SpatialCues:
        if self.heard is None or run is None:
            return super().measure(audio, run)
        run.audio, run.cues = self.heard.audio, self.heard.cues
        if run.folder is not None:
            write_json(run.folder / "cues.json", run.cues.to_json())
        return run.cues


class Studio:
    """Draws layouts with the presets of this machine and keeps every try.

    Args:
        folder: of the tries; made with the first one.
        sources: presets and files under the preset that the page chooses, as given to the command.
        overrides: "key=value" settings, likewise.
        heard: the recording, or None.
        publish: takes events for the page: "progress", "preview", "drawn", "stopped", "failed".
    """

    def __init__(
        self,
        folder: Path,
        sources: Sequence[str],
        overrides: Sequence[str],
        heard: Heard | None,
        publish: Publish,
    ) -> None:
        self.folder = folder
        self._sources, self._overrides = tuple(sources), tuple(overrides)
        self._heard, self._publish = heard, publish
        self._pipelines: dict[str, _WatchedPipeline] = {}
        self._previews: dict[str, _WatchedPipeline] = {}
        self._catalog = Host().configs
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.presets = self._presets()

    def _presets(self) -> list[dict[str, str]]:
        """Presets that draw in different ways.

        Each with what it is for, the preset that draws its preview ("" for none), and, if it cannot run here, why not.
        """
        found: dict[str, dict[str, str]] = {}
        for name in (STORYBOARD, *self._catalog.names()):
            try:
                layers = read_source(name, self._catalog)
                if not set().union(*(layer.data for layer in layers)) & {"grounding_injector", "motion_backbone"}:
                    continue  # it is about planning
                pipeline = self._pipeline(name)
            except ConfigError:
                continue
            config = pipeline.config
            key = repr((config.grounding_injector, config.motion_backbone))
            if key not in found:
                problems = pipeline.check()
                found[key] = {
                    "name": name,
                    "about": _about(self._catalog.find(name)),
                    "problem": problems[0].fact if problems else "",
                }
        ready = {row["name"]: self._pipeline(row["name"]).config for row in found.values() if not row["problem"]}
        for row in found.values():
            pipeline = self._pipeline(row["name"])
            quickest = preview_of(pipeline.config, ready)
            row["preview"] = quickest[0] if quickest else ""
            if quickest:
                quick = self._previews[row["name"]] = _WatchedPipeline(quickest[1], pipeline.host)
                quick.publish, quick.stop, quick.heard = self._publish_preview, self._stop, self._heard
        return list(found.values())

    def _publish_preview(self, event: Mapping[str, Any]) -> None:
        self._publish({**event, "title": f"preview, {event['title']}"})

    def _pipeline(self, preset: str) -> _WatchedPipeline:
        if preset not in self._pipelines:
            if preset not in self._catalog.names():
                raise ConfigError(f"there is no preset {preset!r}")
            made = _WatchedPipeline.from_preset(*self._sources, preset, overrides=self._overrides)
            assert isinstance(made, _WatchedPipeline)
            made.publish, made.stop, made.heard = self._publish, self._stop, self._heard
            self._pipelines[preset] = made
        return self._pipelines[preset]

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self, layout: VideoSceneLayout, preset: str, seed: int, preview: bool = False) -> int:
        """Begins to draw; returns the number of the try.

        Args:
            layout, preset, seed: what is drawn.
            preview: draw the preview first, where the preset has one.

        Raises:
            ConfigError: work is under way, or no such preset or seed.
        """
        if not 0 <= seed < MAX_SEED:
            raise ConfigError(f"the seed is {seed}", f"expected 0 to {MAX_SEED - 1}")
        pipeline = self._pipeline(preset)
        with self._lock:
            if self.busy:
                raise ConfigError("another video is being drawn", "stop it, or wait")
            number = self._next()
            folder = self.folder / f"{number:04d}"
            try:
                folder.mkdir(parents=True)
            except OSError as error:
                raise ConfigError(f"cannot make the folder {str(folder)!r}: {error.strerror}") from error
            self._stop.clear()
            quick = self._previews.get(preset) if preview else None
            work = (pipeline, quick, layout, preset, seed, number, folder)
            self._thread = threading.Thread(target=self._draw, args=work, name="spa2v-edit", daemon=True)
            self._thread.start()
        return number

    def stop(self) -> None:
        """Ends the work at its next step."""
        self._stop.set()

    def close(self) -> None:
        """Stops, and waits a little for the work to end."""
        self.stop()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _next(self) -> int:
        numbers = [number for number, _ in self._folders()]
        if len(numbers) >= MAX_TRIES:
            raise ConfigError(f"{str(self.folder)!r} holds {len(numbers)} tries", "remove some")
        return max(numbers, default=0) + 1

    def _draw(
        self,
        pipeline: _WatchedPipeline,
        quick: _WatchedPipeline | None,
        layout: VideoSceneLayout,
        preset: str,
        seed: int,
        number: int,
        folder: Path,
    ) -> None:
        audio, given = self._heard.path if self._heard else None, folder / "layout.json"
        try:
            write_text(given, layout.dumps())
            if quick is not None:
                with Job.opened(_seeded(quick, seed), audio, given) as job:
                    job.write(job.draw(job.layout()), self.preview(number))
                self._publish({"kind": "preview", "number": number, "preset": preset, "seed": seed})
            begun = time.monotonic()
            with Job.opened(_seeded(pipeline, seed), audio, given, folder, preset=preset) as job:
                job.write(job.draw(job.layout()), folder / "video.mp4")
                job.manifest.data["seconds"] = round(time.monotonic() - begun, 2)
        except Stopped:
            shutil.rmtree(folder, ignore_errors=True)
            self._publish({"kind": "stopped", "number": number})
        except (Spa2vError, *FAULTS) as error:
            shutil.rmtree(folder, ignore_errors=True)
            text = str(error) if isinstance(error, Spa2vError) else f"{type(error).__name__}: {reason_of(error)}"
            self._publish({"kind": "failed", "number": number, "text": text})
        else:
            self.preview(number).unlink(missing_ok=True)
            self._publish({"kind": "drawn", "try": self.describe(number)})

    def _folders(self) -> list[tuple[int, Path]]:
        if not self.folder.is_dir():
            return []
        named = ((path.name, path) for path in self.folder.iterdir())
        return sorted((int(name), path) for name, path in named if len(name) == 4 and name.isascii() and name.isdigit())

    def list(self) -> list[dict[str, Any]]:
        """The finished tries, oldest first."""
        return [self.describe(number) for number, path in self._folders() if (path / "video.mp4").is_file()]

    def describe(self, number: int) -> dict[str, Any]:
        """Number, preset, seed and duration of the work of a try."""
        try:
            data = read_json(self.folder / f"{number:04d}" / NAME, MAX_MANIFEST_BYTES)
        except (OSError, ValueError):
            data = {}
        data = data if isinstance(data, dict) else {}
        keys = ("preset", "seed", "seconds", "started")
        kept = {key: data[key] for key in keys if isinstance(data.get(key), (str, int, float))}
        return {"number": number, "preset": "?", "seed": 0} | kept

    def video(self, number: int) -> Path:
        """The video of a try; it may be missing."""
        return self.folder / f"{number:04d}" / "video.mp4"

    def preview(self, number: int) -> Path:
        """The preview of a try; missing before it is drawn, and once the video is."""
        return self.folder / f"{number:04d}" / "preview.mp4"

    def layout(self, number: int) -> Path:
        """The layout of a try; it may be missing."""
        return self.folder / f"{number:04d}" / "layout.json"


def _seeded(pipeline: _WatchedPipeline, seed: int) -> _WatchedPipeline:
    """The pipeline, with this seed from now on."""
    pipeline.config = replace(pipeline.config, run=replace(pipeline.config.run, seed=seed))
    return pipeline


def _about(path: Path) -> str:
    """The first sentence of a preset's leading comment."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    comment = " ".join(
        line.lstrip("# ")
        for line in lines[: next((place for place, line in enumerate(lines) if not line.startswith("#")), len(lines))]
    )
    return comment.partition(". ")[0].rstrip(".") + "." if comment else ""
