"""Drawing a plan with several seeds and keeping the video that a detector and the sound rank first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spa2v.core.errors import ConfigError
from spa2v.core.pipeline import Pipeline
from spa2v.core.protocols import Detector, weights_of
from spa2v.core.runtime import Run
from spa2v.core.types import GeneratedVideo, VideoSceneLayout

TOYWORLD = "spa2v:weights/toyworld"
RENAMED = "renamed_for_the_weights"
"""Entry of the record in which a backbone that rewords says what became of names."""
SEEDS = 2**32
"""After the last seed they count on from 0."""


@dataclass(frozen=True)
class Tries:
    """How often a plan is drawn, and who ranks the videos.

    Args:
        count: seeds, from the run's on.
        until: stop at a score of at least this, 0..1; None draws all.
        detector: "NAME" or "NAME:ARGUMENT" of the registry; None for that of the backbone's weights.
        kept: draw this seed alone and rank nothing, as a replay does.
    """

    count: int = 1
    until: float | None = None
    detector: str | None = None
    kept: int | None = None

    @property
    def key(self) -> list[Any]:
        """What the kept video depends on."""
        return [self.count, self.until, self.detector]

    def draw(self, pipeline: Pipeline, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        """The best video; the scores of all tries and the kept seed go into the run's record."""
        from spa2v.jobs.judge import RANKING, judge

        if self.kept is not None:
            one = run.seeded(self.kept)
            video = pipeline.render(layout, one)
            _take_over(one, run)
            run.record["tries"] = {"kept": self.kept}
            return video
        name, options = self.detector_of(pipeline)
        detector: Detector = run.component("detectors", name, **options)
        best: tuple[float, Run, GeneratedVideo] | None = None
        entries: list[dict[str, Any]] = []
        with run.progress("tries", self.count) as advance:
            for one, video in self._drawn(pipeline, layout, run):
                planned = layout.relabeled(one.record.get(RENAMED, {}))
                verdict = judge(video, detector, run, planned, run.audio, metrics=RANKING)
                entries.append({"seed": one.seed, **verdict.to_json()})
                score = verdict.score or 0.0
                if best is None or score > best[0]:
                    best = score, one, video
                advance(1)
                if self.until is not None and score >= self.until:
                    break
        assert best is not None  # count is at least 1
        _take_over(best[1], run)
        run.record["tries"] = {"detector": detector.name, "until": self.until, "kept": best[1].seed, "scores": entries}
        if self.until is not None and best[0] < self.until:
            run.notice(f"no try of {len(entries)} reached {self.until:g}; the best scores {best[0]:.3f}")
        return best[2]

    def _drawn(self, pipeline: Pipeline, layout: VideoSceneLayout, run: Run) -> Iterator[tuple[Run, GeneratedVideo]]:
        runs = [run.seeded((run.seed + index) % SEEDS) for index in range(self.count)]
        if self.until is None and pipeline.draws_seeds() and run.device.type != "cpu":  # a batch gains nothing on CPUs
            yield from _in_batches(pipeline, layout, runs)
            return
        for one in runs:
            yield one, pipeline.render(layout, one)

    def detector_of(self, pipeline: Pipeline) -> tuple[str, Mapping[str, Any]]:
        """Name and options of the detector.

        Raises:
            ConfigError: none is given, and the backbone does not say what it draws with.
        """
        if self.detector is not None:
            return pipeline.host.registry.parse("detectors", self.detector, "--detector")
        sources = [need.source for need in weights_of(pipeline.motion_backbone)]
        if not sources:
            raise ConfigError(
                f"no detector is known for what {pipeline.config.motion_backbone.name!r} draws",
                "name one: --detector toyworld, owlv2[:MODEL] or grounding_dino[:MODEL]",
            )
        return ("toyworld" if any(source.startswith(TOYWORLD) for source in sources) else "owlv2"), {}


def _take_over(one: Run, run: Run) -> None:
    """The record of the kept try becomes that of the run, beside what the run noticed itself."""
    for line in one.record.pop("notices", ()):
        run.notice(line)
    run.record |= one.record


def _in_batches(pipeline: Pipeline, layout: VideoSceneLayout, runs: list[Run]) -> Iterator[tuple[Run, GeneratedVideo]]:
    """All seeds in one batch of the denoiser; where memory does not suffice, in halves."""
    try:
        videos = pipeline.render_seeds(layout, runs)
    except ConfigError:  # out of memory
        if len(runs) == 1:
            raise
        middle = len(runs) // 2
        yield from _in_batches(pipeline, layout, runs[:middle])
        yield from _in_batches(pipeline, layout, runs[middle:])
        return
    yield from zip(runs, videos, strict=True)
