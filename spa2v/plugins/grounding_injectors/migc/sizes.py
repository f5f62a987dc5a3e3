"""The sizes of a MIGC module, read off its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor


class ModuleSizes(NamedTuple):
    """The sizes of one module, all to be read off its tensors but the heads."""

    channels: int
    heads: int
    text_width: int
    slots: int
    reduced: int
    slot_hidden: int
    box_features: int
    box_hidden: int
    kernel: int
    slot_kernel: int

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], heads: int) -> ModuleSizes:
        """Reads the sizes from the tensors of one module.

        Raises:
            KeyError, IndexError: a tensor is missing or has too few dimensions.
        """
        shape = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        reduced, channels = shape["sac.cbam1.ChannelGate.mlp.1.weight"]
        slot_hidden, slots = shape["sac.cbam2.ChannelGate.mlp.1.weight"]
        box_hidden, box_features = shape["pos_net.linears_position.0.weight"]
        return cls(
            channels=channels,
            heads=heads,
            text_width=shape["ea.to_k.weight"][1],
            slots=slots,
            reduced=reduced,
            slot_hidden=slot_hidden,
            box_features=box_features,
            box_hidden=box_hidden,
            kernel=shape["sac.cbam1.SpatialGate.spatial.conv.weight"][-1],
            slot_kernel=shape["sac.cbam2.SpatialGate.spatial.conv.weight"][-1],
        )
