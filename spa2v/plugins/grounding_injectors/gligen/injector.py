"""The component `gligen`: its options, and attaching. `fusion` and `weights`, imported on first use, do the work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from spa2v.core.errors import ConfigError
from spa2v.core.protocols import AttentionSite, DenoisingBackbone, MotionBackbone
from spa2v.core.runtime import Run
from spa2v.core.types import VideoSceneLayout
from spa2v.core.weights import Weights, known, locate
from spa2v.plugins.grounding_injectors.instances import (
    Attachment,
    Instances,
    denoising,
    knows_whole_boxes,
    smaller_than_a_cell,
)

if TYPE_CHECKING:
    from torch import nn

PUBLISHED = "masterful/gligen-1-4-generation-text-box"
MODEL = "unet/diffusion_pytorch_model"
UNET_FILES = ("unet/config.json", f"{MODEL}.safetensors|{MODEL}.fp16.safetensors|{MODEL}.bin")
KNOWN = {PUBLISHED: {"size_mb": 4274, "license": "CreativeML OpenRAIL-M", "patterns": UNET_FILES}}
EMPTY = ("null", "plain")


class GLIGEN:
    """Grounded generation by gated self-attention.

    Args:
        weights: GLIGEN checkpoint (text and box): hub id or folder with a `unet`, or one file, in diffusers' or the
            original key format.
        share: share of the denoising steps in which it is active, 0..1, from the first on (scheduled sampling).
        tokens: tokens of a frame, 30 in the published weights' training. More objects than that are dropped.
        empty_frames: "null" gives frames without objects null tokens, as in training; "plain" leaves them ungrounded.

    Raises:
        ConfigError: a value is out of range.
    """

    def __init__(
        self, *, weights: str = PUBLISHED, share: float = 0.3, tokens: int = 30, empty_frames: str = "null"
    ) -> None:
        if not 0.0 <= share <= 1.0:
            raise ConfigError(f"gligen: share is {share!r}", "expected 0 to 1")
        if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 1:
            raise ConfigError(
                f"gligen: tokens is {tokens!r}", "expected at least 1, a whole number; the published weights take 30"
            )
        if empty_frames not in EMPTY:
            raise ConfigError(f"gligen: empty_frames is {empty_frames!r}", f"expected one of: {', '.join(EMPTY)}")
        self.source, self.share, self.tokens, self.empty_frames = weights, share, tokens, empty_frames
        self._modules: tuple[nn.Module, dict[str, nn.Module]] | None = None
        self._loaded_for: object = None

    def weights(self) -> tuple[Weights, ...]:
        """The weights that attaching loads."""
        return (known(Weights("GLIGEN checkpoint", self.source, "weights", patterns=UNET_FILES), KNOWN),)

    def check_weights(self, backbone: MotionBackbone, run: Run) -> None:
        """Loads the checkpoint for this backbone.

        Raises:
            WeightsError: the checkpoint is missing or does not fit.
        """
        self._load(denoising(backbone, "gligen").attention_sites(run), run)

    def attach(
        self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run
    ) -> AbstractContextManager[Attachment]:
        """Grounds a backbone in a layout until the context ends.

        The uncond rows of a video with objects get null tokens, as in training; videos without objects are computed as
        without the injector.

        Raises:
            ContractError: the backbone does not draw by denoising.
            WeightsError: the checkpoint is missing or does not fit the backbone.
        """
        return self.attach_many(backbone, [layout], run)

    def attach_many(
        self, backbone: MotionBackbone, layouts: Sequence[VideoSceneLayout], run: Run
    ) -> AbstractContextManager[Attachment]:
        """As `attach`, for the layouts of a batch of videos, in the order in which they are drawn."""
        return self._attached(denoising(backbone, "gligen"), layouts, run)

    @contextmanager
    def _attached(
        self, backbone: DenoisingBackbone, layouts: Sequence[VideoSceneLayout], run: Run
    ) -> Iterator[Attachment]:
        from spa2v.plugins.grounding_injectors.gligen.fusion import GroundingTokens, Injection, fused, grounded_rows

        if not any(layout.names for layout in layouts):
            yield Attachment("gligen", ())
            return
        sites = backbone.attention_sites(run)
        net, fusers = self._load(sites, run)
        whole = knows_whole_boxes(locate(self.weights()[0]))
        instances = Instances.from_layouts(layouts, backbone.frames, self.tokens, whole)
        taken = tuple(site for site in sites if site.block in fusers and site.role == "cross")
        small = smaller_than_a_cell(layouts, backbone.frames, taken)
        attachment = Attachment("gligen", taken, instances.dropped, small)
        attachment.report(run)
        tokens = GroundingTokens(net, instances, backbone.encode_text(instances.phrases, run), self.tokens)
        injection = Injection(tokens, backbone.denoising, self.share)
        rows = grounded_rows(instances, backbone.frames, self.empty_frames)
        with fused(backbone.denoiser(run), fusers, rows, injection):
            yield attachment

    def _load(self, sites: Sequence[AttentionSite], run: Run) -> tuple[nn.Module, dict[str, nn.Module]]:
        from spa2v.plugins.grounding_injectors.gligen.weights import load_modules

        wanted = (sites, run.device, run.dtype)
        if self._modules is None or self._loaded_for != wanted:
            net, fusers = load_modules(locate(self.weights()[0]), sites)
            moved = {name: fuser.to(run.device, run.dtype) for name, fuser in fusers.items()}
            self._modules, self._loaded_for = (net.to(run.device, run.dtype), moved), wanted
        return self._modules
