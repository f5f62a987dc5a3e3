"""The component `migc`: its options, and attaching. `processor` and `weights`, imported on first use, do the work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from spa2v.core.errors import ConfigError
from spa2v.core.protocols import AttentionSite, DenoisingBackbone, MotionBackbone
from spa2v.core.runtime import Run
from spa2v.core.types import VideoSceneLayout
from spa2v.core.weights import Weights, known, locate, stated_license
from spa2v.plugins.grounding_injectors.instances import (
    Attachment,
    Instances,
    denoising,
    knows_whole_boxes,
    smaller_than_a_cell,
)

if TYPE_CHECKING:
    from spa2v.plugins.grounding_injectors.migc.modules import MIGCModule
    from spa2v.plugins.grounding_injectors.migc.processor import MIGCProcessor, Scene

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
    """Draws each object inside its box by instance shading (multi-instance generation controller).

    Args:
        weights: MIGC checkpoint: the released `.ckpt`, or a safetensors copy (path, or `owner/name/file` on the hub).
        share: share of the denoising steps in which it is active, 0..1, from the first on; the boundary step counts.
        until_timestep: inactive below this timestep of the scheduler, a limit by noise level; None for no limit.
        naive_share: share of the steps in which layers without a module blend the instances by their masks; 0 is off.
        text_scale, enhancement_scale, controller_scale: factors of the instances' text attention, enhancement
            attention, and controller maps.
        slot_seed: seed of a permutation of the controller's slots; None fills the first slots in order. The released
            code draws a permutation for each call; here it is the same for all frames and steps.
        repeat_phrases: encode each phrase several times, joined by ", and ", as the authors' benchmark scripts do.

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
        if slot_seed is not None and (isinstance(slot_seed, bool) or not isinstance(slot_seed, int)):
            raise ConfigError(f"migc: slot_seed is {slot_seed!r}", "expected a whole number, or None")
        self.source, self.share, self.until_timestep = weights, share, until_timestep
        self.naive_share, self.slot_seed, self.repeat_phrases = naive_share, slot_seed, repeat_phrases
        self._factors = (text_scale, enhancement_scale, controller_scale)
        self._modules: dict[str, MIGCModule] = {}
        self._loaded_for: object = None

    def weights(self) -> tuple[Weights, ...]:
        """The weights that attaching loads."""
        return (known(Weights("MIGC checkpoint", self.source, "weights"), KNOWN),)

    def check_weights(self, backbone: MotionBackbone, run: Run) -> None:
        """Loads the checkpoint for this backbone.

        Raises:
            WeightsError: the checkpoint is missing or does not fit.
        """
        self._load(denoising(backbone, "migc").attention_sites(run), run)

    def attach(
        self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run
    ) -> AbstractContextManager[Attachment]:
        """Grounds a backbone in a layout until the context ends.

        Frames without objects, and uncond rows, are computed as without the injector.

        Raises:
            ContractError: the backbone does not draw by denoising.
            WeightsError: the checkpoint is missing or does not fit the backbone.
        """
        return self.attach_many(backbone, [layout], run)

    def attach_many(
        self, backbone: MotionBackbone, layouts: Sequence[VideoSceneLayout], run: Run
    ) -> AbstractContextManager[Attachment]:
        """As `attach`, for the layouts of a batch of videos, in the order in which they are drawn."""
        return self._attached(denoising(backbone, "migc"), layouts, run)

    @contextmanager
    def _attached(
        self, backbone: DenoisingBackbone, layouts: Sequence[VideoSceneLayout], run: Run
    ) -> Iterator[Attachment]:
        if not any(layout.names for layout in layouts):
            yield Attachment("migc", ())
            return
        sites = backbone.attention_sites(run)
        modules = self._load(sites, run)
        capacity = min(module.capacity for module in modules.values())
        whole = knows_whole_boxes(locate(self.weights()[0]))
        instances = Instances.from_layouts(layouts, backbone.frames, capacity, whole)
        cross = [site for site in sites if site.kind == "spatial" and site.role == "cross"]
        taken = tuple(site for site in cross if site.name in modules or self.naive_share > 0)
        small = smaller_than_a_cell(layouts, backbone.frames, taken)
        attachment = Attachment("migc", taken, instances.dropped, small)
        attachment.report(run)
        scene = self._scene(instances, backbone, run)
        layers: list[Any] = [backbone.denoiser(run).get_submodule(site.name) for site in taken]
        before: list[Any] = [layer.processor for layer in layers]
        try:
            for site, layer, inner in zip(taken, layers, before, strict=True):
                layer.set_processor(self._processor(site, scene, backbone, inner))
            yield attachment
        finally:
            for layer, inner in zip(layers, before, strict=True):
                layer.set_processor(inner)

    def _scene(self, instances: Instances, backbone: DenoisingBackbone, run: Run) -> Scene:
        from spa2v.plugins.grounding_injectors.migc.processor import Scales, Scene

        phrases = instances.repeated(MOST_REPEATS) if self.repeat_phrases else instances.phrases
        text = backbone.encode_text(phrases, run)
        shape = instances.present.shape
        scales = Scales(*(None if one == 1.0 else text.states.new_full(shape, one) for one in self._factors))
        return Scene(instances, text, (backbone.height, backbone.width), backbone.latent_size(run), scales, True)

    def _processor(self, site: AttentionSite, scene: Scene, backbone: DenoisingBackbone, inner: Any) -> MIGCProcessor:
        from spa2v.plugins.grounding_injectors.migc.processor import MIGCProcessor, Schedule, slot_positions

        module = self._modules.get(site.name)
        seed = None if self.slot_seed is None else Run(seed=self.slot_seed).derived_seed(site.name)
        slots = slot_positions(module.capacity if module else 0, seed).to(scene.boxes.device)
        schedule, naive = Schedule(self.share, self.until_timestep), Schedule(self.naive_share)
        return MIGCProcessor(module, site, scene, backbone.denoising, schedule, naive, slots, inner)

    def _load(self, sites: Sequence[AttentionSite], run: Run) -> dict[str, MIGCModule]:
        from spa2v.plugins.grounding_injectors.migc.weights import load_modules

        path = locate(self.weights()[0])
        if stated_license(path) is None:  # the authors' weights, or weights derived from them
            run.notice(LICENSE)
        wanted = (sites, run.device, run.dtype)
        if self._loaded_for != wanted:
            loaded = load_modules(path, sites)
            self._modules = {name: module.to(run.device, run.dtype) for name, module in loaded.items()}
            self._loaded_for = wanted
        return self._modules
