"""The detector of ToyWorld: boxes of regions, overlaps, and its score on true renders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from spa2v.core.errors import WeightsError
from spa2v.core.runtime import Run
from spa2v.dsp.boxes import iou
from spa2v.training.detector import DetectorStage, MaskedRenderer, detector_pool, owners_of, with_classes
from spa2v.world.classes import CLASSES, PEOPLE
from spa2v.world.clips import render_clip
from spa2v.world.detector import CLASSES_KEY, Detector, make_network, sized, things
from spa2v.world.sampling import Choice, sample_scene
from spa2v.world.scene import Path as Way
from spa2v.world.scene import Room, Scene, Thing

HEIGHT, WIDTH = 40, 64
EMPTY = np.full((HEIGHT, WIDTH, 3), 7, np.uint8)


def odds_of(name: str, coverage: np.ndarray) -> np.ndarray:
    """A picture of odds in which one class covers `coverage` of each pixel."""
    odds = np.zeros((1 + len(CLASSES), HEIGHT, WIDTH), np.float32)
    odds[0], odds[1 + list(CLASSES).index(name)] = 1 - coverage, coverage
    return odds


def claims_of(*boxes: tuple[slice, slice, tuple[float, float, float, float]]) -> np.ndarray:
    """Claims in which the pixels of each region name one box."""
    claims = np.zeros((4, HEIGHT, WIDTH), np.float32)
    for rows, columns, box in boxes:
        claims[:, rows, columns] = np.array(box)[:, None, None]
    return claims


def test_a_region_reaches_as_far_into_the_next_pixel_as_it_covers_it() -> None:
    coverage = np.zeros((HEIGHT, WIDTH))
    coverage[10:20, 8:30] = 1.0
    coverage[10:20, 30] = 0.25
    coverage[9, 8:30] = 0.4
    claims = claims_of((slice(9, 20), slice(8, 31), (8.4, 9.2, 30.75, 22.5)))
    (found,) = things(odds_of("bus", coverage), claims, EMPTY)
    assert found.name == "bus"
    # half way to the claim, but for the lower side, which is too far from it
    assert found.box == pytest.approx((8.2 / WIDTH, 9.4 / HEIGHT, 30.5 / WIDTH, 22.5 / HEIGHT))
    assert found.color == (7, 7, 7)


def test_things_of_one_class_that_touch_are_told_apart_by_their_claims() -> None:
    coverage = np.zeros((HEIGHT, WIDTH))
    coverage[10:20, 4:40] = 1.0
    claims = claims_of((slice(10, 20), slice(4, 18), (4, 10, 18, 20)), (slice(10, 20), slice(18, 40), (18, 10, 40, 20)))
    found = things(odds_of("car", coverage), claims, EMPTY)
    assert [tuple(np.round(np.array(item.box) * (WIDTH, HEIGHT, WIDTH, HEIGHT))) for item in found] == [
        (18, 10, 40, 20),
        (4, 10, 18, 20),
    ]  # larger first


def test_a_thing_that_another_one_cuts_in_two_is_one() -> None:
    coverage = np.zeros((HEIGHT, WIDTH))
    coverage[10:30, 4:20] = coverage[10:30, 26:50] = 1.0
    claims = claims_of((slice(10, 30), slice(4, 50), (4, 10, 50, 30)))
    (found,) = things(odds_of("piano", coverage), claims, EMPTY)
    assert found.box == pytest.approx((4 / WIDTH, 10 / HEIGHT, 50 / WIDTH, 30 / HEIGHT))


def test_specks_are_nothing() -> None:
    coverage = np.zeros((HEIGHT, WIDTH))
    coverage[35:37, 30:32] = 1.0
    assert things(odds_of("car", coverage), claims_of((slice(35, 37), slice(30, 32), (30, 35, 32, 37))), EMPTY) == []


def test_overlap_of_boxes() -> None:
    assert iou((0, 0, 1, 1), (0, 0, 1, 1)) == 1.0
    assert iou((0, 0, 0.5, 1), (0.25, 0, 0.75, 1)) == pytest.approx(1 / 3)
    assert iou((0, 0, 0.2, 1), (0.3, 0, 0.75, 1)) == 0.0


def test_owners_tell_which_thing_covers_a_pixel() -> None:
    things = (
        Thing("a", "piano", "center", Way((0.0, 0.0, 4.0))),
        Thing("b", "man", "center", Way((0.3, 0.0, 3.0))),
    )
    scene = Scene(1, 1.0, "stationary", things, Room())
    renderer = MaskedRenderer(scene, 128, 80, 3)
    frame = renderer.frame(0.5)
    owners, coverage = owners_of(renderer)
    for number, thing in enumerate("ab", 1):
        rows, columns = np.nonzero((owners == number) & (coverage > 0))
        box = frame.boxes[thing]
        assert columns.min() == pytest.approx(box.x1 * 128, abs=1.01)
        assert columns.max() + 1 == pytest.approx(box.x2 * 128, abs=1.01)
        assert rows.min() == pytest.approx(box.y1 * 80, abs=1.01)
    assert coverage[owners == 0].max() == 0


def test_batches_give_each_pixel_the_box_of_its_thing(tmp_path: Path) -> None:
    """Also where a picture is mirrored: the box that pixels claim is where pixels of that claim lie."""
    pool = detector_pool(tmp_path / "pool", 3, 6, (96, 64), 1, lambda done: None)
    batch = DetectorStage(pool).batch(0, 16, Run(seed=1, device="cpu"))
    checked = 0
    for boxes, weights in zip(batch.boxes, batch.weights, strict=True):
        owned = torch.nonzero(weights)
        for box in {tuple(boxes[:, y, x].tolist()) for y, x in owned.tolist()}:
            mine = ((boxes == torch.tensor(box)[:, None, None]).all(dim=0) & (weights > 0)).nonzero()
            assert mine[:, 1].min() == pytest.approx(box[0], abs=1.01)
            assert mine[:, 1].max() + 1 == pytest.approx(box[2], abs=1.01)
            assert mine[:, 0].min() == pytest.approx(box[1], abs=1.01)
            assert mine[:, 0].max() + 1 == pytest.approx(box[3], abs=1.01)
            checked += 1
    assert checked > 10


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"last.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"'other.safetensors' is not of ToyWorld's detector\n.*missing"):
        Detector(tmp_path / "other.safetensors")


def test_weights_state_their_classes_or_have_the_first_ones(tmp_path: Path) -> None:
    tensors = {key: value.half() for key, value in make_network(3).state_dict().items() if "num_batches" not in key}
    save_file(tensors, tmp_path / "silent.safetensors")
    save_file(tensors, tmp_path / "stated.safetensors", {CLASSES_KEY: '["dog", "bell", "car"]'})
    save_file(tensors, tmp_path / "strange.safetensors", {CLASSES_KEY: '["dog", "bell", "tuba"]'})
    assert Detector(tmp_path / "silent.safetensors").names == tuple(CLASSES)[:3]
    assert Detector(tmp_path / "stated.safetensors").names == ("dog", "bell", "car")
    with pytest.raises(WeightsError, match=r"'strange\.safetensors' finds 'tuba'"):
        Detector(tmp_path / "strange.safetensors")


def test_a_detector_of_fewer_classes_starts_one_of_all(tmp_path: Path) -> None:
    """Known classes keep their outputs, and so do background and boxes."""
    few, all_of_them = make_network(2).state_dict(), make_network().state_dict()
    wider = with_classes(few, ("dog", "car"), all_of_them)
    dog, car = (1 + list(CLASSES).index(name) for name in ("dog", "car"))
    assert torch.equal(wider["last.weight"][[0, dog, car]], few["last.weight"][:3])
    assert torch.equal(wider["last.bias"][-4:], few["last.bias"][-4:])
    assert {key: value.shape for key, value in wider.items()} == {key: v.shape for key, v in all_of_them.items()}


def test_a_network_of_any_weights_answers_for_every_pixel() -> None:
    out = make_network()(torch.zeros(1, 3, 96, 128))
    assert out.shape == (1, 1 + len(CLASSES) + 4, 96, 128)


def test_pictures_of_any_size_are_judged() -> None:
    assert sized(np.zeros((2, 40, 64, 3), np.uint8)).shape == (2, 160, 256, 3)


def test_the_detector_finds_true_things() -> None:
    """On held-out renders, the target; the benchmark has the full table."""
    detector = Detector()
    names = tuple(name for name in detector.names if name not in PEOPLE)  # who did not walk when it was trained
    scores, right = [], []
    for seed in range(7_000_000, 7_000_012):
        clip = render_clip(sample_scene(seed, Choice(quantity="single", classes=names)), (256, 160), 2)
        for key, found in zip(clip.layout.frames(2), detector.detect(clip.video.frames), strict=True):
            for item in key.objects:
                best = max(found, key=lambda one: iou(one.box, item.box), default=None)
                scores.append(iou(best.box, item.box) if best else 0.0)
                right.append(best is not None and best.name == item.name)
    assert np.mean(right) > 0.9
    assert np.mean(scores) >= 0.95
