"""The two stages for one clip of a batch. Each clip's folder is the folder of an ordinary run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spa2v.core.errors import LayoutError, Spa2vError
from spa2v.core.manifest import file_sha256
from spa2v.core.pipeline import Pipeline
from spa2v.core.types import GeneratedVideo, VideoSceneLayout
from spa2v.jobs.batch.folders import LAYOUT, OFFERED, VIDEO, ClipFolder
from spa2v.jobs.batch.goals import Goal
from spa2v.jobs.job import Job

DRAWING = ("generate", "generate_many", "judge", "write")
"""The steps of the second stage; their seconds are those of a clip."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A clip that is ready to be drawn; its job is still open."""

    folder: ClipFolder
    job: Job
    layout: VideoSceneLayout
    open: ExitStack

    def interrupt(self) -> None:
        """Closes the run; its manifest says that it was interrupted."""
        with suppress(KeyboardInterrupt, Spa2vError):
            self.open.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)


class Stages:
    """Runs the stages of a goal.

    Args:
        pipeline: the components; planning and drawing may run in different threads, and share none of them.
        goal: what is wanted.
        launch: name of the launch, for the manifests.
    """

    def __init__(self, pipeline: Pipeline, goal: Goal, launch: str) -> None:
        self.pipeline, self.goal, self.launch = pipeline, goal, launch
        self._notices: set[str] = set()

    def prepare(self, folder: ClipFolder) -> Prepared | None:
        """Reads and measures a clip, and plans it unless it is planned; None where nothing is to be drawn."""
        folder.sweep()
        audio = file_sha256(folder.item.audio) or ""
        stages = folder.stages()
        new_plan = self.goal.plans and (self.goal.fresh or not folder.planned(self.goal, audio, stages))
        dropped = ({"plan"} if new_plan else set()) | ({"render"} if self.goal.renders else set())
        kept = {name: record for name, record in stages.items() if name not in dropped}
        given = None if new_plan else folder.layout(self.goal)
        tries = self.goal.tries
        facts: dict[str, Any] = {"clip": folder.item.id, "launch": self.launch, "stages": kept}
        with ExitStack() as stack:
            opened = Job.opened(self.pipeline, folder.item.audio, given, folder.path, self._notices, tries, **facts)
            job = stack.enter_context(opened)
            if not new_plan:
                job.sound  # noqa: B018 - a recording that cannot be read comes first
                self._check_given(folder, given)
            layout = job.layout()
            if new_plan:
                self._keep_plan(folder, job, audio)
            return Prepared(folder, job, layout, stack.pop_all()) if self.goal.renders else None
        raise AssertionError  # the manifest lets no exception pass

    def _keep_plan(self, folder: ClipFolder, job: Job, audio_sha256: str) -> None:
        job.manifest.output("layout", folder.path / LAYOUT)
        job.manifest.data["stages"]["plan"] = {
            "key": self.goal.keys.plan(audio_sha256),
            "audio_sha256": audio_sha256,
            "sha256": {LAYOUT: file_sha256(folder.path / LAYOUT)},
            "seconds": round(sum(job.run.timings_s.values()), 3),
            "cost_usd": planning_cost(job.run.record),
            "launch": self.launch,
        }
        job.manifest.write()  # a plan may have cost money: it stays, whatever happens next

    def _check_given(self, folder: ClipFolder, path: Path | None) -> None:
        if path is None:
            raise LayoutError(f"the clip {folder.item.id!r} comes without a layout", "a plain list names none")
        if not self.goal.given_layouts and not path.is_file():
            raise LayoutError(
                f"the clip {folder.item.id!r} is not planned in {str(folder.path)!r}",
                "plan first: spa2v batch ... --stage plan",
                "or draw the layouts that the manifest names: --given-layouts",
            )

    def draw(self, prepared: Sequence[Prepared]) -> list[GeneratedVideo | Exception]:
        """The video of each clip, or what went wrong. Where a batch fails, its halves are tried."""
        if len(prepared) < 2 or self.goal.tries or not self.pipeline.draws_together():
            return [self._draw_one(clip) for clip in prepared]
        run = self.pipeline.new_run(None, self._notices)
        try:
            videos = self.pipeline.render_together([clip.layout for clip in prepared], run)
        except Exception:  # noqa: BLE001 - out of memory, or one clip that spoils the batch: the halves say which
            middle = len(prepared) // 2
            return self.draw(prepared[:middle]) + self.draw(prepared[middle:])
        for clip in prepared:
            clip.job.run.record |= {**run.record, "drawn_together": len(prepared)}
            clip.job.run.timings_s["generate"] = run.timings_s["generate_many"] / len(prepared)
        return list(videos)

    def _draw_one(self, clip: Prepared) -> GeneratedVideo | Exception:
        try:
            return clip.job.draw(clip.layout, clip.folder.path / OFFERED)
        except Exception as error:  # noqa: BLE001 - one bad clip must not stop the rest
            return error

    def finish(self, clip: Prepared, video: GeneratedVideo | Exception) -> None:
        """Writes the video and closes the job; raises what went wrong."""
        with clip.open:
            if isinstance(video, Exception):
                raise video
            clip.job.write(video, clip.folder.path / VIDEO)
            clip.job.manifest.data["stages"]["render"] = self._drawn(clip)

    def _drawn(self, clip: Prepared) -> dict[str, Any]:
        layout = clip.folder.layout(self.goal)
        audio, plan = file_sha256(clip.folder.item.audio), file_sha256(layout) if layout else None
        seconds = clip.job.run.timings_s
        return {
            "key": self.goal.render_key(audio or "", plan or ""),
            "sha256": {VIDEO: clip.job.manifest.data["sha256"]["video"]},
            "seconds": round(sum(seconds.get(step, 0.0) for step in DRAWING), 3),
            "launch": self.launch,
        }


def planning_cost(record: Mapping[str, Any]) -> float | None:
    """The planner's own estimate for this clip in US dollars, where it makes one."""
    planner = record.get("planner")
    cost = planner.get("clip_cost_usd_estimated") if isinstance(planner, dict) else None
    return float(cost) if isinstance(cost, (int, float)) else None
