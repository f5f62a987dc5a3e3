"""Which way do drawn things face? Crossing things on held-out ToyWorld clips, judged by a classifier of true renders.

    python -m benchmarks.facing [--weights FOLDER] [--clips N] [--scenes N]

A small network learns left from right on crops of true renders and is scored on other renders first. Then crossing
clips are drawn as the preset `toyworld` says, and the crop of each box is judged. Training, the classifier's own test
and the clips have seeds of their own.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks.small_weights import HELD_OUT, PACKAGED, SIZE, Bench, known_movers, mean
from spa2v.core.types import Box, VideoSceneLayout
from spa2v.training.vae import to_signed
from spa2v.world.clips import frame_times, scene_layout
from spa2v.world.drawing import Renderer
from spa2v.world.sampling import Choice, sample_scene

WAYS = ("right_to_left", "left_to_right")  # 0 and 1
CROP, MARGIN, VIEWS = (64, 48), 0.15, 3
TRAINED, TESTED, DRAWN = HELD_OUT + 2_000_000, HELD_OUT + 3_000_000, HELD_OUT + 4_000_000
EPOCHS, BATCH, RATE = 6, 64, 2e-3
MIN_SIDE, EDGE = 0.06, 0.004  # in parts of the frame: smaller boxes and cut ones say little about a side

Crops = tuple[NDArray[np.uint8], NDArray[np.float32], list[str]]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=PACKAGED)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--scenes", type=int, default=1500, help="to train the classifier on")
    asked = parser.parse_args()
    movers = known_movers(asked.weights)
    network = trained(renders(TRAINED, asked.scenes, movers))
    print("| pictures | crops | faces the way it goes | lowest class |\n|---|---|---|---|")
    print(row("true renders", network, renders(TESTED, asked.scenes // 5, movers)))
    bench = Bench(asked.weights)
    print(row("drawn with MIGC", network, drawn(bench, asked.clips, movers)))


def row(label: str, network: nn.Module, crops: Crops) -> str:
    """How many crops the classifier sees facing the way their things go, and the class with the fewest."""
    pictures, ways, names = crops
    right = (answers(network, pictures) > 0) == (ways > 0.5)
    shares = {name: mean(right[[other == name for other in names]]) for name in sorted(set(names))}
    worst = min(shares, key=lambda name: shares[name])
    return f"| {label} | {len(names)} | {mean(right):.3f} | {worst}, {shares[worst]:.2f} |"


def renders(first: int, scenes: int, names: Sequence[str]) -> Crops:
    """Crops of true renders of crossing things, all classes equally often."""
    pictures, ways, kinds = [], [], []
    for index in range(scenes):
        name, way = names[index // 2 % len(names)], index % 2
        scene = sample_scene(first + index, Choice("translational", "single", WAYS[way], name=name))
        for frame in Renderer(scene, *SIZE).frames(frame_times(scene.duration_s, VIEWS)):
            for box in filter(_is_whole, frame.boxes.values()):
                pictures.append(crop(frame.pixels, box))
                ways.append(way)
                kinds.append(name)
    return np.stack(pictures), np.array(ways, np.float32), kinds


def drawn(bench: Bench, clips: int, names: Sequence[str]) -> Crops:
    """Crops of drawn clips by the boxes that were asked for."""
    pictures, ways, kinds = [], [], []
    backbone, injector = bench.backbone(16, motion=True), bench.injectors()["migc"]
    for index, layout in enumerate(_crossing(clips, names)):
        (frames,) = bench.drawn(backbone, injector, [layout], 1)
        for frame, key in zip(frames, layout.frames(len(frames)), strict=True):
            for item in key.objects:
                if _is_whole(item.box):
                    pictures.append(crop(frame, item.box))
                    ways.append(index % 2)
                    kinds.append(item.name)
    return np.stack(pictures), np.array(ways, np.float32), kinds


def _crossing(clips: int, names: Sequence[str]) -> Iterator[VideoSceneLayout]:
    for index in range(clips):
        choice = Choice("translational", "single", WAYS[index % 2], name=names[index // 2 % len(names)])
        yield scene_layout(sample_scene(DRAWN + index, choice), SIZE)


def _is_whole(box: Box) -> bool:
    return box.x1 > EDGE and box.x2 < 1 - EDGE and box.x2 - box.x1 >= MIN_SIDE


def crop(picture: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The box with a margin, (48, 64, 3)."""
    height, width = picture.shape[:2]
    dx, dy = MARGIN * (box.x2 - box.x1), MARGIN * (box.y2 - box.y1)
    sides = ((box.x1 - dx) * width, (box.y1 - dy) * height, (box.x2 + dx) * width, (box.y2 + dy) * height)
    return np.asarray(Image.fromarray(picture).crop(sides).resize(CROP))


def trained(crops: Crops) -> nn.Module:
    """A classifier of crops; half of each batch is mirrored, with the other way as its answer."""
    pictures, ways, _ = crops
    torch.manual_seed(0)
    widths = (3, 24, 48, 72, 96)
    layers: list[nn.Module] = []
    for inside, outside in pairwise(widths):
        layers += [nn.Conv2d(inside, outside, 3, 2, 1), nn.BatchNorm2d(outside), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(widths[-1] * 12, 1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.02)
    total = EPOCHS * len(pictures) // BATCH
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=total + 1)
    rng = np.random.default_rng(0)
    for _ in range(total):
        picks = rng.integers(len(pictures), size=BATCH)
        x, y = to_signed(pictures[picks]), torch.from_numpy(ways[picks])
        mirrored = torch.from_numpy(rng.random(BATCH) < 0.5)
        x, y = torch.where(mirrored[:, None, None, None], x.flip(-1), x), torch.where(mirrored, 1 - y, y)
        optimizer.zero_grad()
        torch.autograd.backward(binary_cross_entropy_with_logits(network(x)[:, 0], y))
        optimizer.step()
        rates.step()
    return network.eval()


def answers(network: nn.Module, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Above 0 for what faces right."""
    with torch.no_grad():
        return torch.cat([network(to_signed(part))[:, 0] for part in np.array_split(pictures, 8)]).numpy()


if __name__ == "__main__":
    main()
