"""The GLIGEN stage: a position net and a gated self-attention in each spatial block, on the frozen base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from spa2v.core.protocols import AttentionSite, Denoising
from spa2v.core.runtime import Run
from spa2v.plugins.grounding_injectors.gligen_fusion import Tokens
from spa2v.plugins.grounding_injectors.instances import Instances
from spa2v.world.training.diffusion import make_noise_schedule, velocity_loss
from spa2v.world.training.grounding import Boxed, Frozen, boxed, write_grounded_sheet

TOKENS, NULL_ODDS = 30, 0.1  # guidance draws its unconditional half with null tokens


class _Given(nn.Module):
    """Stands where the UNet looks for its position net: the tokens are made already."""

    def forward(self, objs: Tensor) -> Tensor:
        return objs


class GLIGENGrounder(nn.Module):
    """The position net, and a fuser for each spatial block, numbered as in `sites`."""

    def __init__(self, sites: tuple[AttentionSite, ...]) -> None:
        from diffusers.models.attention import GatedSelfAttentionDense
        from diffusers.models.embeddings import GLIGENTextBoundingboxProjection

        super().__init__()
        self.sites = tuple(site for site in sites if site.kind == "spatial" and site.role == "cross")
        width = self.sites[0].text_width
        self.position_net = GLIGENTextBoundingboxProjection(width, width)
        fusers = [GatedSelfAttentionDense(s.channels, width, s.heads, s.channels // s.heads) for s in self.sites]
        self.fusers = nn.ModuleList(fusers)

    def start(self) -> None:
        """Opens the gates of untrained fusers and makes their last layers zero: nothing is added yet, but all learns.

        With gates that start closed, as they are made, little gradient reaches what is behind them.
        """
        for name, parameter in self.fusers.named_parameters():
            if name.rpartition(".")[2].startswith("alpha_"):
                nn.init.ones_(parameter)
            elif ".attn.to_out.0." in name or ".ff.net.2." in name:
                nn.init.zeros_(parameter)

    @contextmanager
    def attached(self, frozen: Frozen, instances: Instances, now: Denoising, run: Run) -> Iterator[dict[str, Any]]:
        """Puts the fusers into the UNet's blocks for a batch; gives the keywords that feed them."""
        tokens = Tokens(self.position_net, instances, frozen.encode(instances.phrases or ("",), run), TOKENS)
        blocks: list[Any] = [frozen.unet.get_submodule(site.block) for site in self.sites]
        frozen.unet.position_net = _Given()
        try:
            for block, fuser in zip(blocks, self.fusers, strict=True):
                block.fuser = fuser
            yield {"cross_attention_kwargs": {"gligen": {"objs": tokens.rows(now.guided)}}}
        finally:
            del frozen.unet.position_net
            for block in blocks:
                if hasattr(block, "fuser"):
                    del block.fuser

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes tensors under the keys of `tensors`."""
        for key, place in self.tensors().items():
            place.copy_(tensors[key])

    def tensors(self) -> dict[str, Tensor]:
        """All tensors under the keys of a diffusers UNet."""
        found = {f"position_net.{name}": t for name, t in self.position_net.state_dict().items()}
        for site, fuser in zip(self.sites, self.fusers, strict=True):
            found |= {f"{site.block}.fuser.{name}": t for name, t in fuser.state_dict().items()}
        return found


class GLIGENStage:
    """Learns to draw things inside their boxes, on single pictures.

    Args:
        frozen: the base.
    """

    name = "gligen"

    def __init__(self, frozen: Frozen) -> None:
        self.frozen = frozen
        self.grounder = GLIGENGrounder(frozen.sites)
        self.grounder.start()
        self.schedule = make_noise_schedule()

    def trained(self) -> nn.Module:
        return self.grounder

    def batch(self, step: int, size: int, run: Run) -> Boxed:
        return boxed(self.frozen, self.schedule, f"gligen/{step}", size, run, NULL_ODDS)

    def loss(self, batch: Boxed, run: Run) -> Tensor:
        """Velocity error of grounded pictures, things counting more than what is around them."""
        text = self.frozen.states(batch.tokens, run)
        with self.grounder.attached(self.frozen, batch.instances, Denoising(guided=False), run) as extra:
            predict = lambda noisy, times: self.frozen.unet(noisy, times, text, **extra).sample  # noqa: E731
            return velocity_loss(predict, batch.noised, self.schedule, run, batch.weights)

    def sheet(self, path: Path, run: Run) -> None:
        write_grounded_sheet(path, self.grounder, self.frozen, run)
