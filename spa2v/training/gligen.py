"""The GLIGEN stage: a position net and a gated self-attention in each spatial block, on the frozen base."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spa2v.core.protocols import AttentionSite, Denoising
from spa2v.core.runtime import Run
from spa2v.plugins.grounding_injectors.gligen.fusion import GroundingTokens
from spa2v.plugins.grounding_injectors.instances import Instances
from spa2v.training.diffusion import make_noise_schedule, velocity_loss
from spa2v.training.grounding import Boxed, Frozen, boxed, write_grounded_sheet

TOKENS, NULL_ODDS = 30, 0.1  # guidance draws its unconditional half with null tokens
# A part of the heads is supervised: tokens of things inside their boxes. GLIGEN finds that out by itself, but
# over more steps than small weights get.
SUPERVISED_HEADS, SUPERVISED_WEIGHT, INSIDE_SHARE, LOOKED_AT = 0.5, 0.3, 0.9, 200


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
        tokens = GroundingTokens(self.position_net, instances, frozen.encode(instances.phrases or ("",), run), TOKENS)
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

    @contextmanager
    def watched(self) -> Iterator[list[tuple[nn.Module, Tensor]]]:
        """A list that fills with each fuser and what its attention is given, (B, N + tokens, C), in this context."""
        seen: list[tuple[nn.Module, Tensor]] = []
        with ExitStack() as hooks:
            for fuser in self.fusers:
                attention: Any = fuser.attn
                hook = attention.register_forward_pre_hook(lambda m, args, seen=seen: seen.append((m, args[0])))
                hooks.callback(hook.remove)
            yield seen

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
        now = Denoising(guided=False)
        with self.grounder.attached(self.frozen, batch.instances, now, run) as extra, self.grounder.watched() as seen:
            predict = lambda noisy, times: self.frozen.unet(noisy, times, text, **extra).sample  # noqa: E731
            error = velocity_loss(predict, batch.noised, self.schedule, run, batch.weights)
            strayed = [attention_error(module, given, batch.instances, self.frozen.shape[1:]) for module, given in seen]
            return error + SUPERVISED_WEIGHT * torch.stack(strayed).mean()

    def sheet(self, path: Path, run: Run) -> None:
        write_grounded_sheet(path, self.grounder, self.frozen, run)


def attention_error(attention: Any, given: Tensor, instances: Instances, size: tuple[int, int]) -> Tensor:
    """How far the supervised heads of a fuser are from each thing's token inside its box, and nowhere else.

    Cross-entropy between what a cell gives to a token and what it should give: `INSIDE_SHARE` inside the box (shared
    where boxes overlap), nothing outside. Cells inside and outside count alike. Of a fine grid some cells are asked.

    Args:
        attention: the fuser's attention.
        given: its input, (B, cells + tokens, C).
        instances: whose tokens they are.
        size: (height, width) of the latents; the cells are those of a coarser or equal grid.
    """
    heads = max(1, int(attention.heads * SUPERVISED_HEADS))
    visual = given[:, :-TOKENS]
    step = round(math.sqrt(size[0] * size[1] / visual.shape[1]))
    inside = torch.from_numpy(covered(instances, (size[0] // step, size[1] // step))).to(given)
    some = max(1, visual.shape[1] // LOOKED_AT) | 1  # an odd step goes through all columns of a grid
    visual, inside = visual[:, ::some], inside[:, ::some]
    query, key = attention.to_q(visual), attention.to_k(given)
    query, key = (x.unflatten(-1, (attention.heads, -1))[:, :, :heads].transpose(1, 2) for x in (query, key))
    logits = (query.float() @ key.float().transpose(-1, -2)).float() * attention.scale  # autocast halves the product
    looked = logits.softmax(dim=-1)[..., -TOKENS:][..., : inside.shape[-1]]
    wanted = (INSIDE_SHARE * inside / inside.sum(dim=-1, keepdim=True).clamp_min(1.0))[:, None].expand_as(looked)
    looked = looked.clamp(1e-6, 1 - 1e-6)
    error = -(wanted * looked.log() + (1 - wanted) * (1 - looked).log())
    present = torch.from_numpy(instances.present).to(given)[:, None, None, :].expand_as(error)
    within = (inside[:, None] > 0).to(error).expand_as(error)
    outside = present * (1 - within)
    return (error * within).sum() / within.sum().clamp_min(1.0) + (error * outside).sum() / outside.sum().clamp_min(1.0)


def covered(instances: Instances, size: tuple[int, int]) -> NDArray[np.float32]:
    """Which cells of a grid have their middle in each thing's box, or are nearest to it: (B, cells, things), 0 or 1."""
    ys, xs = ((np.arange(n) + 0.5) / n for n in size)
    x1, y1, x2, y2 = np.moveaxis(instances.boxes, -1, 0)[..., None]
    wide, high = np.maximum(x2 - x1, 1.0 / size[1]), np.maximum(y2 - y1, 1.0 / size[0])
    across = np.abs(xs - (x1 + x2) / 2) <= wide / 2
    down = np.abs(ys - (y1 + y2) / 2) <= high / 2
    cells = (down[..., :, None] & across[..., None, :]) & instances.present[..., None, None].astype(bool)
    return cells.reshape(*cells.shape[:2], -1).transpose(0, 2, 1).astype(np.float32)
