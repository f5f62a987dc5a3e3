"""The pipeline: builds the components of a configuration and runs them: measure, plan, render."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from spa2v.core import config as configs
from spa2v.core.components import Components
from spa2v.core.config import Config
from spa2v.core.errors import ConfigError, ContractError, Spa2vError
from spa2v.core.host import Host
from spa2v.core.manifest import Manifest
from spa2v.core.media.files import write_json, write_text
from spa2v.core.protocols import (
    AttachesSeveral,
    CueExtractor,
    DescribesPrompt,
    DrawsSeeds,
    DrawsSeveral,
    FitsFrames,
    GroundingInjector,
    LayoutPlanner,
    MotionBackbone,
    Rewords,
    capability,
)
from spa2v.core.runtime import Run
from spa2v.core.types import AudioClip, GeneratedVideo, SpatialCues, VideoSceneLayout
from spa2v.core.types.display import Displayed

T = TypeVar("T")

FEW_FPS = 2.0
"""Below it a video is a slide show."""


@dataclass(frozen=True)
class Result(Displayed):
    """What one clip went through: measured, decided, drawn."""

    cues: SpatialCues
    layout: VideoSceneLayout
    video: GeneratedVideo


class Pipeline:
    """The components of one configuration. They are built once, when first needed, and used for any number of clips.

    Args:
        config: what to build.
        host: where components come from; None makes one with the config's registry files and installed extensions.
        quiet: no progress on stderr.

    Example:
        `Pipeline.from_preset("storyboard")(audio).video`
    """

    run_type: type[Run] = Run

    def __init__(self, config: Config, host: Host | None = None, *, quiet: bool = True) -> None:
        self.config = config
        self.host = host or Host([Path(path) for path in config.registries])
        self.quiet = quiet
        self._components = Components(self.host)

    @classmethod
    def from_preset(cls, *sources: str | Path, overrides: Sequence[str] = (), quiet: bool = True) -> Pipeline:
        """A pipeline from presets or config files, left to right over the default, then "key=value" overrides.

        Raises:
            ConfigError: everything that is wrong with the configuration, in one message.
        """
        host = Host()
        config = configs.load(sources, overrides, host.configs)
        return cls(config, None if config.registries else host, quiet=quiet)

    def check(self) -> list[Spa2vError]:
        """Everything that is wrong with the components of the configuration; nothing heavy is loaded."""
        problems: list[Spa2vError] = []
        for where, family, choice in self.config.choices():
            try:
                self._components.get(family, choice.name, choice.options, where)
            except Spa2vError as error:
                problems.append(error)
        return problems

    def _role(self, role: str) -> Any:
        where, family, choice = next(item for item in self.config.choices() if item[0] == role)
        return self._components.get(family, choice.name, choice.options, where)

    @cached_property
    def cue_extractors(self) -> dict[str, CueExtractor]:
        """By name, in the order of the config."""
        return {
            choice.name: self._components.get(family, choice.name, choice.options, where)
            for where, family, choice in self.config.choices()
            if family == configs.LIST_ROLE
        }

    @property
    def layout_planner(self) -> LayoutPlanner:
        return self._role("layout_planner")

    @property
    def grounding_injector(self) -> GroundingInjector:
        return self._role("grounding_injector")

    @property
    def motion_backbone(self) -> MotionBackbone:
        return self._role("motion_backbone")

    def new_run(self, folder: Path | None = None, notices: set[str] | None = None) -> Run:
        """A run with the config's seed, device and dtype, its steps going through the host's hook."""
        run, hook, parts = self.config.run, self.host.run_step, self._components.part
        return self.run_type(run.seed, run.device, run.dtype, folder, hook, self.quiet, notices, parts)

    @contextmanager
    def recorded(
        self, folder: Path | None = None, notices: set[str] | None = None, **facts: Any
    ) -> Iterator[tuple[Run, Manifest]]:
        """A run and its manifest; in a folder, the resolved config and the manifest are kept there.

        Args:
            folder: of the run.
            notices: see `Run`.
            facts: further entries of the manifest, there from its first writing on.
        """
        run = self.new_run(folder, notices)
        extensions = [asdict(extension) for extension in self.host.extensions]
        manifest = Manifest(run, self.config.to_dict(), self.origins(), extensions)
        manifest.data |= facts
        with manifest.kept():
            if folder is not None:
                write_text(folder / "config.yaml", self.config.to_yaml())
            yield run, manifest

    def origins(self) -> list[dict[str, Any]]:
        """Of every component of the config: family, name, target and where its entry comes from."""
        found = [self.host.registry.find(family, choice.name) for _, family, choice in self.config.choices()]
        return [{"family": c.family, "name": c.name, "target": c.entry.target, "origin": c.origin} for c in found]

    def read(self, path: str | Path) -> AudioClip:
        """The part of a recording that the config's `audio` section selects.

        Raises:
            AudioError: the recording cannot be used.
        """
        from spa2v.core.media.audio import read_audio

        settings = self.config.audio
        return read_audio(path, settings.start_s, settings.duration_s, settings.max_duration_s, settings.strict)

    def measure(self, audio: AudioClip, run: Run | None = None) -> SpatialCues:
        """The cues of a clip, from all extractors together."""
        run = run or self.new_run()
        run.audio = audio
        for notice in audio.notices:
            run.notice(notice)
        parts = {}
        for name, extractor in self.cue_extractors.items():
            inputs = {"audio": audio, **self._about(f"cue_extractors.{name}")}
            found = run.step(f"extract:{name}", inputs, lambda e=extractor: e.extract(audio, run))  # type: ignore[misc]
            parts[name] = _expect(found, SpatialCues, f"cue extractor {name!r}")
        run.cues = cues = SpatialCues.merge(parts, audio.duration_s)
        if run.folder is not None:
            write_json(run.folder / "cues.json", cues.to_json())
        return cues

    def plan(self, audio: AudioClip, run: Run | None = None, cues: SpatialCues | None = None) -> VideoSceneLayout:
        """Stage 1: decides the layout of a clip, which is measured unless its cues are given."""
        run = run or self.new_run()
        cues = cues or self.measure(audio, run)
        inputs = {"audio": audio, "cues": cues, **self._about("layout_planner")}
        layout = run.step("plan", inputs, lambda: self.layout_planner.plan(audio, cues, run))
        _expect(layout, VideoSceneLayout, f"layout planner {self.config.layout_planner.name!r}")
        if run.folder is not None:
            write_text(run.folder / "layout.json", layout.dumps())
        return layout

    def describe_prompt(self, audio: AudioClip, run: Run | None = None) -> str:
        """What the planner would send to its model for this clip, as text; nothing is sent.

        Raises:
            ConfigError: the planner asks no model.
        """
        planner = capability(self.layout_planner, DescribesPrompt)
        if planner is None:
            raise ConfigError(f"the planner {self.config.layout_planner.name!r} sends no prompt")
        run = run or self.new_run()
        return planner.describe_prompt(audio, self.measure(audio, run), run)

    def render(self, layout: VideoSceneLayout, run: Run | None = None) -> GeneratedVideo:
        """Stage 2: draws a layout."""
        run = run or self.new_run()
        inputs = {"layout": layout, **self._about("motion_backbone"), "injector": self._about("grounding_injector")}
        video = run.step("generate", inputs, lambda: self._generate(layout, run))
        made = _expect(video, GeneratedVideo, f"motion backbone {self.config.motion_backbone.name!r}")
        _notice_few_frames(made, run)
        return made

    def _generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        backbone = self.motion_backbone
        layout = _reworded(backbone, layout, run)
        _fit_frames(backbone, [layout])
        with self.grounding_injector.attach(backbone, layout, run):
            return backbone.generate(layout, run)

    def draws_together(self) -> bool:
        """Whether the backbone draws, and the injector grounds, several layouts in one batch."""
        return bool(
            capability(self.motion_backbone, DrawsSeveral) and capability(self.grounding_injector, AttachesSeveral)
        )

    def render_together(self, layouts: Sequence[VideoSceneLayout], run: Run) -> list[GeneratedVideo]:
        """Stage 2 for several layouts in one batch; only where `draws_together`."""
        return self._render_many(layouts, run)

    def _render_many(
        self, layouts: Sequence[VideoSceneLayout], run: Run, seeded: Sequence[Run] = ()
    ) -> list[GeneratedVideo]:
        inputs = {"layouts": list(layouts), **self._about("motion_backbone")}
        inputs["injector"] = self._about("grounding_injector")
        videos = run.step("generate_many", inputs, lambda: self._generate_many(layouts, run, seeded))
        who = f"motion backbone {self.config.motion_backbone.name!r}"
        if len(_expect(videos, list, who)) != len(layouts):
            raise ContractError(f"{who} returned {len(videos)} videos for {len(layouts)} layouts")
        made = [_expect(video, GeneratedVideo, who) for video in videos]
        for video in made:
            _notice_few_frames(video, run)
        return made

    def draws_seeds(self) -> bool:
        """Whether a layout can be drawn with several seeds in one batch."""
        return self.draws_together() and capability(self.motion_backbone, DrawsSeeds) is not None

    def render_seeds(self, layout: VideoSceneLayout, runs: Sequence[Run]) -> list[GeneratedVideo]:
        """Stage 2 for one layout with the seed of each run, in one batch; only where `draws_seeds`."""
        return self._render_many([layout] * len(runs), runs[0], runs)

    def _generate_many(
        self, layouts: Sequence[VideoSceneLayout], run: Run, seeded: Sequence[Run] = ()
    ) -> list[GeneratedVideo]:
        backbone = self.motion_backbone
        several, injector = capability(backbone, DrawsSeveral), capability(self.grounding_injector, AttachesSeveral)
        if several is None or injector is None:
            raise ConfigError(f"{self.config.motion_backbone.name!r} draws one layout at a time with this injector")
        runs = seeded or [run] * len(layouts)
        layouts = [_reworded(backbone, layout, one) for layout, one in zip(layouts, runs, strict=True)]
        _fit_frames(backbone, layouts)
        with injector.attach_many(backbone, layouts, run):
            seeds = capability(backbone, DrawsSeeds) if seeded else None
            if seeds is not None:
                return seeds.generate_seeds(layouts, [one.seed for one in seeded], run)
            return several.generate_many(layouts, run)

    def __call__(self, audio: AudioClip | str | Path, run: Run | None = None) -> Result:
        """Both stages for one clip."""
        run = run or self.new_run()
        clip = audio if isinstance(audio, AudioClip) else self.read(audio)
        cues = self.measure(clip, run)
        layout = self.plan(clip, run, cues)
        return Result(cues, layout, self.render(layout, run))

    def _about(self, where: str) -> Mapping[str, Any]:
        choice = next(choice for place, _, choice in self.config.choices() if place == where)
        return {"component": choice.name, "options": dict(choice.options)}


def _reworded(backbone: MotionBackbone, layout: VideoSceneLayout, run: Run) -> VideoSceneLayout:
    rewords = capability(backbone, Rewords)
    if rewords is None:
        return layout
    return _expect(rewords.reword(layout, run), VideoSceneLayout, f"{type(backbone).__name__}.reword")


def _fit_frames(backbone: MotionBackbone, layouts: Sequence[VideoSceneLayout]) -> None:
    fits = capability(backbone, FitsFrames)
    if fits is not None:
        fits.fit_frames(layouts)


def _notice_few_frames(video: GeneratedVideo, run: Run) -> None:
    if video.fps < FEW_FPS and len(video.frames) > 1:
        run.notice(
            f"{len(video.frames)} frames span {video.duration_s:.1f} s, {video.fps:.2g} a second; for more, set "
            "motion_backbone.options.frames=auto (and layout_planner.options.keyframes=auto), "
            "or take a part of the recording: --start and --duration"
        )


def _expect(value: Any, kind: type[T], who: str) -> T:
    if not isinstance(value, kind):
        raise ContractError(f"{who} returned a {type(value).__name__}", f"expected a {kind.__name__}")
    return value
