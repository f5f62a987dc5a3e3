"""One clip's way through a pipeline: read, measure, plan, render, write. Every command that makes outputs goes it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from spa2v.core.errors import AudioError, MediaError, shell
from spa2v.core.manifest import Manifest
from spa2v.core.media.files import read_layout, write_text
from spa2v.core.pipeline import Pipeline
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, GeneratedVideo, VideoSceneLayout
from spa2v.core.untrusted import reason_of
from spa2v.jobs.tries import Tries
from spa2v.layouts.drawable import problems, repaired


@contextmanager
def held(folder: Path | None) -> Iterator[None]:
    """A run's folder, made if it is not there, for this process alone while it works; nothing for None.

    Raises:
        MediaError: another process works in it, or it cannot be written.
    """
    if folder is None:
        yield
        return
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        advice = "wait until it ends, or name another folder with --run-dir"
        raise MediaError(f"another run is writing into {str(folder)!r}", advice) from None
    except OSError as error:
        raise MediaError(f"cannot write into {str(folder)!r}: {reason_of(error)}") from error
    try:
        yield
    finally:
        with suppress(OSError):  # where a file in use cannot be removed it stays, and is used again
            (folder / ".lock").unlink()
        lock.release()


@dataclass(frozen=True, eq=False)
class Job:
    """One clip in work, from `Job.opened`.

    Args:
        pipeline: what measures, plans and draws.
        run: of this clip.
        manifest: of the run; names what was read and written.
        audio: the recording; None where a given layout is drawn without sound.
        given: a layout file that is drawn in place of a planned layout.
        tries: draw several seeds and keep the best; None draws the run's seed.
    """

    pipeline: Pipeline
    run: Run
    manifest: Manifest
    audio: Path | None = None
    given: Path | None = None
    tries: Tries | None = None

    @classmethod
    @contextmanager
    def opened(
        cls,
        pipeline: Pipeline,
        audio: Path | None,
        given: Path | None = None,
        folder: Path | None = None,
        notices: set[str] | None = None,
        tries: Tries | None = None,
        **facts: Any,
    ) -> Iterator[Job]:
        """A job whose manifest says "running" inside, then how it ended.

        Args:
            pipeline, audio, given, tries: see the class.
            folder: of the run, where config, cues, layout and manifest are kept; None keeps nothing.
            notices: see `Run`.
            facts: further entries of the manifest.
        """
        with pipeline.recorded(folder, notices, **facts) as (run, manifest):
            for kind, path in (("audio", audio), ("layout", given)):
                if path is not None:
                    manifest.input(kind, path)
            yield cls(pipeline, run, manifest, audio, given, tries)

    @cached_property
    def sound(self) -> AudioClip | None:
        """The part of the recording that the config selects.

        Raises:
            AudioError: it cannot be used.
        """
        return None if self.audio is None else self.pipeline.read(self.audio)

    def layout(self, target: Path | None = None) -> VideoSceneLayout:
        """The given layout, or a planned one. The sound is measured in both cases, for the backbones that show it.

        Args:
            target: where to write the layout file.
        """
        if self.given is not None:
            layout = read_layout(self.given)
            if (sound := self.sound) is not None:
                self.pipeline.measure(sound, self.run)
                fact = f"{self.given.name!r} lasts {layout.duration_s:.2f} s, the sound lasts {sound.duration_s:.2f} s"
                if (fitting := layout.spanning(sound.duration_s)) is not layout:
                    self.run.notice(f"{fact}: its times are stretched")
                    layout = fitting
            kept = self.run.folder and self.run.folder / "layout.json"
            if kept is not None and kept.resolve() != self.given.resolve():
                write_text(kept, layout.dumps())
        elif self.sound is not None:
            layout = self.pipeline.plan(self.sound, self.run)
        else:
            raise AudioError("there is neither a recording nor a layout")
        self.manifest.decided(layout)
        if target is not None:
            write_text(target, layout.dumps())
            self.manifest.output("layout", target)
        return layout

    def draw(self, layout: VideoSceneLayout, offer: Path | None = None) -> GeneratedVideo:
        """The video of a layout, the best of several where the job has tries.

        Args:
            layout: drawn as it is.
            offer: where to write a repaired layout if the layout has faults that no seed heals; with tries only.
        """
        if self.tries is None:
            return self.pipeline.render(layout, self.run)
        if self.tries.kept is None and offer is not None:
            self._offer(layout, offer)
        began = time.perf_counter()
        video = self.tries.draw(self.pipeline, layout, self.run)
        drawing = sum(self.run.timings_s.get(step, 0.0) for step in ("generate", "generate_many"))
        self.run.timings_s["judge"] = time.perf_counter() - began - drawing
        return video

    def _offer(self, layout: VideoSceneLayout, path: Path) -> None:
        faults = problems(layout)
        if not faults:
            return
        for fault in faults:
            self.run.notice(f"the plan cannot be drawn as it is: {fault.text}")
        if self.given is not None and path.resolve() == self.given.resolve():
            path = path.with_name(f"again-{path.name}")
        write_text(path, repaired(layout).dumps())
        self.manifest.output("repaired", path)
        self.run.notice(f"it is drawn unchanged; a repaired plan is in {str(path)!r}: spa2v render {shell(path)}")

    def write(self, video: GeneratedVideo, target: Path) -> None:
        """Encodes a video with the sound of the job.

        Raises:
            MediaError: it cannot be written.
        """
        from spa2v.core.media.video import write_video

        self.run.step("write", {"video": video}, lambda: write_video(target, video, self.sound))
        self.manifest.output("video", target)
