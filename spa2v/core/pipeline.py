"""The pipeline: builds the components of a configuration and runs them: measure, plan, render."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from spa2v.core import config as configs
from spa2v.core.components import Components
from spa2v.core.config import Choice, Config
from spa2v.core.errors import ConfigError, Spa2vError, counted
from spa2v.core.faults import Origin, guarded
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
from spa2v.core.types.layout import SAME_DURATION_S

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
        """Everything that is wrong with the run and the components of the configuration; nothing heavy is loaded."""
        problems: list[Spa2vError] = []
        try:
            self.new_run()
        except Spa2vError as error:
            problems.append(error)
        for where, family, choice in self.config.choices():
            try:
                self._components.get(family, choice.name, choice.options, where)
            except Spa2vError as error:
                problems.append(error)
        return problems

    def _role(self, role: str) -> Any:
        where, family, choice = self._choice(role)
        return self._components.get(family, choice.name, choice.options, where)

    def _choice(self, role: str) -> tuple[str, str, Choice]:
        return next(item for item in self.config.choices() if item[0] == role)

    def _origin(self, role: str) -> Origin:
        _, family, choice = self._choice(role)
        return self._components.origin(family, choice.name)

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
            role = f"cue_extractors.{name}"
            inputs, origin = {"audio": audio, **self._about(role)}, self._origin(role)

            def extract(extractor: CueExtractor = extractor, origin: Origin = origin) -> SpatialCues:
                with guarded(origin):
                    return extractor.extract(audio, run)

            found = _expect(run.step(f"extract:{name}", inputs, extract), SpatialCues, origin, extractor, "extract")
            _same_duration(found.duration_s, audio.duration_s, "cues", origin, extractor, "extract")
            parts[name] = found
        run.cues = cues = SpatialCues.merge(parts, audio.duration_s)
        if run.folder is not None:
            write_json(run.folder / "cues.json", cues.to_json())
        return cues

    def plan(self, audio: AudioClip, run: Run | None = None, cues: SpatialCues | None = None) -> VideoSceneLayout:
        """Stage 1: decides the layout of a clip, which is measured unless its cues are given."""
        run = run or self.new_run()
        cues = cues or self.measure(audio, run)
        inputs = {"audio": audio, "cues": cues, **self._about("layout_planner")}
        planner, origin = self.layout_planner, self._origin("layout_planner")  # its home is known once it is imported

        def decide() -> VideoSceneLayout:
            with guarded(origin):
                return planner.plan(audio, cues, run)

        layout = _expect(run.step("plan", inputs, decide), VideoSceneLayout, origin, planner, "plan")
        _same_duration(layout.duration_s, audio.duration_s, "a layout", origin, planner, "plan")
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
        cues = self.measure(audio, run)
        with guarded(self._origin("layout_planner")):
            return planner.describe_prompt(audio, cues, run)

    def render(self, layout: VideoSceneLayout, run: Run | None = None) -> GeneratedVideo:
        """Stage 2: draws a layout."""
        run = run or self.new_run()
        inputs = {"layout": layout, **self._about("motion_backbone"), "injector": self._about("grounding_injector")}
        video = run.step("generate", inputs, lambda: self._generate(layout, run))
        return self._checked(video, layout, run, "generate")

    def _checked(self, video: object, layout: VideoSceneLayout, run: Run, method: str) -> GeneratedVideo:
        backbone, origin = self.motion_backbone, self._origin("motion_backbone")
        made = _expect(video, GeneratedVideo, origin, backbone, method)
        if abs(made.duration_s - layout.duration_s) > max(0.5 / made.fps, SAME_DURATION_S):
            fact = f"returned {counted(len(made.frames), 'frame')} at {made.fps:.4g} fps, {made.duration_s:.3g} s"
            fix = f"the layout lasts {layout.duration_s:.3g} s: fps = len(frames) / layout.duration_s"
            raise origin.refusal(backbone, method, fact, fix)
        _notice_few_frames(made, run)
        return made

    def _generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        backbone, injector = self.motion_backbone, self.grounding_injector
        (layout,) = self._fitting([layout], [run])
        return self._grounded(
            lambda: injector.attach(backbone, layout, run), "attach", lambda: backbone.generate(layout, run)
        )

    def _fitting(self, layouts: Sequence[VideoSceneLayout], runs: Sequence[Run]) -> list[VideoSceneLayout]:
        """The layouts as the backbone wants them."""
        backbone, origin = self.motion_backbone, self._origin("motion_backbone")
        rewords, fits = capability(backbone, Rewords), capability(backbone, FitsFrames)
        with guarded(origin):
            pairs = zip(layouts, runs, strict=True)
            found = [rewords.reword(layout, run) for layout, run in pairs] if rewords else list(layouts)
            layouts = [_expect(layout, VideoSceneLayout, origin, backbone, "reword") for layout in found]
            if fits is not None:
                fits.fit_frames(layouts)
        return layouts

    def _grounded(self, attach: Callable[[], AbstractContextManager[Any]], method: str, draw: Callable[[], T]) -> T:
        """Draws with the injector attached; a fault is that of the component on whose line it was raised."""
        backbone, injector = self._origin("motion_backbone"), self._origin("grounding_injector")
        with ExitStack() as stack:
            with guarded(injector):
                context: object = attach()
                if not isinstance(context, AbstractContextManager):
                    fact, fix = f"returned a {type(context).__name__}", "expected a context manager: @contextmanager"
                    raise injector.refusal(self.grounding_injector, method, f"{fact} from {method}", fix)
                stack.enter_context(context)
            with guarded(backbone, injector):
                drawn = draw()
            with guarded(injector):
                stack.close()
        return drawn

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
        backbone, origin = self.motion_backbone, self._origin("motion_backbone")
        if len(_expect(videos, list, origin, backbone, "generate_many")) != len(layouts):
            fact = f"returned {len(videos)} videos for {len(layouts)} layouts"
            raise origin.refusal(backbone, "generate_many", fact)
        pairs = zip(videos, layouts, strict=True)
        return [self._checked(video, layout, run, "generate_many") for video, layout in pairs]

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
        fitting = self._fitting(layouts, seeded or [run] * len(layouts))
        seeds = capability(backbone, DrawsSeeds) if seeded else None

        def draw() -> list[GeneratedVideo]:
            if seeds is not None:
                return seeds.generate_seeds(fitting, [one.seed for one in seeded], run)
            return several.generate_many(fitting, run)

        return self._grounded(lambda: injector.attach_many(backbone, fitting, run), "attach_many", draw)

    def __call__(self, audio: AudioClip | str | Path, run: Run | None = None) -> Result:
        """Both stages for one clip."""
        run = run or self.new_run()
        clip = audio if isinstance(audio, AudioClip) else self.read(audio)
        cues = self.measure(clip, run)
        layout = self.plan(clip, run, cues)
        return Result(cues, layout, self.render(layout, run))

    def _about(self, where: str) -> Mapping[str, Any]:
        choice = self._choice(where)[2]
        return {"component": choice.name, "options": dict(choice.options)}


def _notice_few_frames(video: GeneratedVideo, run: Run) -> None:
    if video.fps < FEW_FPS and len(video.frames) > 1:
        run.notice(
            f"{len(video.frames)} frames span {video.duration_s:.1f} s, {video.fps:.2g} a second; for more, set "
            "motion_backbone.options.frames=auto (and layout_planner.options.keyframes=auto), "
            "or take a part of the recording: --start and --duration"
        )


def _expect(value: object, kind: type[T], origin: Origin, component: object, method: str) -> T:
    if not isinstance(value, kind):
        fact = f"returned {'None' if value is None else f'a {type(value).__name__}'}"
        raise origin.refusal(component, method, fact, f"expected a {kind.__name__}")
    return value


def _same_duration(
    returned_s: float, sound_s: float, what: str, origin: Origin, component: object, method: str
) -> None:
    if abs(returned_s - sound_s) > SAME_DURATION_S:
        fact = f"returned {what} of {returned_s:.3f} s for a sound of {sound_s:.3f} s"
        raise origin.refusal(component, method, fact, "pass audio.duration_s as duration_s")
