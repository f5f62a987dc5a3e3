"""Finds the things of ToyWorld in pictures: a small network that names pixels, and the boxes of its regions.

It has never seen a generated picture and shares nothing with the generative model, so it can judge it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spa2v.core.errors import WeightsError
from spa2v.core.types import Box
from spa2v.core.untrusted import parse_json, reason_of
from spa2v.dsp.boxes import iou, pairwise_iou
from spa2v.world.classes import CLASSES

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS = Path(__file__).parent.parent / "weights" / "toyworld" / "detector.safetensors"
SIZE = (256, 160)
SEEN, MIN_PIXELS, CANDIDATES, VOTERS = 0.5, 6, 48, 600
ONE_THING, TRUSTED_PX, REACH, FILLED, DOUBLE = 0.55, 2.0, 0.4, 0.1, 0.7
CLASSES_KEY = "classes"  # of the metadata of the weights: the names that they find, in order, as JSON
LAST, BESIDE_CLASSES = "last.weight", 5  # outputs beside those of the classes: the background and four sides
COUNTER = "num_batches_tracked"  # of batch norms; plays no part once they are trained
WIDTHS = (16, 24, 48, 72, 96, 128)
SIDE_SCALE = 32.0  # pixels of one unit of the network's boxes


@dataclass(frozen=True)
class Detection:
    """A thing that was found.

    Args:
        name: its class.
        box: in parts of the picture.
        score: 0..1, mean certainty of the class inside the region.
        color: mean RGB of the region, 0..255.
        pixels: of the region.
    """

    name: str
    box: Box
    score: float
    color: tuple[float, float, float]
    pixels: int


def found_classes(weights: Path = WEIGHTS) -> tuple[str, ...]:
    """The classes that weights of a detector find, in order; the first ones of ToyWorld where they state none.

    Raises:
        WeightsError: the file is missing, or does not state classes of ToyWorld.
    """
    from spa2v.core.weights import read_tensors, stated

    if (text := stated(weights, CLASSES_KEY)) is None:
        last = read_tensors(weights).get(LAST)
        return tuple(CLASSES)[: max(0, len(last) - BESIDE_CLASSES) if last is not None else None]
    try:
        names = tuple(map(str, parse_json(text)))
    except (ValueError, TypeError) as error:
        raise WeightsError(f"the file {weights.name!r} states no classes", reason_of(error)) from error
    if strange := [name for name in names if name not in CLASSES]:
        raise WeightsError(f"the file {weights.name!r} finds {strange[0]!r}", "expected classes of ToyWorld")
    return names


def make_network(classes: int = len(CLASSES)) -> nn.Module:
    """The untrained network: (B, 3, H, W) in -1..1 to (B, 1 + classes + 4, H, W); H and W are multiples of 32.

    The first channels are logits, the background first; the last four are the distances from the pixel to the left,
    upper, right and lower side of its thing's visible box, in units of `SIDE_SCALE` pixels.
    """
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
            self.last = nn.Conv2d(WIDTHS[0], classes + BESIDE_CLASSES, 1)

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


def sides_of(answer: Tensor) -> Tensor:
    """The box that each pixel claims, x1, y1, x2, y2 in pixels: (B, channels, H, W) to (B, 4, H, W)."""
    import torch

    height, width = answer.shape[-2:]
    x = (torch.arange(width, device=answer.device) + 0.5).expand(height, width)
    y = (torch.arange(height, device=answer.device) + 0.5)[:, None].expand(height, width)
    left, top, right, bottom = (answer[:, -4:] * SIDE_SCALE).unbind(dim=1)
    return torch.stack([x - left, y - top, x + right, y + bottom], dim=1)


class Detector:
    """The trained network and what its answer means.

    Args:
        weights: safetensors file of the network; `names` are the classes that it finds.

    Raises:
        WeightsError: the file is missing or does not fit.
    """

    def __init__(self, weights: Path = WEIGHTS) -> None:
        from spa2v.core.weights import misfits, read_tensors

        self.names = found_classes(weights)
        self.network = make_network(len(self.names))
        tensors = read_tensors(weights)
        state = {key: value for key, value in self.network.state_dict().items() if not key.endswith(COUNTER)}
        have = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
        if lines := misfits(have, {key: tuple(tensor.shape) for key, tensor in state.items()}):
            raise WeightsError(f"the file {weights.name!r} is not of ToyWorld's detector", *lines)
        self.network.load_state_dict({key: tensor.float() for key, tensor in tensors.items()}, strict=False)
        self.network.eval()

    def detect(self, pictures: NDArray[np.uint8]) -> list[list[Detection]]:
        """The objects in each picture; uint8 (B, H, W, 3) of any size, best at 256 x 160."""
        import torch

        found = []
        for start in range(0, len(pictures), 16):
            chunk = sized(pictures[start : start + 16])
            signed = torch.from_numpy(chunk).permute(0, 3, 1, 2).float() / 127.5 - 1.0
            with torch.no_grad():
                answer = self.network(signed)
                odds, claims = answer[:, :-4].softmax(dim=1).numpy(), sides_of(answer).numpy()
            found += [things(*one, self.names) for one in zip(odds, claims, chunk, strict=True)]
        return found


def sized(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames at the size that the detector was trained at."""
    from PIL import Image

    if frames.shape[1:3] == SIZE[::-1]:
        return np.ascontiguousarray(frames)
    return np.stack([np.asarray(Image.fromarray(frame).resize(SIZE, Image.Resampling.BOX)) for frame in frames])


def things(
    odds: NDArray[np.floating[Any]],
    claims: NDArray[np.floating[Any]],
    picture: NDArray[np.uint8],
    names: Sequence[str] = tuple(CLASSES),
) -> list[Detection]:
    """The pixels of each class, grouped by the box that they claim, as detections, the largest first.

    Args:
        odds: (1 + classes, H, W), the background first.
        claims: (4, H, W), the box that each pixel claims, in pixels.
        picture: (H, W, 3).
        names: of the classes.
    """
    seen, label = odds[0] < 1.0 - SEEN, odds[1:].argmax(axis=0)
    found = [
        _detection(names[index], region, odds[index + 1], picture)
        for index in np.unique(label[seen])
        for region in regions(seen & (label == index), claims)
    ]
    return sorted(_without_doubles(found), key=lambda item: -item.box.area)


class Region(NamedTuple):
    """Pixels that claim one box.

    Attributes:
        part: (H, W), the pixels.
        claim: (4,), the median of their claims, in pixels.
        others: (H, W), pixels of other regions of the class.
    """

    part: NDArray[np.bool_]
    claim: NDArray[np.float64]
    others: NDArray[np.bool_]


def regions(mask: NDArray[np.bool_], claims: NDArray[np.floating[Any]]) -> list[Region]:
    """The regions of one class.

    Pixels between two things claim boxes between theirs; such a seam does not fill the box that it claims, and counts
    as no region.
    """
    parts = [(part, claim) for part, claim in _agreeing(mask, claims) if _fills(part, claim)]
    every = np.any([part for part, _ in parts], axis=0) if parts else mask
    return [Region(part, claim, every & ~part) for part, claim in parts]


def _agreeing(
    mask: NDArray[np.bool_], claims: NDArray[np.floating[Any]]
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.float64]]]:
    """Pixels that claim about one box, with that box (4,); those of most pixels first."""
    rows, columns = np.nonzero(mask)
    boxes = claims[:, rows, columns].T.astype(np.float64)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2])  # a claim turned inside out has no area
    while len(rows) >= MIN_PIXELS:
        voters = boxes[:: max(1, len(boxes) // VOTERS)]
        agree = pairwise_iou(boxes[:: max(1, len(boxes) // CANDIDATES)], voters) > ONE_THING  # (candidates, voters)
        if not agree.any():  # claims without area agree with nothing
            return
        claim = np.median(voters[agree[int(agree.sum(axis=1).argmax())]], axis=0)
        mine = pairwise_iou(claim[None], boxes)[0] > ONE_THING
        if mine.sum() < MIN_PIXELS:
            return
        part = np.zeros_like(mask)
        part[rows[mine], columns[mine]] = True
        yield part, np.median(boxes[mine], axis=0)
        rows, columns, boxes = rows[~mine], columns[~mine], boxes[~mine]


def _fills(part: NDArray[np.bool_], claim: NDArray[np.float64]) -> bool:
    """Whether pixels reach about as far as the box that they claim, and are not too few for it."""
    (y,), (x,) = np.nonzero(part.any(axis=1)), np.nonzero(part.any(axis=0))
    extent = (float(x[0]), float(y[0]), float(x[-1]) + 1, float(y[-1]) + 1)
    area = (extent[2] - extent[0]) * (extent[3] - extent[1])
    return iou(extent, [float(side) for side in claim]) > REACH and float(part.sum()) > FILLED * area


def _without_doubles(found: Sequence[Detection]) -> list[Detection]:
    """One detection for each box: where several classes share one, the one with most pixels by certainty."""
    kept: list[Detection] = []
    for item in sorted(found, key=lambda item: -item.score * item.pixels):
        if all(iou(item.box, other.box) < DOUBLE for other in kept):
            kept.append(item)
    return kept


def _detection(name: str, region: Region, odds: NDArray[np.floating[Any]], picture: NDArray[np.uint8]) -> Detection:
    """A side lies half way between the region's end, to parts of a pixel, and the claim; far apart, it is as claimed.

    The class's odds in the pixels just outside tell how far the thing reaches into them.
    """
    part = region.part
    near = ndimage.binary_dilation(part, structure=np.ones((3, 3))) & ~region.others
    coverage = np.where(near, np.where(part, 1.0, odds), 0.0)
    y1, y2 = _extent(np.asarray(part.any(axis=1)), coverage.max(axis=1))
    x1, x2 = _extent(np.asarray(part.any(axis=0)), coverage.max(axis=0))
    seen = np.array([x1, y1, x2, y2])
    height, width = part.shape
    both = (seen + region.claim) / 2
    sides = np.where(np.abs(seen - region.claim) <= TRUSTED_PX, both, region.claim).clip(0, [width, height] * 2)
    if sides[2] <= sides[0] or sides[3] <= sides[1]:
        sides = seen
    box = Box(*(float(side) for side in sides / (width, height, width, height)))
    color = picture[part].mean(axis=0)
    score = float(odds[part].mean())
    return Detection(name, box, score, (float(color[0]), float(color[1]), float(color[2])), int(part.sum()))


def _extent(inside: NDArray[np.bool_], coverage: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """First and last edge along an axis, in pixels."""
    at = np.flatnonzero(inside)
    low, high = int(at[0]), int(at[-1]) + 1
    before = coverage[low - 1] if low > 0 else 0.0
    after = coverage[high] if high < len(coverage) else 0.0
    return low - float(before), high + float(after)
