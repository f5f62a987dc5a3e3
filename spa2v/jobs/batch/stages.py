"""The two stages for one clip of a batch. Each clip's folder is the folder of an ordinary run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

from spa2v.core.errors import LayoutError, Spa2vError
from spa2v.core.manifest import Manifest, file_sha256
from spa2v.core.media.files import read_layout
from spa2v.core.pipeline import Pipeline
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, GeneratedVideo, VideoSceneLayout
from spa2v.jobs.batch.folders import LAYOUT, VIDEO, ClipFolder
from spa2v.jobs.batch.goals import Goal


@dataclass(frozen=True, eq=False)
class Prepared:
    """A clip that is ready to be drawn; its run is still open."""

    folder: ClipFolder
    run: Run
    manifest: Manifest
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
        self._told: set[str] = set()

    def prepare(self, folder: ClipFolder) -> Prepared | None:
        """Reads and measures a clip, and plans it unless it is planned; None where nothing is to be drawn."""
        folder.sweep()
        audio = file_sha256(folder.item.audio) or ""
        stages = folder.stages()
        new_plan = self.goal.plans and not folder.planned(self.goal, audio, stages)
        dropped = ({"plan"} if new_plan else set()) | ({"render"} if self.goal.renders else set())
        kept = {name: record for name, record in stages.items() if name not in dropped}
        with ExitStack() as stack:
            recorded = self.pipeline.recorded(
                folder.path, self._told, clip=folder.item.id, launch=self.launch, stages=kept
            )
            run, manifest = stack.enter_context(recorded)
            manifest.input("audio", folder.item.audio)
            clip = self.pipeline.read(folder.item.audio)
            layout = self._planned(folder, clip, run, manifest, audio) if new_plan else self._found(folder, manifest)
            if not self.goal.renders:
                return None
            if not new_plan:
                self.pipeline.measure(clip, run)
            return Prepared(folder, run, manifest, layout, stack.pop_all())
        raise AssertionError  # the manifest lets no exception pass

    def _planned(
        self, folder: ClipFolder, clip: AudioClip, run: Run, manifest: Manifest, audio_sha256: str
    ) -> VideoSceneLayout:
        layout = self.pipeline.plan(clip, run)
        manifest.output("layout", folder.path / LAYOUT)
        manifest.data["stages"]["plan"] = {
            "key": self.goal.plan_key(audio_sha256),
            "audio_sha256": audio_sha256,
            "sha256": {LAYOUT: file_sha256(folder.path / LAYOUT)},
            "seconds": round(sum(run.timings_s.values()), 3),
            "cost_usd": planning_cost(run.record),
            "launch": self.launch,
        }
        manifest.write()  # a plan may have cost money: it stays, whatever happens next
        return layout

    def _found(self, folder: ClipFolder, manifest: Manifest) -> VideoSceneLayout:
        path = folder.layout(self.goal)
        if path is None:
            raise LayoutError(f"the clip {folder.item.id!r} comes without a layout", "a plain list names none")
        if not self.goal.given_layouts and not path.is_file():
            raise LayoutError(
                f"the clip {folder.item.id!r} is not planned in {str(folder.path)!r}",
                "plan first: spa2v batch ... --stage plan",
                "or draw the layouts that the manifest names: --given-layouts",
            )
        manifest.input("layout", path)
        return read_layout(path)

    def draw(self, prepared: Sequence[Prepared]) -> list[GeneratedVideo | Exception]:
        """The video of each clip, or what went wrong. Where a batch fails, its halves are tried."""
        if len(prepared) < 2 or not self.pipeline.draws_together():
            return [self._draw_one(clip) for clip in prepared]
        run = self.pipeline.new_run(None, self._told)
        try:
            videos = self.pipeline.render_together([clip.layout for clip in prepared], run)
        except Exception:  # noqa: BLE001 - out of memory, or one clip that spoils the batch: told by the halves
            middle = len(prepared) // 2
            return self.draw(prepared[:middle]) + self.draw(prepared[middle:])
        for clip in prepared:
            clip.run.record |= {**run.record, "drawn_together": len(prepared)}
            clip.run.timings_s["generate"] = run.timings_s["generate_many"] / len(prepared)
        return list(videos)

    def _draw_one(self, clip: Prepared) -> GeneratedVideo | Exception:
        try:
            return self.pipeline.render(clip.layout, clip.run)
        except Exception as error:  # noqa: BLE001 - one bad clip must not stop the rest
            return error

    def finish(self, clip: Prepared, video: GeneratedVideo | Exception) -> None:
        """Writes the video and closes the run; raises what went wrong."""
        from spa2v.core.media.video import write_video

        with clip.open:
            if isinstance(video, Exception):
                raise video
            target = clip.folder.path / VIDEO
            clip.run.step("write", {"video": video}, lambda: write_video(target, video, clip.run.audio))
            clip.manifest.output("video", target)
            clip.manifest.data["stages"]["render"] = self._drawn(clip)

    def _drawn(self, clip: Prepared) -> dict[str, Any]:
        layout = clip.folder.layout(self.goal)
        audio, plan = file_sha256(clip.folder.item.audio), file_sha256(layout) if layout else None
        seconds = clip.run.timings_s
        return {
            "key": self.goal.render_key(audio or "", plan or ""),
            "sha256": {VIDEO: clip.manifest.data["sha256"]["video"]},
            "seconds": round(seconds["generate"] + seconds["write"], 3),
            "launch": self.launch,
        }


def planning_cost(record: Mapping[str, Any]) -> float | None:
    """The planner's own estimate for this clip in US dollars, where it makes one."""
    planner = record.get("planner")
    cost = planner.get("clip_cost_usd_estimated") if isinstance(planner, dict) else None
    return float(cost) if isinstance(cost, (int, float)) else None
