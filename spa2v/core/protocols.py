"""What a component of each family must be able to do. Structural: nothing to inherit from.

Constructors take the options of the config and must be cheap; weights load on first use.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

from spa2v.core import deprecated
from spa2v.core.errors import ContractError
from spa2v.core.runtime import Run
from spa2v.core.types import (
    AudioClip,
    GeneratedVideo,
    MetricInfo,
    Score,
    ScoredClip,
    SpatialCues,
    Tag,
    VideoSceneLayout,
)
from spa2v.core.types.scores import Detections
from spa2v.core.weights import Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

C = TypeVar("C")


@runtime_checkable
class CueExtractor(Protocol):
    """Measures something in the sound. Several extractors fill one `SpatialCues` together."""

    def extract(self, audio: AudioClip, run: Run) -> SpatialCues:
        """Returns the part of the cues that this extractor measures. Silence is not an error."""
        ...


@runtime_checkable
class LayoutPlanner(Protocol):
    """Decides which objects are where, and when."""

    def plan(self, audio: AudioClip, cues: SpatialCues, run: Run) -> VideoSceneLayout:
        """Returns the layout of the clip. For silence: a layout without objects that says so."""
        ...


@runtime_checkable
class MotionBackbone(Protocol):
    """Draws a layout as a video."""

    def generate(self, layout: VideoSceneLayout, run: Run) -> GeneratedVideo:
        """Returns the frames, spread evenly over the clip: fps = frames / duration."""
        ...


@dataclass(frozen=True)
class AttentionSite:
    """One attention layer of a denoiser.

    Args:
        name: module path inside the denoiser, of a module with the members of diffusers' `Attention` (`to_q`, `to_k`,
            `to_v`, `to_out`, `heads`, `scale`).
        kind: "spatial" layers see one frame at a time, "temporal" layers one place over time.
        role: "self" or "cross" (to text).
        resolution: (height, width) of the feature map, in cells.
        channels: width of the features.
        heads: attention heads.
        text_width: width of the text features; None for self-attention.
        original_name: the layer's place in original Stable Diffusion checkpoints (`output_blocks.4.1`); None where
            it has none.
    """

    name: str
    kind: Literal["spatial", "temporal"]
    role: Literal["self", "cross"]
    resolution: tuple[int, int]
    channels: int
    heads: int
    text_width: int | None = None
    original_name: str | None = None

    @property
    def block(self) -> str:
        """Module path of the transformer block that holds the layer."""
        return self.name.rpartition(".")[0]


class LatentsHook(Protocol):
    """Changes latents before a step draws on them, for instance along a gradient."""

    def __call__(self, latents: Tensor, predict: Callable[[Tensor], Tensor]) -> Tensor:
        """Returns what the denoiser is to see in place of `latents`; the same object where nothing changes.

        Args:
            latents: (V, C, F, h, w), float32, scaled as the denoiser sees them: signal and noise of variance 1 in all.
            predict: evaluates the denoiser on latents of this form, conditional rows alone (`guided` is False
                meanwhile), with the time and the text of this step; (V, C, F, h, w). Differentiable where gradients
                are enabled; they are not when the hook is called.
        """
        ...


@dataclass
class Denoising:
    """The state of the denoising loop. The backbone advances it; an attached injector reads it.

    Args:
        step: index of the current denoiser evaluation, from 0; starts again with every pass of an iterated sampler.
        steps: evaluations of a pass.
        timestep: the scheduler's time of the current evaluation.
        noise: standard deviation of the noise in what the denoiser sees, 0..1: the square root of 1 - abar.
        guided: the batch holds the unconditional rows first and the conditional rows after them; else only the latter.
        before_step: a `SteerableBackbone` calls these once before each evaluation, in order. Who adds one takes it out.
    """

    step: int = 0
    steps: int = 1
    timestep: float = 0.0
    noise: float = 1.0
    guided: bool = True
    before_step: list[LatentsHook] = field(default_factory=list)


class EncodedText(NamedTuple):
    """Text features: `states` (P, tokens, width), the last hidden state; `pooled` (P, width), at the end token."""

    states: Tensor
    pooled: Tensor


@runtime_checkable
class DenoisingBackbone(Protocol):
    """What grounding needs of a backbone that draws by denoising. Conditional rows are video-major, frames fastest."""

    frames: int
    """Frames a video."""
    height: int
    width: int
    """Size of a frame in pixels."""
    denoising: Denoising
    """The state of the loop; one object for the life of the backbone."""

    def denoiser(self, run: Run) -> nn.Module:
        """Returns the denoising network, loaded."""
        ...

    def attention_sites(self, run: Run) -> tuple[AttentionSite, ...]:
        """Returns every attention layer of the denoiser in execution order of its blocks."""
        ...

    def latent_size(self, run: Run) -> tuple[int, int]:
        """Returns (height, width) of the latents of a frame."""
        ...

    def encode_text(self, texts: Sequence[str], run: Run) -> EncodedText:
        """Returns the features of each text, padded to the encoder's full length."""
        ...


@runtime_checkable
class SteerableBackbone(DenoisingBackbone, Protocol):
    """A denoising backbone that lets injectors change its latents, by the hooks in `denoising.before_step`."""

    def find_phrases(
        self, layout: VideoSceneLayout, phrases: Sequence[str], run: Run
    ) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """Returns, for each frame and phrase, where its tokens stand in the frame's text; nowhere if absent."""
        ...


@runtime_checkable
class GroundingInjector(Protocol):
    """Makes a backbone's denoiser draw objects inside their boxes."""

    def attach(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run) -> AbstractContextManager[Any]:
        """Returns a context in which the backbone is grounded; afterwards it computes exactly what it did before."""
        ...


@runtime_checkable
class DrawsSeveral(Protocol):
    """A motion backbone that draws several layouts in one batch."""

    def generate_many(self, layouts: Sequence[VideoSceneLayout], run: Run) -> list[GeneratedVideo]:
        """Returns a video for each layout, in order, each as `generate` would return it."""
        ...


@runtime_checkable
class DrawsSeeds(Protocol):
    """A motion backbone that draws several layouts in one batch, each with its own seed."""

    def generate_seeds(
        self, layouts: Sequence[VideoSceneLayout], seeds: Sequence[int], run: Run
    ) -> list[GeneratedVideo]:
        """Returns a video for each layout, each as `generate` would return it in a run with that seed."""
        ...


@runtime_checkable
class FitsFrames(Protocol):
    """A motion backbone whose number of frames may follow from the length of the clip."""

    def fit_frames(self, layouts: Sequence[VideoSceneLayout]) -> None:
        """Returns nothing; sets the number of frames for the layouts that are drawn next, in one batch.

        Called once a generation, before the injector attaches.
        """
        ...


@runtime_checkable
class Rewords(Protocol):
    """A motion backbone whose weights know a limited vocabulary."""

    def reword(self, layout: VideoSceneLayout, run: Run) -> VideoSceneLayout:
        """Returns the layout with its texts in known words; boxes, ids and times are unchanged.

        Called once a generation, before the injector attaches: injector and backbone both get the result.
        """
        ...


@runtime_checkable
class AttachesSeveral(Protocol):
    """A grounding injector that grounds a batch of layouts, for a backbone that `DrawsSeveral`."""

    def attach_many(
        self, backbone: MotionBackbone, layouts: Sequence[VideoSceneLayout], run: Run
    ) -> AbstractContextManager[Any]:
        """Returns a context as `attach` does; layout i grounds video i of the batch."""
        ...


@runtime_checkable
class DescribesPrompt(Protocol):
    """A layout planner that sends a prompt to a model."""

    def describe_prompt(self, audio: AudioClip, cues: SpatialCues, run: Run) -> str:
        """Returns what `plan` would send for this clip, as text; nothing is sent, and no key is needed."""
        ...


@runtime_checkable
class NeedsWeights(Protocol):
    """A component of any family that loads weights."""

    def weights(self) -> Sequence[Weights]:
        """Returns the weights that the component will load; nothing is loaded or fetched."""
        ...


@runtime_checkable
class ChecksWeights(NeedsWeights, Protocol):
    """A component that can load its weights without running, for `spa2v weights check`."""

    def check_weights(self, backbone: MotionBackbone, run: Run) -> None:
        """Loads the weights as a run would, for the config's backbone.

        Raises:
            WeightsError: they are missing or do not fit.
        """
        ...


@runtime_checkable
class NeedsKeys(Protocol):
    """A component of any family that calls a service with a key."""

    def keys(self) -> Sequence[str]:
        """Returns the environment variables of which one must hold a key; empty where none is needed."""
        ...


@runtime_checkable
class TagsSound(Protocol):
    """A cue extractor that can also classify any piece of sound, such as a separated source."""

    def tag(self, samples: NDArray[np.floating[Any]], rate_hz: int) -> tuple[Tag, ...]:
        """Returns labels with scores in 0..1, the best first; none for silence.

        Args:
            samples: mono, (n,), full scale 1.
            rate_hz: sampling rate.
        """
        ...


@runtime_checkable
class Metric(Protocol):
    """Scores clips: a planned layout, or a video and what a detector found in it, against ground truth and sound."""

    @property
    def values(self) -> Mapping[str, MetricInfo]:
        """Every value that it returns, by name; options that differ from the default follow in brackets."""
        ...

    @property
    def reads(self) -> Sequence[str]:
        """Inputs of a `ScoredClip` that it needs: truth, layout, audio, video, real_video, features, real_features.

        A clip that lacks one counts as undefined and is not passed to `score`.
        """
        ...

    def score(self, clips: Sequence[ScoredClip], run: Run) -> Sequence[Mapping[str, Score | float | None]]:
        """Returns the values of each clip, in order; None where one is not defined.

        A batch has one or more clips; what a clip scores does not depend on the others.
        """
        ...


@runtime_checkable
class SetMetric(Protocol):
    """A metric with one value, defined for sets of clips: `score` gives each clip's `Score.vector`, not a value."""

    def combine(self, vectors: NDArray[np.float64]) -> Score | float | None:
        """Returns the value of a set from its clips' vectors (n, d), in any order, n >= 1."""
        ...


@runtime_checkable
class Detector(Protocol):
    """Finds objects by name in frames."""

    @property
    def name(self) -> str:
        """The detector with all that changes its boxes; printed beside scores."""
        ...

    def detect(self, frames: NDArray[np.uint8], labels: Sequence[str], run: Run) -> Detections:
        """Returns the detections of each of uint8 RGB frames (F, H, W, 3); every label is one of `labels`."""
        ...


@runtime_checkable
class FeatureExtractor(Protocol):
    """Turns videos into vectors, for FVD. Distances are comparable only within one `name`."""

    @property
    def name(self) -> str:
        """The extractor with all that changes its numbers."""
        ...

    def features(self, videos: Iterable[NDArray[np.uint8]], run: Run) -> NDArray[np.float64]:
        """Returns (n, d) features of n videos, each uint8 RGB (T, H, W, 3)."""
        ...


@runtime_checkable
class LabelMap(Protocol):
    """Decides which labels count as the same; applied to ground truth and prediction alike."""

    @property
    def name(self) -> str:
        """The rule with all that changes it; printed beside scores."""
        ...

    def table(self, labels: Collection[str], vocabulary: Collection[str], run: Run) -> Mapping[str, str]:
        """Returns what each of `labels` becomes, given all labels of the ground truth."""
        ...


FAMILIES: dict[str, tuple[type[Any], str]] = {
    "cue_extractors": (CueExtractor, "extract"),
    "layout_planners": (LayoutPlanner, "plan"),
    "grounding_injectors": (GroundingInjector, "attach"),
    "motion_backbones": (MotionBackbone, "generate"),
    "metrics": (Metric, "score"),
    "detectors": (Detector, "detect"),
    "feature_extractors": (FeatureExtractor, "features"),
    "label_maps": (LabelMap, "table"),
}
"""Family name to its protocol and the protocol's method."""

CAPABILITIES: dict[type[Any], str] = {
    DrawsSeveral: "generate_many",
    DrawsSeeds: "generate_seeds",
    FitsFrames: "fit_frames",
    Rewords: "reword",
    AttachesSeveral: "attach_many",
    DescribesPrompt: "describe_prompt",
    NeedsWeights: "weights",
    ChecksWeights: "check_weights",
    NeedsKeys: "keys",
    TagsSound: "tag",
    SetMetric: "combine",
}
"""Optional protocols, beside that of a component's family, and the method of each."""


def capability(component: object, protocol: type[C]) -> C | None:
    """The component as one that has a capability of `CAPABILITIES`; None where it does not have it.

    An attribute of the name that is no method, such as an option `weights` that is kept, is not the capability.

    Raises:
        ContractError: its method takes other parameters than the protocol's.
    """
    if not isinstance(component, protocol):
        return deprecated.adapted(component, protocol.__name__)
    name = CAPABILITIES[protocol]
    if not callable(getattr(component, name)):
        return None
    if problem := mismatch(component, protocol, name):
        raise ContractError(f"{type(component).__name__} {problem[0]}", *problem[1:])
    return component


def weights_of(component: object) -> tuple[Weights, ...]:
    """The weights that a component of any family loads; none where it does not say."""
    loads = capability(component, NeedsWeights)
    return () if loads is None else tuple(loads.weights())


def mismatch(component: object, protocol: type[Any], method: str) -> tuple[str, ...]:
    """How a method of a component, or of its class, differs from the protocol's; a fact and help, or nothing.

    Further parameters are accepted where they have defaults.
    """
    wanted = [name for name in inspect.signature(getattr(protocol, method)).parameters if name != "self"]
    form = f"{method}({', '.join(wanted)})"
    if not callable(found := getattr(component, method, None)):
        return (f"has no method {form}",)
    parameters = [item for key, item in inspect.signature(found).parameters.items() if key != "self"]
    given = [item.name for item in parameters]
    rest = [item for item in parameters[len(wanted) :] if item.default is item.empty]
    if given[: len(wanted)] == wanted and all(item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD) for item in rest):
        return ()
    return f"has {method}({', '.join(given)})", f"expected {form}"
