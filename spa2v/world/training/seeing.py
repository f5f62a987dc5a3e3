"""Trains the detector of `spa2v.world.detector` on renders with exact coverage; no generated picture is involved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from spa2v.core.runtime import Run
from spa2v.world.detector import NAMES, make_network
from spa2v.world.drawing import Frame, Renderer
from spa2v.world.drawing.canvas import Canvas
from spa2v.world.training.pictures import SAMPLES
from spa2v.world.training.scenes import training_scene
from spa2v.world.training.sheets import to_bytes, write_grid
from spa2v.world.training.vae import to_signed


class MaskedRenderer(Renderer):
    """A renderer that keeps, for its last frame, which thing each sample shows."""

    numbers: NDArray[np.uint8]

    def _finish(self, canvas: Canvas, numbers: Mapping[str, int]) -> Frame:
        self.numbers = canvas.numbers()[:, ::-1] if self.scene.is_mirrored else canvas.numbers()
        return super()._finish(canvas, numbers)


def masks_of(renderer: MaskedRenderer, samples: int = SAMPLES) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """For each pixel of the last frame: the class that covers most of it (0 for none), and 255 times its coverage."""
    numbers = renderer.numbers
    height, width = numbers.shape[0] // samples, numbers.shape[1] // samples
    cells = numbers.reshape(height, samples, width, samples).swapaxes(1, 2).reshape(height, width, -1)
    classes = np.zeros((height, width), np.uint8)
    best = np.zeros((height, width), np.int64)
    for index, thing in enumerate(renderer.scene.things):
        share = (cells == index + 1).sum(axis=-1)
        classes = np.where(share > best, NAMES.index(thing.name) + 1, classes).astype(np.uint8)
        best = np.maximum(best, share)
    covered = (cells > 0).mean(axis=-1)
    return classes, (covered * 255).round().astype(np.uint8)


class SeeingStage:
    """Learns to name the pixels of renders, sharp ones and spoiled ones.

    Args:
        seed: of the pictures.
        clips: how many scenes, two pictures each.
        size: (width, height).
        tick: told of each scene drawn.
    """

    name = "detector"

    def __init__(
        self, seed: int, clips: int, size: tuple[int, int], tick: Callable[[int], None] = lambda done: None
    ) -> None:
        self.network = make_network()
        shape = (2 * clips, size[1], size[0])
        self.pixels = np.empty((*shape, 3), np.uint8)
        self.classes, self.coverage = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
        for index in range(clips):
            scene = training_scene(np.random.default_rng([seed, index]))
            renderer = MaskedRenderer(scene, *size, SAMPLES)
            for part in range(2):
                row = 2 * index + part
                self.pixels[row] = renderer.frame(scene.duration_s * (0.25 + 0.5 * part)).pixels
                self.classes[row], self.coverage[row] = masks_of(renderer)
            tick(1)

    def trained(self) -> nn.Module:
        return self.network

    def loss(self, step: int, batch: int, run: Run) -> Tensor:
        """Cross-entropy of the classes, with the coverage of a pixel as its soft target."""
        rng = run.rng(f"detector/{step}")
        picks = rng.integers(len(self.pixels), size=batch)
        pictures = spoiled(to_signed(self.pixels[picks]), rng).to(run.device)
        classes = torch.from_numpy(self.classes[picks]).long().to(run.device)
        coverage = torch.from_numpy(self.coverage[picks]).float().to(run.device) / 255.0
        log_odds = self.network(pictures).log_softmax(dim=1)
        inside = log_odds.gather(1, classes[:, None])[:, 0]
        return -(coverage * inside + (1 - coverage) * log_odds[:, 0]).mean()

    def sheet(self, path: Path, run: Run) -> None:
        """Pictures over the probability of a thing."""
        pictures = to_signed(self.pixels[:8]).to(run.device)
        thing = 1.0 - self.network(pictures).softmax(dim=1)[:, :1]
        write_grid(path, [to_bytes(pictures), to_bytes((2 * thing - 1).expand(-1, 3, -1, -1))])


def spoiled(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Half of the pictures as they are; the others blurred, noisy and with shifted colors."""
    out = pictures.clone()
    for index in np.flatnonzero(rng.random(len(out)) < 0.5):
        one = out[index : index + 1]
        if rng.random() < 0.6:
            factor = float(rng.uniform(0.45, 0.9))
            small = interpolate(one, scale_factor=factor, mode="bilinear", antialias=True)
            one = interpolate(small, size=one.shape[-2:], mode="bicubic")
        noise = torch.from_numpy(rng.standard_normal(one.shape).astype(np.float32))
        tint = torch.from_numpy(rng.uniform(-0.12, 0.12, (1, 3, 1, 1)).astype(np.float32))
        contrast, strength = rng.uniform(0.85, 1.15), rng.uniform(0, 0.12)
        out[index : index + 1] = (one * float(contrast) + tint + noise * float(strength)).clamp(-1, 1)
    return out
