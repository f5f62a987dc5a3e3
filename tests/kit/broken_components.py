"""Components that break one rule of their contract each; the name of a class is the rule that it breaks."""

# ruff: noqa: N801
from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import numpy as np

from spa2v import (
    AudioClip,
    Box,
    Detection,
    GeneratedVideo,
    KeyFrame,
    MetricInfo,
    MotionBackbone,
    Run,
    SceneObject,
    Score,
    ScoredClip,
    SpatialCues,
    Tag,
    Track,
    VideoSceneLayout,
    Weights,
    WeightsError,
)
from spa2v.testing import toy_audio, toy_backbone


class Extractor:
    """Keeps every rule."""

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        level = np.sqrt(np.mean(np.square(audio.stereo, dtype=np.float64), axis=1)) + 1e-9
        middle = [audio.duration_s / 2]
        return SpatialCues(
            audio.duration_s, {"level_difference": Track(middle, [20 * np.log10(level[1] / level[0])], "dB")}
        )


class ImportsTorch(Extractor):
    def __init__(self) -> None:
        import torch  # noqa: F401


class Cues:
    class options(Extractor):
        def __init__(self, **options: float) -> None: ...

    class clips(Extractor):
        def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
            if not audio.samples.any():
                raise ZeroDivisionError("no level")
            return super().extract(audio, run)

    class times(Extractor):
        def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
            return SpatialCues(audio.duration_s, {"x": Track([0.0, audio.duration_s + 0.1], [0, 0], "1")})

    class units(Extractor):
        def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
            return SpatialCues(audio.duration_s, {"pitch": Track([0.0], [1.0], "kHz")})

    class sides(Extractor):
        def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
            return super().extract(audio.swapped(), run)

    class mono(Extractor):
        def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
            return replace(super().extract(audio, run), measures={"lateral_evidence": 0.5})

    class json(Extractor):
        def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
            return SpatialCues(audio.duration_s, tags=[Tag("car", 1.0, reason=audio.samples)])

    class same(Extractor):
        calls = 0

        def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
            self.calls += 1
            return SpatialCues(audio.duration_s, measures={"calls": self.calls})

    class needs(Extractor):
        def weights(self) -> list[Weights]:
            return [Weights("tagger", "some/where", "tagger")]

    class tag(Extractor):
        def tag(self, samples: np.ndarray, rate_hz: int) -> tuple[Tag, ...]:
            return (Tag("silence", 1.0),)

    class run(Extractor):
        def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
            run.record["level"] = np.float32(1)
            return super().extract(audio, run)


class Planner:
    """Keeps every rule."""

    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        silent = not audio.samples.any()
        things = () if silent else (SceneObject("bell_0", "bell", Box(0.4, 0.4, 0.6, 0.6)),)
        notes = ("The recording is silent.",) if silent else ()
        return VideoSceneLayout(audio.duration_s, "a bell", (KeyFrame(0.0, "", things),), notes=notes)


class Weightless(Planner):
    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        raise WeightsError("the weights 'a/b' are not there")


class CallsHost(Planner):
    def __init__(self) -> None:
        import socket

        socket.getaddrinfo("127.0.0.1", 80)


class Plans:
    class options(Planner):
        def __init__(self, *sizes: float) -> None: ...

    class clips(Planner):
        def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
            return replace(super().plan(audio, cues, run), duration_s=round(audio.duration_s, 1) + 1)

    class caption(Planner):
        def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
            return replace(super().plan(audio, cues, run), caption=" ")

    class silence(Planner):
        def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
            return replace(super().plan(audio, cues, run), notes=())

    class mono(Planner):
        def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
            found = super().plan(audio, cues, run)
            return replace(found, attributes=dict.fromkeys(found.names, "left"))

    class bare_cues(Planner):
        def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
            assert cues.tracks["level"].unit
            return super().plan(audio, cues, run)

    class file(Planner):
        def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
            return replace(super().plan(audio, cues, run), reasoning=Text("heard"))

    class same(Planner):
        def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
            return replace(super().plan(audio, cues, run), reasoning=str(time.perf_counter_ns()))

    class needs(Planner):
        def keys(self) -> str:
            return "SOME_API_KEY"

    class prompt(Planner):
        def describe_prompt(self, audio: AudioClip, cues: SpatialCues, run: Run) -> str:
            return " "

    class run(Planner):
        def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
            run.audio = audio.swapped()
            return super().plan(audio, cues, run)


class Text(str):
    """Reads back from a file as another type."""


class Backbone:
    """Keeps every rule; offers no denoiser."""

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        frames = run.rng("backbone").integers(0, 255, (4, 8, 8, 3), dtype=np.uint8)
        return GeneratedVideo(frames, 4 / layout.duration_s)


class Denoiser:
    """The tiny denoising backbone, to be spoilt."""

    def __init__(self) -> None:
        self._inner = toy_backbone()

    def __getattr__(self, name: str) -> object:
        return getattr(self.__dict__["_inner"], name)

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        return self._inner.generate(layout, run)


class ReadsWeights(Backbone):
    def __init__(self) -> None:
        from contextlib import suppress
        from pathlib import Path

        with suppress(OSError):
            Path("no_such.safetensors").read_bytes()


class Videos:
    class options(Backbone):
        def __init__(self, size: int, /) -> None: ...

    class layouts(Backbone):
        def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
            return replace(super().generate(layout, run), fps=8.0)

    class size(Backbone):
        def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
            count = len(layout.keyframes)
            return GeneratedVideo(np.zeros((count, 8, 8, 3), np.uint8), count / layout.duration_s)

    class same(Backbone):
        def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
            frames = np.random.default_rng().integers(0, 255, (4, 8, 8, 3), dtype=np.uint8)
            return GeneratedVideo(frames, 4 / layout.duration_s)

    class run(Backbone):
        def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
            run.seed += 1
            return super().generate(layout, run)

    class needs(Backbone):
        def weights(self, folder: str) -> list[Weights]:
            return []

    class several(Backbone):
        def generate_many(self, layouts: list[VideoSceneLayout], run: Run) -> list[GeneratedVideo]:
            return [self.generate(layout, run) for layout in reversed(layouts)]

        def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
            frames = np.full((4, 8, 8, 3), 100 if layout.names else 0, np.uint8)
            return GeneratedVideo(frames, 4 / layout.duration_s)

    class rewords(Backbone):
        def reword(self, layout: VideoSceneLayout, run: Run) -> VideoSceneLayout:
            return replace(layout, keyframes=layout.keyframes[:1])

    class sites(Denoiser):
        def attention_sites(self, run: Run) -> object:
            return tuple(replace(site, name=site.name + "x") for site in self._inner.attention_sites(run))

    class text(Denoiser):
        def encode_text(self, texts: object, run: Run) -> object:
            states, pooled = self._inner.encode_text(texts, run)
            return type(self._inner.encode_text(texts, run))(states, pooled[:, :3])

    class loop(Denoiser):
        frames = 99

    class steer(Denoiser):
        def find_phrases(self, layout: VideoSceneLayout, phrases: list[str], run: Run) -> object:
            return tuple(tuple((0,) for _ in phrases) for _ in range(self._inner.frames))


class Deaf(Denoiser):
    """Calls no hook."""

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        hooks = self._inner.denoising.before_step
        kept, hooks[:] = list(hooks), []
        try:
            return self._inner.generate(layout, run)
        finally:
            hooks[:] = kept


class Stubborn(Denoiser):
    """Calls the hooks and goes its own way."""

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        hooks = self._inner.denoising.before_step
        kept = list(hooks)
        hooks[:] = [lambda latents, predict: (kept[0](latents, predict), latents)[1]] if kept else []
        try:
            return self._inner.generate(layout, run)
        finally:
            hooks[:] = kept


class Injector:
    """Keeps every rule: scales what one layer gives."""

    def attach(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run) -> object:
        return (
            self._attached(backbone, layout, run) if layout.names and hasattr(backbone, "denoiser") else nullcontext()
        )

    @contextmanager
    def _attached(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run):
        hook = self.place(backbone.denoiser(run))
        try:
            yield
        finally:
            hook.remove()

    def place(self, denoiser: object) -> object:
        return denoiser.mid_block.register_forward_hook(lambda module, inputs, output: output * 1.5)


class Attachments:
    class options(Injector):
        def __init__(self, **options: float) -> None: ...

    class layouts(Injector):
        def attach(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run) -> object:
            assert len(layout.names) < 10, "too many"
            return super().attach(backbone, layout, run)

    class no_objects(Injector):
        def attach(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run) -> object:
            return self._attached(backbone, layout, run)

    class reversible(Injector):
        def attach(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run) -> object:
            if layout.names and hasattr(backbone, "denoiser"):
                backbone.denoiser(run).conv_out.bias.data += 1
            return nullcontext()

    class after_error(Injector):
        @contextmanager
        def _attached(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run):
            hook = self.place(backbone.denoiser(run))
            yield
            hook.remove()

    class same(Injector):
        def place(self, denoiser: object) -> object:
            factor = float(np.random.default_rng().uniform(0.5, 2))
            return denoiser.mid_block.register_forward_hook(lambda module, inputs, output: output * factor)

    class no_denoiser(Injector):
        def attach(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run) -> object:
            assert backbone.denoiser(run)
            return super().attach(backbone, layout, run)

    class needs(Injector):
        def weights(self) -> list[str]:
            return ["some/where"]

    class several(Injector):
        def attach_many(self, backbone: MotionBackbone, layouts: list[VideoSceneLayout], run: Run) -> object:
            return self._attached(backbone, layouts[0], run)  # also where a layout has no objects

    class run(Injector):
        def attach(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run) -> object:
            run.seed += 1
            return super().attach(backbone, layout, run)


class Metric:
    """Keeps every rule: a set metric of one number a clip."""

    reads = ("truth", "layout")
    values = {"gap": MetricInfo("Gap", higher=False)}

    def score(self, clips: Sequence[ScoredClip], run: Run) -> list[dict[str, Score]]:
        return [{"gap": self.one(clip)} for clip in clips]

    def one(self, clip: ScoredClip) -> Score:
        gap = abs(len(clip.truth.names) - len(clip.layout.names))
        return Score(None, ("set_metric",), vector=[float(gap)])

    def combine(self, vectors: np.ndarray) -> float:
        return float(vectors.mean())


class Measures:
    class needs(Metric):
        def weights(self) -> list[Weights]:
            return [Weights("network", "some/where", "network")]

    class options(Metric):
        def __init__(self, **options: float) -> None: ...

    class declares(Metric):
        reads = ("truth", "sound")

    class reads(Metric):
        def one(self, clip: ScoredClip) -> Score:
            return Score(clip.video.fps)

    class alone(Metric):
        def score(self, clips: Sequence[ScoredClip], run: Run) -> list[dict[str, Score]]:
            return [{"gap": Score(float(len(clips)))} for _ in clips]

    class json(Metric):
        def one(self, clip: ScoredClip) -> Score:
            return Score(1.0, details={"frames": np.ones(3)})

    class same(Metric):
        def one(self, clip: ScoredClip) -> Score:
            return Score(0.5, details={"chance": float(np.random.default_rng().uniform())})

    class sets(Metric):
        def combine(self, vectors: np.ndarray) -> float:
            return float((vectors[:, 0] * np.arange(len(vectors))).sum())

    class run(Metric):
        def score(self, clips: Sequence[ScoredClip], run: Run) -> list[dict[str, Score]]:
            run.seed += 1
            return super().score(clips, run)


class Detector:
    """Keeps every rule."""

    name = "left half"

    def detect(self, frames: np.ndarray, labels: Sequence[str], run: Run) -> list[list[Detection]]:
        return [self.one(labels) if labels else [] for _ in frames]

    def one(self, labels: Sequence[str]) -> list[Detection]:
        return [Detection(labels[0], 0.9, Box(0.0, 0.0, 0.5, 1.0)), Detection(labels[-1], 0.8, Box(0.5, 0.0, 1.0, 1.0))]


class Sights:
    class needs(Detector):
        def weights(self) -> list[Weights]:
            return [Weights("network", "some/where", "network")]

    class options(Detector):
        def __init__(self, **options: float) -> None: ...

    class name(Detector):
        name = ""

    class frames(Detector):
        def one(self, labels: Sequence[str]) -> list[Detection]:
            return [Detection("tree", 0.9, Box(0.0, 0.0, 0.5, 1.0))]

    class sorted(Detector):
        def one(self, labels: Sequence[str]) -> list[Detection]:
            return super().one(labels)[::-1]

    class same(Detector):
        def one(self, labels: Sequence[str]) -> list[Detection]:
            return [Detection(labels[0], float(np.random.default_rng().uniform()), Box(0.0, 0.0, 0.5, 1.0))]

    class run(Detector):
        def detect(self, frames: np.ndarray, labels: Sequence[str], run: Run) -> list[list[Detection]]:
            run.record["frames"] = np.ones(2)
            return super().detect(frames, labels, run)


class Features:
    """Keeps every rule."""

    name = "mean color"

    def features(self, videos: Iterable[np.ndarray], run: Run) -> np.ndarray:
        return np.array([video.mean(axis=(0, 1, 2)) for video in videos], dtype=np.float64)


class Vectors:
    class needs(Features):
        def weights(self) -> list[Weights]:
            return [Weights("network", "some/where", "network")]

    class options(Features):
        def __init__(self, *options: float) -> None: ...

    class name(Features):
        name = None

    class vectors(Features):
        def features(self, videos: Iterable[np.ndarray], run: Run) -> np.ndarray:
            return super().features(videos, run).sum(axis=1)

    class alone(Features):
        def features(self, videos: Iterable[np.ndarray], run: Run) -> np.ndarray:
            found = super().features(videos, run)
            return found - found.mean(axis=0)

    class same(Features):
        def features(self, videos: Iterable[np.ndarray], run: Run) -> np.ndarray:
            found = super().features(videos, run)
            return found + np.random.default_rng().normal(size=found.shape)

    class run(Features):
        def features(self, videos: Iterable[np.ndarray], run: Run) -> np.ndarray:
            run.audio = None if run.audio else toy_audio()
            return super().features(videos, run)


class Labels:
    """Keeps every rule."""

    name = "lower case"

    def table(self, labels: Collection[str], vocabulary: Collection[str], run: Run) -> dict[str, str]:
        return {label: label.lower() for label in labels}


class Tables:
    class needs(Labels):
        def weights(self) -> list[Weights]:
            return [Weights("network", "some/where", "network")]

    class options(Labels):
        def __init__(self, **options: float) -> None: ...

    class name(Labels):
        name = " "

    class labels(Labels):
        def table(self, labels: Collection[str], vocabulary: Collection[str], run: Run) -> dict[str, str]:
            return {label: label for label in labels if label in vocabulary}

    class alone(Labels):
        def table(self, labels: Collection[str], vocabulary: Collection[str], run: Run) -> dict[str, str]:
            return dict.fromkeys(labels, sorted(labels)[0] if labels else "")

    class same(Labels):
        def table(self, labels: Collection[str], vocabulary: Collection[str], run: Run) -> dict[str, str]:
            return {label: f"{label}{np.random.default_rng().integers(1 << 40)}" for label in labels}

    class run(Labels):
        def table(self, labels: Collection[str], vocabulary: Collection[str], run: Run) -> dict[str, str]:
            run.seed = 7
            return super().table(labels, vocabulary, run)


FAMILIES = {
    "cue_extractors": (Extractor, Cues),
    "layout_planners": (Planner, Plans),
    "motion_backbones": (Backbone, Videos),
    "grounding_injectors": (Injector, Attachments),
    "metrics": (Metric, Measures),
    "detectors": (Detector, Sights),
    "feature_extractors": (Features, Vectors),
    "label_maps": (Labels, Tables),
}
