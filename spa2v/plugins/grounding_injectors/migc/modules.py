"""The grounding of one cross-attention layer by MIGC (Zhou et al., CVPR 2024), batched over frames and things.

Names and shapes as in `migc_attention`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from spa2v.plugins.grounding_injectors.masks import PhaseMasks
from spa2v.plugins.grounding_injectors.migc.attention import (
    EnhancementAttention,
    EnhancementForm,
    LayoutAttention,
    PositionNet,
)
from spa2v.plugins.grounding_injectors.migc.shading import ShadingController
from spa2v.plugins.grounding_injectors.migc.sizes import ModuleSizes


class Scales(NamedTuple):
    """Factors of each thing, (R, K) or None for 1: text attention, enhancement attention, the controller's maps."""

    text: Tensor | None = None
    enhancement: Tensor | None = None
    controller: Tensor | None = None


class Rendering(NamedTuple):
    """What a module gives.

    Attributes:
        out: (R, N, C), in place of the cross-attention's output.
        weights: (R, K+2, N), the controller's weights of the phases.
        shares: (R, K, N, heads), how much enhancement attention looks at the phrase rather than at the box.
    """

    out: Tensor
    weights: Tensor
    shares: Tensor


class MIGCModule(nn.Module):
    """The grounding of one cross-attention layer."""

    def __init__(self, sizes: ModuleSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.ea = EnhancementAttention(sizes.channels, sizes.text_width, sizes.heads)
        self.la = LayoutAttention(sizes.channels, sizes.heads)
        self.norm = nn.LayerNorm(sizes.channels)
        self.sac = ShadingController(sizes)
        self.pos_net = PositionNet(sizes.box_features, sizes.box_hidden, sizes.text_width)

    @property
    def capacity(self) -> int:
        """The most things in one frame."""
        return self.sac.slots

    def prepare(self, pooled: Tensor, boxes: Tensor) -> EnhancementForm:
        """What depends on things alone: pooled phrases (R, K, T) and boxes (R, K, 4) as x1, y1, x2, y2."""
        tokens = self.pos_net(boxes[..., [0, 2, 1, 3]])
        return self.ea.prepare(torch.stack([pooled, tokens.to(pooled.dtype)], dim=-2))

    def forward(
        self,
        x: Tensor,
        whole: Tensor,
        things: Tensor,
        form: EnhancementForm,
        masks: PhaseMasks,
        present: Tensor,
        slots: Tensor,
        null_map: Tensor,
        scales: Scales = Scales(),  # noqa: B008 - immutable
    ) -> Rendering:
        """Grounds one layer.

        Args:
            x: (R, N, C), input of the cross-attention.
            whole: (R, N, C), its output for the frame's text.
            things: (R, K, N, C), its outputs for the things' phrases.
            form: from `prepare`.
            masks, present, slots, null_map: see `PhaseMasks` and `ShadingController`.
            scales: factors of the things.
        """
        text, enhancement = (
            masks.things if factor is None else masks.things * factor[..., None]
            for factor in (scales.text, scales.enhancement)
        )
        enhanced, shares = self.ea(self.norm(x)[:, None], form, enhancement)
        instances = torch.addcmul(enhanced, text[..., None], things)
        background = whole * masks.rest[..., None]
        template = self.la(x, masks.visible)
        phases = torch.cat([background[:, None], instances, template[:, None]], dim=1)
        channel = torch.cat([masks.rest[:, None], masks.things, torch.ones_like(masks.rest[:, None])], dim=1)
        out, weights = self.sac(phases, channel, present, slots, null_map, masks.size, scales.controller)
        return Rendering(out, weights, shares)
