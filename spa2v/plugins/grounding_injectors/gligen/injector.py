"""`gligen`: box and phrase tokens through gated self-attention in every spatial block (Li et al., CVPR 2023)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from spa2v.core.errors import ConfigError
from spa2v.core.protocols import AttentionSite, DenoisingBackbone, MotionBackbone
from spa2v.core.runtime import Run
from spa2v.core.types import VideoSceneLayout
from spa2v.core.weights import Weights, known, locate
from spa2v.plugins.grounding_injectors.attaching import Attachment, denoising
from spa2v.plugins.grounding_injectors.instances import Instances

if TYPE_CHECKING:
    from torch import nn

    from spa2v.plugins.grounding_injectors.gligen.fusion import Injection, Tokens

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
        share: part of the denoising steps in which it works, 0..1, from the first on (scheduled sampling).
        tokens: tokens of a frame; the published weights know 30. More things than that are dropped.
        empty_frames: "null" gives frames without things the null tokens, as in training; "plain" leaves them alone.

    Raises:
        ConfigError: a value is out of range.
    """

    def __init__(
        self, *, weights: str = PUBLISHED, share: float = 0.3, tokens: int = 30, empty_frames: str = "null"
    ) -> None:
        if not 0.0 <= share <= 1.0:
            raise ConfigError(f"gligen: share is {share!r}", "expected 0 to 1")
        if tokens < 1:
            raise ConfigError(f"gligen: tokens is {tokens!r}", "expected at least 1; the published weights know 30")
        if empty_frames not in EMPTY:
            raise ConfigError(f"gligen: empty_frames is {empty_frames!r}", f"expected one of: {', '.join(EMPTY)}")
        self.source, self.share, self.tokens, self.empty_frames = weights, share, tokens, empty_frames
        self._modules: tuple[nn.Module, dict[str, nn.Module]] | None = None
        self._made_for: object = None

    def weights(self) -> tuple[Weights, ...]:
        """The weights that attaching loads."""
        return (known(Weights("GLIGEN checkpoint", self.source, "weights", patterns=UNET_FILES), KNOWN),)

    def check_weights(self, backbone: MotionBackbone, run: Run) -> None:
        """Loads the checkpoint for this backbone.

        Raises:
            WeightsError: it is missing or does not fit.
        """
        self._load(denoising(backbone, "gligen").attention_sites(run), run)

    def attach(
        self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run
    ) -> AbstractContextManager[Attachment]:
        """Grounds a backbone in a layout until the context ends.

        The unconditional rows of a video with things get null tokens, as in training; videos without things come out as
        without the injector.

        Raises:
            ContractError: the backbone does not draw by denoising.
            WeightsError: the checkpoint is missing or does not fit the backbone.
        """
        return self.attach_many(backbone, [layout], run)

    def attach_many(
        self, backbone: MotionBackbone, layouts: Sequence[VideoSceneLayout], run: Run
    ) -> AbstractContextManager[Attachment]:
        """As `attach`, for the layouts of a batch of videos."""
        return self._attached(denoising(backbone, "gligen"), layouts, run)

    @contextmanager
    def _attached(
        self, backbone: DenoisingBackbone, layouts: Sequence[VideoSceneLayout], run: Run
    ) -> Iterator[Attachment]:
        from spa2v.plugins.grounding_injectors.gligen.fusion import Injection

        if not any(layout.names for layout in layouts):
            yield Attachment("gligen", ())
            return
        sites = backbone.attention_sites(run)
        _, fusers = self._load(sites, run)
        instances = Instances.from_layouts(layouts, backbone.frames, self.tokens)
        taken = tuple(site for site in sites if site.block in fusers and site.role == "cross")
        attachment = Attachment("gligen", taken, instances.dropped)
        attachment.report(run)
        injection = Injection(self._tokens(instances, backbone, run), backbone.denoising, self.share)
        with self._fused(backbone, instances, injection, run):
            yield attachment

    def _tokens(self, instances: Instances, backbone: DenoisingBackbone, run: Run) -> Tokens:
        from spa2v.plugins.grounding_injectors.gligen.fusion import Tokens

        assert self._modules is not None  # _load
        return Tokens(self._modules[0], instances, backbone.encode_text(instances.phrases, run), self.tokens)

    @contextmanager
    def _fused(
        self, backbone: DenoisingBackbone, instances: Instances, injection: Injection, run: Run
    ) -> Iterator[None]:
        """The fusers in their blocks, and the hook that feeds them, while the context lasts."""
        import torch

        from spa2v.plugins.grounding_injectors.gligen.fusion import RowFuser, touched_rows

        assert self._modules is not None  # _load
        unet = backbone.denoiser(run)
        touched = torch.from_numpy(touched_rows(instances, backbone.frames, self.empty_frames)).to(run.device)
        blocks: dict[Any, nn.Module] = {unet.get_submodule(name): fuser for name, fuser in self._modules[1].items()}
        before = {block: getattr(block, "fuser", None) for block in blocks}
        hook = unet.register_forward_pre_hook(injection, with_kwargs=True)
        try:
            for block, fuser in blocks.items():
                block.fuser = RowFuser(fuser, touched)
            yield
        finally:
            hook.remove()
            for block, was in before.items():
                if hasattr(block, "fuser"):
                    del block.fuser
                if was is not None:
                    block.fuser = was

    def _load(self, sites: Sequence[AttentionSite], run: Run) -> tuple[nn.Module, dict[str, nn.Module]]:
        from spa2v.plugins.grounding_injectors.gligen.weights import load_modules

        wanted = (sites, run.device, run.dtype)
        if self._modules is None or self._made_for != wanted:
            net, fusers = load_modules(locate(self.weights()[0]), sites)
            moved = {name: fuser.to(run.device, run.dtype) for name, fuser in fusers.items()}
            self._modules, self._made_for = (net.to(run.device, run.dtype), moved), wanted
        return self._modules
