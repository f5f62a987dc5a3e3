"""Trains the detector of `spa2v.world.detector` on renders with exact coverage; no generated picture is involved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from spa2v.core.runtime import Run
from spa2v.training.pictures import SAMPLES
from spa2v.training.pool_files import Arrays, kept
from spa2v.training.scenes import NAMES, any_scene
from spa2v.training.sheets import to_bytes, write_grid
from spa2v.training.vae import to_signed
from spa2v.world.classes import CLASSES
from spa2v.world.detector import LAST, SIDE_SCALE, make_network, sides_of
from spa2v.world.drawing import Frame, Renderer
from spa2v.world.drawing.canvas import Canvas

LAST_TENSORS = (LAST, LAST.replace("weight", "bias"))
MOMENTS, BOX_WEIGHT, NAME_WEIGHT = (0.25, 0.75), 2.0, 0.5


class MaskedRenderer(Renderer):
    """A renderer that keeps, for its last frame, which thing each sample shows."""

    numbers: NDArray[np.uint8]

    def _finish(self, canvas: Canvas, numbers: Mapping[str, int]) -> Frame:
        self.numbers = canvas.numbers()[:, ::-1] if self.scene.is_mirrored else canvas.numbers()
        return super()._finish(canvas, numbers)


def owners_of(renderer: MaskedRenderer, samples: int = SAMPLES) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """For each pixel of the last frame: the number of the thing that covers most of it (0 for none, things count from
    1 in the scene's order), and 255 times the part of it that things cover."""
    numbers = renderer.numbers
    height, width = numbers.shape[0] // samples, numbers.shape[1] // samples
    cells = numbers.reshape(height, samples, width, samples).swapaxes(1, 2).reshape(height, width, -1)
    shares = np.stack([(cells == index).sum(axis=-1) for index in range(1, len(renderer.scene.things) + 1)])
    owners = np.where(shares.any(axis=0), shares.argmax(axis=0) + 1, 0)
    return owners.astype(np.uint8), ((cells > 0).mean(axis=-1) * 255).round().astype(np.uint8)


@dataclass(frozen=True, eq=False)
class DetectorPool:
    """Pictures in which each pixel's thing is known.

    Args:
        pixels, owners, coverage: uint8, (n, 2, H, W, 3), (n, 2, H, W) twice; see `owners_of`.
        things: for each scene and picture, the class and the box in pixels of thing 1, 2, ...; None where out of view.
    """

    pixels: NDArray[np.uint8]
    owners: NDArray[np.uint8]
    coverage: NDArray[np.uint8]
    things: Sequence[Sequence[Sequence[tuple[int, Sequence[float] | None]]]]


def detector_pool(
    folder: Path,
    seed: int,
    scenes: int,
    size: tuple[int, int],
    workers: int,
    tick: Callable[[int], None],
    names: Sequence[str] = NAMES,
) -> DetectorPool:
    """The pool in a folder, drawn by several processes if it is not there yet; see `pool_files.kept`."""
    shape = (len(MOMENTS), size[1], size[0])
    shapes = {"pixels": ((*shape, 3), np.uint8), "owners": (shape, np.uint8), "coverage": (shape, np.uint8)}
    arrays, things = kept(folder, partial(_draw, seed, size, names), shapes, scenes, workers, tick)
    return DetectorPool(arrays["pixels"], arrays["owners"], arrays["coverage"], things)


def _draw(seed: int, size: tuple[int, int], names: Sequence[str], index: int) -> tuple[Arrays, Any]:
    scene = any_scene(seed, index, names)
    renderer = MaskedRenderer(scene, *size, SAMPLES)
    frames, maps, things = [], [], []
    for moment in MOMENTS:
        frame = renderer.frame(scene.duration_s * moment)
        frames.append(frame.pixels)
        maps.append(owners_of(renderer))
        boxes = [frame.boxes.get(thing.id) for thing in scene.things]
        scale = np.array([*size, *size])
        rows = [None if box is None else (np.asarray(box) * scale).round(3).tolist() for box in boxes]
        things.append([(list(CLASSES).index(thing.name), row) for thing, row in zip(scene.things, rows, strict=True)])
    owners, coverage = (np.stack(part) for part in zip(*maps, strict=True))
    return {"pixels": np.stack(frames), "owners": owners, "coverage": coverage}, things


class DetectorBatch(NamedTuple):
    """What a step learns from.

    Attributes:
        pictures: (B, 3, H, W) in -1..1.
        classes: int64 (B, H, W), 0 for the background.
        coverage: (B, H, W), 0..1.
        boxes: (B, 4, H, W), the box of each pixel's thing in pixels; anything where there is none.
        weights: (B, H, W), of each pixel's box; 0 where there is none.
    """

    pictures: Tensor
    classes: Tensor
    coverage: Tensor
    boxes: Tensor
    weights: Tensor


class DetectorStage:
    """Learns to name the pixels of renders and to tell the box of each one's thing, on sharp and on spoiled pictures.

    Args:
        pool: to learn from.
    """

    name = "detector"

    def __init__(self, pool: DetectorPool) -> None:
        self.pool = pool
        self.network = make_network()

    def trained(self) -> nn.Module:
        return self.network

    def batch(self, step: int, size: int, run: Run) -> DetectorBatch:
        """Random pictures, half of them mirrored and half of them spoiled."""
        rng = run.rng(f"detector/{step}")
        rows = [self._row(int(i), int(part), rng.random() < 0.5) for i, part in self._picks(size, rng)]
        pixels, classes, coverage, boxes, weights = (np.stack(part) for part in zip(*rows, strict=True))
        return DetectorBatch(
            spoiled(to_signed(pixels), rng), *(torch.from_numpy(part) for part in (classes, coverage, boxes, weights))
        )

    def _picks(self, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
        return np.stack([rng.integers(len(self.pool.pixels), size=size), rng.integers(len(MOMENTS), size=size)], axis=1)

    def _row(self, index: int, part: int, mirrored: bool) -> tuple[NDArray[Any], ...]:
        """One picture with the classes, coverage, boxes and weights of its pixels."""
        things = self.pool.things[index][part]
        owners = self.pool.owners[index, part]
        classes = np.array([0, *(1 + kind for kind, _ in things)])[owners]
        table = np.array([[0.0] * 4, *(box or [0.0] * 4 for _, box in things)], np.float32)
        counts = np.bincount(owners.ravel(), minlength=len(table)).astype(np.float32)
        weight = np.divide(1.0, np.sqrt(counts), out=np.zeros_like(counts), where=counts > 0)
        weight[0] = 0.0
        pixels, coverage = self.pool.pixels[index, part], self.pool.coverage[index, part] / np.float32(255)
        if mirrored:
            table = np.stack(
                [owners.shape[1] - table[:, 2], table[:, 1], owners.shape[1] - table[:, 0], table[:, 3]], 1
            )
            pixels, owners, classes, coverage = (a[:, ::-1] for a in (pixels, owners, classes, coverage))
        boxes = np.ascontiguousarray(table[owners].transpose(2, 0, 1))
        return np.ascontiguousarray(pixels), np.ascontiguousarray(classes), coverage.copy(), boxes, weight[owners]

    def loss(self, batch: DetectorBatch, run: Run) -> Tensor:
        """Cross-entropy of the classes, with the coverage of a pixel as its soft target, and error of the boxes."""
        pictures, classes, coverage, boxes, weights = (part.to(run.device, non_blocking=True) for part in batch)
        answer = self.network(pictures).float()
        log_odds = answer[:, :-4].log_softmax(dim=1)
        inside = log_odds.gather(1, classes[:, None])[:, 0]
        naming = -(coverage * inside + (1 - coverage) * log_odds[:, 0]).mean()
        off = (sides_of(answer) - boxes).abs().mean(dim=1) / SIDE_SCALE
        by_thing = (BOX_WEIGHT * off - NAME_WEIGHT * coverage * inside) * weights  # small things count, too
        return naming + by_thing.sum() / weights.sum().clamp(min=1e-6)

    def sheet(self, path: Path, run: Run) -> None:
        """Pictures over the probability of a thing."""
        pictures = to_signed(self.pool.pixels[:8, 0]).to(run.device)
        thing = 1.0 - self.network(pictures)[:, :-4].softmax(dim=1)[:, :1]
        write_grid(path, [to_bytes(pictures), to_bytes((2 * thing - 1).expand(-1, 3, -1, -1))])


def spoiled(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Half of the pictures as they are; the others blurred, noisy and with shifted colors."""
    out = pictures.clone()
    for index in np.flatnonzero(rng.random(len(out)) < 0.5):
        one = out[index : index + 1]
        if rng.random() < 0.6:
            factor = float(rng.uniform(0.35, 0.9))
            small = interpolate(one, scale_factor=factor, mode="bilinear", antialias=True)
            one = interpolate(small, size=one.shape[-2:], mode="bicubic")
        noise = torch.from_numpy(rng.standard_normal(one.shape).astype(np.float32))
        tint = torch.from_numpy(rng.uniform(-0.12, 0.12, (1, 3, 1, 1)).astype(np.float32))
        contrast, strength = rng.uniform(0.85, 1.15), rng.uniform(0, 0.12)
        out[index : index + 1] = (one * float(contrast) + tint + noise * float(strength)).clamp(-1, 1)
    return out


def with_classes(
    tensors: Mapping[str, Tensor], names: Sequence[str], untrained: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The tensors of a detector of some classes for the network of all classes; the others start untrained."""
    out = dict(tensors)
    for key in LAST_TENSORS:
        table = untrained[key].detach().cpu().clone()
        table[_rows(names, len(table))] = out[key].to(table.dtype)
        out[key] = table
    return out


def of_classes(tensors: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
    """The tensors of a detector of all classes for a network of some."""
    return {key: value[_rows(names, len(value))] if key in LAST_TENSORS else value for key, value in tensors.items()}


def _rows(names: Sequence[str], outputs: int) -> list[int]:
    """Of the last layer of a network of all classes: those of the background, of some classes, and of the box."""
    return [0, *(1 + list(CLASSES).index(name) for name in names), *range(outputs - 4, outputs)]
