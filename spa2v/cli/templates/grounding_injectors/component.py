"""The words of a thing, inside its box: cross-attention to each name, mixed in where the thing stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from spa2v import ContractError, MotionBackbone, Run, VideoSceneLayout
from spa2v.core.protocols import AttentionSite, DenoisingBackbone

if TYPE_CHECKING:
    from torch import Tensor


class TemplateName:
    """Grounds without training: inside a box, a layer attends to the thing's name as well as to the prompt.

    Args:
        strength: weight of the name inside its box, 0 (none) to 1 (the name alone).
        share: part of the denoising steps in which it works, 0 to 1, from the first on.

    Raises:
        ValueError: a number is out of range.
    """

    def __init__(self, strength: float = 0.7, share: float = 0.5) -> None:
        for name, value in (("strength", strength), ("share", share)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name}: {value!r} is not in 0..1")
        self.strength, self.share = strength, share

    def attach(self, backbone: MotionBackbone, layout: VideoSceneLayout, run: Run) -> AbstractContextManager[None]:
        """Grounds a backbone in one layout until the context ends.

        Raises:
            ContractError: the backbone does not draw by denoising.
        """
        if not isinstance(backbone, DenoisingBackbone):
            raise ContractError(
                f"'template_name' cannot attach to {type(backbone).__name__!r}",
                "it needs a backbone that draws by denoising, such as 'animatediff'",
            )
        return self._attached(backbone, layout, run) if layout.names else nullcontext()

    @contextmanager
    def _attached(self, backbone: DenoisingBackbone, layout: VideoSceneLayout, run: Run) -> Iterator[None]:
        words = backbone.encode_text(list(layout.names.values()), run).states  # (things, tokens, width)
        hooks = []
        try:
            for site in backbone.attention_sites(run):
                if site.kind == "spatial" and site.role == "cross":
                    layer = backbone.denoiser(run).get_submodule(site.name)
                    masks = words.new_tensor(box_masks(layout, backbone.frames, site))
                    hook = self._hook(backbone, words, masks)
                    hooks.append(layer.register_forward_hook(hook, with_kwargs=True))
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _hook(self, backbone: DenoisingBackbone, words: Tensor, masks: Tensor) -> Any:
        """A hook that changes the conditional rows (the last ones, one a frame) of what a layer gives."""

        def mix(layer: Any, inputs: tuple[Any, ...], options: dict[str, Any], output: Tensor) -> Tensor:
            now = backbone.denoising
            if now.step >= self.share * now.steps:
                return output
            frames = masks.shape[1]
            seen, mixed = inputs[0][-frames:], output[-frames:]
            for name, mask in zip(words, masks, strict=True):
                own = layer.forward(seen, encoder_hidden_states=name.expand(frames, -1, -1))
                mixed = mixed + self.strength * mask * (own - mixed)
            return output.index_copy(0, _last(output, frames), mixed)

        return mix


def _last(output: Tensor, rows: int) -> Tensor:
    import torch

    return torch.arange(len(output) - rows, len(output), device=output.device)


def box_masks(layout: VideoSceneLayout, frames: int, site: AttentionSite) -> np.ndarray:
    """1 inside and 0 outside the box of each thing, shape (things, frames, cells, 1); 0 where it is absent."""
    height, width = site.resolution
    y, x = np.divmod(np.arange(height * width), width)
    x, y = (x + 0.5) / width, (y + 0.5) / height
    masks = np.zeros((len(layout.names), frames, height * width, 1), np.float32)
    for frame, scene in enumerate(layout.frames(frames)):
        for thing, name in enumerate(layout.names):
            if found := scene.get(name):
                x1, y1, x2, y2 = found.box
                masks[thing, frame, :, 0] = (x1 <= x) & (x < x2) & (y1 <= y) & (y < y2)
    return masks
