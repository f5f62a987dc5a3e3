"""Finds the things of ToyWorld in pictures: a small segmentation network and the boxes of its regions.

It has never seen a generated picture and shares nothing with the generative model, so it can judge it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spa2v.core.errors import WeightsError
from spa2v.core.types import Box
from spa2v.world.classes import CLASSES

if TYPE_CHECKING:
    from torch import Tensor, nn

NAMES = tuple(CLASSES)
WEIGHTS = Path(__file__).parent.parent / "weights" / "toyworld" / "detector.safetensors"
SEEN, MIN_CELLS, MERGE_GAP = 0.5, 12, 3
COUNTER = "num_batches_tracked"  # of batch norms; plays no part once they are trained
WIDTHS = (16, 32, 64, 96, 128)


@dataclass(frozen=True)
class Detection:
    """A thing that was found.

    Args:
        name: its class.
        box: in parts of the picture.
        score: 0..1, mean certainty of the class inside the region.
        color: mean RGB of the region, 0..255.
    """

    name: str
    box: Box
    score: float
    color: tuple[float, float, float]


def make_network() -> nn.Module:
    """The untrained network: (B, 3, H, W) in -1..1 to logits (B, 1 + classes, H, W); H and W are multiples of 16."""
    from torch import nn

    def block(inside: int, outside: int, stride: int = 1) -> nn.Module:
        convolution = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(outside), nn.SiLU())

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            down = [block(3, WIDTHS[0])]
            down += [nn.Sequential(block(a, b, 2), block(b, b)) for a, b in pairwise(WIDTHS)]
            self.down = nn.ModuleList(down)
            up = [block(a + b, a) for a, b in pairwise(WIDTHS)]
            self.up = nn.ModuleList(up)
            self.last = nn.Conv2d(WIDTHS[0], 1 + len(NAMES), 1)

        def forward(self, x: Tensor) -> Tensor:
            from torch import cat
            from torch.nn.functional import interpolate

            kept = []
            for layer in self.down:
                x = layer(x)
                kept.append(x)
            kept.pop()
            for layer in reversed(self.up):
                skip = kept.pop()
                x = layer(cat([interpolate(x, size=skip.shape[-2:]), skip], dim=1))
            return self.last(x)

    return Network()


class Detector:
    """The trained network and what its answer means.

    Args:
        weights: safetensors file of the network.

    Raises:
        WeightsError: the file is missing or does not fit.
    """

    def __init__(self, weights: Path = WEIGHTS) -> None:
        from spa2v.core.weights import misfits, read_tensors

        self.network = make_network()
        tensors = read_tensors(weights)
        state = {key: value for key, value in self.network.state_dict().items() if not key.endswith(COUNTER)}
        have = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
        if lines := misfits(have, {key: tuple(tensor.shape) for key, tensor in state.items()}):
            raise WeightsError(f"the file {weights.name!r} is not of ToyWorld's detector", *lines)
        self.network.load_state_dict({key: tensor.float() for key, tensor in tensors.items()}, strict=False)
        self.network.eval()

    def detect(self, pictures: NDArray[np.uint8]) -> list[list[Detection]]:
        """What stands in each picture; uint8 (B, H, W, 3), H and W multiples of 16, best at 128 x 80."""
        import torch

        found = []
        for start in range(0, len(pictures), 32):
            chunk = pictures[start : start + 32]
            signed = torch.from_numpy(np.ascontiguousarray(chunk)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
            with torch.no_grad():
                odds = self.network(signed).softmax(dim=1).numpy()
            found += [regions(one, picture) for one, picture in zip(odds, chunk, strict=True)]
        return found


def regions(odds: NDArray[np.floating[Any]], picture: NDArray[np.uint8]) -> list[Detection]:
    """The connected regions of each class, as detections; odds (1 + classes, H, W), the background first."""
    thing = 1.0 - odds[0]
    label = odds[1:].argmax(axis=0)
    found = []
    for index, name in enumerate(NAMES):
        mask = (thing > SEEN) & (label == index)
        if mask.sum() < MIN_CELLS:
            continue
        marks, count = ndimage.label(ndimage.binary_dilation(mask, iterations=MERGE_GAP // 2))
        for number in range(1, count + 1):
            part = mask & (marks == number)
            if part.sum() >= MIN_CELLS:
                found.append(_detection(name, part, thing, odds[index + 1], picture))
    return sorted(found, key=lambda item: -item.box.area)


def _detection(
    name: str,
    part: NDArray[np.bool_],
    thing: NDArray[np.floating[Any]],
    odds: NDArray[np.floating[Any]],
    picture: NDArray[np.uint8],
) -> Detection:
    """The box to parts of a pixel: the coverage of the pixels just outside tells how far the thing reaches."""
    near = ndimage.binary_dilation(part, structure=np.ones((3, 3)))
    coverage = np.where(near, np.where(part, 1.0, thing), 0.0)
    y1, y2 = _extent(np.asarray(part.any(axis=1)), coverage.max(axis=1))
    x1, x2 = _extent(np.asarray(part.any(axis=0)), coverage.max(axis=0))
    height, width = part.shape
    color = picture[part].mean(axis=0)
    box = Box(x1 / width, y1 / height, x2 / width, y2 / height)
    return Detection(name, box, float(odds[part].mean()), (float(color[0]), float(color[1]), float(color[2])))


def _extent(inside: NDArray[np.bool_], coverage: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """First and last edge along an axis, in pixels."""
    at = np.flatnonzero(inside)
    low, high = int(at[0]), int(at[-1]) + 1
    before = coverage[low - 1] if low > 0 else 0.0
    after = coverage[high] if high < len(coverage) else 0.0
    return low - float(before), high + float(after)


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes x1, y1, x2, y2."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
