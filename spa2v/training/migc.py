"""The MIGC stage: a shading module for each cross-attention of the middle and the way up, on the frozen base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from spa2v.core.protocols import AttentionSite, Denoising
from spa2v.core.runtime import Run
from spa2v.plugins.grounding_injectors.instances import Instances
from spa2v.plugins.grounding_injectors.migc.modules import MIGCModule, ModuleSizes
from spa2v.plugins.grounding_injectors.migc.processor import MIGCProcessor, Scene, Schedule
from spa2v.training.base import needs_plain_attention
from spa2v.training.diffusion import make_noise_schedule, velocity_loss
from spa2v.training.grounding import Boxed, Frozen, boxed, write_grounded_sheet

SLOTS, BOX_FEATURES, BOX_HIDDEN, KERNEL = 30, 64, 128, 7


def sizes_for(site: AttentionSite) -> ModuleSizes:
    """The sizes of the released modules, with a smaller box net; widths follow the layer."""
    assert site.text_width is not None
    return ModuleSizes(
        site.channels, site.heads, site.text_width, SLOTS, max(4, site.channels // 16), SLOTS, BOX_FEATURES, BOX_HIDDEN,
        KERNEL, KERNEL,
    )  # fmt: skip


def is_served(site: AttentionSite) -> bool:
    """Whether a layer gets a module: cross-attention of the middle block and of the way up."""
    return site.kind == "spatial" and site.role == "cross" and not site.name.startswith("down_blocks")


def released_key(site: AttentionSite, name: str) -> str:
    """A tensor's key in the layout of the released checkpoint."""
    return f"model.diffusion_model.{site.original_name}.transformer_blocks.0.attn2.migc.{name}"


@contextmanager
def plain_attention() -> Iterator[None]:
    """Torch's attention by matrix products in the precision of what it is given; the setting holds on a CPU, too."""
    reduced: bool = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()  # type: ignore[no-untyped-call]
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(reduced)


class MIGCGrounder(nn.Module):
    """The modules, by layer; module names cannot hold dots, so they are numbered as in `sites`."""

    def __init__(self, sites: tuple[AttentionSite, ...]) -> None:
        super().__init__()
        self.sites = tuple(site for site in sites if is_served(site))
        self.layers = nn.ModuleList([MIGCModule(sizes_for(site)) for site in self.sites])

    @contextmanager
    def attached(self, frozen: Frozen, instances: Instances, now: Denoising, run: Run) -> Iterator[dict[str, Any]]:
        """Puts the modules into the UNet's cross-attentions for a batch."""
        scene = Scene(instances, frozen.encode(instances.phrases, run), frozen.pixels, frozen.shape[1:])
        layers: list[Any] = [frozen.unet.get_submodule(site.name) for site in self.sites]
        before = [layer.processor for layer in layers]
        try:
            for site, layer, module, inner in zip(self.sites, layers, self.layers, before, strict=True):
                slots = torch.arange(SLOTS - 2, device=run.device)
                layer.set_processor(MIGCProcessor(module, site, scene, now, Schedule(1.0), Schedule(0.0), slots, inner))  # type: ignore[arg-type]
            with plain_attention() if needs_plain_attention(run) else nullcontext():
                yield {}
        finally:
            for layer, inner in zip(layers, before, strict=True):
                layer.set_processor(inner)

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes tensors under the keys of `tensors`."""
        for site, layer in zip(self.sites, self.layers, strict=True):
            layer.load_state_dict({name: tensors[released_key(site, name)].float() for name in layer.state_dict()})

    def tensors(self) -> dict[str, Tensor]:
        """All tensors under the keys of the released checkpoint."""
        pairs = zip(self.sites, self.layers, strict=True)
        return {released_key(site, name): t for site, layer in pairs for name, t in layer.state_dict().items()}


class MIGCStage:
    """Learns to draw things inside their boxes, on single pictures.

    Args:
        frozen: the base.
    """

    name = "migc"

    def __init__(self, frozen: Frozen) -> None:
        self.frozen = frozen
        self.grounder = MIGCGrounder(frozen.sites)
        self.schedule = make_noise_schedule()

    def trained(self) -> nn.Module:
        return self.grounder

    def batch(self, step: int, size: int, run: Run) -> Boxed:
        return boxed(self.frozen, self.schedule, f"migc/{step}", size, run)

    def loss(self, batch: Boxed, run: Run) -> Tensor:
        """Velocity error of grounded pictures, things counting more than what is around them."""
        text = self.frozen.states(batch.tokens, run)
        with self.grounder.attached(self.frozen, batch.instances, Denoising(guided=False), run):
            predict = lambda noisy, times: self.frozen.unet(noisy, times, text).sample  # noqa: E731
            return velocity_loss(predict, batch.noised, self.schedule, run, batch.weights)

    def sheet(self, path: Path, run: Run) -> None:
        write_grounded_sheet(path, self.grounder, self.frozen, run)
