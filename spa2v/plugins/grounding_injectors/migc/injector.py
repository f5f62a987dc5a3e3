"""`migc`: draws every thing inside its box by MIGC's instance shading in a frozen denoiser (Zhou et al., 2024)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from spa2v.core.errors import ConfigError
from spa2v.core.protocols import AttentionSite, DenoisingBackbone, MotionBackbone
from spa2v.core.runtime import Run
from spa2v.core.types import VideoSceneLayout
from spa2v.core.weights import Weights, known, locate, stated_license
from spa2v.plugins.grounding_injectors.attaching import Attachment, denoising
from spa2v.plugins.grounding_injectors.instances import Instances

if TYPE_CHECKING:
    from spa2v.plugins.grounding_injectors.migc.modules import MIGCModule, Scales
    from spa2v.plugins.grounding_injectors.migc.processor import Scene

LICENSE = (
    "MIGC weights: their authors allow non-commercial research use only and forbid redistribution for commercial ends "
    "(https://github.com/limuloo/MIGC)."
)
PUBLISHED = "thisiswooyeol/MIGC-diffusers/migc_adapter_weights.safetensors"
KNOWN = {
    PUBLISHED: {
        "size_mb": 229,
        "license": "authors: non-commercial research only; the copy is tagged openrail-m",
        "hint": "the authors' own file MIGC_SD14.ckpt is linked at https://github.com/limuloo/MIGC and loads as it is",
    }
}
MOST_REPEATS = 7


class MIGC:
    """Multi-instance generation by shading each thing in its box.

    Args:
        weights: MIGC checkpoint: the released `.ckpt`, or a safetensors copy (path, or `owner/name/file` on the hub).
        share: part of the denoising steps in which it works, 0..1; the step at the boundary counts.
        until_timestep: stop below this scheduler time, to cut at a noise level instead; None for no limit.
        naive_share: part of the steps in which layers without a module mix things in by their masks; 0 is off.
        text_scale, enhancement_scale, controller_scale: factors of the things' text attention, enhancement attention,
            and controller maps.
        slot_seed: seed of the controller's slot order; None puts things into the first slots, in order. The released
            code draws a new order for each call; here it is the same for all frames and steps.
        repeat_phrases: encode each phrase several times over, joined by ", and ", as the authors' benchmarks do.

    Raises:
        ConfigError: a number is out of range.
    """

    def __init__(
        self,
        *,
        weights: str = PUBLISHED,
        share: float = 0.5,
        until_timestep: float | None = None,
        naive_share: float = 0.0,
        text_scale: float = 1.0,
        enhancement_scale: float = 1.0,
        controller_scale: float = 1.0,
        slot_seed: int | None = None,
        repeat_phrases: bool = False,
    ) -> None:
        for name, value in (("share", share), ("naive_share", naive_share)):
            if not 0.0 <= value <= 1.0:
                raise ConfigError(f"migc: {name} is {value!r}", "expected 0 to 1")
        self.source, self.share, self.until_timestep = weights, share, until_timestep
        self.naive_share, self.slot_seed, self.repeat_phrases = naive_share, slot_seed, repeat_phrases
        self._factors = (text_scale, enhancement_scale, controller_scale)
        self._modules: dict[str, MIGCModule] = {}
        self._made_for: object = None

    def weights(self) -> tuple[Weights, ...]:
        """The weights that attaching loads."""
        return (known(Weights("MIGC checkpoint", self.source, "weights"), KNOWN),)

    def check_weights(self, backbone: MotionBackbone, run: Run) -> None:
        """Loads the checkpoint for this backbone.

        Raises:
            WeightsError: it is missing or does not fit.
        """
        self._load(denoising(backbone, "migc").attention_sites(run), run)

    def attach(
        self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run
    ) -> AbstractContextManager[Attachment]:
        """Grounds a backbone in a layout until the context ends.

        Frames without things, and the unconditional half of a batch, come out as without the injector.

        Raises:
            ContractError: the backbone does not draw by denoising.
            WeightsError: the checkpoint is missing or does not fit the backbone.
        """
        return self.attach_many(backbone, [layout], run)

    def attach_many(
        self, backbone: MotionBackbone, layouts: Sequence[VideoSceneLayout], run: Run
    ) -> AbstractContextManager[Attachment]:
        """As `attach`, for the layouts of a batch of videos."""
        return self._attached(denoising(backbone, "migc"), layouts, run)

    @contextmanager
    def _attached(self, backbone: DenoisingBackbone, layouts: Sequence[Any], run: Run) -> Iterator[Attachment]:
        sites = backbone.attention_sites(run)
        if not any(layout.names for layout in layouts):
            yield Attachment("migc", ())
            return
        modules = self._load(sites, run)
        capacity = min(module.capacity for module in modules.values())
        instances = Instances.from_layouts(layouts, backbone.frames, capacity)
        taken = tuple(site for site in sites if site.name in modules or (self.naive_share > 0 and _serves(site)))
        attachment = Attachment("migc", taken, instances.dropped)
        attachment.report(run)
        scene = self._scene(instances, backbone, run)
        layers: list[Any] = [backbone.denoiser(run).get_submodule(site.name) for site in taken]
        before: list[Any] = [layer.processor for layer in layers]
        try:
            for site, layer, inner in zip(taken, layers, before, strict=True):
                self._place(layer, inner, site, scene, backbone)
            yield attachment
        finally:
            for layer, inner in zip(layers, before, strict=True):
                layer.set_processor(inner)

    def _place(self, layer: Any, inner: Any, site: AttentionSite, scene: Scene, backbone: DenoisingBackbone) -> None:
        from spa2v.plugins.grounding_injectors.migc.processor import MIGCProcessor, Schedule, slot_positions

        module = self._modules.get(site.name)
        slots = slot_positions(module.capacity, self._slot_seed(site)) if module else slot_positions(0)
        schedule = Schedule(self.share, self.until_timestep)
        naive, slots = Schedule(self.naive_share), slots.to(scene.boxes.device)
        layer.set_processor(MIGCProcessor(module, site, scene, backbone.denoising, schedule, naive, slots, inner))

    def _slot_seed(self, site: AttentionSite) -> int | None:
        """A seed for each layer, so that layers differ and a run can be repeated."""
        if self.slot_seed is None:
            return None
        return Run(seed=self.slot_seed).derived_seed(site.name)

    def _scene(self, instances: Instances, backbone: DenoisingBackbone, run: Run) -> Scene:
        from spa2v.plugins.grounding_injectors.migc.processor import Scene

        phrases = instances.repeated(MOST_REPEATS) if self.repeat_phrases else instances.phrases
        text = backbone.encode_text(phrases, run)
        pixels = (backbone.height, backbone.width)
        return Scene(instances, text, pixels, backbone.latent_size(run), self._scales(instances, text.states))

    def _scales(self, instances: Instances, like: Any) -> Scales:
        from spa2v.plugins.grounding_injectors.migc.modules import Scales

        shape = instances.present.shape
        return Scales(*(None if factor == 1.0 else like.new_full(shape, factor) for factor in self._factors))

    def _load(self, sites: Sequence[AttentionSite], run: Run) -> dict[str, MIGCModule]:
        from spa2v.plugins.grounding_injectors.migc.weights import load_modules

        path = locate(self.weights()[0])
        if stated_license(path) is None:  # those of the authors, or made from them
            run.notice(LICENSE)
        wanted = (sites, run.device, run.dtype)
        if self._made_for != wanted:
            loaded = load_modules(path, sites)
            self._modules = {name: module.to(run.device, run.dtype) for name, module in loaded.items()}
            self._made_for = wanted
        return self._modules


def _serves(site: AttentionSite) -> bool:
    """Whether the naive fuser can work on a layer."""
    return site.kind == "spatial" and site.role == "cross"
