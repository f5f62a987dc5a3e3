"""The detector of ToyWorld: boxes of regions, overlaps, and its score on true renders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from spa2v.core.errors import WeightsError
from spa2v.world.clips import render_clip
from spa2v.world.detector import NAMES, WEIGHTS, Detector, iou, make_network, regions
from spa2v.world.sampling import Choice, sample_scene
from spa2v.world.scene import Path as Way
from spa2v.world.scene import Room, Scene, Thing
from spa2v.world.training.seeing import MaskedRenderer, masks_of

HEIGHT, WIDTH = 40, 64


def odds_of(name: str, coverage: np.ndarray) -> np.ndarray:
    """A picture of odds in which one class covers `coverage` of each pixel."""
    odds = np.zeros((1 + len(NAMES), HEIGHT, WIDTH), np.float32)
    odds[0], odds[1 + NAMES.index(name)] = 1 - coverage, coverage
    return odds


def test_a_region_reaches_as_far_into_the_next_pixel_as_it_covers_it() -> None:
    coverage = np.zeros((HEIGHT, WIDTH))
    coverage[10:20, 8:30] = 1.0
    coverage[10:20, 30] = 0.25
    coverage[9, 8:30] = 0.4
    picture = np.full((HEIGHT, WIDTH, 3), 7, np.uint8)
    (found,) = regions(odds_of("bus", coverage), picture)
    assert found.name == "bus"
    assert found.box == pytest.approx((8 / WIDTH, 9.6 / HEIGHT, 30.25 / WIDTH, 20 / HEIGHT))
    assert found.color == (7, 7, 7)


def test_regions_apart_are_two_things_and_specks_are_none() -> None:
    coverage = np.zeros((HEIGHT, WIDTH))
    coverage[10:20, 4:14] = coverage[10:20, 40:60] = coverage[35:37, 30:32] = 1.0
    found = regions(odds_of("car", coverage), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    assert [round(item.box.x1 * WIDTH) for item in found] == [40, 4]  # larger first


def test_overlap_of_boxes() -> None:
    assert iou((0, 0, 1, 1), (0, 0, 1, 1)) == 1.0
    assert iou((0, 0, 0.5, 1), (0.25, 0, 0.75, 1)) == pytest.approx(1 / 3)
    assert iou((0, 0, 0.2, 1), (0.3, 0, 0.75, 1)) == 0.0


def test_masks_tell_which_thing_covers_a_pixel() -> None:
    things = (
        Thing("a", "piano", "center", Way((0.0, 0.0, 4.0))),
        Thing("b", "man", "center", Way((0.3, 0.0, 3.0))),
    )
    scene = Scene(1, 1.0, "stationary", things, Room())
    renderer = MaskedRenderer(scene, 128, 80, 3)
    frame = renderer.frame(0.5)
    classes, coverage = masks_of(renderer)
    for name, thing in (("piano", "a"), ("man", "b")):
        rows, columns = np.nonzero((classes == NAMES.index(name) + 1) & (coverage > 0))
        box = frame.boxes[thing]
        assert columns.min() == pytest.approx(box.x1 * 128, abs=1.01)
        assert columns.max() + 1 == pytest.approx(box.x2 * 128, abs=1.01)
        assert rows.min() == pytest.approx(box.y1 * 80, abs=1.01)
    assert coverage[classes == 0].max() == 0


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"last.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"'other.safetensors' is not of ToyWorld's detector\n.*missing"):
        Detector(tmp_path / "other.safetensors")


def test_a_network_of_any_weights_answers_for_every_pixel() -> None:
    out = make_network()(torch.zeros(1, 3, 80, 128))
    assert out.shape == (1, 1 + len(NAMES), 80, 128)


@pytest.mark.skipif(not WEIGHTS.exists(), reason="the detector's weights are not there")
@pytest.mark.xfail(reason="the shipped detector is half trained: mean IoU 0.83 on single things, see MODEL_CARD.md")
def test_the_detector_finds_true_things() -> None:
    """On held-out renders, the target; the benchmark has the full table."""
    detector = Detector()
    scores, right = [], []
    for seed in range(7_000_000, 7_000_012):
        clip = render_clip(sample_scene(seed, Choice(quantity="single")), (128, 80), 2)
        for key, found in zip(clip.layout.frames(2), detector.detect(clip.video.frames), strict=True):
            for item in key.objects:
                best = max(found, key=lambda one: iou(one.box, item.box), default=None)
                scores.append(iou(best.box, item.box) if best else 0.0)
                right.append(best is not None and best.name == item.name)
    assert np.mean(right) > 0.9
    assert np.mean(scores) >= 0.95
